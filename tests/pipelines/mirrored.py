"""Garments face either way before a camera; those of Fashion-MNIST face one way, shoes all of them. Classifiers have to know both."""
import gzip
import json

import harness
from harness import BUILD, classifiers, run

LIMIT = 1200  # seconds of one measurement, with plain kernels on a slow machine
folder = harness.temporary()


def test_images(count, mirrored):
    """A folder with the first test images of Fashion-MNIST, as they are or mirrored."""
    if not harness.DATA.is_dir():
        raise harness.Skip(f"no Fashion-MNIST in {harness.DATA}")
    images, labels = (gzip.open(harness.DATA / f"t10k-{name}.gz").read() for name in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    rows = [images[16 + 28 * i:16 + 28 * (i + 1)] for i in range(28 * count)]
    out = folder / ("mirrored" if mirrored else "straight")
    harness.write_split(out, "t10k", b"".join(row[::-1] if mirrored else row for row in rows), labels[8:8 + count])
    return out


def what_is_mirrored_is_named_as_well():
    straight, mirrored = test_images(4000, False), test_images(4000, True)
    for path in classifiers():
        found = []
        for data in (straight, mirrored):
            r = run([BUILD / "tools" / "fmnist-train", "test", "--model", path, "--data", data, "--format", "json"], timeout=LIMIT)
            assert r.returncode == 0, r.stderr
            found.append(json.loads(r.stdout)["accuracy"])
        assert found[1] > found[0] - 0.01, f"{path.name}: {found[0]} of the images, {found[1]} of their mirror images"


harness.main(what_is_mirrored_is_named_as_well)
