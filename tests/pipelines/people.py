"""Somebody before a webcam: in how many frames the worn upper garment is named, and no wrong one with more confidence; and bottles, of which
nothing is to be named. people.py [CHAIN] measures another chain of elements."""
import collections
import sys

import harness
from harness import SHARED, play, read_lines

CHAIN = sys.argv[1] if sys.argv[1:] else (
    "fmnistyolo model=yolov3-tiny-camera size=416 threshold=0.3 smoothing=500 "
    "! fmnistclassify inference-region=roi-list model=webcam threshold=0.35 smoothing=500")
UPPER = {"T-shirt/top", "Pullover", "Dress", "Coat", "Shirt"}
CLIPS = {"bird.mkv": "T-shirt/top", "milk.mkv": "T-shirt/top", "book.mkv": "Pullover", "walk.mkv": "Pullover"}
RIGHT, SILENT = 0.6, 0.98  # the least shares of frames
LIMIT = 1200  # seconds of one clip, with plain kernels on a slow machine
folder = harness.temporary()


def said(line):
    """Each label's highest confidence in a frame."""
    best = {}
    for o in line["objects"]:
        c = o.get("classification") or o["detection"]
        if c["label"] != "unknown":
            best[c["label"]] = max(best.get(c["label"], 0), c["confidence"])
    return best


def frames_of(name):
    clip = SHARED / "video" / name
    if not clip.exists():
        raise harness.Skip(f"no {clip}")
    out = folder / (name + ".jsonl")
    play(f"filesrc location={clip} ! decodebin ! videoconvert ! {CHAIN} ! fmnistjson location={out} ! fakesink sync=false", timeout=LIMIT)
    return [said(line) for line in read_lines(out)]


def worn_garments_are_named():
    right = total = 0
    for name, label in CLIPS.items():
        frames = [{k: v for k, v in best.items() if k in UPPER} for best in frames_of(name)]
        good = sum(bool(best) and max(best, key=best.get) == label for best in frames)
        first = collections.Counter(max(best, key=best.get) if best else "none" for best in frames)
        print(f"# {name}: {label} in {good} of {len(frames)} frames; {dict(first.most_common())}")
        right += good
        total += len(frames)
    print(f"# {right} of {total}: {right / total:.2f} (at least {RIGHT})")
    assert sys.argv[1:] or right >= RIGHT * total


def bottles_are_not():
    frames = frames_of("bottle-detection.mp4")
    silent = sum(not best for best in frames)
    print(f"# nothing named in {silent} of {len(frames)} frames of bottles: {silent / len(frames):.3f} (at least {SILENT})")
    assert sys.argv[1:] or silent >= SILENT * len(frames)


harness.main(worn_garments_are_named, bottles_are_not)
