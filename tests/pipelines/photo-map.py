"""mAP50 of the detector for photos, on photos with boxes drawn by eye (boxes.tsv), the shoes as one class. photo-map.py "MODEL size=N" measures another."""
import collections
import sys

import harness
from photo_boxes import box_of, look, overlap

SHOES = {"Sandal", "Sneaker", "Ankle boot"}
FOLDERS = {"t-shirt": "T-shirt/top", "pants": "Trouser", "longsleeve": "Pullover", "dress": "Dress", "outwear": "Coat", "shirt": "Shirt"}
BAR = 0.8
MODEL = "model=" + (sys.argv[1] if sys.argv[1:] else "yolov3-tiny-camera")
truth, found = {}, collections.defaultdict(list)  # class: photos and boxes; class: confidence, photo, box


def detects():
    for i, (name, box, objects) in enumerate(look(f"fmnistyolo threshold=0.005 {MODEL}")):
        truth.setdefault(FOLDERS.get(name.split("/")[0], "shoes"), {})[i] = box
        for o in objects:
            label = o["detection"]["label"]
            found["shoes" if label in SHOES else label].append((o["detection"]["confidence"], i, box_of(o)))


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
