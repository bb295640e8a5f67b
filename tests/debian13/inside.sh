#!/bin/sh
# What run.sh does within Debian 13.
set -eu
cd "$(dirname "$0")/../.."
task=$1
shift
log=$(mktemp)

# Says no more than the end of it where it fails.
setup() {
  sh setup.sh "$@" > "$log" 2>&1 || {
    tail -n 50 "$log"
    exit 1
  }
}

echo "debian13: Debian $(cat /etc/debian_version), $(date -u +%F)"
case $task in
suite)
  rm -rf build
  setup --tests
  if grep -E -A 8 '[.][ch]:[0-9]+:[0-9]+: warning:' "$log"; then
    echo "debian13: the build has warnings" >&2
    exit 1
  fi
  echo "debian13: $(gcc --version | head -n 1), GStreamer $(pkgconf --modversion gstreamer-1.0): built without a warning"
  exec sh tests/run.sh "$@"
  ;;
peers)
  setup gstreamer1.0-plugins-bad
  exec python3 tests/bench/onnxinference.py "$@"
  ;;
shell) exec "${@:-sh}" ;;
esac
