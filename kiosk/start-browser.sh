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
# Hours outside which the screens are switched off; empty: they never are.
hours=${words[5]}
browser_arguments=("${words[@]:6}")

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

# Switch the screens off outside the hours, and on again, as long as this process lives: Chromium takes its place.
keep_hours() {
  local are=on lit=() output
  while sleep 5 && kill -0 $$ 2>/dev/null; do
    if is_open; then
      [[ $are == off ]] || continue
      are=on
      for output in "${lit[@]}"; do wlr-randr --output "$output" --on || true; done
      set_up_screens
      tell_televisions --image-view-on
    elif [[ $are == on ]]; then
      are=off
      mapfile -t lit < <(wlr-randr | awk '/^[^ ]/ { name = $1 } /^ *Enabled: yes/ { print name }')
      for output in "${lit[@]}"; do wlr-randr --output "$output" --off || true; done
      tell_televisions --standby
    fi
  done
}

# The page asks the same clock (src/pages/hours.ts).
is_open() {
  local from=${hours%-*} to=${hours#*-} now
  printf -v now '%(%H:%M)T' -1
  if [[ $from == "$to" ]]; then return 0; fi
  if [[ $from < $to ]]; then [[ ! $now < $from && $now < $to ]]; else [[ ! $now < $from || $now < $to ]]; fi
}

# Tell the televisions on HDMI-CEC; a screen without CEC does not answer.
tell_televisions() {
  local device
  for device in /dev/cec*; do
    [[ -e $device ]] || continue
    cec-ctl --device "$device" --playback --to 0 "$1" >/dev/null || true
  done
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
if [[ -n $hours ]]; then keep_hours & fi
start_chromium
