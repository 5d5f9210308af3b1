#!/bin/bash
# Take up the files of the partition EXHIBIT, at each start: the root is read-only, so nothing of the last start is left. A
# value that is wrong is named in the log and left out; the exhibit starts in any case.
set -uo pipefail
readonly CARD=${1:-/boot/exhibit}
readonly ROOT=${2:-}
readonly KEYS=$ROOT/var/lib/private/ssh

main() {
  if [[ ! -e $CARD/emotion-kiosk.conf && ! -e $CARD/machine.conf ]]; then
    echo "$CARD holds no settings: the exhibit starts with its own." >&2
    return
  fi
  if [[ -e $CARD/emotion-kiosk.conf ]]; then plain "$CARD/emotion-kiosk.conf" >"$ROOT/etc/emotion-kiosk.conf"; fi
  set_time_zone "$(setting time_zone)"
  set_host_name "$(setting host_name)"
  set_wifi "$(setting wifi_name)" "$(setting wifi_password)" "$(setting wifi_country)"
  set_ssh "$(setting ssh_key)"
  join_fleet
}

# Windows ends lines with a carriage return and may begin a file with a mark.
plain() { sed $'1s/^\xef\xbb\xbf//; s/\r$//' "$1"; }

setting() { plain "$CARD/machine.conf" 2>/dev/null | sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" | tail -1 | sed 's/[[:space:]]*$//'; }

wrong() { echo "machine.conf: $*" >&2; }

set_time_zone() {
  if [[ -z $1 ]]; then return; fi
  if [[ $1 == *..* || ! -f $ROOT/usr/share/zoneinfo/$1 ]]; then
    wrong "time_zone is \"$1\", which is no time zone. Write one such as Europe/Berlin."
    return
  fi
  ln -sf "/usr/share/zoneinfo/$1" "$ROOT/etc/localtime"
}

set_host_name() {
  if [[ -z $1 ]]; then return; fi
  if [[ ! $1 =~ ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$ ]]; then
    wrong "host_name is \"$1\". Write small letters, digits and dashes."
    return
  fi
  echo "$1" >"$ROOT/etc/hostname"
  printf '127.0.0.1 localhost %s\n::1 localhost\n' "$1" >"$ROOT/etc/hosts"
  if [[ -z $ROOT ]]; then echo "$1" >/proc/sys/kernel/hostname; fi
}

# iwd reads a file for each network. A name with other characters than these is written in hexadecimal.
set_wifi() {
  local name=$1 password=$2 country=$3 file
  if [[ -z $name ]]; then return; fi
  file=$name
  if [[ ! $name =~ ^[A-Za-z0-9_\ -]+$ ]]; then file="=$(printf %s "$name" | od -An -v -tx1 | tr -d ' \n')"; fi
  mkdir -p "$ROOT/var/lib/iwd" "$ROOT/etc/iwd"
  if [[ -z $password ]]; then
    : >"$ROOT/var/lib/iwd/$file.open"
  elif ((${#password} >= 8 && ${#password} <= 63)); then
    (umask 077 && printf '[Security]\nPassphrase=%s\n' "${password//\\/\\\\}" >"$ROOT/var/lib/iwd/$file.psk")
  else
    wrong "wifi_password has ${#password} characters; it has 8 to 63."
  fi
  if [[ $country =~ ^[A-Z]{2}$ ]]; then printf '[General]\nCountry=%s\n' "$country" >"$ROOT/etc/iwd/main.conf"; fi
  [[ -z $country || $country =~ ^[A-Z]{2}$ ]] || wrong "wifi_country is \"$country\". Write two capital letters such as DE."
}

# The machine's own keys lie on the data partition, so that they stay the same.
set_ssh() {
  if [[ -z $1 ]]; then return; fi
  if [[ ! $1 =~ ^(ssh-|ecdsa-|sk-) ]]; then
    wrong "ssh_key does not begin like a public key: ssh-ed25519 AAAA..."
    return
  fi
  (umask 077 && mkdir -p "$ROOT/root/.ssh" && echo "$1" >"$ROOT/root/.ssh/authorized_keys")
  mkdir -p "$KEYS/etc/ssh" "$ROOT/etc/ssh/sshd_config.d"
  if [[ -n $ROOT ]]; then return; fi
  ssh-keygen -q -A -f "$KEYS" && sync -f "$KEYS"
  cp -p "$KEYS"/etc/ssh/ssh_host_* /etc/ssh/
  echo 'PasswordAuthentication no' >/etc/ssh/sshd_config.d/exhibit.conf
  systemctl --no-block start ssh.service
}

join_fleet() {
  local file
  for file in "$CARD"/*.fleet.json; do
    if [[ -e $file ]]; then install -m 600 "$file" "$ROOT/etc/emotion-kiosk-fleet.json"; fi
  done
}

main
