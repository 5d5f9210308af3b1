#!/bin/bash
# Pack the kiosk into release/emotion-kiosk-VERSION.tar.gz: everything that is not a Debian package. `npm run release`
# builds the site first. The archive's sha256 lies beside it; SHA256SUMS in it lets the installer check every file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ -f dist/index.html && -f dist/kiosk/server.mjs ]] || { echo "dist/ is not built: npm run build" >&2 && exit 1; }
version=$(node -p 'require("./package.json").version')
archive=release/emotion-kiosk-$version.tar.gz
mkdir -p release
parts=(dist kiosk/{install,check,parts,start-browser,write-policy}.sh kiosk/labwc-autostart kiosk/user-data.yaml)
parts+=(kiosk/system kiosk/README.md)
parts+=(kiosk/fleet/{install.sh,README.md,schema.sql,mosquitto.conf,mosquitto.acl,mosquitto-limits.conf})
parts+=(kiosk/fleet/emotion-fleet-ingest.service kiosk/fleet/grafana)
for notice in LICENSE NOTICE; do [[ ! -e $notice ]] || parts+=("$notice"); done
wanted=(-type f ! -name '*.map' ! -name '*.d.ts')
find "${parts[@]}" "${wanted[@]}" -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >release/SHA256SUMS
# Order, owners and times are fixed, so that the same commit gives the same bytes.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
  --mode=u=rwX,go=rX --exclude='*.map' --exclude='*.d.ts' --transform='s,^release/,,;s,^,emotion-kiosk/,' \
  -cf - release/SHA256SUMS "${parts[@]}" | gzip -n -9 >"$archive"
cd release
sha256sum "${archive#*/}" | tee "${archive#*/}.sha256"
