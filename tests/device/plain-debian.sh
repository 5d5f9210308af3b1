#!/bin/bash
# Make a disk with a plain Debian 13 that waits for cloud-init's user-data on its partition /boot/firmware, as Raspberry Pi OS
# does: no package of the kiosk is on it.
#
#   plain-debian.sh FILE      needs root; IMAGE_MIRROR and IMAGE_SECURITY_MIRROR name the archives
set -euo pipefail

readonly SUITE=trixie
readonly MIRROR=${IMAGE_MIRROR:-http://deb.debian.org/debian}
readonly SECURITY_MIRROR=${IMAGE_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
readonly BOOT_MIB=512
readonly ROOT_MIB=6144
# What Debian's image for clouds has, as far as it matters here; Raspberry Pi OS has the keyboard's packages, too.
readonly PACKAGES=(
  linux-image-amd64 systemd systemd-sysv systemd-boot-efi systemd-resolved systemd-timesyncd dbus udev kmod initramfs-tools zstd
  cloud-init netplan.io openssh-server sudo keyboard-configuration console-setup
  ca-certificates tzdata procps iproute2 e2fsprogs dosfstools less busybox
)

disk=$1
work=$(mktemp -d)
# A run that is ended leaves mounts behind.
trap 'rm -rf --one-file-system "$work"' EXIT
export TZ=UTC LC_ALL=C

make_root() {
  mmdebstrap --mode=root --format=directory --variant=minbase --architectures=amd64 \
    --include="$(IFS=,; echo "${PACKAGES[*]}")" --components=main,non-free-firmware --dpkgopt=force-unsafe-io --quiet \
    "$SUITE" "$work/root" \
    "deb $MIRROR $SUITE main" "deb $MIRROR $SUITE-updates main" "deb $SECURITY_MIRROR $SUITE-security main"
  local root=$work/root
  # mmdebstrap keeps this option for itself; the installer works with Debian's own.
  rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/apt/apt.conf.d/99mmdebstrap"
  rm -f "$root"/etc/ssh/ssh_host_*
  mkdir -p "$root/boot/firmware"
  printf '/dev/vda2 / ext4 defaults,noatime 0 1\n/dev/vda1 /boot/firmware vfat defaults 0 2\n' >"$root/etc/fstab"
  # As on Raspberry Pi OS: https://github.com/RPi-Distro/rpi-cloud-init-mods
  printf 'datasource_list: [NoCloud, None]\ndatasource:\n  NoCloud:\n    seedfrom: file:///boot/firmware\n' \
    >"$root/etc/cloud/cloud.cfg.d/99_firmware.cfg"
  mkdir -p "$root/etc/systemd/system/cloud-init-local.service.d"
  printf '[Unit]\nRequiresMountsFor=/boot/firmware\n' >"$root/etc/systemd/system/cloud-init-local.service.d/firmware.conf"
  chroot "$root" systemctl enable --quiet systemd-networkd.service 2>/dev/null
  ln -sf /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  # The test's proxy for Debian's archive, where the test names one.
  printf '#!/bin/sh\ncat /boot/firmware/archive 2>/dev/null || echo DIRECT\n' >"$root/usr/local/bin/archive"
  chmod 755 "$root/usr/local/bin/archive"
  echo 'Acquire::http::Proxy-Auto-Detect "/usr/local/bin/archive";' >"$root/etc/apt/apt.conf.d/90archive"
  echo debian >"$root/etc/hostname"
  # Empty, and not "uninitialized": a first boot would ask questions.
  : >"$root/etc/machine-id"
}

make_boot() {
  local boot=$work/boot
  mkdir -p "$boot/EFI/BOOT" "$boot/loader/entries"
  cp "$work/root/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$boot/EFI/BOOT/BOOTX64.EFI"
  cp "$work"/root/boot/vmlinuz-* "$boot/vmlinuz"
  cp "$work"/root/boot/initrd.img-* "$boot/initrd.img"
  printf 'timeout 0\n' >"$boot/loader/loader.conf"
  printf 'title Debian\nlinux /vmlinuz\ninitrd /initrd.img\noptions root=/dev/vda2 rw quiet loglevel=3 fsck.repair=yes\n' \
    >"$boot/loader/entries/debian.conf"
  truncate -s "${BOOT_MIB}M" "$work/boot.fat"
  mkfs.vfat -F 32 -n FIRMWARE "$work/boot.fat" >/dev/null
  mcopy -s -i "$work/boot.fat" "$boot"/* ::
}

join_partitions() {
  local part=$disk.part
  truncate -s "${ROOT_MIB}M" "$work/root.ext4"
  mke2fs -q -t ext4 -L root -d "$work/root" "$work/root.ext4"
  rm -f "$part"
  truncate -s "$((BOOT_MIB + ROOT_MIB + 2))M" "$part"
  sfdisk --quiet "$part" <<-TABLE
	label: gpt
	start=2048, size=$((BOOT_MIB * 2048)), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
	start=$(((BOOT_MIB + 1) * 2048)), size=$((ROOT_MIB * 2048)), type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
	TABLE
  dd if="$work/boot.fat" of="$part" bs=1M seek=1 conv=notrunc,sparse status=none
  dd if="$work/root.ext4" of="$part" bs=1M seek=$((BOOT_MIB + 1)) conv=notrunc,sparse status=none
  mv "$part" "$disk"
}

make_root
make_boot
join_partitions
