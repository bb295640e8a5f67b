#!/usr/bin/python3
"""make_golden.py > golden/coco.txt: boxes, detections and the average precision that COCO's definition gives for them.

The definition is that of pycocotools' COCOeval with its defaults for boxes (area "all", 100 detections an image and class), written
down here in numpy. Where pycocotools is installed the result is compared with it (Debian: python3-pycocotools; "agrees with pycocotools"
on stderr)."""
import sys

import numpy as np

CLASSES, IMAGES = 4, 60  # class 3 never occurs


def make(rng):
    truth, found = [], []
    for image in range(IMAGES):
        for _ in range(rng.integers(0, 7)):
            label, size = int(rng.integers(0, 3)), rng.uniform(.05, .5, 2)
            box = np.concatenate([rng.uniform(0, 1 - size), size])
            truth.append((image, label, box))
            for _ in range(rng.integers(0, 3)):  # hits, near misses, wrong classes, doubles
                moved = box + rng.normal(0, rng.choice([.01, .03, .08]), 4) * np.tile(size, 2)
                guess = label if rng.uniform() < .8 else int(rng.integers(0, CLASSES))
                found.append((image, guess, np.maximum(moved, .001), rng.uniform(.2, 1)))
        for _ in range(rng.integers(0, 4)):
            found.append((image, int(rng.integers(0, CLASSES)), rng.uniform(.05, .5, 4), rng.uniform(0, .7)))
    for _ in range(130):  # more than count
        found.append((7, 1, rng.uniform(.05, .5, 4), rng.uniform(0, .3)))
    # Few decimals: equal confidences, and the same numbers in every program that reads the text.
    return ([(i, c, np.round(b, 5)) for i, c, b in truth], [(i, c, np.round(b, 5), round(float(s), 2)) for i, c, b, s in found])


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = w * h if w > 0 and h > 0 else 0
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def average_precision(truth, found, label, images=IMAGES):
    """Over the ten overlaps; NaN where the class does not occur. truth: (image, label, box), found: the same and a score."""
    thresholds, recalls = np.linspace(.5, .95, 10), np.linspace(0, 1, 101)
    scores, hits, n = [], [], sum(c == label for _, c, _ in truth)
    for image in range(images):
        there = [b for i, c, b in truth if i == image and c == label]
        mine = [(b, s) for i, c, b, s in found if i == image and c == label]
        mine = [mine[k] for k in np.argsort([-s for _, s in mine], kind="mergesort")][:100]
        matched = np.zeros((10, len(there)), bool)
        for b, s in mine:
            hit = np.zeros(10, bool)
            for k, t in enumerate(thresholds):
                best, own = min(t, 1 - 1e-10), -1
                for g, box in enumerate(there):
                    if not matched[k, g] and overlap(b, box) >= best:
                        best, own = overlap(b, box), g
                if own >= 0:
                    matched[k, own] = hit[k] = True
            scores.append(s)
            hits.append(hit)
    if n == 0:
        return np.full(10, np.nan)
    order = np.argsort([-s for s in scores], kind="mergesort")
    hits, result = np.array(hits)[order], []
    for k in range(10):
        right = np.cumsum(hits[:, k])
        recall, precision = right / n, right / (np.arange(len(right)) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(recall, recalls, side="left")
        result.append(np.mean([precision[i] if i < len(precision) else 0 for i in at]))
    return np.array(result)


def by_pycocotools(truth, found):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    import contextlib
    with contextlib.redirect_stdout(sys.stderr):
        gt = COCO()
        gt.dataset = {"images": [{"id": i + 1} for i in range(IMAGES)], "categories": [{"id": c + 1} for c in range(CLASSES)],
                      "annotations": [{"id": k + 1, "image_id": i + 1, "category_id": c + 1, "bbox": list(b), "area": b[2] * b[3], "iscrowd": 0}
                                      for k, (i, c, b) in enumerate(truth)]}
        gt.createIndex()
        dt = gt.loadRes([{"image_id": i + 1, "category_id": c + 1, "bbox": list(b), "score": s} for i, c, b, s in found])
        e = COCOeval(gt, dt, "bbox")
        e.evaluate()
        e.accumulate()
        p = e.eval["precision"][:, :, :, 0, 2]  # overlap, recall, class
    return np.array([np.where(p[:, 0, c] < 0, np.nan, p[:, :, c].mean(axis=1)) for c in range(CLASSES)])


def main():
    truth, found = make(np.random.default_rng(5))
    result = np.array([average_precision(truth, found, c) for c in range(CLASSES)])
    try:
        np.testing.assert_allclose(result, by_pycocotools(truth, found), rtol=1e-12)
        print("agrees with pycocotools", file=sys.stderr)
    except ImportError:
        print("pycocotools is not installed: not compared", file=sys.stderr)
    for i, c, b in truth:
        print("truth", i, c, *[f"{v:.5f}" for v in b])
    for i, c, b, s in found:
        print("found", i, c, *[f"{v:.5f}" for v in b], f"{s:.2f}")
    for c in range(CLASSES):
        print("class", c, f"{result[c][0]:.12f}", f"{result[c].mean():.12f}")
    print("mean", f"{np.nanmean(result[:, 0]):.12f}", f"{np.nanmean(result):.12f}")


if __name__ == "__main__":
    main()
