#!/bin/bash
# Packs the kiosk into release/emotion-kiosk-VERSION.tar.gz: everything that is not a Debian package. The site is built
# before: npm run release. Beside it lies its sha256; in it lies SHA256SUMS, which the installer holds every file against.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ -f dist/index.html && -f dist/kiosk/server.mjs ]] || { echo "dist/ is not built: npm run build" >&2 && exit 1; }
version=$(node -p 'require("./package.json").version')
archive=release/emotion-kiosk-$version.tar.gz
mkdir -p release
parts=(dist kiosk/install.sh kiosk/start-browser.sh kiosk/write-policy.sh kiosk/labwc-autostart kiosk/user-data.yaml)
parts+=(kiosk/system kiosk/README.md)
for notice in LICENSE NOTICE; do [[ ! -e $notice ]] || parts+=("$notice"); done
wanted=(-type f ! -name '*.map' ! -name '*.d.ts')
find "${parts[@]}" "${wanted[@]}" -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >release/SHA256SUMS
# The same commit gives the same bytes.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
  --mode=u=rwX,go=rX --exclude='*.map' --exclude='*.d.ts' --transform='s,^release/,,;s,^,emotion-kiosk/,' \
  -cf - release/SHA256SUMS "${parts[@]}" | gzip -n -9 >"$archive"
cd release
sha256sum "${archive#*/}" | tee "${archive#*/}.sha256"
