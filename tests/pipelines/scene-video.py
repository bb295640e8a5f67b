"""A video file of composed scenes through fmnistyolo and fmnistjson: the lines hold what `fmnist-train test` measures."""

import importlib.util
import json
import os

import harness
import numpy as np
from harness import LABELS, SOURCE, play, read_lines, run, tool

SCENES = 60
folder = harness.temporary()


def detector():
    path = os.environ.get("FMNIST_DETECTOR", SOURCE / "models" / "yolov3-tiny.safetensors")
    if not os.path.exists(path):
        raise harness.Skip(f"no detector {path}; FMNIST_DETECTOR names another")
    return path


def golden():
    """COCO's definition, in tests/detect/make_golden.py."""
    spec = importlib.util.spec_from_file_location("golden", SOURCE / "tests" / "detect" / "make_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train_tool(*arguments):
    r = run([tool("tools", "fmnist-train"), *arguments])
    assert r.returncode == 0, r.stderr
    return r.stdout


def read_truth(scene):
    for line in open(folder / "scenes" / f"{scene:06d}.txt", encoding="utf-8"):
        label, x, y, w, h = line.split()
        w, h = float(w), float(h)
        yield scene, int(label), np.array([float(x) - w / 2, float(y) - h / 2, w, h])


def read_found(scene, line):
    for o in line["objects"]:
        d = o["detection"]
        b = d["bounding_box"]
        assert d["label"] == LABELS[d["label_id"]] == o["roi_type"], o
        yield scene, d["label_id"], np.array([b["x_min"], b["y_min"], b["x_max"] - b["x_min"], b["y_max"] - b["y_min"]]), d["confidence"]


def video():
    model, out, clip = detector(), folder / "out.jsonl", folder / "scenes.mkv"
    train_tool("scenes", "--preset", "mixed", "--split", "test", "--count", SCENES, "--seed", 1, "--out", folder / "scenes")
    play(f"multifilesrc location={folder}/scenes/%06d.png caps=image/png,framerate=25/1 ! pngdec ! videoconvert ! video/x-raw,format=Y444 "
         f"! jpegenc quality=98 ! matroskamux ! filesink location={clip}")
    play(f"filesrc location={clip} ! decodebin ! fmnistyolo model={harness.quoted(model)} threshold=0.001 max-detections=1000 ! fmnistjson location={out} ! fakesink")
    lines = read_lines(out)
    assert len(lines) == SCENES, len(lines)
    truth = [t for i in range(SCENES) for t in read_truth(i)]
    found = [d for i, line in enumerate(lines) for d in read_found(i, line)]
    map50 = np.nanmean([golden().average_precision(truth, found, c, SCENES)[0] for c in range(10)])
    measured = json.loads(train_tool("test", "--model", model, "--scenes", "mixed", "--count", SCENES, "--seed", 1, "--format", "json"))
    print(f"# mAP50 of the lines {map50:.4f}, of fmnist-train test {measured['map50']:.4f}")
    assert measured["n"] == SCENES and sum(c["support"] for c in measured["per_class"]) == len(truth)
    assert abs(map50 - measured["map50"]) < 0.02


def second_look():
    """Each box is classified once more; the detector's word stays beside it."""
    model, out = detector(), folder / "second.jsonl"
    play(f"multifilesrc location={folder}/scenes/%06d.png caps=image/png,framerate=25/1 ! pngdec ! videoconvert ! fmnistyolo model={model} threshold=0.3 "
         f"! fmnistclassify inference-region=roi-list ! fmnistjson location={out} ! fmnistoverlay ! fakesink")
    objects = [o for line in read_lines(out) for o in line["objects"]]
    assert objects and all("classification" in o and o["detection"]["label"] in LABELS for o in objects)
    print(f"# {len(objects)} objects, {sum(o['classification']['label'] == o['detection']['label'] for o in objects)} called the same by both")


harness.main(video, second_look)
