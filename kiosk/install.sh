#!/bin/bash
# Make this machine an exhibit: Debian 12 or 13, or Raspberry Pi OS, 64-bit.
#
#   sudo ./install.sh               install, or update an installation
#   sudo ./install.sh --fleet FILE  install, and join the fleet whose central machine made FILE
#   sudo ./install.sh --leave-fleet forget the fleet; counts stay on this machine
#   sudo ./install.sh --desktop     install on a machine that keeps its desktop, whose autostart starts the browser
#   sudo ./install.sh --dry-run     print each step and change nothing; combines with the other options
#   sudo ./install.sh --uninstall   remove everything except packages and logs
#   sudo ./install.sh --check       print what is wrong, and the remedy
set -euo pipefail

# Folders that the installer may have made. Uninstalling removes those that are empty.
readonly FOLDERS=(
  /etc/systemd/system.conf.d
  /etc/systemd/journald.conf.d
  /etc/chromium/policies/managed
  /etc/chromium/policies
)
readonly MIN_NODE=18

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=kiosk/parts.sh
source "$here/parts.sh"
# True once a file was written: only then is the exhibit restarted.
changed=false
dry_run=false
desktop=false
action=install
fleet=""

main() {
  while (($# > 0)); do
    case $1 in
      --dry-run) dry_run=true ;;
      --desktop) desktop=true ;;
      --fleet) fleet=${2:-} && shift && require_fleet_file ;;
      --leave-fleet) action=leave ;;
      --uninstall) action=uninstall ;;
      --check) action=check ;;
      -h | --help) usage && exit 0 ;;
      *) usage >&2 && fail "Unknown option: $1" ;;
    esac
    shift
  done
  if [[ $(id -u) != 0 ]] && ! $dry_run; then fail "Run this as root: sudo $0"; fi
  case $action in
    install) install_kiosk ;;
    leave) leave_fleet ;;
    uninstall) uninstall_kiosk ;;
    check) exec "$here/check.sh" ;;
  esac
}

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

# Run a command; in a dry run, only print it.
run() {
  if $dry_run; then echo "would run: $*"; else "$@"; fi
}

# Succeed if systemd runs here. It does not in an image that is being built.
is_booted() { [[ -d /run/systemd/system ]]; }

# ------------------------------------------------------------------------------------------------------------ install

install_kiosk() {
  local site=$here/../site
  [[ -f $site/index.html ]] || site=$here/../dist
  require_whole_archive
  require_machine
  [[ -f $site/kiosk/server.mjs && -f $site/index.html ]] ||
    fail "There is no built site beside $here. In a checkout run: npm ci && npm run build. Or use a release archive."
  install_packages
  install_user
  install_site "$site"
  write_sums
  install_system_files
  if [[ -n $fleet ]]; then join_fleet; fi
  run_policy
  enable_units
  if $dry_run; then return; fi
  echo
  echo "Done. Settings: $SETTINGS. To check the exhibit: sudo $TARGET/kiosk/install.sh --check"
}

# A release archive lists its files. A checkout and an installation have no list and are not checked.
require_whole_archive() {
  local root=$here/..
  if [[ ! -f $root/SHA256SUMS || ! -d $root/dist ]]; then return; fi
  (cd "$root" && sha256sum --check --strict --quiet SHA256SUMS >&2) ||
    fail "The files above differ from the release. Compare the archive with its .sha256, then unpack it again."
  local added
  added=$(cd "$root" && find dist kiosk -type f | { grep -vxFf <(cut -c67- SHA256SUMS) || true; })
  [[ -z $added ]] || fail "These files are not part of the release: ${added//$'\n'/, }. Unpack the archive again, into an empty folder."
}

require_machine() {
  command -v apt-get >/dev/null || fail "There is no apt-get here. This installer needs Debian or Raspberry Pi OS."
  case $(dpkg --print-architecture) in
    arm64 | amd64) ;;
    *) fail "This system is $(dpkg --print-architecture). The kiosk needs a 64-bit system: arm64 or amd64." ;;
  esac
  if $desktop || [[ $(systemctl get-default) != graphical.target ]]; then return; fi
  if systemctl is-enabled --quiet display-manager.service 2>/dev/null; then
    echo "This machine starts a desktop, which would share the screen with the kiosk. Choose one:" >&2
    echo "  sudo systemctl set-default multi-user.target   boot without the desktop; then reboot and install" >&2
    fail "  sudo $0 --desktop   keep the desktop; see README.md, \"A machine that keeps its desktop\""
  fi
}

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

install_user() {
  if getent passwd kiosk >/dev/null; then
    is_our_user || fail "There is already a user \"kiosk\" that this installer did not make. Rename it, then try again."
    return
  fi
  echo "user: kiosk, only in the groups video and render"
  run useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
    --comment "$USER_COMMENT" --groups video,render kiosk
}

# Copy a file to its place and print its name, unless it is there already.
install_file() {
  local source=$1 target=$2 mode=${3:-644}
  if cmp -s "$source" "$target" && [[ $(stat -c %a "$target") == "$mode" ]]; then return; fi
  echo "file: $target"
  changed=true
  run install -D -m "$mode" "$source" "$target"
}

install_site() {
  local site=$1 name
  # An installation that runs its own copy of this script keeps its site.
  if [[ $site -ef $TARGET/site ]]; then return; fi
  if ! diff -rq "$site" "$TARGET/site" >/dev/null 2>&1; then
    find "$site" -type f -printf "file: $TARGET/site/%P\n"
    changed=true
    run rm -rf "$TARGET/site.new" "$TARGET/site.old"
    run mkdir -p "$TARGET"
    run cp -r "$site" "$TARGET/site.new"
    run chmod -R u=rwX,go=rX "$TARGET/site.new"
    # The folder is replaced as a whole, so that the server never sees half a site.
    if [[ -e $TARGET/site ]]; then run mv "$TARGET/site" "$TARGET/site.old"; fi
    run mv "$TARGET/site.new" "$TARGET/site"
    run rm -rf "$TARGET/site.old"
  fi
  for name in install.sh check.sh start-browser.sh write-policy.sh; do install_file "$here/$name" "$TARGET/kiosk/$name" 755; done
  for name in parts.sh README.md labwc-autostart; do install_file "$here/$name" "$TARGET/kiosk/$name"; done
  for name in "$here"/system/*; do install_file "$name" "$TARGET/kiosk/system/${name##*/}"; done
}

# Write the checksums that --check compares the files with: a card can fail.
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
  # The settings belong to the owner: they are written once and never changed.
  if [[ ! -e $SETTINGS ]]; then install_file "$here/system/emotion-kiosk.conf" "$SETTINGS"; fi
}

require_fleet_file() {
  [[ -f $fleet ]] || fail "--fleet needs the file that the fleet's installer made: install.sh --add-kiosk NAME."
  grep -q '"broker": "mqtts://' "$fleet" || fail "$fleet is not a fleet's file. Make it with install.sh --add-kiosk NAME."
}

# The file holds the kiosk's key: only root reads it, and systemd hands it to the reporter.
join_fleet() {
  install_file "$fleet" "$FLEET" 600
  if ! grep -qE '^statistics *= *on' "$SETTINGS"; then
    echo "The kiosk is in the fleet and sends its health. To keep and send counts: statistics = on in $SETTINGS"
  fi
}

leave_fleet() {
  if is_booted; then run systemctl stop "$REPORTER"; fi
  remove "$FLEET"
  remove "$FLEET_CONF"
  run_policy
  if is_booted; then run systemctl try-restart "$SERVER"; fi
}

run_policy() {
  run "$TARGET/kiosk/write-policy.sh"
}

enable_units() {
  local units=("$SERVER" "$BROWSER")
  if $desktop; then units=("$SERVER"); fi
  # These two do nothing until the settings and the fleet's file ask for it.
  run systemctl enable --quiet "${units[@]}" "$STATISTICS" "$REPORTER" "$FLEET_SETTINGS"
  if ! is_booted; then
    echo "systemd does not run here. The exhibit starts at the next boot."
    return
  fi
  if ! $changed && systemctl is-active --quiet "${units[@]}"; then return; fi
  run systemctl daemon-reload
  # Starts the hardware watchdog.
  run systemctl daemon-reexec
  run systemctl restart systemd-journald.service
  if [[ -e /run/udev/control ]]; then run udevadm control --reload; fi
  run systemctl restart "$SERVER"
}

# ---------------------------------------------------------------------------------------------------------- uninstall

uninstall_kiosk() {
  local entry folder path packages=""
  if [[ -e $TARGET/packages ]]; then packages=$(paste -sd' ' "$TARGET/packages"); fi
  local units=("$BROWSER" "$REPORTER" "$FLEET_SETTINGS" "$STATISTICS" "$SERVER")
  if is_booted; then run systemctl disable --quiet --now "${units[@]}" 2>/dev/null || true; fi
  is_booted || run systemctl disable --quiet "${units[@]}" 2>/dev/null || true
  for entry in "${SYSTEM_FILES[@]}"; do remove "${entry#* }"; done
  for path in "$POLICY" "$SETTINGS" "$FLEET" "$FLEET_CONF" "$COUNTS" "${COUNTS/private\//}" "$TARGET"; do
    remove "$path"
  done
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
  echo "Uninstalled."
  if [[ -n $packages ]]; then
    echo "The packages that were installed with it stay. If nothing else uses them: sudo apt-get autoremove $packages"
  fi
}

remove() {
  if [[ ! -e $1 && ! -L $1 ]]; then return; fi
  echo "removed: $1"
  run rm -rf "$1"
}

main "$@"
