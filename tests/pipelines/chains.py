"""Results stay with their frames through tee, queue, videoconvert and videoscale, and many formats take the same way."""

import harness
from harness import play, read_lines

folder = harness.temporary()
N, FRAMES = 5, 5 * 9
made = harness.Made()


def through(tail, name, head="videoconvert ! "):
    out = folder / f"{name}.jsonl"
    play(f"filesrc location={made['video']} ! decodebin ! {head}fmnistsegment ! fmnistclassify ! {tail} ! fmnistjson location={out} ! fakesink sync=false")
    lines = read_lines(out)
    assert len(lines) == FRAMES, f"{len(lines)} lines"
    return lines


def strip(lines):
    return [(line["timestamp"], [(o["x"], o["y"], o["w"], o["h"], o["classification"]["label"], o["classification"]["confidence"]) for o in
                                 line["objects"]]) for line in lines]


def plain():
    made["video"], _ = harness.make_video(folder, "--items", N, "--seconds", "0.3")
    made["lines"] = through("identity", "plain")
    assert sum(bool(line["objects"]) for line in made["lines"]) > 0.9 * FRAMES


def queue():
    assert strip(through("queue", "queue")) == strip(made["lines"])


def convert():
    assert strip(through("videoconvert ! video/x-raw,format=RGB ! videoconvert ! video/x-raw,format=NV12", "convert")) == strip(made["lines"])


def tee():
    a, b = folder / "a.jsonl", folder / "b.jsonl"
    play(f"filesrc location={made['video']} ! decodebin ! videoconvert ! fmnistsegment ! fmnistclassify ! tee name=t "
         f"t. ! queue ! fmnistoverlay ! fmnistjson location={a} ! fakesink sync=false "
         f"t. ! queue ! videoscale ! video/x-raw,width=320,height=240 ! fmnistjson location={b} ! fakesink sync=false")
    assert strip(read_lines(a)) == strip(made["lines"])
    assert len(read_lines(b)) == FRAMES


def scaled(width, height, name):
    lines = through(f"videoscale ! video/x-raw,width={width},height={height},pixel-aspect-ratio=1/1", name)
    for line, whole in zip(lines, made["lines"]):
        assert line["resolution"] == {"width": width, "height": height}, line["resolution"]
        assert len(line["objects"]) == len(whole["objects"])
        for o, w in zip(line["objects"], whole["objects"]):
            for key, factor in (("x", width / 640), ("w", width / 640), ("y", height / 480), ("h", height / 480)):
                assert abs(o[key] - w[key] * factor) <= 2, (key, o, w)
            assert o["classification"]["label"] == w["classification"]["label"]


def scaled_down(): scaled(320, 240, "down")
def scaled_up(): scaled(1280, 960, "up")
def scaled_twice():
    lines = through("videoscale ! video/x-raw,width=320,height=240 ! videoscale ! video/x-raw,width=640,height=480", "twice")
    for line, whole in zip(lines, made["lines"]):
        for o, w in zip(line["objects"], whole["objects"]):
            assert abs(o["x"] - w["x"]) <= 4 and abs(o["w"] - w["w"]) <= 4, (o, w)


def every_format_names_alike():
    """The same pictures as packed, planar, semi-planar and gray; gray has no colour to tell a garment by, so it only has to work."""
    for name in ("I420", "NV12", "YUY2", "Y444", "RGB", "BGRx", "I420_10LE", "GRAY8"):
        lines = through("identity", name, head=f"videoconvert ! video/x-raw,format={name} ! ")
        same = sum(harness.label(a) == harness.label(b) for a, b in zip(lines, made["lines"]))
        if name != "GRAY8":
            assert same >= 0.9 * FRAMES, f"{name}: {same} of {FRAMES} frames are named as in I420"


def nothing_to_see_is_fine():
    for pattern in ("black", "snow", "smpte"):
        out = folder / f"{pattern}.jsonl"
        play(f"videotestsrc pattern={pattern} num-buffers=10 ! video/x-raw,width=33,height=17 ! fmnistsegment ! fmnistclassify ! fmnistoverlay "
             f"! fmnistjson location={out} ! fakesink")
        assert len(read_lines(out)) == 10


def empty_results_can_be_left_out():
    out = folder / "empty.jsonl"
    play(f"videotestsrc pattern=black num-buffers=5 ! fmnistjson location={out} add-empty-results=false ! fakesink")
    assert read_lines(out) == []
    play(f"videotestsrc pattern=black num-buffers=5 ! fmnistjson location={out} ! fakesink")
    assert len(read_lines(out)) == 5


def json_goes_to_stdout_by_default():
    r = play("videotestsrc num-buffers=3 ! fmnistjson ! fakesink")
    assert len(r.stdout.splitlines()) == 3 and all('"objects"' in line for line in r.stdout.splitlines()), r.stdout


harness.main(plain, queue, convert, tee, scaled_down, scaled_up, scaled_twice, every_format_names_alike, nothing_to_see_is_fine,
             empty_results_can_be_left_out, json_goes_to_stdout_by_default)
