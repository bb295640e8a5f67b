#!/bin/sh
# Installs, builds and shows the main job: a video in, garments named on it, a video out. Everything it makes is in build/quickstart/.
set -eu
cd "$(dirname "$0")/.."
sh setup.sh

out=build/quickstart
mkdir -p $out
rm -f $out/*
export GST_PLUGIN_PATH="$(pwd)/build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
export FMNIST_MODEL_PATH="$(pwd)/models"

echo "Rendering a video of garments out of Fashion-MNIST's test set"
build/examples/garment-video --truth $out/truth.jsonl $out/garments.webm

echo "Naming them"
gst-launch-1.0 -q filesrc location=$out/garments.webm ! decodebin ! videoconvert \
  ! fmnistsegment ! fmnistclassify ! fmnistjson location=$out/garments.jsonl ! fmnistoverlay \
  ! videoconvert ! vp8enc deadline=1 cpu-used=8 target-bitrate=3000000 ! webmmux ! filesink location=$out/annotated.webm

build/examples/garment-report --truth $out/truth.jsonl --results $out/garments.jsonl --video $out/annotated.webm --sheet $out/sheet.png
echo "Annotated video: $out/annotated.webm"
echo "Contact sheet:   $out/sheet.png"
echo "JSON lines:      $out/garments.jsonl"
