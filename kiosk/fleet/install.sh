#!/bin/bash
# Makes this machine the centre of a fleet of kiosks: Debian 12 or 13, with apt's Mosquitto and PostgreSQL.
#
#   sudo ./install.sh --name HOST           install, or update what is installed; kiosks reach it as HOST
#   sudo ./install.sh --add-kiosk NAME      make a certificate, and NAME.fleet.json for the kiosk's installer
#        [--site SITE] [--home-assistant]   its site on the dashboards; tell Home Assistant of it
#   sudo ./install.sh --add-operator        make the certificate by which settings are sent and Home Assistant reads
#   sudo ./install.sh --revoke NAME         shut a kiosk out: it was stolen, or is retired
#   sudo ./install.sh --backup FILE         write the database and the certificates into FILE
#   sudo ./install.sh --restore FILE        bring both back; the kiosks send again what came after
#   sudo ./install.sh --check               say what is wrong, and what to do about it
#   sudo ./install.sh --uninstall           take everything away again, but for packages and the database
#   sudo ./install.sh --dry-run …           say what would be done
set -euo pipefail

readonly TARGET=/opt/emotion-fleet
readonly CONFIG=/etc/emotion-fleet
readonly TLS=$CONFIG/tls
readonly CA=$CONFIG/ca
readonly BROKER=/etc/mosquitto/conf.d/emotion-fleet.conf
readonly LIMITS=/etc/systemd/system/mosquitto.service.d/emotion-fleet.conf
readonly INGEST=emotion-fleet-ingest.service
readonly PORT=8883
readonly PACKAGES=(mosquitto postgresql nodejs openssl)
# A kiosk stands for years; the dashboard warns a month before.
readonly CA_DAYS=7300
readonly DAYS=1825
readonly FLEET_USER=emotion-fleet

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dry_run=false
home_assistant=false
host=""
site=""
name=""
file=""
action=install

main() {
  while (($# > 0)); do
    case $1 in
      --dry-run) dry_run=true ;;
      --name) host=$(value "$@") && shift ;;
      --site) site=$(value "$@") && shift ;;
      --home-assistant) home_assistant=true ;;
      --add-kiosk | --revoke) action=${1#--} && name=$(value "$@") && shift ;;
      --backup | --restore) action=${1#--} && file=$(value "$@") && shift ;;
      --add-operator | --check | --uninstall) action=${1#--} ;;
      -h | --help) usage && exit 0 ;;
      *) usage >&2 && fail "There is no option $1." ;;
    esac
    shift
  done
  if [[ $(id -u) != 0 ]] && ! $dry_run; then fail "This needs to be root: sudo $0"; fi
  case $action in
    install) install_fleet ;;
    add-kiosk) add_kiosk ;;
    add-operator) add_operator ;;
    revoke) revoke ;;
    backup) back_up ;;
    restore) restore ;;
    check) check_fleet ;;
    uninstall) uninstall_fleet ;;
  esac
}

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

fail() {
  echo "$*" >&2
  exit 1
}

value() {
  [[ $# -gt 1 && $2 != --* ]] || fail "$1 wants a value."
  printf '%s' "$2"
}

# Runs a command, or only says it.
run() {
  if $dry_run; then echo "would run: $*"; else "$@"; fi
}

is_booted() { [[ -d /run/systemd/system ]]; }

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# ------------------------------------------------------------------------------------------------------------ install

install_fleet() {
  command -v apt-get >/dev/null || fail "This installer knows Debian; here there is no apt-get."
  [[ -n $host || -f $CONFIG/host ]] || fail "By which name or address do the kiosks reach this machine? $0 --name HOST"
  [[ -z $host || $host =~ ^[A-Za-z0-9.:-]{1,253}$ ]] || fail "--name $host is neither a host's name nor an address."
  [[ -f $(program) ]] || fail "ingest.mjs lies neither beside this script nor in dist/. In a checkout run: npm ci && npm run build"
  install_packages
  if ! getent passwd $FLEET_USER >/dev/null; then
    echo "user: $FLEET_USER"
    run useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin $FLEET_USER
  fi
  make_authority
  install_files
  install_database
  install_broker
  install_grafana
  if $dry_run; then return; fi
  if is_booted; then
    systemctl daemon-reload
    systemctl enable --quiet mosquitto "$INGEST"
    systemctl restart mosquitto "$INGEST"
  fi
  echo
  echo "Done. The next step, for each kiosk: sudo $TARGET/install.sh --add-kiosk NAME --site SITE"
  echo "What is wrong, if anything: sudo $TARGET/install.sh --check"
}

# The built program lies beside this script in a release, and in dist/ in a checkout.
program() {
  local built=$here/ingest.mjs
  [[ -f $built ]] || built=$here/../../dist/kiosk/fleet/ingest.mjs
  printf '%s' "$built"
}

install_packages() {
  local package missing=()
  for package in "${PACKAGES[@]}"; do is_installed "$package" || missing+=("$package"); done
  ((${#missing[@]} > 0)) || return 0
  echo "packages: ${missing[*]}"
  run apt-get update -q
  run env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  run mkdir -p "$TARGET"
  if ! $dry_run; then printf '%s\n' "${missing[@]}" >>"$TARGET/packages"; fi
}

# Puts a file in its place, and says so only where it changes.
install_file() {
  local source=$1 target=$2 mode=${3:-644}
  if cmp -s "$source" "$target" && [[ $(stat -c %a "$target") == "$mode" ]]; then return; fi
  echo "file: $target"
  run install -D -m "$mode" "$source" "$target"
}

install_files() {
  local path
  # A copy that installs itself anew keeps what it has.
  if [[ $here -ef $TARGET ]]; then return; fi
  install_file "$(program)" "$TARGET/ingest.mjs"
  install_file "$here/install.sh" "$TARGET/install.sh" 755
  for path in README.md schema.sql mosquitto.conf mosquitto.acl mosquitto-limits.conf "$INGEST"; do
    install_file "$here/$path" "$TARGET/$path"
  done
  for path in datasource.yaml dashboards.yaml dashboards/fleet.json dashboards/kiosk.json; do
    install_file "$here/grafana/$path" "$TARGET/grafana/$path"
  done
}

# ------------------------------------------------------------------------------------------------------- certificates

# A certificate authority of this fleet alone. Its key stays on this machine; whoever has it can make kiosks.
make_authority() {
  if $dry_run; then
    [[ -f $CA/ca.pem ]] || echo "would make a certificate authority in $CA"
    return
  fi
  install -d -m 700 "$CA" "$CA/issued"
  install -d -m 755 "$CONFIG" "$TLS"
  if [[ ! -f $CA/ca.pem ]]; then
    echo "certificate authority: $CA"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $CA_DAYS -subj "/CN=Emotion fleet" \
      -keyout "$CA/ca.key" -out "$CA/ca.pem" -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
    chmod 600 "$CA/ca.key"
    : >"$CA/index.txt"
    echo 1000 >"$CA/serial"
    echo 1000 >"$CA/crlnumber"
  fi
  write_authority_settings
  [[ -z $host ]] || echo "$host" >"$CONFIG/host"
  host=$(<"$CONFIG/host")
  if [[ ! -f $TLS/broker.pem || $(<"$TLS/host") != "$host" ]]; then
    local alternative=DNS:$host
    [[ ! $host =~ ^[0-9.]+$|: ]] || alternative=IP:$host
    issue broker "$TLS/broker" "subjectAltName=$alternative,DNS:localhost,IP:127.0.0.1" serverAuth
    echo "$host" >"$TLS/host"
  fi
  [[ -f $TLS/ingest.pem ]] || issue ingest "$TLS/ingest" "subjectAltName=DNS:ingest" clientAuth
  install -m 644 "$CA/ca.pem" "$TLS/ca.pem"
  write_revoked
  ! getent group mosquitto >/dev/null || chgrp mosquitto "$TLS/broker.key"
  chmod 640 "$TLS/broker.key"
}

write_authority_settings() {
  cat >"$CA/openssl.cnf" <<END
[ca]
default_ca = fleet
[fleet]
dir = $CA
database = $CA/index.txt
serial = $CA/serial
crlnumber = $CA/crlnumber
new_certs_dir = $CA/issued
certificate = $CA/ca.pem
private_key = $CA/ca.key
default_md = sha256
default_days = $DAYS
default_crl_days = $CA_DAYS
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
END
}

# issue COMMON_NAME PATH ALTERNATIVE_NAMES USAGE: makes PATH.key and PATH.pem.
issue() {
  local common=$1 path=$2 alternative=$3 usage=$4
  echo "certificate: $path.pem"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$common" -keyout "$path.key" \
    -out "$path.csr" 2>/dev/null
  chmod 600 "$path.key"
  openssl ca -batch -notext -config "$CA/openssl.cnf" -in "$path.csr" -out "$path.pem" -extfile <(
    printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n'
    printf 'extendedKeyUsage=%s\n%s\n' "$usage" "$alternative"
  ) 2>/dev/null
  rm "$path.csr"
}

write_revoked() {
  openssl ca -config "$CA/openssl.cnf" -gencrl -out "$TLS/revoked.pem" 2>/dev/null
  chmod 644 "$TLS/revoked.pem"
}

# Files for whoever called sudo, and for nobody else.
hand_over() { [[ -z ${SUDO_UID:-} ]] || chown "$SUDO_UID:$SUDO_GID" "$@"; }

require_name() {
  [[ $name =~ ^[a-z0-9][a-z0-9-]{0,39}$ ]] ||
    fail "\"$name\" cannot be a kiosk's name: small letters, digits and hyphens, 40 at most, as in lobby-1."
  [[ ! $name =~ ^(broker|ingest|operator)$ ]] || fail "\"$name\" is taken by the fleet itself. Choose another."
}

add_kiosk() {
  require_name
  [[ $site != *[\'\\]* && ${#site} -le 80 ]] || fail "--site $site: at most 80 characters, no quotes."
  if $dry_run; then
    echo "would make a certificate for $name, and $name.fleet.json here"
    return
  fi
  [[ -f $CA/ca.pem ]] || fail "No fleet is installed here. Install: sudo $0 --name HOST"
  local path work
  path=$PWD/$name.fleet.json
  ! is_valid_name "$name" || fail "$name has a certificate already. Shut it out before you make another: $0 --revoke $name"
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # now, while it has its value
  trap "rm -rf '$work'" EXIT
  issue "$name" "$work/kiosk" "subjectAltName=DNS:$name" clientAuth >/dev/null
  (umask 077 && membership "$work" >"$path")
  hand_over "$path"
  sql "INSERT INTO emotion.kiosks (name, site) VALUES ('$name', '$site')
    ON CONFLICT (name) DO UPDATE SET site = excluded.site, retired = false"
  sql "INSERT INTO emotion.health (kiosk) SELECT id FROM emotion.kiosks WHERE name = '$name' ON CONFLICT DO NOTHING"
  echo "file: $path"
  echo "Bring it to the kiosk (it holds the kiosk's key; do not mail it) and run there:"
  echo "  sudo /opt/emotion-kiosk/kiosk/install.sh --fleet $name.fleet.json"
}

membership() {
  # shellcheck disable=SC2016 # JavaScript's, not the shell's
  /usr/bin/env node -e '
    const { readFileSync } = require("node:fs");
    const [work, ca, kiosk, host, port, homeAssistant] = process.argv.slice(1);
    const broker = `mqtts://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const read = (path) => readFileSync(path, "utf8");
    const file = { v: 1, kiosk, broker, ca: read(ca), certificate: read(`${work}/kiosk.pem`), key: read(`${work}/kiosk.key`) };
    console.log(JSON.stringify({ ...file, homeAssistant: homeAssistant === "true" }, null, 2));
  ' "$1" "$CA/ca.pem" "$name" "$(<"$CONFIG/host")" "$PORT" "$home_assistant"
}

add_operator() {
  if $dry_run; then
    echo "would make operator.pem and operator.key here"
    return
  fi
  [[ -f $CA/ca.pem ]] || fail "No fleet is installed here. Install: sudo $0 --name HOST"
  issue operator "$PWD/operator" "subjectAltName=DNS:operator" clientAuth
  cp "$CA/ca.pem" "$PWD/ca.pem"
  hand_over "$PWD/operator.pem" "$PWD/operator.key" "$PWD/ca.pem"
  echo "Settings are sent with (apt-get install mosquitto-clients): mosquitto_pub --cafile ca.pem --cert operator.pem --key operator.key -h $(<"$CONFIG/host") \\"
  echo "  -p $PORT -q 1 -t emotion/v1/NAME/config/set -m '{\"hours\":\"09:00-18:00\"}'"
}

# Each line of the list: V or R, …, serial, …, /CN=NAME
is_valid_name() { grep -qE "^V.*/CN=$1\$" "$CA/index.txt"; }

revoke() {
  require_name
  if $dry_run; then
    echo "would revoke $name and restart the broker"
    return
  fi
  is_valid_name "$name" || fail "There is no valid certificate of $name."
  local serial
  while read -r serial; do
    openssl ca -config "$CA/openssl.cnf" -revoke "$CA/issued/$serial.pem" 2>/dev/null
  done < <(awk -v name="/CN=$name" '$1 == "V" && $NF == name { print $(NF - 2) }' "$CA/index.txt")
  write_revoked
  # The broker reads its list when it starts, and lets nobody stay who is on it.
  if is_booted; then systemctl restart mosquitto; fi
  sql "UPDATE emotion.kiosks SET retired = true WHERE name = '$name'"
  echo "$name is shut out. Its history stays."
}

# ------------------------------------------------------------------------------------------------ database and broker

# As PostgreSQL's own user, in the fleet's database.
sql() { runuser -u postgres -- psql -X -q -v ON_ERROR_STOP=1 -d "${2:-emotion}" -c "$1"; }

install_database() {
  if $dry_run; then
    echo "would make the database \"emotion\", or bring its schema up to date"
    return
  fi
  if is_booted; then systemctl start postgresql; fi
  local ends=$((SECONDS + 30))
  until runuser -u postgres -- psql -X -q -c '' >/dev/null 2>&1; do
    ((SECONDS < ends)) || fail "PostgreSQL does not answer: systemctl status postgresql"
    sleep 1
  done
  local role
  for role in $FLEET_USER grafana; do
    [[ -n $(runuser -u postgres -- psql -X -At -c "SELECT 1 FROM pg_roles WHERE rolname = '$role'") ]] ||
      sql "CREATE ROLE \"$role\" LOGIN" postgres
  done
  if [[ -z $(runuser -u postgres -- psql -X -At -c "SELECT 1 FROM pg_database WHERE datname = 'emotion'") ]]; then
    echo "database: emotion"
    runuser -u postgres -- createdb --encoding=UTF8 --template=template0 --owner=$FLEET_USER emotion
  fi
  # As the owner, who may make partitions later.
  runuser -u $FLEET_USER -- psql -X -q -v ON_ERROR_STOP=1 -d emotion <"$TARGET/schema.sql" >/dev/null
  sql "GRANT USAGE ON SCHEMA emotion TO grafana; GRANT SELECT ON ALL TABLES IN SCHEMA emotion TO grafana;
    ALTER DEFAULT PRIVILEGES FOR ROLE \"$FLEET_USER\" IN SCHEMA emotion GRANT SELECT ON TABLES TO grafana"
}

install_broker() {
  if $dry_run; then
    echo "would write $BROKER and $LIMITS"
    return
  fi
  sed -e "s,@PORT@ @ADDRESS@,$PORT,;s,@TLS@,$TLS,;s,@ACL@,$CONFIG/acl,;s,@DATA@,/var/lib/mosquitto," \
    -e '/^persistence/d' "$TARGET/mosquitto.conf" >"$CONFIG/broker.conf"
  install_file "$CONFIG/broker.conf" "$BROKER"
  # Mosquitto wants it to be its own.
  install -o mosquitto -g mosquitto -m 600 "$TARGET/mosquitto.acl" "$CONFIG/acl"
  install_file "$TARGET/mosquitto-limits.conf" "$LIMITS"
  install_file "$TARGET/$INGEST" "/etc/systemd/system/$INGEST"
}

# Grafana is not in Debian: where the owner has installed it, it finds our files.
install_grafana() {
  if [[ ! -d /etc/grafana/provisioning ]]; then
    echo "Grafana is not installed here (it is not in Debian: https://grafana.com/docs/grafana/latest/setup-grafana/installation/debian/)."
    echo "Install it on this machine, then run this again: it finds its dashboards."
    return
  fi
  install_file "$here/grafana/datasource.yaml" /etc/grafana/provisioning/datasources/emotion-fleet.yaml
  install_file "$here/grafana/dashboards.yaml" /etc/grafana/provisioning/dashboards/emotion-fleet.yaml
  if is_booted; then run systemctl try-restart grafana-server; fi
}

# --------------------------------------------------------------------------------------------------- backup, restore

back_up() {
  if $dry_run; then
    echo "would write the database and $CONFIG into $file"
    return
  fi
  local work
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # now, while it has its value
  trap "rm -rf '$work'" EXIT
  runuser -u postgres -- pg_dump --format=custom --dbname=emotion >"$work/emotion.dump"
  (umask 077 && tar -czf "$file.new" -C / "${CONFIG#/}" -C "$work" emotion.dump)
  mv "$file.new" "$file"
  echo "file: $file (it holds the authority's key: keep it as you keep that)"
}

restore() {
  [[ -f $file ]] || fail "There is no $file."
  if $dry_run; then
    echo "would replace the database and $CONFIG by those of $file"
    return
  fi
  local work
  work=$(mktemp -d)
  # shellcheck disable=SC2064 # now, while it has its value
  trap "rm -rf '$work'" EXIT
  tar -xzf "$file" -C "$work"
  if is_booted; then systemctl stop "$INGEST"; fi
  cp -a "$work/etc/emotion-fleet/." "$CONFIG/"
  runuser -u postgres -- dropdb --if-exists --force emotion
  runuser -u postgres -- createdb --encoding=UTF8 --template=template0 --owner=$FLEET_USER emotion
  runuser -u postgres -- pg_restore --dbname=emotion --single-transaction <"$work/emotion.dump"
  if is_booted; then systemctl restart mosquitto "$INGEST"; fi
  echo "Restored. The kiosks hear how far this is within five minutes, and send what came after."
}

# ---------------------------------------------------------------------------------------------- check and uninstall

problems=0

# Prints a finding: what is so, or what is not and what to do about it.
good() { echo "ok     $*"; }
bad() {
  echo "WRONG  $*"
  problems=$((problems + 1))
}

check_fleet() {
  [[ -f $CA/ca.pem ]] || fail "No fleet is installed here (no $CA/ca.pem). Install: sudo $0 --name HOST"
  local package unit days
  for package in "${PACKAGES[@]}"; do
    is_installed "$package" || bad "The package $package is missing: sudo apt-get install $package"
  done
  for unit in mosquitto postgresql "$INGEST"; do
    if systemctl is-active --quiet "$unit" 2>/dev/null; then good "$unit runs"; else bad "$unit does not run: journalctl -b -u $unit"; fi
  done
  for name in ca broker ingest; do
    days=$((($(date -d "$(openssl x509 -enddate -noout -in "$TLS/$name.pem" | cut -d= -f2)" +%s) - $(date +%s)) / 86400))
    if ((days > 30)); then good "certificate $name: $days days"; else bad "The certificate $name expires in $days days: remove $TLS/$name.pem and install again"; fi
  done
  if openssl s_client -connect "localhost:$PORT" -CAfile "$TLS/ca.pem" -cert "$TLS/ingest.pem" -key "$TLS/ingest.key" \
    -verify_return_error </dev/null >/dev/null 2>&1; then
    good "the broker answers on port $PORT"
  else
    bad "The broker does not answer on port $PORT: journalctl -b -u mosquitto"
  fi
  local words
  if words=$(runuser -u postgres -- psql -X -At -d emotion -c "SELECT count(*) FILTER (WHERE online) || ' of ' || count(*)
    || ' kiosks online, ' || count(problem) || ' with a problem' FROM emotion.kiosks_now" 2>/dev/null); then
    good "$words"
  else
    bad "The database does not answer: sudo $0 makes it"
  fi
  if ((problems == 0)); then echo "All is well."; else fail "$problems found."; fi
}

remove() {
  if [[ ! -e $1 ]]; then return; fi
  echo "removed: $1"
  run rm -rf "$1"
}

uninstall_fleet() {
  local packages=""
  if [[ -e $TARGET/packages ]]; then packages=$(paste -sd' ' "$TARGET/packages"); fi
  if is_booted; then run systemctl disable --quiet --now "$INGEST" 2>/dev/null || true; fi
  for path in "/etc/systemd/system/$INGEST" "$LIMITS" "$BROKER" "$CONFIG" "$TARGET" \
    /etc/grafana/provisioning/datasources/emotion-fleet.yaml /etc/grafana/provisioning/dashboards/emotion-fleet.yaml; do
    remove "$path"
  done
  if getent passwd $FLEET_USER >/dev/null; then run userdel $FLEET_USER; fi
  if is_booted; then
    run systemctl daemon-reload
    run systemctl try-restart mosquitto
  fi
  if $dry_run; then return; fi
  echo "Gone. The database stays; to remove it too: sudo -u postgres dropdb emotion"
  if [[ -n $packages ]]; then
    echo "These packages came with it and stay; where nothing else uses them: sudo apt-get autoremove $packages"
  fi
}

main "$@"
