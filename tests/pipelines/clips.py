"""Real video files of other people: decoded whole, one JSON line a frame."""

import harness
from harness import SHARED, play, read_lines

folder = harness.temporary()


def check(name, frames, size):
    clip = SHARED / "video" / name
    if not clip.exists():
        raise harness.Skip(f"no {clip}")
    out = folder / (name + ".jsonl")
    play(f"filesrc location={clip} ! decodebin ! fmnistsegment ! fmnistclassify ! fmnistjson location={out} ! fmnistoverlay ! fakesink sync=false")
    lines = read_lines(out)
    assert len(lines) == frames, f"{len(lines)} lines, expected {frames}"
    assert all((line["resolution"]["width"], line["resolution"]["height"]) == size for line in lines)
    print(f"# {name}: {len(lines)} frames, {sum(bool(line['objects']) for line in lines)} with an object")


def bird(): check("bird.mkv", 63, (640, 480))
def book(): check("book.mkv", 109, (640, 480))
def milk(): check("milk.mkv", 51, (640, 480))
def walk(): check("walk.mkv", 89, (640, 480))
def bottles(): check("bottle-detection.mp4", 1189, (640, 360))
def people(): check("one-by-one-person-detection.mp4", 1394, (768, 432))


harness.main(bird, book, milk, walk, bottles, people)
