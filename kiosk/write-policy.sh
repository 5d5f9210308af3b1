#!/bin/sh
# Write Chromium's managed policy from the settings, if it changes. Runs as root before the browser starts.
set -eu
policy=/etc/chromium/policies/managed/emotion-kiosk.json
wanted=$(/usr/bin/node /opt/emotion-kiosk/site/kiosk/server.mjs --settings /etc/emotion-kiosk.conf --policy)
[ "$wanted" != "$(cat "$policy" 2>/dev/null || true)" ] || exit 0
mkdir -p "${policy%/*}"
printf '%s\n' "$wanted" >"$policy.new"
chmod 644 "$policy.new"
sync "$policy.new"
mv "$policy.new" "$policy"
echo "file: $policy"
