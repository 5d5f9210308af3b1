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
# Wayland counts a turn against the clock. https://wayland.app/protocols/wayland#wl_output:enum:transform
transform=$(((360 - rotation) % 360))

start_cage() {
  # By default cage stretches one picture across all screens. Up to 0.1.4 it ends with a segmentation fault at two of three
  # starts with `-m last`, so it gets that only where there are two screens: systemd starts it again until it runs.
  local cage=(cage -m extend)
  if [[ $screens == last ]] && { ! cage_turns_by_itself || has_several_screens; }; then cage=(cage -m last); fi
  if [[ $vt_switching == on ]]; then cage+=(-s); fi
  # Up to 0.1.4 cage turns the picture itself; later versions leave it to wlr-randr.
  if cage_turns_by_itself; then
    for ((turned = 0; turned < transform; turned += 90)); do cage+=(-r); done
  fi
  # Without a graphics chip, or where it shall rest (gpu = off), the compositor draws with the processor, too.
  if [[ " ${browser_arguments[*]} " == *" --disable-gpu "* ]] || ! compgen -G '/dev/dri/renderD*' >/dev/null; then
    export WLR_RENDERER="${WLR_RENDERER:-pixman}"
  fi
  EMOTION_KIOSK_CAGE=1 XCURSOR_PATH=$(empty_cursors) exec "${cage[@]}" -- "$0"
}

# Make a theme whose arrow is one transparent pixel, and print its folder. Until the pointer moves for the first time, the
# compositor shows its arrow in the middle of the screen, and Chromium after some starts its own. Once it moves, the page
# shows and hides an arrow that the page brings (static/kiosk.css).
# https://gitlab.freedesktop.org/xorg/lib/libxcursor: a file's header, its table of one image, the image's header, its pixel
empty_cursors() {
  local folder
  folder=$(mktemp -d)
  mkdir -p "$folder/default/cursors"
  {
    printf 'Xcur\x10\0\0\0\0\0\1\0\1\0\0\0\2\0\xfd\xff\x18\0\0\0\x1c\0\0\0'
    printf '\x24\0\0\0\2\0\xfd\xff\x18\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
  } >"$folder/default/cursors/left_ptr"
  ln -s left_ptr "$folder/default/cursors/default"
  echo "$folder"
}

has_several_screens() {
  (($(cat /sys/class/drm/*/status 2>/dev/null | grep -cx connected) > 1))
}

cage_turns_by_itself() {
  [[ $(cage -h 2>&1) == *' -r'* ]]
}

# Without a screen Chromium and the compositor would keep each other busy. A compositor that does not tell has one.
has_screen() {
  [[ -n $(wlr-randr 2>/dev/null || echo unknown) ]]
}

# What wlr-randr shall do with each screen.
screen_options() {
  ((transform == 0)) || cage_turns_by_itself || printf -- '--transform\n%s\n' "$transform"
  [[ -z $resolution ]] || printf -- '--mode\n%s\n' "$resolution"
  # Screens that lie at the same place show the same.
  [[ $screens != mirror ]] || printf -- '--pos\n0,0\n'
}

set_up_screens() {
  ((${#screen_options[@]} > 0)) || return 0
  wlr-randr | awk '/^[^ ]/ { print $1 }' | while read -r output; do
    wlr-randr --output "$output" "${screen_options[@]}"
  done || echo "The screen could not be set to resolution '$resolution', rotation $rotation, screens $screens." >&2
}

# Look after the screens as long as this process lives: Chromium takes its place. A screen that is plugged in, or a television
# that is switched on, is new to the compositor and is set up anew. Outside the hours the screens are off.
keep_screens() {
  local are=on lit=() settled
  close_inherited
  settled=$(wlr-randr || true)
  while sleep 5 && kill -0 $$ 2>/dev/null; do
    if [[ -n $hours ]] && ! is_open; then
      [[ $are == on ]] || continue
      are=off
      mapfile -t lit < <(lit_screens)
      switch_screens --off "${lit[@]}"
      tell_televisions --standby
      continue
    fi
    if [[ $are == off ]]; then
      are=on
      switch_screens --on "${lit[@]}"
      tell_televisions --image-view-on
    fi
    [[ $(wlr-randr || true) != "$settled" ]] || continue
    set_up_screens
    settled=$(wlr-randr || true)
  done
}

# The compositor ends when nobody holds its pipe any more, so only Chromium may hold it.
close_inherited() {
  local file
  for file in /proc/"$BASHPID"/fd/*; do
    if ((${file##*/} > 2)); then eval "exec ${file##*/}>&-"; fi
  done
}

# Print the name and the place of each screen that is on.
lit_screens() {
  wlr-randr | awk '/^[^ ]/ { name = $1 } /^ *Enabled: / { lit = $2 == "yes" } /^ *Position: / && lit { print name, $2 }'
}

# The compositor forgets the place of a screen that is off.
switch_screens() {
  local to=$1 screen place=()
  for screen in "${@:2}"; do
    if [[ $to == --on ]]; then place=(--pos "${screen#* }"); fi
    wlr-randr --output "${screen% *}" "$to" "${place[@]}" || true
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
  # A desktop has a session of its own.
  if [[ $camera == usb || -z ${EMOTION_KIOSK_CAGE:-} ]]; then exec "${browser[@]}"; fi
  exec dbus-run-session -- bash -c "$(declare -f close_inherited run_with_pipewire); run_with_pipewire \"\$@\"" bash "${browser[@]}"
}

# Chromium reads a ribbon-cable camera through PipeWire and the portal, which need a session bus. If one of them ends, all
# end, and systemd starts them again.
run_with_pipewire() {
  local store=/org/freedesktop/impl/portal/PermissionStore
  local name=${store//\//.}
  (close_inherited && exec pipewire) &
  until [[ -S $XDG_RUNTIME_DIR/pipewire-0 ]] || ! kill -0 $!; do sleep 0.2; done
  (close_inherited && exec wireplumber) &
  # The portal would ask in a window of its own whether a program without a name, such as this browser, may use the camera.
  # The browser's policy has answered that. https://flatpak.github.io/xdg-desktop-portal/docs/doc-permissions.html
  dbus-send --session --print-reply --dest="${name#.}" "$store" "${name#.}.SetPermission" \
    string:devices boolean:true string:camera string: array:string:yes >/dev/null || true
  "$@" &
  wait -n || true
  kill $(jobs -p)
}

if [[ -z ${WAYLAND_DISPLAY:-} ]]; then start_cage; fi
until has_screen; do sleep 1; done
mapfile -t screen_options < <(screen_options)
set_up_screens
if [[ -n $hours ]] || ((${#screen_options[@]} > 0)); then keep_screens & fi
start_chromium
