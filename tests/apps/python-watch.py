"""examples/python/watch.py and the code in docs/python.md: metadata from a pad probe, events from the bus."""
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))

import harness
from harness import BUILD, SOURCE, run
from programs import Program

PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
WATCH = SOURCE / "examples" / "python" / "watch.py"
folder = harness.temporary()
made = {}


def needs_bindings():
    r = run([PYTHON, "-c", "import gi; gi.require_version('GstVideo', '1.0'); from gi.repository import GstVideo"])
    if r.returncode != 0:
        raise harness.Skip("no PyGObject for GStreamer: Debian has it as python3-gi, gir1.2-gstreamer-1.0, gir1.2-gst-plugins-base-1.0")
    if os.environ.get("FMN_PRELOAD"):
        raise harness.Skip("PyGObject does not go with a sanitizer that is loaded first")


def video():
    if "video" not in made:
        made["video"], _ = harness.make_video(folder, "--items", "3", "--seconds", "1")
    return made["video"]


def events_are_those_of_the_c_program():
    needs_bindings()
    r = run([PYTHON, WATCH, video()])
    assert r.returncode == 0 and not r.stderr, r.stderr
    expected = [line.split("\t") for line in run([BUILD / "examples" / "watch", video()]).stdout.splitlines()]
    assert r.stdout.splitlines() == [f"{e[2]} {e[4]} (garment {e[3]})" for e in expected] and len(expected) >= 4, r.stdout


def frames_are_those_of_the_json():
    needs_bindings()
    out = folder / "frames.jsonl"
    harness.play(f"filesrc location={video()} ! decodebin ! videoconvert ! fmnistsegment max-objects=1 ! fmnistclassify smoothing=500 ! fmnistjson location={out} ! fakesink")
    expected = [f"{line['timestamp'] / 1e9:.3f} s: {c['label']} {c['confidence']:.2f} at {o['x']},{o['y']} {o['w']}×{o['h']}"
                for line in harness.read_lines(out) for o in line["objects"] for c in [o["classification"]]]
    said = [line for line in run([PYTHON, WATCH, "--frames", video()]).stdout.splitlines() if " s: " in line]
    assert said == expected and len(said) >= 80, [pair for pair in zip(said, expected) if pair[0] != pair[1]][:5]


def every_region_of_a_frame_is_seen():
    needs_bindings()
    program = folder / "regions.py"
    program.write_text(f"""
import sys
sys.path.insert(0, {str(WATCH.parent)!r})
import watch
from gi.repository import Gst, GstVideo
Gst.init(None)
buffer = Gst.Buffer.new_allocate(None, 16, None)
for i in (7, 3, 5):
    GstVideo.buffer_add_video_region_of_interest_meta(buffer, "thing", i, 0, 1, 1).id = i
print([r.id for r in watch.regions(buffer)], [r.x for r in watch.regions(buffer)], list(watch.regions(Gst.Buffer.new_allocate(None, 16, None))))
""")
    r = run([PYTHON, program])
    assert r.stdout.strip() == "[7, 3, 5] [7, 3, 5] []", r.stdout + r.stderr


def failures_and_ctrl_c():
    needs_bindings()
    r = run([PYTHON, WATCH, folder / "nowhere.mp4"])
    assert r.returncode == 1 and r.stderr, r.stderr
    program = Program(PYTHON, "-u", WATCH, "--frames", video(), env=harness.environment())
    program.wait_for(" s: ")
    program.signal(signal.SIGINT)
    assert program.end() == 0, program.all


def the_code_of_the_docs():
    needs_bindings()
    blocks = re.findall(r"```python\n(.*?)```", (SOURCE / "docs" / "python.md").read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 2
    events, lines = (b.replace("v4l2src", f"filesrc location={video()} ! decodebin") for b in blocks)
    head = "import gi\ngi.require_version('Gst', '1.0')\nfrom gi.repository import GLib, Gst\nGst.init(None)\nloop = GLib.MainLoop()\n"
    tail = "bus.connect('message::eos', lambda *a: loop.quit())\npipeline.set_state(Gst.State.PLAYING)\nloop.run()\npipeline.set_state(Gst.State.NULL)\n"
    for code, word in ((head + events + tail, "appear "), ("import json, subprocess\n" + lines, " 0.")):
        program = folder / "block.py"
        program.write_text(code)
        r = run([PYTHON, program])
        assert r.returncode == 0 and word in r.stdout, r.stdout + r.stderr


harness.main(events_are_those_of_the_c_program, frames_are_those_of_the_json, every_region_of_a_frame_is_seen, failures_and_ctrl_c, the_code_of_the_docs)
