"""One's own classes from some photos of each, by examples/wardrobe.sh: photos that it has not seen are named by these."""
import os
import shutil
import time

import harness
from harness import SHARED, SOURCE, play, read_lines, run

CLASSES = {"jeans": "pants", "tee": "t-shirt", "footwear": "shoes"}  # names of our own for folders of photos
TRAINED, TESTED = 25, 10
MINUTES = 10
folder = harness.temporary()


def photos(part, name):
    return sorted((SHARED / "photos" / part / CLASSES[name]).glob("*.jpg"))


def a_wardrobe_is_learned_in_time():
    if os.environ.get("FMN_PRELOAD") or os.environ.get("FMNIST_CPU"):
        raise harness.Skip("with sanitizers or slower kernels on purpose it takes longer than a wardrobe may")
    if not all(len(photos("train", c)) >= TRAINED and len(photos("validation", c)) >= TESTED for c in CLASSES):
        raise harness.Skip(f"not enough photos in {SHARED / 'photos'}")
    for name in CLASSES:
        (folder / "photos" / name).mkdir(parents=True)
        for path in photos("train", name)[:TRAINED]:
            shutil.copy(path, folder / "photos" / name)
    start = time.monotonic()
    r = run(["sh", SOURCE / "examples" / "wardrobe.sh", folder / "photos", folder / "own.safetensors"], timeout=MINUTES * 60)
    assert r.returncode == 0, r.stderr
    assert "gst-launch-1.0" in r.stdout and "own.safetensors" in r.stdout
    print(f"# {time.monotonic() - start:.0f} s from photos to network")


def other_photos_get_these_names():
    if not (folder / "own.safetensors").exists():
        raise harness.Skip("no network")
    right = n = 0
    for name in CLASSES:
        for i, path in enumerate(photos("validation", name)[:TESTED]):
            shutil.copy(path, folder / f"{n + i:03d}.jpg")
        n += TESTED
    play(f"multifilesrc location={folder}/%03d.jpg index=0 caps=image/jpeg,framerate=1/1 ! jpegdec ! fmnistsegment ! fmnistclassify model={folder}/own.safetensors "
         f"! fmnistjson location={folder}/out.jsonl ! fakesink sync=false")
    lines = read_lines(folder / "out.jsonl")
    assert len(lines) == n
    for i, line in enumerate(lines):
        right += harness.label(line) == list(CLASSES)[i // TESTED]
    print(f"# {right} of {n} right")
    assert right >= 0.8 * n


def what_is_missing_is_said():
    r = run(["sh", SOURCE / "examples" / "wardrobe.sh", folder / "nowhere", folder / "x.safetensors"])
    assert r.returncode != 0 and "nowhere" in r.stderr and not (folder / "x.safetensors").exists(), r.stderr


harness.main(a_wardrobe_is_learned_in_time, other_photos_get_these_names, what_is_missing_is_said)
