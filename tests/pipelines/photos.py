"""Photos of real garments, each of another size, through one pipeline. photos.py [MODEL] looks at them with another model than the default one."""
import collections
import os
import sys

import harness
from harness import SHARED, play, read_lines

SHOES = {"Sandal", "Sneaker", "Ankle boot"}
FOLDERS = {"t-shirt": {"T-shirt/top"}, "pants": {"Trouser"}, "longsleeve": {"Pullover"}, "dress": {"Dress"}, "outwear": {"Coat"}, "shirt": {"Shirt"},
           "shoes": SHOES, "sandal": SHOES, "sneaker": SHOES, "ankle-boot": SHOES}
BAR = 0.88
LOST = 0.05  # right answers that may be lost to the threshold
MODEL = " ".join("model=" + m for m in sys.argv[1:2])
runs = []  # right answers; what the network holds likeliest; whether it asserts it


def one_line_a_photo():
    photos = [(p, labels) for name, labels in FOLDERS.items() for p in sorted((SHARED / "photos" / "validation" / name).glob("*"))]
    if not photos:
        raise harness.Skip(f"no photos in {SHARED / 'photos' / 'validation'}")
    folder = harness.temporary()
    for i, (path, _) in enumerate(photos):
        os.symlink(path.resolve(), folder / f"{i:05d}.jpg")
    play(f"multifilesrc location={folder}/%05d.jpg index=0 caps=image/jpeg,framerate=1/1 ! jpegdec ! fmnistsegment ! fmnistclassify {MODEL} "
         f"! fmnistjson location={folder}/out.jsonl ! fakesink sync=false")
    lines = read_lines(folder / "out.jsonl")
    assert len(lines) == len(photos), f"{len(lines)} lines for {len(photos)} photos"
    assert len({(line["resolution"]["width"], line["resolution"]["height"]) for line in lines}) > 1
    for (_, labels), line in zip(photos, lines):
        found = harness.best(line)
        runs.append((labels, harness.label(line), found is not None and found["classification"]["label"] != "unknown"))


def enough_are_named_right():
    if not runs:
        raise harness.Skip("no photos")
    named = collections.Counter(("shoes" if len(labels) > 1 else min(labels), "shoes" if said in SHOES else str(said)) for labels, said, _ in runs)
    rows = sorted({a for a, _ in named})
    columns = rows + sorted({b for _, b in named} - set(rows))
    print("# " + " " * 12 + "".join(f"{c[:11]:>12}" for c in columns))
    for row in rows:
        print(f"# {row:12}" + "".join(f"{named[row, c]:12}" for c in columns))
    right = sum(said in labels for labels, said, _ in runs)
    print(f"# {right} of {len(runs)} right: {right / len(runs):.3f} (at least {BAR})")
    assert MODEL or right >= BAR * len(runs)


def hardly_any_right_answer_is_lost_to_unknown():
    if not runs:
        raise harness.Skip("no photos")
    right = [sure for labels, said, sure in runs if said in labels]
    lost = len(right) - sum(right)
    print(f"# {lost} of {len(right)} right answers are unknown: {lost / len(right):.3f} (at most {LOST})")
    assert MODEL or lost <= LOST * len(right)


harness.main(one_line_a_photo, enough_are_named_right, hardly_any_right_answer_is_lost_to_unknown)
