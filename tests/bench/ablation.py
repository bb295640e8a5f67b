#!/usr/bin/env python3
"""What each choice in a network's recipe is worth: python3 tests/bench/ablation.py --arch compact --epochs 12 --out DIR

Trains the recipe, then the recipe without each of its choices and (without --own) with some that are not in it, each with the same
seed, the same epochs and the same images set aside, one after the other on one thread, and prints the table of docs/accuracy.md
from the logs in DIR. Interrupted or ended by --time-limit, the same command goes on where it was; --table only prints what there
is so far. --images takes only the first of the training images, for networks of which an epoch of all takes too long. Figures are
those of the best epoch on the images set aside, never of the test set."""
import argparse
import gzip
import json
import math
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What is tried beside the recipe, where it is not in it: name of an augmentation with its strength.
MORE_AUGMENT = ("flip", "shift:2", "erase:0.25", "rotate:10", "zoom:0.1", "cutmix:0.5", "mixup:0.2")


def parse_command(command):
    """The options of a spelled-out training command."""
    words, options, i = shlex.split(command), {}, 2
    while i < len(words):
        value = words[i + 1] if i + 1 < len(words) and not words[i + 1].startswith("--") else None
        options[words[i]] = value
        i += 1 if value is None else 2
    return options


def write_subset(images, source, folder):
    """The first images of each class, as many of each, in a folder of their own: data for fmnist-train without test images."""
    names = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    try:
        pictures, labels = (gzip.decompress((source / name).read_bytes()) for name in names)
    except (OSError, EOFError, zlib.error) as e:
        sys.exit(f"ablation: --images takes them from {source}, expected to hold {' and '.join(names)}: {e}")
    size, classes = 28 * 28, max(labels[8:]) + 1
    kept = []
    for label in range(classes):
        kept += [i for i, byte in enumerate(labels[8:]) if byte == label][:images // classes]
    if len(kept) != images:
        sys.exit(f"ablation: --images {images}: expected a multiple of {classes}, as many of each class; {source} yields {len(kept)}")
    kept.sort()
    count = len(kept).to_bytes(4, "big")
    subset = (pictures[:4] + count + pictures[8:16] + b"".join(pictures[16 + i * size:16 + (i + 1) * size] for i in kept),
              labels[:4] + count + bytes(labels[8 + i] for i in kept))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(names, subset):
        (folder / name).write_bytes(gzip.compress(content, 1, mtime=0))
    if (source / "labels.txt").exists():
        shutil.copy(source / "labels.txt", folder)


def variants(recipe, teacher):
    """[(what, whether the recipe has it, options that differ)]; recipe: the options of its command."""
    out = []
    number = lambda option: float(recipe[option])
    parts = [] if recipe["--augment"] == "none" else recipe["--augment"].split(",")
    names = [p.split(":")[0] for p in parts]
    for part in parts:
        rest = [p for p in parts if p != part]
        out.append((f"augment {part}", True, ["--augment", ",".join(rest) or "none"]))
    for part in MORE_AUGMENT:
        if part.split(":")[0] not in names:
            out.append((f"augment {part}", False, ["--augment", ",".join(parts + [part])]))
    for option, name, off, on in (("--label-smoothing", "label smoothing", "0", "0.1"), ("--ema", "average of the weights (EMA)", "0", "0.999"),
                                  ("--weight-decay", "weight decay", "0", "0.0005" if recipe["--optimizer"] == "sgd" else "0.01")):
        has = number(option) > 0
        out.append((f"{name} {recipe[option] if has else on}", has, [option, off if has else on]))
    schedule = recipe["--schedule"]
    if schedule != "constant":
        out.append((f"schedule {schedule} (without: constant)", True, ["--schedule", "constant", "--warmup", "0"]))
    for other in ("onecycle", "cosine", "step:0.2:20", "plateau:0.1:3:2"):
        if other != schedule:
            out.append((f"schedule {other} (without: {schedule})", False, ["--schedule", other, "--warmup", "0" if other == "onecycle" else recipe["--warmup"]]))
    if number("--warmup") > 0:
        without = " (without: three tenths of them)" if schedule == "onecycle" else ""
        out.append((f"warm-up of {recipe['--warmup']} epochs{without}", True, ["--warmup", "0"]))
    if recipe["--optimizer"] == "sgd" and "--no-nesterov" not in recipe:
        out.append(("SGD with momentum (without: Adam, lr 0.001, decoupled decay 0.01)", True,
                    ["--optimizer", "adam", "--lr", "0.001", "--momentum", "0.9", "--weight-decay", "0.01"]))
        out.append(("Nesterov's momentum", True, ["--no-nesterov"]))
    elif recipe["--optimizer"] == "adam":
        out.append(("Adam (without: SGD with momentum 0.9, lr 0.05, decay 0.0005)", True,
                    ["--optimizer", "sgd", "--lr", "0.05", "--momentum", "0.9", "--weight-decay", "0.0005"]))
    for batch in ("64", "128", "256"):
        if batch != recipe["--batch"]:
            out.append((f"batch {batch} (without: {recipe['--batch']})", False, ["--batch", batch]))
    if teacher:
        out.append((f"teacher {pathlib.Path(teacher).stem}", False, ["--teacher", teacher]))
    return out


def named_options(text):
    """(name, options) of --also; the options are in the name, so that others are another choice."""
    name, found, options = text.partition("=")
    if not (name and found and options):
        raise argparse.ArgumentTypeError(f"expected NAME=OPTIONS, such as “slow=--lr 0.01”, found “{text}”")
    return f"{name} ({options})", shlex.split(options)


class Stopped(Exception):
    pass


class Ablation:
    def __init__(self, a):
        self.a, self.begun, self.child, self.stopped = a, time.monotonic(), None, False
        self.tool = a.build / "tools" / "fmnist-train"
        a.out.mkdir(parents=True, exist_ok=True)

    def stop(self, *_):
        """The training writes a checkpoint before it ends."""
        self.stopped = True
        if self.child:
            self.child.send_signal(signal.SIGTERM)

    def path(self, name, seed):
        clean = "".join(c if c.isalnum() else "-" for c in f"{self.a.arch}-{self.a.epochs}-{name}-{seed}")
        return self.a.out / f"{clean}.safetensors"

    def log(self, name, seed):
        """(the command, the epochs) of a log; None: there is none."""
        try:
            lines = [json.loads(line) for line in self.path(name, seed).with_suffix(".jsonl").read_text().splitlines()]
        except (OSError, ValueError):
            return None
        return (lines[0], lines[1:]) if lines else None

    def finished(self, name, seed):
        log = self.log(name, seed)
        return log is not None and len(log[1]) >= self.a.epochs and self.path(name, seed).exists()

    def open_out(self):
        """What --out has of other options is no result of these."""
        note = self.a.out / "options.json"
        options = {"validation": self.a.validation, "extra": self.a.extra, "data": self.a.data, "images": self.a.images, "teacher": self.a.teacher}
        begun = note.exists()
        if begun and json.loads(note.read_text()) != options:
            sys.exit(f"ablation: {self.a.out} holds trainings with other options, {note.read_text()}; name another --out")
        if self.a.images:
            source = pathlib.Path(self.a.data or os.environ.get("FMNIST_DATA", "/usr/share/datasets/fashion-mnist"))
            subset = self.a.out / "data"
            self.a.data = str(subset)
            if not begun and not self.a.table:
                write_subset(self.a.images, source, subset)
        if not begun and not self.a.table:
            note.write_text(json.dumps(options))

    def accuracy(self, name):
        """The mean over the seeds of the best epoch's; None while one is not finished."""
        found = []
        for seed in self.a.seeds:
            if not self.finished(name, seed):
                return None
            found.append(max(e["val_accuracy"] for e in self.log(name, seed)[1]))
        return sum(found) / len(found)

    def train(self, name, options):
        for seed in self.a.seeds:
            out = self.path(name, seed)
            command = [str(self.tool), "train", "--arch", self.a.arch, "--epochs", str(self.a.epochs), "--validation", str(self.a.validation),
                       "--seed", str(seed), "--threads", "1", *self.a.extra, *options, "--out", str(out), "--log", str(out.with_suffix(".jsonl")), "--resume"]
            if self.a.data:
                command += ["--data", self.a.data]
            if self.a.time_limit:
                left = self.a.time_limit - (time.monotonic() - self.begun) / 60
                if left <= 0:
                    raise Stopped
                command += ["--time-limit", f"{left:.4f}"]
            if self.stopped:
                raise Stopped
            if self.finished(name, seed):
                continue
            print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
            self.child = subprocess.Popen(command, stdout=sys.stderr, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, start_new_session=True)
            code, self.child = self.child.wait(), None
            if code and not self.stopped:
                sys.exit(f"ablation: “{name}” failed: {shlex.join(command)}")
            if self.stopped or not self.finished(name, seed):
                raise Stopped

    def recipe(self):
        return parse_command(self.log("recipe", self.a.seeds[0])[0]["command"])

    def wanted(self):
        chosen = [v for v in variants(self.recipe(), self.a.teacher)
                  if (v[1] or not self.a.own) and (not self.a.only or any(word in v[0] for word in self.a.only))]
        return chosen + [(name, False, options) for name, options in self.a.also]

    def run(self):
        signal.signal(signal.SIGINT, self.stop)
        signal.signal(signal.SIGTERM, self.stop)
        self.train("recipe", [])
        for name, _, options in self.wanted():
            self.train(name, options)

    def table(self):
        recipe = self.accuracy("recipe")
        if recipe is None:
            print("nothing to print yet: the recipe itself is not finished")
            return
        n = self.log("recipe", self.a.seeds[0])[0]["validation_images"]
        error = 100 * math.sqrt(recipe * (1 - recipe) / n / len(self.a.seeds))
        print(f"`{self.a.arch}`, {n:,} images set aside, seed{'s' if len(self.a.seeds) > 1 else ''} {', '.join(map(str, self.a.seeds))}; "
              f"one standard error of a figure is {error:.2f} points.\n")
        print("| choice | in the recipe | validation accuracy with | without | difference | epochs |\n|---|---|---|---|---|---|")
        for name, has, _ in self.wanted():
            other = self.accuracy(name)
            if other is None:
                continue
            with_it, without = (recipe, other) if has else (other, recipe)
            print(f"| {name} | {'yes' if has else 'no'} | {with_it:.2%} | {without:.2%} | {100 * (with_it - without):+.2f} | {self.a.epochs} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--arch", required=True)
    p.add_argument("--epochs", type=int, required=True, help="of every training: the budget")
    p.add_argument("--out", type=pathlib.Path, required=True, help="folder for logs, models and checkpoints")
    p.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    p.add_argument("--data", help="folder with the data set")
    p.add_argument("--validation", type=float, default=0.1, help="share of the training set that is set aside (0.1)")
    p.add_argument("--images", type=int, default=0, metavar="N", help="take only so many of the training images, the first of each class")
    p.add_argument("--seeds", type=lambda s: [int(x) for x in s.split(",")], default=[1], help="1,2,...: the mean over several (1)")
    p.add_argument("--own", action="store_true", help="only choices that the recipe has")
    p.add_argument("--only", action="append", default=[], metavar="WORD", help="only choices with this word in their name; may be given again")
    p.add_argument("--also", action="append", type=named_options, default=[], metavar="NAME=OPTIONS", help="a choice of one's own: options of fmnist-train train")
    p.add_argument("--extra", type=shlex.split, default=[], metavar="OPTIONS", help="options for every training, on top of the recipe")
    p.add_argument("--teacher", metavar="FILE", help="try distillation from this model, too")
    p.add_argument("--time-limit", type=float, default=0, metavar="MINUTES", help="stop after so long; the same command goes on")
    p.add_argument("--table", action="store_true", help="train nothing, print what there is")
    ablation = Ablation(p.parse_args())
    ablation.open_out()
    try:
        if not ablation.a.table:
            ablation.run()
    except Stopped:
        print("not finished; the same command goes on", file=sys.stderr)
    ablation.table()


main()
