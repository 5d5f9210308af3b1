#!/bin/bash
# Print what is wrong with the exhibit, and the remedy: sudo ./install.sh --check
set -euo pipefail

# shellcheck source=kiosk/parts.sh
source "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

problems=0

# Print a finding. The text of a bad one names the remedy.
good() { echo "ok     $*"; }
bad() {
  echo "WRONG  $*"
  problems=$((problems + 1))
}

main() {
  [[ -f $TARGET/site/index.html ]] || fail "Nothing is installed here ($TARGET/site is missing). Run: sudo ./install.sh"
  check_parts
  check_settings
  check_devices
  check_running
  if ((problems == 0)); then echo "Everything is in order."; else fail "$problems problems found."; fi
}

check_parts() {
  local package entry damaged
  if damaged=$(cd "$TARGET" && LC_ALL=C sha256sum --check --quiet SHA256SUMS 2>/dev/null); then
    good "files: unchanged since they were installed"
  else
    bad "Files in $TARGET are missing or damaged (${damaged//$'\n'/, }): install again. If it happens twice, replace the card"
  fi
  while read -r package; do
    is_installed "$package" || bad "The package $package is missing: sudo apt-get install $package"
  done < <(wanted_packages)
  for entry in "${SYSTEM_FILES[@]}"; do
    cmp -s "$TARGET/kiosk/system/${entry% *}" "${entry#* }" ||
      bad "${entry#* } is missing or was changed. To restore it: sudo $TARGET/kiosk/install.sh"
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
  if grep -qE '^screens *= *mirror' "$SETTINGS" && [[ $(cage -h 2>&1) == *' -r'* ]]; then
    bad "This cage ($(cage -v)) cannot show the same on several screens; Debian 13's can. Set screens = last"
  fi
  if grep -qE '^off_hours *= *off' "$SETTINGS"; then
    grep -qE '^hours *= *[0-9]' "$SETTINGS" || bad "off_hours = off does nothing without hours, such as hours = 09:00-18:00"
    if [[ $(cage -h 2>&1) != *' -r'* ]]; then
      good "outside hours the screens get no signal"
    elif compgen -G '/dev/cec*' >/dev/null; then
      good "outside hours a television that knows HDMI-CEC is in standby; other screens show black"
    else
      bad "This cage ($(cage -v)) cannot switch screens off, and there is no HDMI-CEC (/dev/cec*). Debian 13's cage can; until then screens show black"
    fi
  fi
  if [[ $(sed -n 's/^resolution *= *//p' "$SETTINGS") != "" && $(cage -h 2>&1) == *' -r'* ]]; then
    bad "This cage ($(cage -v)) cannot set a resolution; Debian 13's can. Instead add video=HDMI-A-1:1920x1080 to the kernel's command line"
  fi
}

check_devices() {
  local status name connected=""
  if compgen -G '/dev/video*' >/dev/null; then
    good "cameras: $(cat /sys/class/video4linux/*/name 2>/dev/null | sort -u | paste -sd, -)"
  else
    bad "There is no camera (/dev/video*). Plug one in; until then the page shows its demo"
  fi
  compgen -G '/dev/dri/renderD*' >/dev/null || bad "There is no graphics chip (/dev/dri). Drawing takes processor time; set gpu = off"
  for status in /sys/class/drm/card*-*/status; do
    [[ -e $status && $(<"$status") == connected ]] || continue
    name=${status%/status}
    connected+=" ${name##*/card?-}"
  done
  if [[ -n $connected ]]; then
    good "screens:$connected"
  else
    bad "No screen is connected. Check its cable and its power"
  fi
  if [[ -e /dev/watchdog0 ]]; then
    good "hardware watchdog"
  else
    bad "There is no hardware watchdog (/dev/watchdog0). If the whole machine freezes, nothing restarts it"
  fi
}

check_running() {
  local unit port health
  if systemctl is-active --quiet display-manager.service && systemctl is-active --quiet "$BROWSER"; then
    bad "A desktop runs too. To boot without it: sudo systemctl set-default multi-user.target, then reboot"
  fi
  for unit in seatd.service "$SERVER" "$BROWSER"; do
    if [[ $unit != "$SERVER" ]] && ! systemctl is-enabled --quiet "$unit" 2>/dev/null; then continue; fi
    if systemctl is-active --quiet "$unit"; then
      good "$unit runs, restarted $(systemctl show -P NRestarts "$unit") times"
    else
      bad "$unit does not run: journalctl -b -u $unit"
    fi
  done
  check_statistics
  port=$(sed -n 's/.*"http:\/\/localhost:\([0-9]*\)".*/\1/p' "$POLICY" | head -1)
  health=$(/usr/bin/node -e 'fetch(process.argv[1]).then((r) => r.text()).then(console.log, () => {})' \
    "http://127.0.0.1:$port/health")
  case $health in
    *'"alive":true'*) good "the page is alive: camera frames, results and pictures advance" ;;
    *'"lastBeatMs":null'*) bad "The page has sent no heartbeat yet: journalctl -b -u $BROWSER" ;;
    *'"why":"'*)
      health=${health#*'"why":"'}
      bad "The page is not alive: ${health%%'"'*}"
      ;;
    *) bad "The server does not answer on http://localhost:$port/: journalctl -b -u $SERVER" ;;
  esac
}

check_statistics() {
  if ! grep -qE '^statistics *= *on' "$SETTINGS"; then return; fi
  local unit units=("$STATISTICS")
  [[ ! -e $FLEET ]] || units+=("$REPORTER")
  for unit in "${units[@]}"; do
    if systemctl is-active --quiet "$unit"; then good "$unit runs"; else bad "$unit does not run: journalctl -b -u $unit"; fi
  done
  local problem aside
  # shellcheck disable=SC2016 # JavaScript's, not the shell's
  problem=$(/usr/bin/node -e '
    const options = { socketPath: process.argv[1], path: "/health", timeout: 10000 };
    require("node:http").get(options, async (answer) => {
      let text = "";
      for await (const chunk of answer) text += chunk;
      const { ok, problem } = JSON.parse(text);
      if (!ok) console.log(problem);
    }).on("error", ({ message }) => console.log(message));' "$SOCKET")
  if [[ -z $problem ]]; then
    good "counts are kept"
  else
    bad "The newest counts are not kept ($problem). They wait in the page: make room on the disk, or replace it"
  fi
  aside=$(find "$COUNTS" -name '*.aside-*Z' 2>/dev/null | wc -l)
  ((aside == 0)) || bad "$aside damaged databases of counts were set aside in $COUNTS: copy them if you need them, then remove them"
  if [[ $(findmnt -no FSTYPE -T "$COUNTS") =~ ^(overlay|tmpfs)$ ]]; then
    bad "The root is read-only, so counts are lost at each boot. See README.md, \"Statistics\""
  fi
}

main
