"""Photos of garments with boxes drawn by eye (boxes.tsv)."""
import os
import pathlib

import harness
from harness import SHARED, play, read_lines


def overlap(a, b):
    """Intersection over union of two boxes: left, top, right, bottom."""
    both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    return both / (sum((r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)) - both)


def box_of(thing):
    """Of an object in a JSON line."""
    b = thing["detection"]["bounding_box"]
    return tuple(b[k] for k in ("x_min", "y_min", "x_max", "y_max"))


def look(chain):
    """Each photo's name, its box, and the objects that the chain of elements finds in it."""
    rows = [row.split("\t") for row in pathlib.Path(__file__).with_name("boxes.tsv").read_text().splitlines() if not row.startswith("#")]
    photos = SHARED / "photos" / "validation"
    if not photos.is_dir():
        raise harness.Skip(f"no photos in {photos}")
    folder = harness.temporary()
    for i, row in enumerate(rows):
        os.symlink((photos / row[0]).resolve(strict=True), folder / f"{i:05d}.jpg")
    play(f"multifilesrc location={folder}/%05d.jpg index=0 caps=image/jpeg,framerate=1/1 ! jpegdec ! {chain} "
         f"! fmnistjson location={folder}/out.jsonl ! fakesink sync=false")
    lines = read_lines(folder / "out.jsonl")
    assert len(lines) == len(rows) == 100, f"{len(lines)} lines for {len(rows)} photos"
    return [(row[0], tuple(float(v) for v in row[1:]), line["objects"]) for row, line in zip(rows, lines)]
