#!/bin/bash
# Make an exhibit of a root folder with Debian and the kiosk's packages: the release's own installer runs in it. Run in a
# mount namespace of its own by build.sh, and by mmdebstrap for rpi/.
#
#   customize.sh ROOT RELEASE CARD DATA    CARD and DATA are the partitions that the exhibit mounts, as fstab names them
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$1

customize() {
  local release=$1 card=$2 data=$3 unit
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
  mountpoint -q "$root/dev" || mount --rbind /dev "$root/dev"
  cp -r --no-preserve=ownership "$release" "$root/mnt/release"
  chroot "$root" /mnt/release/kiosk/install.sh >&2
  rm -rf "$root/mnt/release"
  install -D -m 755 "$here/read-card.sh" "$root/usr/local/lib/emotion-kiosk/read-card.sh"
  install -D -m 644 "$here/emotion-kiosk-card.service" "$root/etc/systemd/system/emotion-kiosk-card.service"
  install -D -m 644 "$here/any.network" "$root/etc/systemd/network/80-any.network"
  sed "s/^CARD/$card/; s/^DATA/$data/" "$here/fstab" >"$root/etc/fstab"
  mkdir -p "$root/boot/exhibit"
  # iwd's rules for the system's bus name it, and the bus complains at each start where it is missing.
  chroot "$root" groupadd --system --force netdev
  chroot "$root" systemctl enable --quiet emotion-kiosk-card.service systemd-networkd.service systemd-timesyncd.service iwd.service
  # The system is never updated in place, and nobody logs in unless the card holds a key.
  for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer ssh.service ssh.socket getty@tty1.service; do
    chroot "$root" systemctl disable --quiet "$unit" 2>/dev/null || true
  done
  rm -f "$root"/etc/ssh/ssh_host_*
  ln -sf /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  echo emotion-kiosk >"$root/etc/hostname"
  printf '127.0.0.1 localhost emotion-kiosk\n::1 localhost\n' >"$root/etc/hosts"
  # Empty, and not "uninitialized": a first boot would ask questions.
  : >"$root/etc/machine-id"
  # Else systemd rebuilds its caches at each start, as after an update.
  touch "$root/etc/.updated" "$root/var/.updated"
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/* "$root"/var/lib/dbus/machine-id
  rm -f "$root"/var/lib/dpkg/*-old "$root"/etc/*- "$root"/var/lib/systemd/random-seed
  rm -rf "$root"/var/cache/debconf/*-old
}

customize "${@:2}"
