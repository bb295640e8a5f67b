"""Trainings that are cut off: killed at random moments and resumed, on a full disk, in a folder that cannot be written to,
without their data, with wrong labels. What was written before stays whole, and resumed they end in the same bytes.

    FMN_BUILD=build FMN_SOURCE=. python3 tests/hostile/killed.py 50      kills 50 times; the test does it a few times
"""
import hashlib
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipelines"))
import harness  # noqa: E402
from harness import tool  # noqa: E402

folder = harness.temporary()
TRAIN = tool("tools", "fmnist-train")
moments = int(sys.argv[1]) if len(sys.argv) > 1 else 6
SIDE, ITEMS = 28, 400


def write_data(where, items=ITEMS, top=10):
    """Ten classes of noisy bars, in IDX files."""
    rand = random.Random(1)
    for split, n in (("train", items), ("t10k", 50)):
        pixels = bytearray()
        for i in range(n):
            place = i % 10
            for y in range(SIDE):
                for x in range(SIDE):
                    pixels.append((180 if (x if place < 5 else y) // 6 == place % 5 else 20) + rand.randrange(50))
        harness.write_split(where, split, pixels, bytes(i % top for i in range(n)))
    return where


data = write_data(folder / "data")


def command(out, *more, where=data):
    return [str(c) for c in (TRAIN, "train", "--arch", "compact", "--data", where, "--epochs", 4, "--batch", 16, "--seed", 3, "--threads", 1, "--validation",
                             0.2, "--ema", 0.9, "--out", out, *more)]


def train(out, *more, where=data, **options):
    return subprocess.run(command(out, *more, where=where), capture_output=True, text=True, timeout=240, env=harness.environment(), **options)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def killed_at_random_moments():
    whole, parts = folder / "whole.safetensors", folder / "parts.safetensors"
    begin = time.monotonic()
    r = train(whole)
    assert r.returncode == 0, r.stderr
    took = time.monotonic() - begin
    rand = random.Random(11)
    kills = rounds = went_on = 0
    while kills < moments:
        p = subprocess.Popen(command(parts, "--resume"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=harness.environment())
        try:
            p.wait(rand.uniform(0.02, took * 0.7))
        except subprocess.TimeoutExpired:
            p.kill()
            kills += 1
        output = p.communicate()[0]
        went_on += "going on from" in output
        if p.returncode == 0:
            assert digest(parts) == digest(whole), "a resumed training ended in other bytes"
            parts.unlink()
            rounds += 1
        else:
            assert p.returncode == -9, output
    assert went_on > 0, "no checkpoint was gone on from"
    r = train(parts, "--resume")
    assert r.returncode == 0, r.stderr
    assert digest(parts) == digest(whole), "a resumed training ended in other bytes"
    left = sorted(f.name for f in folder.glob("parts*"))
    print(f"# killed {kills} times, {went_on} times resumed from a checkpoint, ended {rounds + 1} times, always in the same bytes; left: {left}")
    # a file that was being written when the kill came has no name of a model's or a checkpoint's
    assert "parts.safetensors.ckpt" not in left and "parts.safetensors.new" not in left


def a_full_disk():
    disk = folder / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True).returncode != 0:
        raise harness.Skip("needs root, to mount a small disk")
    try:
        out, checkpoint = disk / "m.safetensors", disk / "m.safetensors.ckpt"
        r = train(out, "--time-limit", "0.0001")
        assert r.returncode == 0 and checkpoint.exists(), r.stderr
        before = digest(checkpoint), digest(out)
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        (disk / "filler").write_bytes(bytes(max(free - 65536, 0)))
        r = train(out, "--resume")
        assert r.returncode == 1 and "No space left on device" in r.stderr and "m.safetensors" in r.stderr, (r.returncode, r.stderr)
        assert (digest(checkpoint), digest(out)) == before, "a full disk spoilt what was there"
        assert sorted(f.name for f in disk.iterdir()) == ["filler", "m.safetensors", "m.safetensors.ckpt"], list(disk.iterdir())
        (disk / "filler").unlink()
        r = train(out, "--resume")
        assert r.returncode == 0, r.stderr
        assert digest(out) == digest(folder / "whole.safetensors"), "resumed after a full disk it ended in other bytes"
    finally:
        subprocess.run(["umount", disk])


def a_folder_that_cannot_be_written_to():
    where = folder / "closed"
    where.mkdir()
    if os.geteuid() == 0:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", where], capture_output=True).returncode != 0:
            raise harness.Skip("root may write everywhere, and nothing can be mounted here")
    else:
        where.chmod(0o500)
    try:
        r = train(where / "m.safetensors")
        assert r.returncode == 1 and "can't be written to" in r.stderr and str(where) in r.stderr, r.stderr
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", where])


def data_that_vanish():
    where, out = folder / "gone", folder / "gone.safetensors"
    shutil.copytree(data, where)
    r = train(out, "--time-limit", "0.0001", where=where)
    assert r.returncode == 0, r.stderr
    checkpoint = digest(folder / "gone.safetensors.ckpt")
    shutil.rmtree(where)
    r = train(out, "--resume", where=where)
    assert r.returncode == 1 and "no such folder" in r.stderr and str(where) in r.stderr, r.stderr
    assert digest(folder / "gone.safetensors.ckpt") == checkpoint
    write_data(where, ITEMS - 10)
    r = train(out, "--resume", where=where)
    assert r.returncode == 1 and "the data" in r.stderr, r.stderr
    assert digest(folder / "gone.safetensors.ckpt") == checkpoint


def wrong_labels():
    out = folder / "wrong.safetensors"
    where = write_data(folder / "wrong", 100, top=11)
    r = train(out, where=where)
    assert r.returncode == 1 and "label 10 is 10; expected 0 to 9" in r.stderr, r.stderr
    labels = where / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    r = train(out, where=where)
    assert r.returncode == 1 and "truncated" in r.stderr, r.stderr
    labels.write_bytes(struct.pack(">HBBI", 0, 8, 1, 99) + bytes(99))
    r = train(out, where=where)
    assert r.returncode == 1 and "99 labels for 100 images" in r.stderr, r.stderr
    assert not list(folder.glob("wrong.safetensors*"))


def a_loss_that_is_no_number():
    out = folder / "nan.safetensors"
    r = train(out, "--time-limit", "0.0001", "--optimizer", "sgd", "--lr", "100", "--schedule", "constant", "--warmup", "0")
    assert r.returncode == 0, r.stderr
    before = digest(folder / "nan.safetensors.ckpt"), digest(out)
    r = train(out, "--resume", "--optimizer", "sgd", "--lr", "100", "--schedule", "constant", "--warmup", "0", "--epochs", "4")
    if r.returncode == 0:
        raise harness.Skip("this training did not diverge")
    assert r.returncode == 1 and "diverged" in r.stderr and "--lr" in r.stderr, r.stderr
    if "epoch 1" in r.stderr:
        assert (digest(folder / "nan.safetensors.ckpt"), digest(out)) == before


def the_same_file_again():
    """For each set of kernels, those that this machine does not have being replaced by the best below."""
    made = {}
    for cpu in ("c", "avx2", "avx512"):
        out = folder / "processor.safetensors"
        digests = set()
        for _ in range(2):
            r = subprocess.run(command(out, "--epochs", 1), capture_output=True, text=True, timeout=240, env=harness.environment(FMNIST_CPU=cpu))
            assert r.returncode == 0, r.stderr
            digests.add(digest(out))
            out.unlink()
        assert len(digests) == 1, f"two trainings with {cpu} ended in different bytes"
        made[cpu] = digests.pop()
    print("# " + ", ".join(f"{cpu}: {d[:12]}" for cpu, d in made.items()) + "; docs/accuracy.md says why they differ")


harness.main(killed_at_random_moments, a_full_disk, a_folder_that_cannot_be_written_to, data_that_vanish, wrong_labels, a_loss_that_is_no_number,
             the_same_file_again)
