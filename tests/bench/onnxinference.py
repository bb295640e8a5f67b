#!/usr/bin/env python3
"""fmnistyolo beside GStreamer's own onnxinference on the same exported detector and the same frames, as a table in Markdown:
python3 tests/bench/onnxinference.py [BUILD] [--rounds N] [--frames N] [--threads N] [--limit RATIO]

Frames are composed scenes, RGB, of the network's size. What is measured is the time from a frame's arrival at the element to its
departure: onnxinference runs the network and attaches its outputs, fmnistyolo has objects as well. Each figure is the median over rounds
of the round's best frame, as in bench.py; ratios are taken within a round. Exits 1 where the ratio to onnxinference with all
optimizations is above RATIO. On Debian 13: sh tests/debian13/run.sh peers"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES = (416, 256)
LEVELS = ("enable-all", "disable-all")  # the second is the element's default
WARM_UP = 10


def worker(pipeline):
    """Plays it and prints the times, ns, between the two pads of the element called e, and how many frames left it with results."""
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import GObject, Gst
    Gst.init(None)
    p = Gst.parse_launch(pipeline)
    times, start, results = [], [0], [0]

    def arrives(_, __):
        start[0] = time.monotonic_ns()
        return Gst.PadProbeReturn.OK

    def leaves(_, info):
        times.append(time.monotonic_ns() - start[0])
        results[0] += any(info.get_buffer().get_meta(GObject.type_from_name(t)) is not None for t in kinds())
        return Gst.PadProbeReturn.OK

    def kinds():
        for name in ("GstTensorMetaAPI", "GstFmnistMetaAPI"):
            try:
                GObject.type_from_name(name)
                yield name
            except RuntimeError:
                pass

    e = p.get_by_name("e")
    e.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, arrives)
    e.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, leaves)
    p.set_state(Gst.State.PLAYING)
    message = p.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    p.set_state(Gst.State.NULL)
    if message.type == Gst.MessageType.ERROR:
        sys.exit(str(message.parse_error()))
    print("times " + json.dumps([times, results[0]]))


def run(command, **kw):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kw)
    if r.returncode:
        text = "\n".join(l for l in r.stderr.splitlines() if l and not l.startswith("Schema error"))
        sys.exit(f"onnxinference.py: {' '.join(map(str, command))}: {text[-600:]}")
    return r.stdout


class Bench:
    def __init__(self, options, folder):
        self.o, self.folder, self.tool = options, folder, options.build / "tools" / "fmnist-train"
        self.model = ROOT / "models" / "yolov3-tiny.safetensors"
        metadata = json.loads(run([self.tool, "info", self.model, "--format", "json"]))["metadata"]
        self.input = json.loads(metadata["input"])
        self.env = dict(os.environ, GST_PLUGIN_PATH=str(options.build / "gst"), GST_REGISTRY=str(folder / "registry.bin"))

    def prepare(self, size):
        run([self.tool, "export", "--model", self.model, "--size", size, "--onnx", self.folder / f"{size}.onnx"])
        run([self.tool, "scenes", "--preset", "mixed", "--split", "test", "--count", 16, "--seed", 3, "--width", size, "--height", size,
             "--out", self.folder / str(size)])

    def element(self, size, level):
        if level is None:
            return f"fmnistyolo name=e model={self.model} size={size} threads={self.o.threads} live=off"
        mean, std = self.input["mean"][0], self.input["std"][0]
        return (f"onnxinference name=e model-file={self.folder}/{size}.onnx input-image-format=chw input-tensor-scale={255 * std} "
                f"input-tensor-offset={-255 * mean} optimization-level={level}")

    def best_ms(self, size, level):
        frames = self.o.frames + WARM_UP
        source = f"multifilesrc location={self.folder}/{size}/%06d.png loop=true num-buffers={frames} caps=image/png,framerate=30/1"
        text = run([sys.executable, __file__, "--worker", f"{source} ! pngdec ! videoconvert ! video/x-raw,format=RGB ! {self.element(size, level)} ! fakesink"],
                   env=self.env)
        times, results = json.loads(next(l for l in text.splitlines() if l.startswith("times "))[6:])
        if len(times) != frames or results != frames:
            sys.exit(f"onnxinference.py: of {frames} frames {len(times)} came through {level or 'fmnistyolo'}, {results} with results")
        return min(times[WARM_UP:]) / 1e6

    def table(self):
        columns = "".join(f" onnxinference {level}, ms a frame | ratio |" for level in LEVELS)
        print(f"| yolov3-tiny, {self.o.threads} threads | fmnistyolo, ms a frame |{columns}\n" + "|---" * (2 + 2 * len(LEVELS)) + "|")
        worst = 0
        for size in SIZES:
            self.prepare(size)
            rounds = [{level: self.best_ms(size, level) for level in (None, *LEVELS)} for _ in range(self.o.rounds)]
            ratios = {level: [r[None] / r[level] for r in rounds] for level in LEVELS}
            worst = max(worst, statistics.median(ratios["enable-all"]))
            theirs = "".join(f" {statistics.median(r[l] for r in rounds):.2f} | {statistics.median(ratios[l]):.2f} |" for l in LEVELS)
            print(f"| {size} | {statistics.median(r[None] for r in rounds):.2f} |{theirs}", flush=True)
            print(f"{size}: ratios of the rounds " + ", ".join(f"{r:.2f}" for r in ratios["enable-all"]), file=sys.stderr, flush=True)
        return worst


def versions():
    """Where Debian says it."""
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo", encoding="utf-8") if l.startswith("model name")), "unknown processor")
    names = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "gstreamer1.0-plugins-bad", "libonnxruntime1*"], capture_output=True, text=True)
    installed = [l for l in names.stdout.splitlines() if len(l.split()) == 2]
    return ", ".join([f"{os.cpu_count()} × {cpu}", *installed])


def main():
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--threads", type=int, default=min(os.cpu_count(), 2), help="of fmnistyolo; onnxinference takes all processors")
    parser.add_argument("--limit", type=float, default=0.6)
    o = parser.parse_args()
    if subprocess.run(["gst-inspect-1.0", "--exists", "onnxinference"], capture_output=True).returncode:
        sys.exit("onnxinference.py: GStreamer has no onnxinference here; on Debian 13 it is in gstreamer1.0-plugins-bad")
    with tempfile.TemporaryDirectory() as folder:
        print(versions() + "\n")
        worst = Bench(o, pathlib.Path(folder)).table()
    if worst > o.limit:
        sys.exit(f"onnxinference.py: a ratio of {worst:.2f} is above {o.limit}")


if __name__ == "__main__":
    main()
