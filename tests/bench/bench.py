#!/usr/bin/env python3
"""Every speed figure as one table, in Markdown: python3 tests/bench/bench.py [BUILD] [--rounds N] [--peers DIR]

Ours against ONNX Runtime (inference, batch 1) and PyTorch (training) where the scripts ort_bench.js and torch_train.py are in
DIR (../shared/peers); without them our figures alone. Each figure is the median over rounds of the best time in a round; ratios
are taken within a round, so that they hold when the machine's speed drifts."""
import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# network, the peer's name for it, input size, training batch
NETS = [("base", "base", None, 128), ("deep", "deep", None, 128), ("efficientnet-b0:strides=original", "effb0", None, 128),
        ("yolov3-tiny", "yolo416", 416, None), ("yolov3-tiny", "yolo256", 256, 8), ("compact:blocks=1-2-3", None, None, 64), ("wide", None, None, 64)]


def run(command, **kw):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kw)
    if r.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))}: {r.stderr.strip()[-300:]}")
    return r.stdout


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


class Bench:
    def __init__(self, build, peers, rounds):
        self.tool, self.build, self.peers, self.rounds = build / "tools" / "fmnist-train", build, peers, rounds

    def ours(self, arch, size, threads, batch, mode):
        extra = ["--size", size] if size else []
        return json.loads(run([self.tool, "bench", "--arch", arch, *extra, "--threads", threads, "--batch", batch, "--mode", mode,
                               "--format", "json"]))

    def ort(self, net):
        if not self.peers or not net:
            return {}
        r = subprocess.run(["node", self.peers / "ort_bench.js", net], capture_output=True, text=True)
        self.check(r)
        return {d["threads"]: d["min"] for d in json_lines(r.stdout) if d["batch"] == 1}

    @staticmethod
    def check(r):
        if r.returncode:
            print(f"bench: exit {r.returncode} of {' '.join(map(str, r.args))}: {r.stderr.strip()[-300:]}", file=sys.stderr)

    def torch(self, net):
        if not self.peers or not net:
            return None
        env = {k: v for k, v in os.environ.items() if k != "PYENV_VERSION"}
        r = subprocess.run(["/usr/bin/python3", self.peers / "torch_train.py", net], capture_output=True, text=True, env=env)
        self.check(r)
        rows = json_lines(r.stdout)
        return rows[-1]["images_per_s"] if rows else None

    def peak(self):
        """GFLOPS of one core: what the product kernel reaches on numbers that stay in its caches."""
        lines = run([self.build / "tests" / "kernels" / "test-kernels", "-m", "perf", "-p", "/kernels/bench"]).splitlines()
        line = next(l for l in lines if l.startswith("# product  "))
        name, value = line.split()[-2:]
        print(f"\nOne core's product kernel ({name}): {value} GFLOPS.\n")
        return float(value)

    def inference(self):
        peak = self.peak()
        print("| network | threads | ours, ms | ONNX Runtime, ms | ours / ORT | GFLOPS as written | share of the peak |\n" + "|---" * 7 + "|")
        for arch, peer, size, _ in NETS:
            rounds = []
            for _ in range(self.rounds):
                peers = self.ort(peer)
                ours = {t: self.ours(arch, size, t, 1, "infer") for t in (1, 2)}
                rounds.append({t: (ours[t]["ms_per_image_min"], peers.get(t)) for t in (1, 2)})
            for t in (1, 2):
                name, best = f"{arch} {size}" if size else arch, statistics.median(r[t][0] for r in rounds)
                speed = 2e-6 * ours[t]["multiply_adds"] / best
                self.row(name, t, [r[t] for r in rounds], lambda ours, peer: ours / peer, "{:.3f}", f" {speed:.0f} | {speed / peak / t:.2f} |")

    def training(self):
        print("\n| network, training | threads | ours, images/s | PyTorch, images/s | ours / PyTorch |\n|---|---|---|---|---|")
        for arch, peer, size, batch in NETS:
            if not batch:
                continue
            rounds = [(self.ours(arch, size, 2, batch, "train")["images_per_s"], self.torch(peer)) for _ in range(self.rounds)]
            self.row(f"{arch} {size}" if size else arch, 2, rounds, lambda ours, peer: ours / peer, "{:.0f}")

    @staticmethod
    def row(name, threads, pairs, ratio, form, more=""):
        ours = form.format(statistics.median(o for o, _ in pairs))
        known = [(o, p) for o, p in pairs if p]
        peer = form.format(statistics.median(p for _, p in known)) if known else "–"
        text = f"{statistics.median(ratio(o, p) for o, p in known):.2f}" if known else "–"
        print(f"| {name} | {threads} | {ours} | {peer} | {text} |{more}", flush=True)

    def frame(self):
        print("\n| 640×480 frame, one core | segmentation, ms | crop, ms | both | network (compact), ms |\n|---|---|---|---|---|")
        for d in json_lines(run([self.build / "tests" / "bench" / "frame-path", ROOT / "models" / "compact.safetensors"])):
            print(f"| {d['format']} | {d['segment_ms']} | {d['crop_ms']} | {d['segment_crop_ms']} | {d['classify_ms']} |")

    def pipeline(self, first=60, last=860):
        """What the elements add to a JPEG video of garments, as CPU time a frame, beside the decoder's own; starting up left out."""
        env = dict(os.environ, GST_PLUGIN_PATH=str(self.build / "gst"), FMNIST_MODEL_PATH=str(ROOT / "models"))
        with tempfile.TemporaryDirectory() as tmp:
            video, env["GST_REGISTRY"] = f"{tmp}/v.mkv", f"{tmp}/registry.bin"
            run([self.build / "examples" / "garment-video", "--items", last // 15 + 1, f"{tmp}/v.webm"])
            make = f"filesrc location={tmp}/v.webm ! decodebin ! videoconvert ! video/x-raw,format=I420 ! jpegenc ! matroskamux ! filesink location={video}"
            run(["gst-launch-1.0", "-q", *make.split()], env=env)

            def cpu(chain, frames):
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                run(["gst-launch-1.0", "-q", *f"filesrc location={video} ! matroskademux ! identity eos-after={frames} {chain} ! fakesink".split()],
                    env=env)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

            chains = ["", "! jpegdec", "! jpegdec ! fmnistsegment ! fmnistclassify model=compact ! fmnistoverlay"]
            times = {(c, n): [] for c in chains for n in (first, last)}
            for _ in range(self.rounds):
                for c, n in times:
                    times[c, n].append(cpu(c, n))
        empty, decode, whole = (1000 * (min(times[c, last]) - min(times[c, first])) / (last - first) for c in chains)
        d, e = decode - empty, whole - decode
        print(f"\n| 640×480 JPEG video | CPU ms a frame |\n|---|---|\n| jpegdec | {d:.2f} |\n"
              f"| fmnistsegment ! fmnistclassify ! fmnistoverlay | {e:.2f} |\n| ratio | {e / d:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=pathlib.Path, default=ROOT.parent / "shared" / "peers")
    a = parser.parse_args()
    if not (a.build / "tools" / "fmnist-train").exists():
        sys.exit(f"bench: no build in {a.build}; run `sh setup.sh` first, or name the build folder")
    peers = a.peers if a.peers.is_dir() and shutil.which("node") else None
    if not peers:
        print(f"bench: ours alone: there is no {a.peers}, or no node", file=sys.stderr)
    bench = Bench(a.build, peers, a.rounds)
    start = time.time()
    for part in (bench.inference, bench.training, bench.frame, bench.pipeline):
        part()
    print(f"\n{a.rounds} rounds, {time.time() - start:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
