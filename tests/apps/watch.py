"""examples/c/watch: events of files and cameras; ends with a file, on Ctrl-C, and goes on when a lost camera is back."""
import collections
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))

import harness
from harness import BUILD, run
from programs import Program

folder = harness.temporary()
WATCH, CAMERA = BUILD / "examples" / "watch", BUILD / "tests" / "apps" / "rtsp-camera"


def picture():
    path = folder / "garment.png"
    if not path.exists():
        video, _ = harness.make_video(folder, "--items", "1", "--seconds", "0.3")
        harness.play(f"filesrc location={video} ! decodebin ! videoconvert ! pngenc snapshot=true ! filesink location={path}")
    return path


def camera(port=0):
    if not CAMERA.exists():
        raise harness.Skip("no gstreamer-rtsp-server-1.0: Debian has it as libgstrtspserver-1.0-dev")
    server = Program(CAMERA, picture(), port, env=harness.environment())
    return server, server.wait_for("rtsp://").strip()


def watch(*arguments):
    return Program(WATCH, *arguments, env=harness.environment())


def a_file_ends():
    video, _ = harness.make_video(folder, "--items", "3", "--seconds", "1")
    r = run([WATCH, video], timeout=60)
    assert r.returncode == 0 and not r.stderr, r.stderr
    events = [line.split("\t") for line in r.stdout.splitlines()]
    assert all(len(e) == 6 and e[1] == video.as_uri() and e[4] in harness.LABELS and 0 <= float(e[5]) <= 1 for e in events), events
    kinds = [e[2] for e in events]
    assert "appear" in kinds and kinds.count("appear") == kinds.count("leave") and len(events) >= 4, events


def a_detector_sees_several():
    """Several come at once, most under names that are there; without it one at a time would."""
    video, truth = harness.make_scenes(folder, 12)
    r = run([WATCH, "--detector", video], timeout=120)
    assert r.returncode == 0 and not r.stderr, r.stderr
    there, most, named = set(), 0, collections.Counter()
    for kind, number, label in (line.split("\t")[2:5] for line in r.stdout.splitlines()):
        there = there | {number} if kind == "appear" else there - {number} if kind == "leave" else there
        most = max(most, len(there))
        named[label] += kind == "appear"
    garments = collections.Counter(harness.LABELS[c] for scene in truth for c in scene)
    right = (named & garments).total()
    print(f"# {garments.total()} garments, {named.total()} came, up to {most} at once, {right} under a name that is there")
    assert most >= 2 and right >= 0.3 * garments.total() and right >= 0.7 * named.total(), r.stdout


def what_cannot_be_read_is_a_failure():
    for arguments, word in (([folder / "nowhere.mp4"], "nowhere.mp4"), ([picture(), "--model", "trilobite"], "trilobite"),
                            ([picture(), "--detector", "--model", "compact"], "compact")):
        r = run([WATCH, *arguments], timeout=60)
        assert r.returncode == 1 and word in r.stderr, r.stderr
    for arguments in ([], ["--silence=0", "x"], ["--frobnicate"]):
        r = run([WATCH, *arguments], timeout=60)
        assert r.returncode == 2 and r.stderr, f"exit {r.returncode} of {arguments}"


def ctrl_c_ends_in_order():
    """What is there leaves, and nothing is left open."""
    server, address = camera()
    try:
        program = watch(address)
        seen = program.wait_for("\tappear\t").split("\t")
        begin = time.monotonic()
        program.signal(signal.SIGINT)
        assert program.end() == 0, program.all
        assert time.monotonic() - begin < 5
        left = [line.split("\t") for line in program.all if "\tleave\t" in line]
        assert left and left[-1][3] == seen[3], program.all
    finally:
        server.kill()


def a_lost_camera_comes_back():
    server, address = camera()
    program = watch("--silence", "3", address)
    try:
        program.wait_for("\tappear\t")
        server.kill()
        program.wait_for("lost", "next try")
        server, again = camera(address.split(":")[2].split("/")[0])
        assert again == address
        program.wait_for_each("\tappear\t", "is back", seconds=40)
        server.signal(signal.SIGSTOP)  # it is there and says nothing
        program.wait_for("lost", seconds=30)
        server.signal(signal.SIGCONT)
        program.wait_for("\tappear\t", seconds=60)
        program.signal(signal.SIGTERM)
        assert program.end() == 0, program.all
    finally:
        program.kill()
        server.signal(signal.SIGCONT)
        server.kill()


def a_camera_that_is_not_there_yet():
    server, address = camera()
    server.kill()
    program = watch(address)
    try:
        program.wait_for("lost")
        server, _ = camera(address.split(":")[2].split("/")[0])
        program.wait_for("\tappear\t", seconds=30)
        server.kill()
        program.wait_for("lost")
        program.signal(signal.SIGINT)  # while it waits
        assert program.end(5) == 0
    finally:
        program.kill()
        server.kill()


harness.main(a_file_ends, a_detector_sees_several, what_cannot_be_read_is_a_failure, ctrl_c_ends_in_order, a_lost_camera_comes_back, a_camera_that_is_not_there_yet)
