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
  /etc/systemd/logind.conf.d
  /etc/chromium/policies/managed
  /etc/chromium/policies
)
readonly MIN_NODE=18
# The time to wait for locks and the network, and the pause between two attempts.
readonly PATIENCE_S=600
readonly RETRY_S=5

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=kiosk/parts.sh
source "$here/parts.sh"
# True once a file was written or a package installed: only then is the exhibit restarted.
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
  install_system_files
  if [[ -n $fleet ]]; then join_fleet; fi
  run_policy
  enable_units
  settle
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

# Run a command until it succeeds. At a first boot the system's own updates hold the locks of apt and dpkg for minutes,
# and not every one of these locks can be waited for; the network may come up late, too.
retry() {
  local deadline=$((SECONDS + PATIENCE_S))
  until run "$@"; do
    ((SECONDS < deadline)) || fail "This failed for $((PATIENCE_S / 60)) minutes: $*. The message above says why. Mend it, then install again."
    echo "Trying again in $RETRY_S s."
    sleep "$RETRY_S"
  done
}

install_packages() {
  local package missing=()
  while read -r package; do
    is_installed "$package" || missing+=("$package")
  done < <(wanted_packages)
  if ((${#missing[@]} > 0)); then
    echo "packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # A power cut during an earlier installation leaves packages half installed.
    retry dpkg --force-confdef --force-confold --configure -a
    forget_lists
    retry apt-get -o DPkg::Lock::Timeout="$PATIENCE_S" update -q
    retry apt-get -o DPkg::Lock::Timeout="$PATIENCE_S" install -y -q --no-install-recommends --fix-broken "${missing[@]}"
    run mkdir -p "$TARGET"
    if ! $dry_run; then printf '%s\n' "${missing[@]}" >>"$TARGET/packages"; fi
    changed=true
  fi
  if $dry_run; then return; fi
  local node
  node=$(/usr/bin/node -p 'parseInt(process.versions.node)')
  ((node >= MIN_NODE)) || fail "/usr/bin/node is version $node; $MIN_NODE or later is needed."
}

# A power cut can leave apt's lists of packages empty, and apt does not fetch again what it takes for current.
forget_lists() {
  local lists
  eval "$(apt-config shell lists Dir::State::lists/d)"
  if [[ -d $lists ]]; then run find "$lists" -type f ! -name lock -delete; fi
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

# Copy a file to its place and print its name, unless it is there already. After a power cut the old file or the new one
# is there, whole.
install_file() {
  local source=$1 target=$2 mode=${3:-644}
  if cmp -s "$source" "$target" && [[ $(stat -c %a "$target") == "$mode" ]]; then return; fi
  echo "file: $target"
  changed=true
  run install -D -m "$mode" "$source" "$target.new"
  run sync "$target.new"
  run mv -T "$target.new" "$target"
}

# Build the new installation beside the old one, write it to the disk and let the two change places: at every moment the
# folder is the old installation or the new one, whole. The old one goes when the change is on the disk.
install_site() {
  local site=$1 new=$TARGET.new
  # An installation that runs its own copy of this script keeps its site.
  if [[ $site -ef $TARGET/site ]]; then return; fi
  if $dry_run; then new=$(mktemp -d); fi
  rm -rf "$new"
  copy_site "$site" "$new"
  local differing
  differing=$(LC_ALL=C diff -rqN "$new" "$TARGET" | sed -n "s|^Files $new/\(.*\) and .* differ$|file: $TARGET/\1|p" || true)
  if [[ -n $differing ]]; then
    echo "$differing"
    changed=true
    if ! $dry_run; then replace_target "$new"; fi
  fi
  rm -rf "$new"
}

replace_target() {
  sync -f "$1"
  exchange "$1" "$TARGET"
  sync -f "${TARGET%/*}"
}

# Copy everything that lies in $TARGET, and list its checksums: a card can fail.
copy_site() {
  local site=$1 new=$2 name
  mkdir -p "$new/kiosk"
  cp -r "$site" "$new/site"
  cp -r "$here/system" "$new/kiosk/system"
  for name in install.sh check.sh start-browser.sh write-policy.sh; do install -m 755 "$here/$name" "$new/kiosk/$name"; done
  for name in parts.sh README.md labwc-autostart; do install -m 644 "$here/$name" "$new/kiosk/$name"; done
  if [[ -e $TARGET/packages ]]; then cp "$TARGET/packages" "$new/packages"; fi
  (cd "$new" && find site kiosk -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS)
  chmod -R u=rwX,go=rX "$new"
}

# Put a folder into the place of another, and the other into its own, in one step. Debian 12 has no command for it. perl is
# in every Debian; the number is that of renameat2, and 2 means RENAME_EXCHANGE.
exchange() {
  local new=$1 old=$2 number=316
  if [[ ! -e $old ]]; then
    mv -T "$new" "$old"
    return
  fi
  if [[ $(uname -m) == aarch64 ]]; then number=276; fi
  # shellcheck disable=SC2016 # perl's variables
  if perl -e 'exit(syscall($ARGV[0] + 0, -100, $ARGV[1], -100, $ARGV[2], 2) != 0)' "$number" "$new" "$old"; then return; fi
  # Some file systems cannot do it. Here a power cut between the two steps leaves the old folder aside.
  rm -rf "$old.old"
  mv -T "$old" "$old.old"
  mv -T "$new" "$old"
  mv -T "$old.old" "$new"
}

# Write everything to the disk. Without it the kernel takes half a minute, and a power cut within it leaves empty files.
settle() {
  run sync -f "${TARGET%/*}" /etc
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
    echo "The kiosk reports to the fleet once it keeps counts: set statistics = on in $SETTINGS, then: sudo systemctl restart $SERVER"
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
  run systemctl try-restart systemd-logind.service
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
  for path in "$POLICY" "$SETTINGS" "$FLEET" "$FLEET_CONF" "$COUNTS" "${COUNTS/private\//}" "$TARGET" "$TARGET.new" "$TARGET.old"; do
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
    run systemctl try-restart systemd-logind.service
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

# A test sources this file for its functions.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
