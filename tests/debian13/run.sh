#!/bin/sh
# Debian 13 and its GStreamer 1.26 in a folder: makes a clean root there by debootstrap, copies this checkout into it, and
#   sh tests/debian13/run.sh [--root DIR] [--mirror URL] suite [ARGUMENT of meson test...]   builds without a warning, runs the suite
#   sh tests/debian13/run.sh [--root DIR] [--mirror URL] peers [ARGUMENT...]                 runs tests/bench/onnxinference.py
#   sh tests/debian13/run.sh [--root DIR] [--mirror URL] shell [COMMAND...]                  runs that where the checkout is
# Needs to be root, and debootstrap. DIR (/var/tmp/fmnist-debian13) stays for the next time, 4 GB; what is mounted in it while this
# runs is seen by nobody else and gone at the end. URL: where Debian's packages are, by default where this machine's apt looks.
# Photos and clips of FMNIST_SHARED, or of ../shared, can be read there too.
set -eu

die() {
  echo "debian13: $1" >&2
  exit 1
}

# The first repository of Debian in either of apt's two formats.
mirror_of_apt() {
  {
    cat /etc/apt/sources.list.d/*.sources 2> /dev/null | sed -n 's/^URIs: *\([^ ]*\).*/\1/p'
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2> /dev/null | sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\).*/\2/p'
  } | grep '/debian/\?$' | head -n 1
}

root=/var/tmp/fmnist-debian13 mirror=
while [ $# -gt 0 ]; do
  case $1 in
  --root) root=$2 && shift 2 ;;
  --mirror) mirror=$2 && shift 2 ;;
  *) break ;;
  esac
done
case ${1-} in
suite | peers | shell) task=$1 && shift ;;
*) die "expected suite, peers or shell; see the head of $0" ;;
esac
[ "$(id -u)" = 0 ] || die "a root folder is made and entered by root alone: sudo sh $0 $task"
command -v debootstrap > /dev/null || die "debootstrap is missing: apt-get install debootstrap"

# Both from where this was called.
root=$(realpath -m -- "$root")
[ -z "${FMNIST_SHARED-}" ] || FMNIST_SHARED=$(realpath -m -- "$FMNIST_SHARED")
case $root/ in "$(realpath -- "$(dirname "$0")/../..")"/*) die "$root is in the checkout, which is copied into it; name another --root" ;; esac

# Once more, where mounts are private and end with the last process.
if [ -z "${FMN_DEBIAN13-}" ]; then
  [ -n "$mirror" ] || mirror=$(mirror_of_apt)
  FMN_DEBIAN13=1 exec unshare --mount --pid --fork --kill-child sh "$0" --root "$root" --mirror "${mirror:-http://deb.debian.org/debian}" "$task" "$@"
fi

cd "$(dirname "$0")/../.."
shared=${FMNIST_SHARED:-../shared}
eval "$(apt-config shell http_proxy Acquire::http::Proxy 2> /dev/null)"
[ -z "${http_proxy-}" ] || export http_proxy

if [ ! -e "$root/made" ]; then
  [ ! -e "$root" ] || [ -z "$(ls -A "$root")" ] || die "$root is not empty and not a whole root; remove it or name another"
  debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror" || die "debootstrap failed; remove $root before the next try"
  touch "$root/made"
fi
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"

tree=$root/src/gst-fmnist
mkdir -p "$tree" "$root/src/shared"
find "$tree" -mindepth 1 -maxdepth 1 ! -name build -exec rm -r {} +
if git ls-files > /dev/null 2>&1; then
  git ls-files -z --cached --others --exclude-standard
else
  find . -name build -prune -o -type f -print0
fi | tar -c --null --ignore-failed-read -T - | tar -x -m -C "$tree" # with the time of now, lest a build that was kept takes them for known
if [ -d "$shared" ]; then
  mount --bind "$shared" "$root/src/shared"
  mount -o remount,bind,ro "$root/src/shared"
fi

exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM-dumb}" ${http_proxy:+http_proxy="$http_proxy"} \
  chroot "$root" sh /src/gst-fmnist/tests/debian13/inside.sh "$task" "$@"
