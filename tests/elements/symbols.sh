#!/bin/sh
# symbols.sh NM PLUGIN TRAIN-LIBRARY: the plugin shows its entry points alone, and has nothing in it that trains.
nm=$1 plugin=$2 train=$3
echo 1..3
n=0
check() { # name, what should not be there
  n=$((n + 1))
  if [ -z "$2" ]; then echo "ok $n $1"; else echo "not ok $n $1"; echo "$2" | sed 's/^/# /'; fi
}
symbols=$("$nm" "$plugin" | awk '{print $NF}' | sort -u)
[ -n "$symbols" ] || { echo "Bail out! no symbols in $plugin"; exit 1; }
check "exports its entry points alone" "$("$nm" -D --defined-only "$plugin" | awk '{print $NF}' | grep -v '^gst_plugin_fmnist_')"
check "has no gradient in it" "$(echo "$symbols" | grep -E '^fmn_.*_grads?(_|$)|backward|forward_train')"
check "has nothing of lib/train in it" "$("$nm" --defined-only "$train" | awk 'NF == 3 && $2 ~ /[A-Z]/ {print $3}' | sort -u |
  { while read -r s; do echo "$symbols" | grep -x -e "$s"; done; })"
