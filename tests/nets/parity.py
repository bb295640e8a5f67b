#!/usr/bin/env python3
"""Compares the networks with ONNX Runtime, which runs what `fmnist-train export` writes.

    python3 tests/nets/parity.py BUILD [--count N] [--weights F16|F32]

Needs node and ../shared/peers (its setup.sh installs ONNX Runtime); says so and ends with 77 where they are absent. Inputs: N
random ones and the first N test images of Fashion-MNIST (100 each), one at a time and ten at a time. Weights: random ones, stored
as fmnist-train does it (F16) or whole (F32), and those of models/ that are there."""
import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.environ.get("FMNIST_DATA", "/usr/share/datasets/fashion-mnist")
PEERS = os.path.join(os.environ.get("FMNIST_SHARED", os.path.join(os.path.dirname(ROOT), "shared")), "peers")
NETS = ["base", "compact", "compact:size=56", "compact:size=112,last=96", "compact:blocks=1-2-3", "deep", "efficientnet-b0", "efficientnet-b0:strides=original", "wide", "wide:depth=10,width=2",
        "yolov3-tiny", "yolov3-tiny:size=256", "yolov3-tiny:size=192,last=256"]
LOGITS, PROBABILITIES = 5e-3, 1e-3  # the most that may differ
BATCH = 10
MAX_PIXELS = 1 << 22  # of one kind of input that ONNX Runtime gets at a time


def skip(why):
    print("parity skipped:", why)
    sys.exit(77)


try:
    import numpy as np
except ImportError:
    skip("no numpy (python3-numpy)")
try:
    import onnx
except ImportError:
    onnx = None  # python3-onnx: its checker is run where it is there


def check_peers():
    node_modules = os.path.join(os.environ.get("FMNIST_PEERS", os.path.join(tempfile.gettempdir(), "fmnist-peers")), "node_modules")
    if not shutil.which("node"):
        skip("no node")
    if not os.path.exists(os.path.join(PEERS, "ort_run.js")):
        skip(f"no {PEERS}/ort_run.js (FMNIST_SHARED names the folder above it)")
    if not os.path.isdir(os.path.join(node_modules, "onnxruntime-node")):
        skip(f"no onnxruntime-node in {node_modules}; install it with: sh {PEERS}/setup.sh")


class Tools:
    def __init__(self, build, work):
        self.train, self.helper, self.work = os.path.join(build, "tools/fmnist-train"), os.path.join(build, "tests/nets/parity-run"), work

    def call(self, *command):
        r = subprocess.run(command, capture_output=True, text=True)
        if r.returncode:
            sys.exit(f"{' '.join(command)}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r.stdout

    def path(self, name):
        return os.path.join(self.work, name)

    def read(self, name, outputs):
        """A row an image of what is in the file: its outputs one after another, each of all images."""
        y, at, rows = np.fromfile(self.path(name), "<f4"), 0, []
        if len(y) != sum(map(np.prod, outputs)):
            sys.exit(f"{name}: {len(y)} numbers; expected {outputs}")
        for shape in outputs:
            rows.append(y[at:at + np.prod(shape)].reshape(shape[0], -1))
            at += np.prod(shape)
        return np.concatenate(rows, 1)

    def run(self, model, exported, x):
        """What ONNX Runtime makes of x; what we do, one image at a time and in batches."""
        x.tofile(self.path("in"))
        said = self.call("node", os.path.join(PEERS, "ort_run.js"), exported, self.path("in"), self.path("theirs"), *map(str, x.shape))
        outputs = [tuple(map(int, line.split()[1].split("x"))) for line in said.splitlines()]
        theirs, ours = self.read("theirs", outputs), []
        for batch in 1, BATCH:
            self.call(self.helper, "run", model, self.path("in"), self.path("ours"), str(batch))
            ours.append(self.read("ours", outputs))
        return theirs, ours


def photos(count):
    with gzip.open(os.path.join(DATA, "t10k-images-idx3-ubyte.gz")) as f:
        return np.frombuffer(f.read(16 + 784 * count), np.uint8, offset=16).reshape(-1, 28, 28).astype(np.float32) / 255


def resize(x, size):
    """Bilinear, as far as the images go."""
    at = np.clip((np.arange(size) + .5) * x.shape[1] / size - .5, 0, x.shape[1] - 1)
    low = np.minimum(at.astype(int), x.shape[1] - 2)
    f = (at - low).astype(np.float32)
    x = x[:, low] * (1 - f)[:, None] + x[:, low + 1] * f[:, None]
    return x[:, :, low] * (1 - f) + x[:, :, low + 1] * f


def inputs(count, spec):
    """The images of each kind, those of all kinds in turn."""
    c, h, w = spec["channels"], spec["height"], spec["width"]
    kinds = {"random": np.random.default_rng(1).standard_normal((count, c, h, w), np.float32)}
    if os.path.exists(os.path.join(DATA, "t10k-images-idx3-ubyte.gz")):
        x = photos(count) if w == 28 else resize(photos(count), w)
        mean, std = (np.array(spec[k], np.float32).reshape(1, c, 1, 1) for k in ("mean", "std"))
        kinds["real"] = (np.repeat(x[:, None], c, 1) - mean) / std
    return list(kinds), np.ascontiguousarray(np.stack(list(kinds.values()), 1), np.float32).reshape(-1, c, h, w)


def probabilities(y, temperature, detector):
    y = y.astype(np.float64)
    if detector:
        return 1 / (1 + np.exp(-y))
    e = np.exp((y - y.max(1, keepdims=True)) / temperature)
    return e / e.sum(1, keepdims=True)


def compare(tools, model, count):
    """By kind of input: the largest logit and the largest differences of logits and of probabilities."""
    info = json.loads(tools.call(tools.train, "info", model, "--format", "json"))
    spec, temperature = json.loads(info["metadata"]["input"]), float(info["metadata"].get("temperature", 1))
    exported, detector = tools.path("model.onnx"), info["arch"].startswith("yolo")
    tools.call(tools.train, "export", "--model", model, "--onnx", exported)
    if onnx:
        onnx.checker.check_model(onnx.load(exported), full_check=True)
    kinds, x = inputs(count, spec)
    worst, chunk = np.zeros((len(kinds), 3)), max(1, MAX_PIXELS // x[0].size) * len(kinds)
    for first in range(0, len(x), chunk):
        theirs, ours = tools.run(model, exported, x[first:first + chunk])
        q = probabilities(theirs, temperature, detector)
        for y in ours:
            if not np.isfinite(y).all():
                sys.exit(f"{model}: not all results are finite")
            p = probabilities(y, temperature, detector)
            for k in range(len(kinds)):
                here = slice(k, None, len(kinds))
                worst[k] = np.maximum(worst[k], [abs(a[here]).max() for a in (theirs, y - theirs, p - q)])
    return dict(zip(kinds, worst))


def models(tools, weights):
    """Name, weights and file of each network."""
    for net in NETS:
        path = tools.path("made.safetensors")
        tools.call(tools.helper, "make", net, "1", weights, path)
        yield net, f"random, {weights}", path
    folder = os.path.join(ROOT, "models")
    for name in sorted(f for f in os.listdir(folder) if f.endswith(".safetensors")):
        yield name.split(".")[0], "shipped", os.path.join(folder, name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--weights", choices=["F16", "F32"], default="F16")
    args = parser.parse_args()
    check_peers()
    bad = 0
    print("| network | weights | inputs | largest logit | logits differ by | probabilities by |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        tools = Tools(args.build, work)
        for net, weights, path in models(tools, args.weights):
            for kind, (largest, logits, p) in compare(tools, path, args.count).items():
                ok = logits <= LOGITS and p <= PROBABILITIES
                bad += not ok
                print(f"| {net} | {weights} | {kind} | {largest:.2f} | {logits:.1e} | {p:.1e} |{'' if ok else ' TOO MUCH'}", flush=True)
    if bad:
        print(f"{bad} of these differ by more than {LOGITS} (logits) or {PROBABILITIES} (probabilities)")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
