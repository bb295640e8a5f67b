"""Bad model files and bad arguments, each with what is said about it: by fmnist-train and by the element that is given the
file. Nothing crashes, hangs, or takes memory that the file does not have in it."""
import json
import pathlib
import resource
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipelines"))
import harness  # noqa: E402
from harness import SOURCE, run, tool  # noqa: E402

folder = harness.temporary()
TRAIN = tool("tools", "fmnist-train")
MEMORY = 3 << 30  # of address space: no file here may ask for it

# ---- files: a header and data, changed -----------------------------------------------------------------------------


def split(data):
    n = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + n]), data[8 + n :]


def join(header, data):
    text = header if isinstance(header, bytes) else json.dumps(header, ensure_ascii=False).encode()
    return struct.pack("<Q", len(text)) + text + data


def meta(**changes):
    """Changed strings of the metadata; None: without it."""

    def change(header, data):
        for key, value in changes.items():
            if value is None:
                del header["__metadata__"][key]
            else:
                header["__metadata__"][key] = value if isinstance(value, (str, int, list)) else json.dumps(value)
        return join(header, data)

    return change


def inner(key, **changes):
    """Changed members of one of the JSON objects in the metadata."""

    def change(header, data):
        o = json.loads(header["__metadata__"][key])
        o.update(changes)
        header["__metadata__"][key] = json.dumps(o)
        return join(header, data)

    return change


def tensor(change):
    def apply(header, data):
        data = bytearray(data)
        new = change(header, data)
        return join(header, bytes(data if new is None else new))

    return apply


def bias(header):
    return header["fc.bias"]


def at(header, data, value):
    begin = bias(header)["data_offsets"][0]
    data[begin : begin + 4] = struct.pack("<f", value)


def rename(old, new):
    return tensor(lambda h, d: h.__setitem__(new, h.pop(old)))


def field(key, value):
    return tensor(lambda h, d: bias(h).__setitem__(key, value))


def raw(content):
    return lambda header, data: content


def text(change):
    """The header as bytes, changed; its length follows."""
    return lambda header, data: join(change(json.dumps(header).encode()), data)


LABELS = [f"label {i}" for i in range(10)]
FILES = [
    ("empty", raw(b""), "the file is empty"),
    ("one-byte", raw(b"x"), "has only 1 bytes"),
    ("text", raw(b"hello, this is no model\n" * 9), "no safetensors file"),
    ("pickle", raw(b"\x80\x04\x95" + bytes(50)), "a Python pickle"),
    ("keras", raw(b"\x89HDF\r\n\x1a\n" + bytes(500)), "a Keras/HDF5 file"),
    ("zip", raw(b"PK\x03\x04" + bytes(500)), "a zip archive"),
    ("numpy", raw(b"\x93NUMPY\x01\x00" + bytes(100)), "a NumPy file"),
    ("png", raw(b"\x89PNG\r\n\x1a\n" + bytes(100)), "a PNG picture"),
    ("html", raw(b"<!DOCTYPE html><title>404</title>"), "an HTML or XML page"),
    ("lfs", raw(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "a Git LFS pointer"),
    ("gzip", raw(b"\x1f\x8b\x08" + bytes(60)), "a gzip file"),
    ("header-of-2^60", raw(struct.pack("<Q", 1 << 60) + b"{}"), "at most 1048576 are allowed"),
    ("header-of-2^64-1", raw(b"\xff" * 8 + b"{}"), "at most 1048576 are allowed"),
    ("header-beyond-the-end", raw(struct.pack("<Q", 5000) + b"{}"), "truncated: its header needs 5000 bytes"),
    ("no-metadata", raw(join({}, b"")), "not one of fmnist-train"),
    ("half", lambda h, d: join(h, d[: len(d) // 2]), "the file is truncated or damaged"),
    ("one-byte-short", lambda h, d: join(h, d[:-1]), "the file is truncated or damaged"),
    ("one-byte-long", lambda h, d: join(h, d + b"x"), "1 bytes after the last tensor"),
    ("cut-header", lambda h, d: join(h, d)[:4000], "truncated"),
    ("brackets", raw(join(b'{"a":' + b"[" * 100000, b"")), "nested too deeply"),
    ("name-twice", text(lambda t: t.replace(b'"fc.bias"', b'"fc.weight"')), "stands twice"),
    ("half-a-surrogate", text(lambda t: t.replace(b'"fc.bias"', b'"fc\\ud800"')), "half a surrogate pair"),
    ("zero-in-a-name", text(lambda t: t.replace(b'"fc.bias"', b'"fc\\u0000"')), "a zero character"),
    ("comment", text(lambda t: b"{/* */" + t[1:]), "not proper JSON"),
    ("latin1", text(lambda t: t.replace(b"fc.bias", b"fc.b\xe4s")), "not UTF-8"),
    ("terminal-escape", rename("fc.bias", "\x1b[2J"), "unprintable"),
    ("newer-format", meta(format="fmnist-2"), "a newer version of this program is needed"),
    ("checkpoint", meta(format="fmnist-checkpoint-1"), "this is a checkpoint, go on from it"),
    ("foreign-format", meta(format="pt"), "expected fmnist-1"),
    ("no-arch", meta(arch=None), 'no "arch"'),
    ("unknown-arch", meta(arch="resnet50"), "no network is called"),
    ("other-arch", meta(arch="deep", arch_options=""), "for network deep"),
    ("widest-arch", meta(arch="wide", arch_options="depth=100,width=16"), "which network wide needs, is missing"),
    ("detector-arch", meta(arch="yolov3-tiny", arch_options=""), "network yolov3-tiny takes"),
    ("unknown-option", meta(arch_options="colour=red"), "has no option"),
    ("option-without-value", meta(arch_options="strides"), "KEY=VALUE"),
    ("option-out-of-range", meta(arch="wide", arch_options="depth=1000000"), "from 10 to 100"),
    ("no-labels", meta(labels=None), 'no "labels"'),
    ("labels-empty", meta(labels="[]"), "a JSON list of 1 to 1000 strings"),
    ("labels-object", meta(labels="{}"), "a JSON list of 1 to 1000 strings"),
    ("labels-numbers", meta(labels=json.dumps(list(range(10)))), "label 0 is no string"),
    ("labels-twice", meta(labels=json.dumps(["a"] * 10)), '"a" stands twice'),
    ("labels-three", meta(labels='["a","b","c"]'), "expected 3"),
    ("labels-many", meta(labels=json.dumps([str(i) for i in range(1001)])), "1 to 1000 strings"),
    ("label-long", meta(labels=json.dumps(["x" * 101] + LABELS[1:])), "printable bytes"),
    ("label-escape", meta(labels=json.dumps(["\x1b[2J"] + LABELS[1:])), "printable bytes"),
    ("no-input", meta(input=None), 'no "input"'),
    ("input-text", meta(input="28x28"), "not proper JSON"),
    ("input-width", inner("input", width=29), "takes 28x28 of 1"),
    ("input-width-0", inner("input", width=0), '"width" to be a whole number from 1 to 4096'),
    ("input-width-2^31", inner("input", width=1 << 31), '"width" to be a whole number'),
    ("input-width-half", inner("input", width=28.5), '"width" to be a whole number'),
    ("input-channels", inner("input", channels=2), "2 channels; expected 1"),
    ("input-mean", inner("input", mean=[0.5, 0.5]), '"mean" to be a list of 1 numbers'),
    ("input-std-0", inner("input", std=[0]), '"std" to be a list'),
    ("input-unknown", inner("input", depth=3), '"depth" is unknown to this version'),
    ("no-preprocess", meta(preprocess=None), 'no "preprocess"'),
    ("preprocess-margin", inner("preprocess", margin=0.9), '"margin" to be a number from 0 to 0.45'),
    ("preprocess-trim", inner("preprocess", trim=-1), '"trim" to be a number'),
    ("preprocess-invert", inner("preprocess", invert="yes"), '"invert" to be true or false'),
    ("preprocess-unknown", inner("preprocess", blur=3), '"blur" is unknown to this version'),
    ("temperature-0", meta(temperature="0"), "temperature is"),
    ("temperature-nan", meta(temperature="nan"), "temperature is"),
    ("temperature-text", meta(temperature="warm"), "temperature is"),
    ("threshold-2", meta(threshold="2"), "threshold is"),
    ("threshold-number", meta(threshold=1), "is no string"),
    ("tensor-missing", tensor(lambda h, d: (lambda t: d[: t["data_offsets"][0]] + d[t["data_offsets"][1] :])(last(h))), "is missing"),
    ("tensor-renamed", rename("fc.bias", "fc.bais"), "fc.bias, which network compact needs, is missing"),
    ("tensor-type", field("dtype", "BF16"), "is of type BF16; expected F32 or F16"),
    ("tensor-shape", field("shape", [2, 5]), "is 2x5; expected 10"),
    ("tensor-shape-overflow", field("shape", [2147483647] * 4), "more than memory can hold"),
    ("tensor-shape-negative", field("shape", [-10]), "no whole number"),
    ("tensor-dims", field("shape", [1] * 9), "has 9 dimensions"),
    ("tensor-backwards", field("data_offsets", [40, 0]), "are not [begin, end]"),
    ("tensor-beyond", field("data_offsets", [1 << 50, (1 << 50) + 40]), "ends at byte"),
    ("tensor-on-another", tensor(lambda h, d: bias(h).__setitem__("data_offsets", [0, 40])), "overlap"),
    ("weight-nan", tensor(lambda h, d: at(h, d, float("nan"))), "is NaN"),
    ("weight-infinite", tensor(lambda h, d: at(h, d, float("inf"))), "is infinite"),
]


def last(header):
    """The description of the tensor that ends the data, taken out of the header."""
    name = max((n for n in header if n != "__metadata__"), key=lambda n: header[n]["data_offsets"][1])
    return header.pop(name)


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def said(command, message, codes, sanitized):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, errors="replace", timeout=60, env=harness.environment(),
                       preexec_fn=None if sanitized else limited)
    assert r.returncode in codes, f"exit {r.returncode} of {command}: {r.stderr[-600:]}"
    assert message in r.stderr, f"no {message!r} from {command}: {r.stderr[-600:]}"
    for bad in ("CRITICAL", "WARNING **", "Sanitizer", "runtime error:"):
        assert bad not in r.stderr, f"{bad} from {command}: {r.stderr[-600:]}"


def bad_files():
    sanitized = bool(harness.environment().get("FMN_PRELOAD"))
    good = (SOURCE / "models" / "compact.safetensors").read_bytes()
    assert run([TRAIN, "info", SOURCE / "models" / "compact.safetensors"]).returncode == 0
    for name, change, message in FILES:
        path = folder / f"{name}.safetensors"
        path.write_bytes(change(*split(good)))
        said([TRAIN, "info", path], message, (1,), sanitized)
        said([TRAIN, "info", path], path.name, (1,), sanitized)
        said(["gst-launch-1.0", "--no-fault", "-q", "videotestsrc", "num-buffers=1", "!", "fmnistclassify", f"model={path}", "!", "fakesink"],
             message, (1, 255), sanitized)
        path.unlink()


X = ["--arch", "compact", "--out", str(folder / "x.safetensors")]
ARGUMENTS = [
    ([], 2, "Usage"),
    (["tarin"], 2, "no command"),
    (["train"], 2, "--arch NAME is missing"),
    (["train", "--arch", "compact"], 2, "--out FILE is missing"),
    (["train", "--arch", "compact", "--out", ""], 2, "--out FILE is missing"),
    (["train", *X, "--log", X[-1]], 2, "--out and --log are both written to"),
    (["train", *X, "--plot", f"{folder}/./x.safetensors.ckpt"], 2, "its checkpoint and --plot are both written to"),
    (["train", *X, "--plot", "p", "--log", "p"], 2, "--log and --plot are both written to"),
    (["test", "--model", "compact", "--probs", "p", "--confusions", "./p"], 2, "--probs and --confusions are both written to"),
    (["test", "--model", "compact", "--count", "5"], 2, "go with --scenes"),
    (["test", "--model", "yolov3-tiny", "--scenes", "mixed", "--count", "0"], 2, "--count must be from 1"),
    (["extract", "--photos", "x", "--out", "./x/"], 2, "--out must be another folder than --photos"),
    (["train", "--arch", "", "--out", "x"], (1, 2), "no network is called"),
    (["train", "--arch", "compact:", "--out", "/nowhere/x"], 1, "/nowhere"),
    (["train", "--arch", "wide:depth=", "--out", "x"], (1, 2), "depth"),
    (["train", *X, "--epochs", "-1"], 2, "--epochs"),
    (["train", *X, "--epochs", "99999999999999"], 2, "99999999999999"),
    (["train", *X, "--batch", "0"], 2, "--batch"),
    (["train", *X, "--lr", "inf"], 2, "--lr"),
    (["train", *X, "--lr", "-0.1"], 2, "--lr"),
    (["train", *X, "--momentum", "1.5"], 2, "--momentum"),
    (["train", *X, "--ema", "1"], 2, "--ema must be from 0 to 0.9999999, not 1"),
    (["train", *X, "--data", ""], 2, "--data: expected the name of a folder"),
    (["train", *X, "--data", "d:0"], 2, "the weight must be above 0"),
    (["train", "--arch", "wide:depth=11", "--out", "x"], 2, "expected 6·blocks + 4"),
    (["train", "--arch", "yolov3-tiny", "--out", "x", "--item-size", "nan"], 2, "from 0 to 2048, not nan"),
    (["train", *X, "--validation", "nan"], 2, "--validation"),
    (["train", *X, "--threads", "0"], 2, "--threads"),
    (["train", *X, "--threads", "100000"], 2, "--threads"),
    (["train", *X, "--seed", "18446744073709551616"], 2, "--seed"),
    (["train", *X, "--schedule", "plateau:nan:1"], 2, "plateau"),
    (["train", *X, "--augment", "flip:2"], 2, "flip"),
    (["train", *X, "--augment", ",,,"], 2, "augment"),
    (["train", *X, "--time-limit", "-5"], 2, "--time-limit"),
    (["train", *X, "--scenes", "mixed"], 2, "for detectors"),
    (["train", *X, "--cutouts", "cut"], 2, "for detectors"),
    (["train", "--arch", "yolov3-tiny", "--out", str(folder / "x.safetensors"), "--scenes", "photos"], 1, "--cutouts DIR"),
    (["train", "--arch", "yolov3-tiny", "--out", str(folder / "x.safetensors"), "--cutouts", "cut"], 1, "has none"),
    (["extract", "--photos", "x", "--out", "x", "--cutouts", "--views", "3"], 2, "--views"),
    (["scenes", "--preset", "photos", "--out", str(folder / "scenes")], 1, "extract --cutouts"),
    (["train", *X, "--data", "/nowhere"], 1, "/nowhere"),
    (["train", *X, "--log", "/nowhere/x.jsonl"], 1, "--log /nowhere/x.jsonl: there is no folder /nowhere"),
    (["train", *X, "--plot", "/proc/x.svg"], 1, "--plot /proc/x.svg: the folder /proc can't be written to"),
    (["train", *X, "--data", "/dev/null"], 1, "/dev/null"),
    (["train", "--arch", "compact", "--out", "/proc/x.safetensors", "--epochs", "1"], 1, "the folder /proc can't be written to"),
    (["train", "--arch", "compact", "--out", "/"], 1, "is a folder"),
    (["test", "--model", "compact", "--data", "/nowhere"], 1, "/nowhere"),
    (["test", "--model", "compact", "--threads", "-2"], 2, "--threads"),
    (["test", "--model", "/dev/zero"], 1, "a device or a pipe"),
    (["test", "--model", "yolov3-tiny"], 1, "measure it with --scenes"),
    (["test", "--model", "compact", "--probs", str(SOURCE / "models" / "compact.safetensors")], 1, "is the model itself"),
    (["calibrate", "--model", "yolov3-tiny"], 1, "is no classifier"),
    (["export", "--model", "camera", "--onnx", "x.onnx", "--size", "64"], 1, "--size is for detectors"),
    (["export", "--model", "yolov3-tiny", "--onnx", "x.onnx", "--size", "33"], 2, "multiple of 32"),
    (["test", "--model", "."], 1, "."),
    (["info", "/etc/passwd"], 1, "no safetensors file"),
    (["info", "/nowhere/m.safetensors"], 1, "no such file"),
    (["info", "--format", "yaml", "x"], 2, "yaml"),
    (["bench", "--arch", "compact", "--batch", "-1"], 2, "--batch"),
    (["bench", "--arch", "yolov3-tiny", "--size", "33"], 2, "32"),
    (["bench", "--arch", "nosuch"], 2, "nosuch"),
    (["calibrate", "--model", "compact", "--seed", "x"], 2, "--seed"),
    (["test", "--model", "yolov3-tiny", "--scenes", "blue"], 2, "blue"),
    (["test", "--model", "yolov3-tiny", "--scenes", "green", "--seed", "x"], 2, "--seed"),
    (["extract", "--scenes", "blue", "--out", str(folder / "x")], 2, "blue"),
    (["extract", "--scenes", "worn", "--count", "0", "--out", str(folder / "x")], 2, "--count"),
    (["extract", "--photos", str(folder), "--out", str(folder / "x"), "--map", "shoes=10"], 2, "10"),
    (["scenes", "--preset", "nothing", "--items", "3", "--out", str(folder / "x")], 2, "--items"),
    (["scenes", "--preset", "worn", "--items", "2-3", "--out", str(folder / "x")], 2, "--items"),
    (["export", "--model", "compact", "--onnx", "/nowhere/x.onnx"], 1, "/nowhere"),
    (["export", "--model", "compact"], 2, "--onnx"),
    (["test", "--model", "compact", "--probs", "/nowhere/x"], 1, "--probs /nowhere/x: there is no folder /nowhere"),
    (["test", "--model", "compact", "--probs", "/dev/full"], 1, "--probs /dev/full is a device"),
    (["test", "--model", "compact", "--probs", "/"], 1, "--probs / is a folder"),
    (["test", "--model", "compact", "--confusions", "/proc/x.svg"], 1, "--confusions /proc/x.svg: the folder /proc can't be written to"),
    (["extract", "--photos", "/nowhere", "--out", str(folder / "x")], 1, "--photos is for a folder with one sub-folder"),
    (["extract", "--photos", str(folder), "--out", "/proc/x/y"], 1, "--out /proc/x/y: the folder /proc can't be written to"),
    (["extract", "--photos", str(folder), "--out", "/dev/null/x"], 1, "/dev/null is no folder"),
    (["extract", "--photos", str(folder), "--out", str(folder / "x"), "--map", "="], 2, "FOLDER=CLASS"),
    (["scenes", "--preset", "blue", "--out", str(folder)], 2, "blue"),
    (["scenes", "--preset", "green", "--count", "-1", "--out", str(folder)], 2, "--count"),
]


def bad_arguments():
    sanitized = bool(harness.environment().get("FMN_PRELOAD"))
    assert len(FILES) >= 60 and len(ARGUMENTS) >= 30
    for arguments, code, message in ARGUMENTS:
        said([TRAIN, *arguments], message, code if isinstance(code, tuple) else (code,), sanitized)
    assert not (folder / "x.safetensors").exists()


harness.main(bad_files, bad_arguments)
