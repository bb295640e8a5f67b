"""Boxes of garments on photos, against boxes drawn by eye (boxes.tsv): the share that overlaps well (IoU of at least 0.8)."""
import harness
from photo_boxes import box_of, look, overlap

GOOD, BAR = 0.8, 0.95
runs = []


def one_object_a_photo():
    for name, box, objects in look("fmnistsegment"):
        assert len(objects) <= 1, name
        runs.append((overlap(box_of(objects[0]), box) if objects else 0, name))


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
