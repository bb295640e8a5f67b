#!/bin/sh
# Installs, builds and shows the main job: a video in, garments named on it, a video out. Everything it makes is in build/quickstart/.
set -eu
cd "$(dirname "$0")/.."
sh setup.sh --programs

out=build/quickstart
rm -rf $out
mkdir -p $out
export GST_PLUGIN_PATH="$(pwd)/build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export FMNIST_MODEL_PATH="$(pwd)/models"

echo "Rendering a video of garments out of Fashion-MNIST's test set"
build/examples/garment-video --truth $out/truth.jsonl $out/garments.webm

echo "Naming them"
gst-launch-1.0 -q filesrc location=$out/garments.webm ! decodebin ! videoconvert \
  ! fmnistsegment ! fmnistclassify ! fmnistjson location=$out/garments.jsonl ! fmnistoverlay \
  ! videoconvert ! vp8enc deadline=1 cpu-used=8 target-bitrate=3000000 ! webmmux ! filesink location=$out/annotated.webm

build/examples/garment-report --truth $out/truth.jsonl --results $out/garments.jsonl --video $out/annotated.webm --sheet $out/sheet.png

echo "Rendering scenes with several garments each, a new one every second, and finding them by the detector"
build/tools/fmnist-train scenes --preset mixed --split test --count 24 --seed 1 --out $out/scenes > $out/scenes.log
gst-launch-1.0 -q multifilesrc location=$out/scenes/%06d.png caps=image/png,framerate=1/1 ! pngdec ! videorate ! video/x-raw,framerate=5/1 ! videoconvert \
  ! vp8enc deadline=1 cpu-used=8 target-bitrate=6000000 ! webmmux ! filesink location=$out/scenes.webm
gst-launch-1.0 -q filesrc location=$out/scenes.webm ! decodebin ! videoconvert ! fmnistyolo ! fmnistjson location=$out/scenes.jsonl ! fmnistoverlay \
  ! videoconvert ! vp8enc deadline=1 cpu-used=8 target-bitrate=6000000 ! webmmux ! filesink location=$out/detected.webm
build/tools/fmnist-train test --model yolov3-tiny --scenes mixed --count 24 --seed 1 > $out/detector.txt
tail -n 3 $out/detector.txt

echo "Annotated video: $out/annotated.webm"
echo "Contact sheet:   $out/sheet.png"
echo "JSON lines:      $out/garments.jsonl"
echo "The detector's:  $out/detected.webm, $out/scenes.jsonl"
