#!/bin/bash
# Starts Chromium on the whole screen, as the settings say: within cage where there is no compositor yet, else (called by
# a desktop's autostart, or by cage itself) directly.
set -euo pipefail

mapfile -d '' -t words < <(
  /usr/bin/node /opt/emotion-kiosk/site/kiosk/server.mjs --settings /etc/emotion-kiosk.conf --browser
)
rotation=${words[0]}
resolution=${words[1]}
camera=${words[2]}
browser_arguments=("${words[@]:3}")

start_cage() {
  local cage=(cage -s)
  # Up to 0.1.4 cage turns the picture by itself, and later ones leave it to wlr-randr.
  if cage_turns_by_itself; then
    for ((turned = 0; turned < rotation; turned += 90)); do cage+=(-r); done
  fi
  # Without a graphics chip (a virtual machine) the compositor draws by itself.
  compgen -G '/dev/dri/renderD*' >/dev/null || export WLR_RENDERER="${WLR_RENDERER:-pixman}"
  EMOTION_KIOSK_CAGE=1 exec "${cage[@]}" -- "$0"
}

cage_turns_by_itself() {
  [[ $(cage -h 2>&1) == *' -r'* ]]
}

set_up_screens() {
  local options=()
  ((rotation == 0)) || cage_turns_by_itself || options+=(--transform "$rotation")
  [[ -z $resolution ]] || options+=(--mode "$resolution")
  ((${#options[@]} > 0)) || return 0
  wlr-randr | awk '/^[^ ]/ { print $1 }' | while read -r output; do
    wlr-randr --output "$output" "${options[@]}"
  done || echo "The screen could not be set to resolution '$resolution', rotation $rotation." >&2
}

start_chromium() {
  local browser
  browser=("$(command -v chromium || command -v chromium-browser)")
  # A desktop's windows have frames, which only --kiosk takes away, and a tab alone bears it.
  if [[ -z ${EMOTION_KIOSK_CAGE:-} ]]; then browser_arguments=(--kiosk "${browser_arguments[@]/#--app=/}"); fi
  # Within its unit /tmp is a small tmpfs made anew at each start: nothing is restored, nothing stays locked, no card
  # wears out.
  browser+=("--user-data-dir=$(mktemp -d)" "${browser_arguments[@]}")
  if [[ $camera == usb ]]; then exec "${browser[@]}"; fi
  # Chromium reaches a ribbon-cable camera through PipeWire and the portal, which want a session bus.
  # shellcheck disable=SC2016 # expanded by the inner shell
  exec dbus-run-session -- sh -c 'pipewire & sleep 1; wireplumber & exec "$@"' sh "${browser[@]}"
}

if [[ -z ${WAYLAND_DISPLAY:-} ]]; then start_cage; fi
set_up_screens
start_chromium
