#!/bin/bash
# Make a disk image that is the exhibit: Debian 13, the release, a read-only root. See ../README.md, "Flash".
#
#   npm run image -- --arch amd64|arm64   writes release/emotion-kiosk-VERSION-ARCH.img.xz with its checksum and its bill
#                                         of materials; needs root and the Debian packages in TOOLS
#   --raw FILE                            writes the image without compression to FILE, and nothing else
#   --packages FILE                       keeps the installed Debian packages in FILE, and takes them from there next time
#
# IMAGE_MIRROR and IMAGE_SECURITY_MIRROR name the archives. The same commit and the same archives give the same bytes: name
# a day of snapshot.debian.org to make an image of the past.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
# shellcheck source=kiosk/parts.sh
source "$here/../parts.sh"

readonly SUITE=trixie
readonly MIRROR=${IMAGE_MIRROR:-http://deb.debian.org/debian}
readonly SECURITY_MIRROR=${IMAGE_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
readonly TOOLS=(mmdebstrap squashfs-tools dosfstools mtools fdisk e2fsprogs xz-utils debian-archive-keyring)
readonly COMMANDS=(mmdebstrap mksquashfs mkfs.vfat mcopy sfdisk mke2fs xz)

readonly MIB=$((1024 * 1024))
readonly CARD_MIB=64
readonly DATA_MIB=256
# The kernel, its initial file system, and space on the boot partition that FAT itself takes.
readonly BOOT_SPARE_MIB=16

readonly SYSTEM_PACKAGES=(
  systemd systemd-sysv systemd-resolved systemd-timesyncd systemd-boot-efi dbus udev kmod initramfs-tools zstd
  ca-certificates tzdata procps iproute2 e2fsprogs dosfstools iwd wireless-regdb openssh-server
)
# Graphics chips and Wi-Fi of mini-PCs load these at start. The kernel works without them, screens and Wi-Fi may not.
# shellcheck disable=SC2034 # read by name
readonly FIRMWARE_amd64=(firmware-intel-graphics firmware-amd-graphics firmware-iwlwifi firmware-realtek)
# shellcheck disable=SC2034 # read by name
readonly FIRMWARE_arm64=()

arch=""
raw=""
packages=""
work=""

main() {
  while (($# > 0)); do
    case $1 in
      --arch) arch=${2:-} && shift ;;
      --raw) raw=$(realpath -m "${2:-}") && shift ;;
      --packages) packages=$(realpath -m "${2:-}") && shift ;;
      *) fail "Unknown option: $1. Write: npm run image -- --arch amd64|arm64" ;;
    esac
    shift
  done
  [[ $arch == amd64 || $arch == arm64 ]] || fail "--arch is \"$arch\"; write amd64 or arm64."
  [[ $(id -u) == 0 ]] || fail "This makes a file system with many owners: run it as root."
  local command
  for command in "${COMMANDS[@]}"; do
    command -v "$command" >/dev/null || fail "$command is missing: apt-get install ${TOOLS[*]}"
  done
  runs_here || fail "Programs for $arch do not run on this machine: apt-get install qemu-user-static (Debian 13: qemu-user-binfmt)"
  cd "$repository"
  "$here/../release.sh" >/dev/null
  version=$(node -p 'require("./package.json").version')
  archive=release/emotion-kiosk-$version.tar.gz
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
  export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  make_root
  make_partitions
  if [[ -n $raw ]]; then
    join_partitions "$raw"
  else
    publish
  fi
}

# The packages' own scripts run while they are installed.
runs_here() {
  local -A machine=([amd64]=x86_64 [arm64]=aarch64)
  [[ $(uname -m) == "${machine[$arch]}" || -e /proc/sys/fs/binfmt_misc/qemu-${machine[$arch]} ]]
}

# ---------------------------------------------------------------------------------------------------------------- root

make_root() {
  packages=${packages:-$work/packages.tar}
  if [[ ! -e $packages ]]; then install_packages; fi
  mkdir "$work/root" "$work/release"
  tar -xpf "$packages" -C "$work/root" --numeric-owner
  tar -xzf "$archive" -C "$work/release" --strip-components=1
  unshare --mount "$here/customize.sh" "$work/root" "$work/release" "PARTUUID=$(id_of card)" "PARTUUID=$(id_of data)"
  settle_times
}

# Debian alone, with the kiosk's packages. The kernel's package makes the initial file system, so what belongs into it is
# there before.
install_packages() {
  local -n firmware=FIRMWARE_$arch
  local include=("${SYSTEM_PACKAGES[@]}" "linux-image-$arch" "${firmware[@]}" "${PACKAGES[@]}")
  local components="main non-free-firmware"
  mmdebstrap --mode=root --format=tar --variant=minbase --architectures="$arch" \
    --include="$(IFS=,; echo "${include[*]}")" \
    --dpkgopt=force-unsafe-io \
    --setup-hook="install -D -m 644 '$here/dpkg.conf' \"\$1/etc/dpkg/dpkg.cfg.d/exhibit\"" \
    --setup-hook="install -D -m 755 '$here/overlay-root' \"\$1/etc/initramfs-tools/scripts/init-bottom/overlay-root\"" \
    --setup-hook="install -D -m 755 '$here/initramfs-hook' \"\$1/etc/initramfs-tools/hooks/overlay-root\"" \
    --quiet "$SUITE" "$packages.part" \
    "deb $MIRROR $SUITE $components" "deb $MIRROR $SUITE-updates $components" \
    "deb $SECURITY_MIRROR $SUITE-security $components"
  mv "$packages.part" "$packages"
}

# Give files that are newer than the commit the commit's time. The font cache names its folders' times: it is made last.
settle_times() {
  clamp
  chroot "$work/root" fc-cache --really-force --system-only
  clamp
}

clamp() {
  find "$work/root" -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0r touch --no-dereference --date="@$SOURCE_DATE_EPOCH"
}

# ---------------------------------------------------------------------------------------------------------- partitions

# The same release gives the same ids, and another release others: two exhibits in one machine do not take each other's root.
id_of() {
  local hash
  hash=$(printf '%s %s %s' "$1" "$arch" "$(sha256sum <"$archive")" | sha256sum)
  echo "${hash:0:8}-${hash:8:4}-4${hash:13:3}-8${hash:17:3}-${hash:20:12}"
}

make_partitions() {
  mksquashfs "$work/root" "$work/root.squashfs" -comp zstd -Xcompression-level 3 -b 256K -noappend -no-progress \
    -no-exports -quiet >&2
  make_card
  make_boot
  make_data
}

# The partition that its owner edits on any computer. The machine only reads it.
make_card() {
  mkdir "$work/card"
  cp "$here/../system/emotion-kiosk.conf" "$here/machine.conf" "$work/card"
  sed 's/$/\r/' "$here/card-readme.txt" >"$work/card/README.txt"
  make_fat "$work/card.fat" EXHIBIT "$CARD_MIB" "$work/card"
}

make_boot() {
  local loader=$work/root/usr/lib/systemd/boot/efi
  mkdir -p "$work/boot/EFI/BOOT" "$work/boot/loader/entries"
  if [[ $arch == amd64 ]]; then cp "$loader/systemd-bootx64.efi" "$work/boot/EFI/BOOT/BOOTX64.EFI"; fi
  if [[ $arch == arm64 ]]; then cp "$loader/systemd-bootaa64.efi" "$work/boot/EFI/BOOT/BOOTAA64.EFI"; fi
  cp "$work"/root/boot/vmlinuz-* "$work/boot/vmlinuz"
  cp "$work"/root/boot/initrd.img-* "$work/boot/initrd.img"
  printf 'timeout 0\neditor no\n' >"$work/boot/loader/loader.conf"
  cat >"$work/boot/loader/entries/exhibit.conf" <<-ENTRY
	title Exhibit
	linux /vmlinuz
	initrd /initrd.img
	options root=PARTUUID=$(id_of root) rootfstype=squashfs ro quiet loglevel=3 systemd.show_status=no vt.global_cursor_default=0 fsck.repair=yes panic=10
	ENTRY
  local bytes
  bytes=$(du -sb "$work/boot" | cut -f1)
  make_fat "$work/boot.fat" BOOT $((bytes / MIB + BOOT_SPARE_MIB)) "$work/boot"
}

make_fat() {
  local file=$1 label=$2 mib=$3 folder=$4
  find "$folder" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
  truncate -s "${mib}M" "$file"
  # Invariant: the label's entry has a time, which is otherwise now.
  mkfs.vfat --invariant -F 32 -n "$label" -i "$(id_of "$label" | cut -c1-8)" "$file" >/dev/null
  # In alphabetical order, because a FAT file system keeps the order of writing.
  (cd "$folder" && LC_ALL=C ls -1) | while read -r name; do mcopy -s -m -i "$file" "$folder/$name" ::; done
}

make_data() {
  mkdir -m 700 "$work/data"
  touch --date="@$SOURCE_DATE_EPOCH" "$work/data"
  truncate -s "${DATA_MIB}M" "$work/data.ext4"
  # Before its version 1.47.1, mke2fs does not know SOURCE_DATE_EPOCH.
  E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -L kiosk-data -U "$(id_of data)" -E "hash_seed=$(id_of seed),lazy_itable_init=0,lazy_journal_init=0" \
    -d "$work/data" "$work/data.ext4"
}

# Put the partitions behind each other and the table before them.
join_partitions() {
  local disk=$1 name start=1 table="label: gpt
label-id: $(id_of disk)
"
  local -A file=([card]=card.fat [boot]=boot.fat [root]=root.squashfs [data]=data.ext4)
  local -A type=(
    [card]=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7 # basic data: other systems show it
    [boot]=C12A7328-F81F-11D2-BA4B-00A0C93EC93B # EFI system
    [root]=0FC63DAF-8483-4772-8E79-3D69D8477DE4 # Linux
    [data]=0FC63DAF-8483-4772-8E79-3D69D8477DE4
  )
  mkdir -p "${disk%/*}"
  rm -f "$disk"
  for name in card boot root data; do
    local bytes
    bytes=$(stat -c %s "$work/${file[$name]}")
    local mib=$(((bytes + MIB - 1) / MIB))
    table+="start=$((start * 2048)), size=$((mib * 2048)), type=${type[$name]}, uuid=$(id_of "$name"), name=kiosk-$name
"
    dd if="$work/${file[$name]}" of="$disk" bs=1M seek="$start" conv=notrunc,sparse status=none
    start=$((start + mib))
  done
  truncate -s "$((start + 1))M" "$disk"
  sfdisk --quiet "$disk" <<<"$table"
}

publish() {
  local name=emotion-kiosk-$version-$arch
  join_partitions "$work/$name.img"
  xz --threads=0 --block-size=64MiB -1 --stdout "$work/$name.img" >"release/$name.img.xz"
  write_materials "$name" >"release/$name.img.cdx.json"
  (cd release && sha256sum "$name.img.xz" | tee "$name.img.xz.sha256")
}

# The bill of materials: each Debian package of the image. That of the exhibit's own parts is the release's.
write_materials() {
  local separator=""
  printf '{\n  "bomFormat": "CycloneDX",\n  "specVersion": "1.6",\n  "version": 1,\n'
  printf '  "metadata": { "timestamp": "%s", "component": { "type": "operating-system", "name": "%s", "version": "%s" } },\n' \
    "$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)" "emotion-kiosk-image-$arch" "$version"
  printf '  "components": ['
  while read -r package packageVersion packageArch; do
    local escaped=${packageVersion//+/%2B}
    escaped=${escaped//:/%3A}
    printf '%s\n    { "type": "library", "name": "%s", "version": "%s", "purl": "pkg:deb/debian/%s@%s?arch=%s&distro=debian-13" }' \
      "$separator" "$package" "$packageVersion" "${package//+/%2B}" "$escaped" "$packageArch"
    separator=,
  done < <(dpkg-query --admindir="$work/root/var/lib/dpkg" -W -f '${Package} ${Version} ${Architecture}\n')
  printf '\n  ]\n}\n'
}

# A test sources this file for its functions.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
