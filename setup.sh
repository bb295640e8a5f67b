#!/bin/sh
# Installs the Debian packages that are missing and builds into build/. Both commands of README start with it.
#   sh setup.sh [--tests|--programs] [PACKAGE...]
#     --tests: also what single tests are skipped without; --programs: builds no tests; more packages to have
set -eu
cd "$(dirname "$0")"

# compiler and build; libraries; what the pipelines of README, examples and tests use; the data set
packages="gcc libc6-dev pkgconf meson ninja-build python3 python3-numpy
libglib2.0-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libjson-glib-dev libpango1.0-dev libcairo2-dev libturbojpeg0-dev libgdk-pixbuf-2.0-dev libsoup-3.0-dev
libprotobuf-c-dev protobuf-c-compiler
gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav gstreamer1.0-plugins-ugly
libgstrtspserver-1.0-dev fonts-dejavu-core
python3-gi gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 dataset-fashion-mnist"

# single tests use them and are skipped without: the packages' recipe, man page, browser, words on frames, a decimal comma
for_tests="debhelper dpkg-dev lintian man-db chromium chromium-driver gstreamer1.0-x locales"

# from GStreamer 1.24 on: its own analytics metadata is written too; what draws it, for a test
analytics=libgstreamer-plugins-bad1.0-dev analytics_for_tests=gstreamer1.0-plugins-bad

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo "$@"
  else
    echo "setup: cannot install packages: neither root nor sudo here. As root: apt-get install$missing" >&2
    exit 1
  fi
}

tests='' what=all
case "${1-}" in
--tests) tests=$for_tests ;;
--programs) what=programs ;;
--*)
  echo "setup: unknown option $1; sh setup.sh [--tests|--programs] [PACKAGE...]" >&2
  exit 2
  ;;
esac
case "${1-}" in --*) shift ;; esac

# Those of the packages given that are not installed.
missing_of() {
  for package in "$@"; do
    case " $(dpkg-query -W -f '${db:Status-Status} ' "$package" 2> /dev/null) " in
    *" installed "*) ;;
    *) printf ' %s' "$package" ;;
    esac
  done
}

install() {
  echo "setup: installing$*"
  as_root apt-get update -q || echo "setup: apt-get update failed; trying with the lists that are here" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $*
}

missing= renewed=
if command -v dpkg-query > /dev/null; then
  missing=$(missing_of $packages "$@")
  if [ -n "$missing" ]; then
    install "$missing" || {
      echo "setup: apt-get could not install$missing. The reason stands above; this needs Debian 12 or newer and a network or a mirror." >&2
      exit 1
    }
  fi
  if dpkg --compare-versions "$(dpkg-query -W -f '${Version}' libgstreamer1.0-dev)" ge 1.24; then
    missing=$(missing_of $analytics)
    if [ -n "$missing" ]; then
      (install "$missing") && renewed=--reconfigure || echo "setup: without$missing no analytics metadata of GStreamer's own will be written" >&2
    fi
    [ -z "$tests" ] || tests="$tests $analytics_for_tests"
  fi
  missing=$(missing_of $tests)
  if [ -n "$missing" ]; then
    (install "$missing") || echo "setup: tests that need$missing will be skipped" >&2
  fi
else
  echo "setup: no Debian here, so nothing is installed; needed are (Debian's names):" $packages
fi

if [ -e build ] && [ ! -w build ]; then
  echo "setup: $(pwd)/build belongs to $(stat -c %U build) and cannot be written to; remove it as that user and start again" >&2
  exit 1
fi
[ -f build/build.ninja ] || renewed=
[ -f build/build.ninja ] && [ -z "$renewed" ] || meson setup ${renewed:---buildtype=release} build || {
  echo "setup: meson could not set up build/; see build/meson-logs/meson-log.txt" >&2
  exit 1
}
ninja -C build $what
