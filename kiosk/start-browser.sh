#!/bin/bash
# Start Chromium on the whole screen, with the settings. Without a compositor this starts cage, which calls it again. A
# desktop's autostart calls it within the desktop's compositor.
set -euo pipefail

mapfile -d '' -t words < <(
  /usr/bin/node /opt/emotion-kiosk/site/kiosk/server.mjs --settings /etc/emotion-kiosk.conf --browser
)
rotation=${words[0]}
resolution=${words[1]}
camera=${words[2]}
screens=${words[3]}
vt_switching=${words[4]}
browser_arguments=("${words[@]:5}")

start_cage() {
  # By default cage stretches one picture across all screens.
  local cage=(cage -m last)
  if [[ $screens != last ]]; then cage=(cage -m extend); fi
  if [[ $vt_switching == on ]]; then cage+=(-s); fi
  # Up to 0.1.4 cage turns the picture itself; later versions leave it to wlr-randr.
  if cage_turns_by_itself; then
    for ((turned = 0; turned < rotation; turned += 90)); do cage+=(-r); done
  fi
  # Without a graphics chip (a virtual machine) the compositor draws with the processor.
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
  # Screens that lie at the same place show the same.
  [[ $screens != mirror ]] || options+=(--pos "0,0")
  ((${#options[@]} > 0)) || return 0
  wlr-randr | awk '/^[^ ]/ { print $1 }' | while read -r output; do
    wlr-randr --output "$output" "${options[@]}"
  done || echo "The screen could not be set to resolution '$resolution', rotation $rotation, screens $screens." >&2
}

start_chromium() {
  local browser
  browser=("$(command -v chromium || command -v chromium-browser)")
  # On a desktop only --kiosk removes the window's frame, and --kiosk does not work with --app.
  if [[ -z ${EMOTION_KIOSK_CAGE:-} ]]; then browser_arguments=(--kiosk "${browser_arguments[@]/#--app=/}"); fi
  # In its unit /tmp is a small tmpfs, new at each start: no session is restored, no profile stays locked, and nothing is
  # written to the card.
  browser+=("--user-data-dir=$(mktemp -d)" "${browser_arguments[@]}")
  if [[ $camera == usb ]]; then exec "${browser[@]}"; fi
  # Chromium reads a ribbon-cable camera through PipeWire and the portal, which need a session bus.
  # shellcheck disable=SC2016 # expanded by the inner shell
  exec dbus-run-session -- sh -c 'pipewire & sleep 1; wireplumber & exec "$@"' sh "${browser[@]}"
}

if [[ -z ${WAYLAND_DISPLAY:-} ]]; then start_cage; fi
set_up_screens
start_chromium
