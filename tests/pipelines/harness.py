"""What the pipeline tests share: TAP on stdout, the build's tools, gst-launch-1.0 with the build's plugin."""
import atexit
import json
import os
import pathlib
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import traceback

if not __debug__:
    sys.exit("the checks are assertions: run this without -O and PYTHONOPTIMIZE")
# meson ends a test so when it takes too long; what is mounted, made and started goes all the same
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

BUILD = pathlib.Path(os.environ["FMN_BUILD"])
SOURCE = pathlib.Path(os.environ["FMN_SOURCE"])
SHARED = pathlib.Path(os.environ.get("FMNIST_SHARED", SOURCE.parent / "shared"))
LABELS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
NETWORKS = ("base", "compact", "deep", "wide", "efficientnet-b0")
DATA = pathlib.Path(os.environ.get("FMNIST_DATA", "/usr/share/datasets/fashion-mnist"))


class Skip(Exception):
    pass


def temporary():
    """A folder that goes when the program does."""
    folder = tempfile.mkdtemp(prefix="fmnist-")
    atexit.register(shutil.rmtree, folder, True)
    return pathlib.Path(folder)


def environment(**more):
    env = dict(os.environ)
    env["GST_PLUGIN_PATH"] = str(BUILD / "gst")
    env["GST_REGISTRY"] = str(BUILD / "tests" / "pipelines" / "registry.bin")
    env["FMNIST_MODEL_PATH"] = str(SOURCE / "models")
    if env.get("FMN_PRELOAD"):  # the sanitizer's runtime has to come first in programs that were built without it
        env["LD_PRELOAD"] = env["FMN_PRELOAD"]
        env["ASAN_OPTIONS"] = "detect_leaks=0:" + env.get("ASAN_OPTIONS", "")
        env["GST_REGISTRY_FORK"] = "no"
    for name, value in more.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


def run(command, timeout=300, env=None, cwd=None):
    """A program and its arguments, as a list or a line (paths in it by quoted()); output as text."""
    command = shlex.split(command) if isinstance(command, str) else [str(c) for c in command]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout, env=env or environment(), cwd=cwd)


def quoted(path):
    """A path as one word of a line."""
    return shlex.quote(str(path))


def launch(pipeline, timeout=300, env=None):
    """gst-launch-1.0; a pipeline line, shell quoting allowed."""
    return run(["gst-launch-1.0", "--no-fault", "-q", *shlex.split(pipeline)], timeout, env)


def play(pipeline, timeout=300, env=None):
    """The same, and it has to end well."""
    r = launch(pipeline, timeout, env)
    assert r.returncode == 0, f"exit {r.returncode} of: {pipeline}\n{r.stderr[-1500:]}"
    for bad in ("CRITICAL", "WARNING **", "ERROR: AddressSanitizer", "runtime error:"):
        assert bad not in r.stderr, f"{bad} from: {pipeline}\n{r.stderr[-1500:]}"
    return r


def read_lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def tool(folder, name):
    return BUILD / folder / name


def best(line):
    """The largest classified object of a JSON line, or None."""
    objects = [o for o in line["objects"] if "classification" in o]
    return max(objects, key=lambda o: o["w"] * o["h"]) if objects else None


def label(line):
    """What the network takes it for, sure or not."""
    o = best(line)
    if o is None:
        return None
    c = o["classification"]
    return c["top"][0]["label"] if c["label"] == "unknown" and c.get("top") else c["label"]


def classifiers():
    """The shipped models that bear a network's name; others have tests of their own."""
    return [p for p in sorted((SOURCE / "models").glob("*.safetensors")) if p.stem in NETWORKS]


def write_split(folder, split, images, labels):
    """The two IDX files of a split; images: 28 × 28 bytes each, one after the other; labels: a byte each."""
    folder.mkdir(exist_ok=True)
    (folder / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">iiii", 0x803, len(labels), 28, 28) + images)
    (folder / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">ii", 0x801, len(labels)) + labels)


def make_video(folder, *options):
    """(video, truth) of a few garments."""
    if not DATA.is_dir():
        raise Skip(f"no Fashion-MNIST in {DATA}")
    video, truth = folder / "garments.webm", folder / "truth.jsonl"
    r = run([tool("examples", "garment-video"), *options, "--truth", truth, video])
    assert r.returncode == 0, r.stderr
    return video, truth


def make_scenes(folder, count):
    """(video, truth) of composed scenes, a second each at 5 frames/s; truth: the classes in each."""
    if not DATA.is_dir():
        raise Skip(f"no Fashion-MNIST in {DATA}")
    r = run([tool("tools", "fmnist-train"), "scenes", "--preset", "mixed", "--split", "test", "--count", count, "--seed", 1, "--out", folder / "scenes"])
    assert r.returncode == 0, r.stderr
    video = folder / "scenes.mkv"
    play(f"multifilesrc location={folder}/scenes/%06d.png caps=image/png,framerate=1/1 ! pngdec ! videorate ! video/x-raw,framerate=5/1 ! videoconvert "
         f"! jpegenc quality=95 ! matroskamux ! filesink location={video}")
    truth = [[int(line.split()[0]) for line in open(path, encoding="utf-8")] for path in sorted((folder / "scenes").glob("0*.txt"))]
    assert len(truth) == count
    return video, truth


class Made(dict):
    """What one case has made for the next ones, which are skipped where it could not."""

    def __missing__(self, name):
        raise Skip(f"there is no {name}: a case before this one was skipped or failed")


def main(*cases):
    """Runs functions as TAP cases; their names and doc strings say what they show."""
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for i, case in enumerate(cases, 1):
        name = case.__name__.replace("_", "-")
        try:
            case()
            print(f"ok {i} {name}", flush=True)
        except Skip as e:
            print(f"ok {i} {name} # SKIP {e}", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()  # to where meson shows it
            print(f"not ok {i} {name}", flush=True)
    sys.exit(failed > 0)
