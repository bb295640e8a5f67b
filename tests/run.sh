#!/bin/sh
# Installs, builds and runs every test. The last line is "N passed, N failed", with ", N skipped" where something was.
#   sh tests/run.sh [ARGUMENT of meson test...]    e.g. --suite layers
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8 LANGUAGE= # messages of others are read, too
sh setup.sh --tests
rm -f build/meson-logs/testlog.json
status=0
# a slow or busy machine gets four times the time
meson test -C build --no-rebuild --print-errorlogs --timeout-multiplier 4 "$@" || status=$?
python3 tests/count.py build/meson-logs/testlog.json || status=1
exit $status
