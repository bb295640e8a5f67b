"""Boxes of garments on photos, against boxes drawn by eye (boxes.tsv): the share that overlaps well (IoU of at least 0.8)."""
import os
import pathlib

import harness
from harness import SHARED, play, read_lines

GOOD, BAR = 0.8, 0.95
runs = []


def overlap(a, b):
    both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return both / (sum((r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)) - both)


def found(line):
    boxes = [o["detection"]["bounding_box"] for o in line["objects"]]
    return [tuple(b[k] for k in ("x_min", "y_min", "x_max", "y_max")) for b in boxes]


def one_object_a_photo():
    rows = [row.split("\t") for row in pathlib.Path(__file__).with_name("boxes.tsv").read_text().splitlines() if not row.startswith("#")]
    photos = SHARED / "photos" / "validation"
    if not photos.is_dir():
        raise harness.Skip(f"no photos in {photos}")
    folder = harness.temporary()
    for i, row in enumerate(rows):
        os.symlink((photos / row[0]).resolve(strict=True), folder / f"{i:05d}.jpg")
    play(f"multifilesrc location={folder}/%05d.jpg index=0 caps=image/jpeg,framerate=1/1 ! jpegdec ! fmnistsegment "
         f"! fmnistjson location={folder}/out.jsonl ! fakesink sync=false")
    lines = read_lines(folder / "out.jsonl")
    assert len(lines) == len(rows) == 100, f"{len(lines)} lines for {len(rows)} photos"
    for row, line in zip(rows, lines):
        boxes = found(line)
        assert len(boxes) <= 1, row[0]
        runs.append((overlap(boxes[0], [float(v) for v in row[1:]]) if boxes else 0, row[0]))


def most_overlap_well():
    if not runs:
        raise harness.Skip("no photos")
    for iou, name in sorted(runs):
        if iou < GOOD:
            print(f"# {name}: {iou:.2f}")
    good = sum(iou >= GOOD for iou, _ in runs)
    print(f"# {good} of {len(runs)} with an IoU of at least {GOOD} (at least {BAR:.0%}), mean {sum(iou for iou, _ in runs) / len(runs):.3f}")
    assert good >= BAR * len(runs)


harness.main(one_object_a_photo, most_overlap_well)
