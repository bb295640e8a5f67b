"""mAP50 of the detector for photos, on photos with boxes drawn by eye (boxes.tsv), the shoes as one class. photo-map.py "MODEL size=N" measures another."""
import collections
import os
import pathlib
import sys

import harness
from harness import SHARED, play, read_lines

SHOES = {"Sandal", "Sneaker", "Ankle boot"}
FOLDERS = {"t-shirt": "T-shirt/top", "pants": "Trouser", "longsleeve": "Pullover", "dress": "Dress", "outwear": "Coat", "shirt": "Shirt"}
BAR = 0.8
MODEL = "model=" + (sys.argv[1] if sys.argv[1:] else "yolov3-tiny-camera size=160")
truth, found = {}, collections.defaultdict(list)  # class: photos and boxes; class: confidence, photo, box


def overlap(a, b):
    both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return both / (sum((r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)) - both)


def detects():
    rows = [row.split("\t") for row in pathlib.Path(__file__).with_name("boxes.tsv").read_text().splitlines() if not row.startswith("#")]
    photos = SHARED / "photos" / "validation"
    if not photos.is_dir():
        raise harness.Skip(f"no photos in {photos}")
    folder = harness.temporary()
    for i, row in enumerate(rows):
        os.symlink((photos / row[0]).resolve(strict=True), folder / f"{i:05d}.jpg")
        truth.setdefault(FOLDERS.get(row[0].split("/")[0], "shoes"), {})[i] = [float(v) for v in row[1:]]
    play(f"multifilesrc location={folder}/%05d.jpg index=0 caps=image/jpeg,framerate=1/1 ! jpegdec ! fmnistyolo threshold=0.005 {MODEL} "
         f"! fmnistjson location={folder}/out.jsonl ! fakesink sync=false")
    lines = read_lines(folder / "out.jsonl")
    assert len(lines) == len(rows) == 100, f"{len(lines)} lines for {len(rows)} photos"
    for i, line in enumerate(lines):
        for o in line["objects"]:
            d, b = o["detection"], o["detection"]["bounding_box"]
            name = "shoes" if d["label"] in SHOES else d["label"]
            found[name].append((d["confidence"], i, [b[k] for k in ("x_min", "y_min", "x_max", "y_max")]))


def average_precision(objects, candidates):
    """As COCO defines it: the mean over 101 recalls of the best precision at that recall or a greater one."""
    hits, points, taken = 0, [], set()
    for n, (_, photo, box) in enumerate(sorted(candidates, key=lambda c: -c[0]), 1):
        if photo in objects and photo not in taken and overlap(objects[photo], box) >= 0.5:
            taken.add(photo)
            hits += 1
        points.append((hits / len(objects), hits / n))
    return sum(max((p for r, p in points if r >= k / 100), default=0) for k in range(101)) / 101


def names_and_finds_them():
    if not truth:
        raise harness.Skip("no photos")
    ap = {name: average_precision(objects, found[name]) for name, objects in sorted(truth.items())}
    print("# " + ", ".join(f"{name} {v:.2f} ({len(truth[name])})" for name, v in ap.items()))
    mean = sum(ap.values()) / len(ap)
    print(f"# mAP50 {mean:.3f} (at least {BAR})")
    assert len(ap) == 7 and (sys.argv[1:] or mean >= BAR)


harness.main(detects, names_and_finds_them)
