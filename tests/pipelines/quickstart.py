"""Quickstart's chain on a short video: rendered, named, drawn on, encoded, reported."""
import collections

import harness
from harness import play, read_lines, run, tool

N, SECONDS, FPS = 20, 0.3, 30
folder = harness.temporary()
made = harness.Made()


def renders_a_video():
    video, truth = harness.make_video(folder, "--items", N, "--seconds", SECONDS)
    items = read_lines(truth)
    assert len(items) == N and {i["label"] for i in items} == set(harness.LABELS)
    assert all(harness.LABELS[i["label_id"]] == i["label"] for i in items)
    assert items[0]["from"] == 0 and all(a["to"] == b["from"] for a, b in zip(items, items[1:]))
    made.update(video=video, truth=truth, items=items)


def the_same_seed_gives_the_same_items():
    again = harness.temporary()
    truth = made["truth"].read_bytes()
    _, same = harness.make_video(again, "--items", N, "--seconds", SECONDS)
    assert same.read_bytes() == truth
    _, other = harness.make_video(again, "--items", N, "--seconds", SECONDS, "--seed", 2)
    assert other.read_bytes() != truth


def names_garments_in_one_pipeline():
    out = folder / "annotated.webm"
    play(f"filesrc location={made['video']} ! decodebin ! videoconvert ! fmnistsegment ! fmnistclassify ! fmnistjson location={folder}/out.jsonl "
         f"! fmnistoverlay ! videoconvert ! vp8enc deadline=1 cpu-used=8 ! webmmux ! filesink location={out}")
    lines = read_lines(folder / "out.jsonl")
    frames = round(SECONDS * FPS) * N
    assert len(lines) == frames, f"{len(lines)} lines for {frames} frames"
    assert all(line["resolution"] == {"width": 640, "height": 480} for line in lines)
    times = [line["timestamp"] for line in lines]
    assert times == sorted(set(times))
    made["lines"] = lines


def most_are_named_right():
    right, wrong = 0, collections.Counter()
    for item in made["items"]:
        said = collections.Counter(harness.label(line) for line in made["lines"] if item["from"] <= line["timestamp"] + 2_000_000 < item["to"])
        name = said.most_common(1)[0][0]
        right += name == item["label"]
        wrong[item["label"], name] += name != item["label"]
    print(f"# {right} of {N} right; wrong: {[k for k, v in wrong.items() if v]}")
    assert right >= 0.6 * N, f"{right} of {N}"


def boxes_lie_round_the_garment():
    """Garments are drawn near the middle, about three quarters of the height or the width of it."""
    for line in made["lines"]:
        assert len(line["objects"]) <= 1
        for o in line["objects"]:
            assert 0 <= o["x"] and 0 <= o["y"] and o["x"] + o["w"] <= 640 and o["y"] + o["h"] <= 480, o
            b = o["detection"]["bounding_box"]
            assert abs(b["x_min"] * 640 - o["x"]) <= 1.5 and abs(b["y_max"] * 480 - o["y"] - o["h"]) <= 2.5, o
    found = [line["objects"][0] for line in made["lines"] if line["objects"]]
    # three in a hundred items are as bright as the ground along much of their outline, and count as part of it
    assert len(found) >= 0.95 * len(made["lines"]), f"{len(found)} objects in {len(made['lines'])} frames"
    good = [o for o in found if abs(o["x"] + o["w"] / 2 - 320) < 110 and abs(o["y"] + o["h"] / 2 - 240) < 80 and max(o["w"], o["h"]) > 200
            and max(o["w"], o["h"]) < 460]
    assert len(good) >= 0.9 * len(found), f"{len(good)} of {len(found)} boxes are where garments are"


def reports_and_draws_a_sheet():
    sheet = folder / "sheet.png"
    r = run([tool("examples", "garment-report"), "--truth", made["truth"], "--results", folder / "out.jsonl", "--video", folder / "annotated.webm",
             "--sheet", sheet])
    assert r.returncode == 0, r.stderr
    assert f" of {N} items named right" in r.stdout.splitlines()[-1], r.stdout
    data = sheet.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 100_000


def the_report_refuses_nonsense():
    bad = folder / "bad.jsonl"
    bad.write_text('{"item":0}\n')
    r = run([tool("examples", "garment-report"), "--truth", bad, "--results", bad])
    assert r.returncode == 1 and "bad.jsonl, line 1" in r.stderr, r.stderr
    bad.write_text("")
    r = run([tool("examples", "garment-report"), "--truth", made["truth"], "--results", bad])
    assert r.returncode == 1 and "at least half" in r.stderr, r.stderr
    assert run([tool("examples", "garment-report")]).returncode == 2
    r = run([tool("examples", "garment-report"), "--truth", made["truth"], "--results", folder / "out.jsonl", "--video", bad, "--sheet", folder / "no.png"],
            timeout=60)
    assert r.returncode == 1 and "bad.jsonl: " in r.stderr, r.stderr


def without_a_data_set_it_says_what_to_do():
    for options, words in ((["--data", folder / "nowhere"], "dataset-fashion-mnist"), (["--data", folder], "")):
        r = run([tool("examples", "garment-video"), *options, folder / "no.webm"])
        assert r.returncode == 1 and words in r.stderr and str(folder) in r.stderr, r.stderr
    assert run([tool("examples", "garment-video")]).returncode == 2
    assert run([tool("examples", "garment-video"), "--items", "0", folder / "no.webm"]).returncode == 2
    r = run([tool("examples", "garment-video"), "--items", "1", folder / "nowhere" / "no.webm"])
    assert r.returncode == 1 and "no.webm" in r.stderr, r.stderr


harness.main(renders_a_video, the_same_seed_gives_the_same_items, names_garments_in_one_pipeline, most_are_named_right,
             boxes_lie_round_the_garment, reports_and_draws_a_sheet, the_report_refuses_nonsense, without_a_data_set_it_says_what_to_do)
