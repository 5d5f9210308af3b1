#!/bin/bash
# Cut the power while the installer works, at each of its steps, and judge what a machine would find afterwards.
#
#   power-cut.sh OLD NEW    two folders with kiosk/ and dist/, the releases that are installed one after the other
#
# The installer writes to a file system in an image file. A copy of the image at any moment is what a power cut at that
# moment leaves. The worst moment is just after the file system has written its journal and before it has written the
# files' data: another program's fsync brings it about. Each copy is mounted,
# which replays its journal, and must hold the old installation or the new one, whole. Prints "ok" or "FAILED" for each
# phase. Run it as root in a mount namespace of its own: unshare --mount power-cut.sh OLD NEW.
set -euo pipefail

readonly IMAGE_BYTES=16M
# The installer's commands that get a power cut before them.
readonly WRITING='^(cp|mv|rm|sync|if perl|run (sync|mv))'
# shellcheck disable=SC2034 # read by name
readonly OLD_RELEASE=$1 NEW_RELEASE=$2
readonly INSTALLED=opt/emotion-kiosk
# In memory: a busy disk makes each of the many fsyncs take seconds.
work=$(mktemp -d -p /dev/shm)
cuts=0
last=""
losses=""
# The states that a cut may leave: some of "none", "OLD_RELEASE" and "NEW_RELEASE".
allowed=""

clean_up() {
  trap - DEBUG
  umount /etc /opt "$work/disk" 2>/dev/null || true
  rm -rf "$work"
}

make_disk() {
  mkdir "$work/disk" "$work/copy"
  truncate -s "$IMAGE_BYTES" "$work/image"
  mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "$work/image"
  mount -o loop "$work/image" "$work/disk"
  mkdir "$work/disk/opt" "$work/disk/etc"
  for name in passwd group nsswitch.conf ld.so.cache alternatives; do cp -a "/etc/$name" "$work/disk/etc"; done
  sync -f "$work/disk"
  mount --bind "$work/disk/opt" /opt
  mount --bind "$work/disk/etc" /etc
}

# Cut the power now, just after the journal is written.
power_cut() {
  # The trap runs twice before a function.
  if [[ $1 == "$last" ]]; then return; fi
  last=$1
  : >"$work/disk/other"
  sync "$work/disk/other"
  rm "$work/disk/other"
  judge "$1"
}

judge() {
  local found
  cuts=$((cuts + 1))
  # The kernel may write while the image is copied: only a copy that is equal afterwards is one moment's.
  for _ in {1..20}; do
    cp --sparse=always "$work/image" "$work/cut"
    if cmp -s "$work/image" "$work/cut"; then break; fi
  done
  mount -o loop "$work/cut" "$work/copy"
  found=$(release_in "$work/copy")
  umount "$work/copy"
  [[ " $allowed " == *" $found "* ]] || losses+="  $1: $found"$'\n'
}

# Print which release a disk holds, or what is wrong with it.
release_in() {
  local target=$1/$INSTALLED candidate
  if [[ ! -e $target/site && ! -e $target/SHA256SUMS ]]; then
    echo none
    return
  fi
  for candidate in OLD_RELEASE NEW_RELEASE; do
    diff -rq "${!candidate}/dist" "$target/site" >/dev/null 2>&1 || continue
    (cd "$target" && sha256sum --check --strict --quiet SHA256SUMS >/dev/null 2>&1) || continue
    echo "$candidate"
    return
  done
  echo "not whole, $(find "$target" -type f -size 0 2>/dev/null | wc -l) of $(find "$target" -type f 2>/dev/null | wc -l) files empty"
}

# Print the system's files that a disk lacks or holds otherwise than a release.
differing_files() {
  local entry
  for entry in "${SYSTEM_FILES[@]}" "emotion-kiosk.conf $SETTINGS"; do
    cmp -s "$2/kiosk/system/${entry% *}" "$1/${entry#* }" || echo "${entry#* }"
  done
}

# Install a release, with a power cut before each of the installer's steps and one after its last.
install_release() {
  local phase=$1 release=$2 differing
  allowed="$3 $2"
  # The file finds its folder by its own name, which a pipe does not have.
  # shellcheck disable=SC1090 # the installer, by way of a pipe
  source <(sed "s|^here=.*|here=${!release}/kiosk|" "${!release}/kiosk/install.sh")
  set -o functrace
  # Not in the installer's subshells and pipes, which would cut at the same time.
  trap 'if ((BASH_SUBSHELL == 1)) && [[ $BASH_COMMAND =~ $WRITING ]]; then power_cut "$BASH_COMMAND"; fi' DEBUG
  { install_site "${!release}/dist" && install_system_files && settle; } >/dev/null
  trap - DEBUG
  set +o functrace
  allowed=$release
  judge "after Done"
  mount -o loop "$work/cut" "$work/copy"
  differing=$(differing_files "$work/copy" "${!release}")
  [[ -z $differing ]] || losses+="  after Done: missing or not whole: ${differing//$'\n'/, }"$'\n'
  umount "$work/copy"
  if [[ -z $losses ]]; then
    echo "ok     power cuts at $cuts moments of $phase: the installation is whole"
  else
    echo "FAILED power cuts at $cuts moments of $phase: "$'\n'"$losses"
  fi
}

trap clean_up EXIT
make_disk
# Each in a shell of its own: the installer's constants can be set only once.
(install_release "an installation" OLD_RELEASE none)
(install_release "an update" NEW_RELEASE OLD_RELEASE)
