#!/bin/bash
# Makes this machine an exhibit: Debian 12 or 13, or Raspberry Pi OS, 64-bit.
#
#   sudo ./install.sh               install, or update what is installed
#   sudo ./install.sh --desktop     the same for a machine that keeps its desktop: the browser is left to its autostart
#   sudo ./install.sh --dry-run     say what would be done; may stand before any other option
#   sudo ./install.sh --uninstall   take everything away again, but for packages and logs
#   sudo ./install.sh --check       say what is wrong, and what to do about it
set -euo pipefail

readonly TARGET=/opt/emotion-kiosk
readonly SETTINGS=/etc/emotion-kiosk.conf
readonly POLICY=/etc/chromium/policies/managed/emotion-kiosk.json
readonly SERVER=emotion-kiosk-server.service
readonly BROWSER=emotion-kiosk-browser.service
# By this the user is known as ours: another "kiosk" is left alone.
readonly USER_COMMENT="emotion kiosk"
readonly PACKAGES=(chromium cage xwayland seatd nodejs wlr-randr fonts-noto-cjk)
readonly CSI_PACKAGES=(dbus pipewire wireplumber xdg-desktop-portal xdg-desktop-portal-gtk)
# Each file of system/ and where it belongs.
readonly SYSTEM_FILES=(
  "emotion-kiosk-server.service /etc/systemd/system/$SERVER"
  "emotion-kiosk-browser.service /etc/systemd/system/$BROWSER"
  "watchdog.conf /etc/systemd/system.conf.d/emotion-kiosk.conf"
  "journald.conf /etc/systemd/journald.conf.d/emotion-kiosk.conf"
  "70-emotion-kiosk.rules /etc/udev/rules.d/70-emotion-kiosk.rules"
)
# Folders that we may have made; taken away again where they are empty.
readonly FOLDERS=(
  /etc/systemd/system.conf.d
  /etc/systemd/journald.conf.d
  /etc/chromium/policies/managed
  /etc/chromium/policies
)
readonly MIN_NODE=18

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Whether anything was written: only then is the exhibit restarted.
changed=false
dry_run=false
desktop=false
action=install

main() {
  while (($# > 0)); do
    case $1 in
      --dry-run) dry_run=true ;;
      --desktop) desktop=true ;;
      --uninstall) action=uninstall ;;
      --check) action=check ;;
      -h | --help) usage && exit 0 ;;
      *) usage >&2 && fail "There is no option $1." ;;
    esac
    shift
  done
  if [[ $(id -u) != 0 ]] && ! $dry_run; then fail "This needs to be root: sudo $0"; fi
  case $action in
    install) install_kiosk ;;
    uninstall) uninstall_kiosk ;;
    check) check_kiosk ;;
  esac
}

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

fail() {
  echo "$*" >&2
  exit 1
}

# Runs a command, or only says it.
run() {
  if $dry_run; then echo "would run: $*"; else "$@"; fi
}

# Whether systemd runs here; in an image that is being built it does not.
is_booted() { [[ -d /run/systemd/system ]]; }

# ------------------------------------------------------------------------------------------------------------ install

install_kiosk() {
  local site=$here/../site
  [[ -f $site/index.html ]] || site=$here/../dist
  require_whole_archive
  require_machine
  [[ -f $site/kiosk/server.mjs && -f $site/index.html ]] ||
    fail "No built site lies beside $here. In a checkout run: npm ci && npm run build. Or use a release archive."
  install_packages
  install_user
  install_site "$site"
  write_sums
  install_system_files
  run_policy
  enable_units
  if $dry_run; then return; fi
  echo
  echo "Done. The exhibit's settings are in $SETTINGS; what is wrong, if anything: sudo $TARGET/kiosk/install.sh --check"
}

# A release archive lists its files; a checkout, and what is installed already, is taken as it is.
require_whole_archive() {
  local root=$here/..
  if [[ ! -f $root/SHA256SUMS || ! -d $root/dist ]]; then return; fi
  (cd "$root" && sha256sum --check --strict --quiet SHA256SUMS >&2) ||
    fail "The files above are not those that were released. Unpack the archive anew; compare it with its .sha256."
  local added
  added=$(cd "$root" && find dist kiosk -type f | { grep -vxFf <(cut -c67- SHA256SUMS) || true; })
  [[ -z $added ]] || fail "These files were not released: ${added//$'\n'/, }. Unpack the archive anew, into an empty folder."
}

require_machine() {
  command -v apt-get >/dev/null || fail "This installer knows Debian and Raspberry Pi OS; here there is no apt-get."
  case $(dpkg --print-architecture) in
    arm64 | amd64) ;;
    *) fail "This system is $(dpkg --print-architecture). The networks need a 64-bit one: arm64 or amd64." ;;
  esac
  if $desktop || [[ $(systemctl get-default) != graphical.target ]]; then return; fi
  if systemctl is-enabled --quiet display-manager.service 2>/dev/null; then
    echo "This machine starts a desktop, and two cannot have the screen. Choose one:" >&2
    echo "  sudo systemctl set-default multi-user.target   boot without it from now on; then reboot and install" >&2
    fail "  sudo $0 --desktop   keep it; see README.md, \"A machine that keeps its desktop\""
  fi
}

wanted_packages() {
  printf '%s\n' "${PACKAGES[@]}"
  if grep -qsE '^camera *= *csi' "$SETTINGS"; then
    printf '%s\n' "${CSI_PACKAGES[@]}"
    # Debian 12 and 13 name PipeWire's libcamera plug-in differently.
    apt-cache show libspa-0.2-libcamera >/dev/null 2>&1 && echo libspa-0.2-libcamera || echo pipewire-libcamera
  fi
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_packages() {
  local package missing=()
  while read -r package; do
    is_installed "$package" || missing+=("$package")
  done < <(wanted_packages)
  if ((${#missing[@]} > 0)); then
    echo "packages: ${missing[*]}"
    run apt-get update -q
    run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
    run mkdir -p "$TARGET"
    if ! $dry_run; then printf '%s\n' "${missing[@]}" >>"$TARGET/packages"; fi
  fi
  if $dry_run; then return; fi
  local node
  node=$(/usr/bin/node -p 'parseInt(process.versions.node)')
  ((node >= MIN_NODE)) || fail "/usr/bin/node is version $node; $MIN_NODE or later is needed."
}

is_our_user() { [[ $(getent passwd kiosk | cut -d: -f5) == "$USER_COMMENT" ]]; }

install_user() {
  if getent passwd kiosk >/dev/null; then
    is_our_user || fail "There is a user \"kiosk\" already, and this did not make it. Rename it, then try again."
    return
  fi
  echo "user: kiosk, in video and render only"
  run useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
    --comment "$USER_COMMENT" --groups video,render kiosk
}

# Puts a file in its place, and says so only where it changes.
install_file() {
  local source=$1 target=$2 mode=${3:-644}
  if cmp -s "$source" "$target" && [[ $(stat -c %a "$target") == "$mode" ]]; then return; fi
  echo "file: $target"
  changed=true
  run install -D -m "$mode" "$source" "$target"
}

install_site() {
  local site=$1 name
  # A running installation that installs itself anew (its own copy of this script) keeps its site.
  if [[ $site -ef $TARGET/site ]]; then return; fi
  if ! diff -rq "$site" "$TARGET/site" >/dev/null 2>&1; then
    find "$site" -type f -printf "file: $TARGET/site/%P\n"
    changed=true
    run rm -rf "$TARGET/site.new" "$TARGET/site.old"
    run mkdir -p "$TARGET"
    run cp -r "$site" "$TARGET/site.new"
    run chmod -R u=rwX,go=rX "$TARGET/site.new"
    # Swapped as a whole, so that the server never sees half a site.
    if [[ -e $TARGET/site ]]; then run mv "$TARGET/site" "$TARGET/site.old"; fi
    run mv "$TARGET/site.new" "$TARGET/site"
    run rm -rf "$TARGET/site.old"
  fi
  for name in install.sh start-browser.sh write-policy.sh; do install_file "$here/$name" "$TARGET/kiosk/$name" 755; done
  for name in README.md labwc-autostart; do install_file "$here/$name" "$TARGET/kiosk/$name"; done
  for name in "$here"/system/*; do install_file "$name" "$TARGET/kiosk/system/${name##*/}"; done
}

# What --check holds the files against: cards go bad.
write_sums() {
  if $dry_run; then return; fi
  local sums
  sums=$(cd "$TARGET" && find site kiosk -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
  if [[ $sums == "$(cat "$TARGET/SHA256SUMS" 2>/dev/null)" ]]; then return; fi
  echo "file: $TARGET/SHA256SUMS"
  printf '%s\n' "$sums" >"$TARGET/SHA256SUMS"
}

install_system_files() {
  local entry
  for entry in "${SYSTEM_FILES[@]}"; do install_file "$here/system/${entry% *}" "${entry#* }"; done
  # The settings are the owner's: written once, then never touched.
  if [[ ! -e $SETTINGS ]]; then install_file "$here/system/emotion-kiosk.conf" "$SETTINGS"; fi
}

run_policy() {
  run "$TARGET/kiosk/write-policy.sh"
}

enable_units() {
  local units=("$SERVER" "$BROWSER")
  if $desktop; then units=("$SERVER"); fi
  run systemctl enable --quiet "${units[@]}"
  if ! is_booted; then
    echo "systemd does not run here: the exhibit starts at the next boot."
    return
  fi
  if ! $changed && systemctl is-active --quiet "${units[@]}"; then return; fi
  run systemctl daemon-reload
  # Takes up the hardware watchdog.
  run systemctl daemon-reexec
  run systemctl restart systemd-journald.service
  if [[ -e /run/udev/control ]]; then run udevadm control --reload; fi
  run systemctl restart "$SERVER"
}

# ---------------------------------------------------------------------------------------------------------- uninstall

uninstall_kiosk() {
  local entry folder path packages=""
  if [[ -e $TARGET/packages ]]; then packages=$(paste -sd' ' "$TARGET/packages"); fi
  if is_booted; then run systemctl disable --quiet --now "$BROWSER" "$SERVER" 2>/dev/null || true; fi
  is_booted || run systemctl disable --quiet "$BROWSER" "$SERVER" 2>/dev/null || true
  for entry in "${SYSTEM_FILES[@]}"; do remove "${entry#* }"; done
  for path in "$POLICY" "$SETTINGS" "$TARGET"; do remove "$path"; done
  for folder in "${FOLDERS[@]}"; do
    if [[ -d $folder ]]; then run rmdir --ignore-fail-on-non-empty "$folder"; fi
  done
  if is_our_user; then run userdel kiosk; fi
  if is_booted; then
    run systemctl daemon-reload
    run systemctl daemon-reexec
    run systemctl restart systemd-journald.service
    if [[ -e /run/udev/control ]]; then run udevadm control --reload; fi
  fi
  if $dry_run; then return; fi
  echo "Gone."
  if [[ -n $packages ]]; then
    echo "These packages came with it and stay; where nothing else uses them: sudo apt-get autoremove $packages"
  fi
}

remove() {
  if [[ ! -e $1 ]]; then return; fi
  echo "removed: $1"
  run rm -rf "$1"
}

# -------------------------------------------------------------------------------------------------------------- check

problems=0

# Prints a finding: what is so, or what is not and what to do about it.
good() { echo "ok     $*"; }
bad() {
  echo "WRONG  $*"
  problems=$((problems + 1))
}

check_kiosk() {
  [[ -f $TARGET/site/index.html ]] || fail "Nothing is installed here (no $TARGET/site). Install: sudo $0"
  check_parts
  check_settings
  check_devices
  check_running
  if ((problems == 0)); then echo "All is well."; else fail "$problems found."; fi
}

check_parts() {
  local package entry damaged
  if damaged=$(cd "$TARGET" && LC_ALL=C sha256sum --check --quiet SHA256SUMS 2>/dev/null); then
    good "files: as they were installed"
  else
    bad "Files in $TARGET are missing or damaged (${damaged//$'\n'/, }): install again; if it happens twice, change the card"
  fi
  while read -r package; do
    is_installed "$package" || bad "The package $package is missing: sudo apt-get install $package"
  done < <(wanted_packages)
  for entry in "${SYSTEM_FILES[@]}"; do
    cmp -s "$TARGET/kiosk/system/${entry% *}" "${entry#* }" ||
      bad "${entry#* } is missing or was changed: sudo $TARGET/kiosk/install.sh puts it back"
  done
  if is_our_user; then good "user kiosk: groups $(id -nG kiosk)"; else bad "The user kiosk is missing: install again"; fi
  local others
  others=$(id -nG kiosk 2>/dev/null | tr ' ' '\n' | grep -vxE 'kiosk|video|render' || true)
  [[ -z $others ]] || bad "The user kiosk is in more groups than video and render: $others. sudo gpasswd -d kiosk GROUP"
}

check_settings() {
  local words
  if words=$(/usr/bin/node "$TARGET/site/kiosk/server.mjs" --settings "$SETTINGS" --check-settings); then
    good "settings: $SETTINGS"
  else
    while read -r line; do bad "$SETTINGS: $line"; done <<<"$words"
  fi
  if /usr/bin/node "$TARGET/site/kiosk/server.mjs" --settings "$SETTINGS" --policy | cmp -s - "$POLICY"; then
    good "policy: the camera for $(sed -n 's/.*"\(http[^"]*\)".*/\1/p' "$POLICY" | head -1) only"
  else
    bad "$POLICY does not match the settings: sudo systemctl restart $SERVER"
  fi
  if [[ $(sed -n 's/^resolution *= *//p' "$SETTINGS") != "" && $(cage -h 2>&1) == *' -r'* ]]; then
    bad "This cage ($(cage -v)) cannot set a resolution; Debian 13's can. Here: add video=HDMI-A-1:1920x1080 to the kernel's command line"
  fi
}

check_devices() {
  local status name connected=""
  if compgen -G '/dev/video*' >/dev/null; then
    good "cameras: $(cat /sys/class/video4linux/*/name 2>/dev/null | sort -u | paste -sd, -)"
  else
    bad "No camera is there (/dev/video*). Plug one in; the page goes on looking, and shows its demo meanwhile"
  fi
  compgen -G '/dev/dri/renderD*' >/dev/null || bad "No graphics chip is there (/dev/dri): drawing costs the processor's time"
  for status in /sys/class/drm/card*-*/status; do
    [[ -e $status && $(<"$status") == connected ]] || continue
    name=${status%/status}
    connected+=" ${name##*/card?-}"
  done
  if [[ -n $connected ]]; then
    good "screens:$connected"
  else
    bad "No screen is connected: check its cable and its power"
  fi
  if [[ -e /dev/watchdog0 ]]; then
    good "hardware watchdog"
  else
    bad "No hardware watchdog is there (/dev/watchdog0): a machine that freezes altogether stays frozen"
  fi
}

check_running() {
  local unit port health
  if systemctl is-active --quiet display-manager.service && systemctl is-active --quiet "$BROWSER"; then
    bad "A desktop runs as well: sudo systemctl set-default multi-user.target, then reboot"
  fi
  for unit in seatd.service "$SERVER" "$BROWSER"; do
    if [[ $unit != "$SERVER" ]] && ! systemctl is-enabled --quiet "$unit" 2>/dev/null; then continue; fi
    if systemctl is-active --quiet "$unit"; then
      good "$unit runs, restarted $(systemctl show -P NRestarts "$unit") times"
    else
      bad "$unit does not run: journalctl -b -u $unit"
    fi
  done
  port=$(sed -n 's/.*"http:\/\/localhost:\([0-9]*\)".*/\1/p' "$POLICY" | head -1)
  health=$(/usr/bin/node -e 'fetch(process.argv[1]).then((r) => r.text()).then(console.log, () => {})' \
    "http://127.0.0.1:$port/health")
  case $health in
    *'"alive":true'*) good "the page is alive: camera frames, results and pictures go on" ;;
    *'"lastBeatMs":null'*) bad "The page has not been heard of yet: journalctl -b -u $BROWSER" ;;
    *'"why":"'*)
      health=${health#*'"why":"'}
      bad "The page is not alive: ${health%%'"'*}"
      ;;
    *) bad "The server does not answer on http://localhost:$port/: journalctl -b -u $SERVER" ;;
  esac
}

main "$@"
