# shellcheck shell=bash disable=SC2034 # the scripts that source this use the variables
# The parts of an exhibit on a machine: paths, units, packages and the user. Sourced by install.sh and check.sh.

readonly TARGET=/opt/emotion-kiosk
readonly SETTINGS=/etc/emotion-kiosk.conf
readonly POLICY=/etc/chromium/policies/managed/emotion-kiosk.json
readonly SERVER=emotion-kiosk-server.service
readonly BROWSER=emotion-kiosk-browser.service
readonly STATISTICS=emotion-kiosk-statistics.service
readonly REPORTER=emotion-kiosk-reporter.service
readonly FLEET_SETTINGS=emotion-kiosk-fleet-settings.path
# The kiosk's membership in a fleet holds its key, and the settings that the fleet's operator sent lie beside the owner's.
readonly FLEET=/etc/emotion-kiosk-fleet.json
readonly FLEET_CONF=/etc/emotion-kiosk-fleet.conf
readonly COUNTS=/var/lib/private/emotion-kiosk-statistics
readonly SOCKET=/run/emotion-kiosk-statistics/socket
# The comment marks the user as the installer's: it leaves another "kiosk" alone.
readonly USER_COMMENT="emotion kiosk"
readonly PACKAGES=(chromium cage xwayland seatd nodejs wlr-randr fonts-noto-cjk)
readonly CSI_PACKAGES=(dbus pipewire wireplumber xdg-desktop-portal xdg-desktop-portal-gtk)
# Each file of system/ and its place.
readonly SYSTEM_FILES=(
  "emotion-kiosk-server.service /etc/systemd/system/$SERVER"
  "emotion-kiosk-browser.service /etc/systemd/system/$BROWSER"
  "emotion-kiosk-statistics.service /etc/systemd/system/$STATISTICS"
  "emotion-kiosk-reporter.service /etc/systemd/system/$REPORTER"
  "emotion-kiosk-fleet-settings.path /etc/systemd/system/$FLEET_SETTINGS"
  "emotion-kiosk-fleet-settings.service /etc/systemd/system/emotion-kiosk-fleet-settings.service"
  "watchdog.conf /etc/systemd/system.conf.d/emotion-kiosk.conf"
  "journald.conf /etc/systemd/journald.conf.d/emotion-kiosk.conf"
  "logind.conf /etc/systemd/logind.conf.d/emotion-kiosk.conf"
  "70-emotion-kiosk.rules /etc/udev/rules.d/70-emotion-kiosk.rules"
)

wanted_packages() {
  printf '%s\n' "${PACKAGES[@]}"
  if grep -qsE '^off_hours *= *off' "$SETTINGS"; then echo v4l-utils; fi
  if grep -qsE '^camera *= *csi' "$SETTINGS"; then
    printf '%s\n' "${CSI_PACKAGES[@]}"
    # Debian 12 and 13 name PipeWire's libcamera plug-in differently.
    apt-cache show libspa-0.2-libcamera >/dev/null 2>&1 && echo libspa-0.2-libcamera || echo pipewire-libcamera
  fi
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

is_our_user() { [[ $(getent passwd kiosk | cut -d: -f5) == "$USER_COMMENT" ]]; }

fail() {
  echo "$*" >&2
  exit 1
}
