#!/bin/sh
# Teaches a network the garments of one's own wardrobe, in a few minutes on two cores, and says how to run it.
#   sh examples/wardrobe.sh PHOTOS [OUT.safetensors]
# PHOTOS has a folder a class with some twenty photos or more each: photos/jeans, photos/scarf, ... What is made on the way is in
# build/wardrobe/. Run setup.sh (or quickstart.sh) before.
set -eu
photos=${1:?which folder has the photos? One sub-folder a class}
case $photos in /*) ;; *) photos=$(pwd)/$photos ;; esac
out=${2:-$(pwd)/wardrobe.safetensors}
case $out in /*) ;; *) out=$(pwd)/$out ;; esac
cd "$(dirname "$0")/.."
train=$(pwd)/build/tools/fmnist-train work=build/wardrobe
[ -x "$train" ] || { echo "wardrobe: there is no $train yet; sh setup.sh builds it" >&2; exit 1; }
rm -rf $work
mkdir -p $work/none

# each photo as it is and as eight other cameras might have taken it; then what is none of all that
"$train" extract --photos "$photos" --views 8 --out $work/own
"$train" scenes --preset nothing --count 400 --width 320 --height 240 --out $work/none/scenes
"$train" extract --photos $work/none --map scenes=unknown --out $work/nothing 2> $work/left-out || { cat $work/left-out >&2; exit 1; }

# an epoch of some 2,500 pictures, however few photos there are
zcat $work/own/train-labels-idx1-ubyte.gz > $work/labels
n=$(tail -c +9 $work/labels | wc -c)
weight=$(LC_ALL=C awk "BEGIN { w = 2000 / $n; print w < 1 ? 1 : w }")
"$train" train --arch compact:size=112,last=96 --init models/camera.safetensors --data "$work/own:$weight" --data $work/nothing --epochs 20 --lr 0.03 \
  --augment flip,shift:4,rotate:6,zoom:0.08,tone:0.2,edge:0.15,erase:0.3 --validation 0.1 --out "$out"

echo "Before a camera:"
echo "  meson devenv -C '$(pwd)/build' gst-launch-1.0 v4l2src ! videoconvert ! fmnistsegment ! fmnistclassify model='$out' smoothing=500 ! fmnistoverlay ! videoconvert ! autovideosink"
