#!/usr/bin/env python3
"""Reads with NumPy alone what test-safetensors writes (`PROGRAM --write FILE`) and compares it with the same formulas."""
import json
import os
import struct
import subprocess
import sys
import tempfile

if not __debug__:
    sys.exit("the checks are assertions: run this without -O and PYTHONOPTIMIZE")
try:
    import numpy as np
except ImportError:
    print("SKIP: python3-numpy is not installed")
    sys.exit(77)


def load(path):
    with open(path, "rb") as f:
        blob = f.read()
    length, = struct.unpack("<Q", blob[:8])
    header, data = json.loads(blob[8:8 + length]), blob[8 + length:]
    assert length % 8 == 0, "tensors are not aligned"
    tensors, at = {}, 0
    metadata = header.pop("__metadata__")
    for name, t in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = t["data_offsets"]
        assert begin == at, name
        at = end
        tensors[name] = np.frombuffer(data[begin:end], {"F32": "<f4", "F16": "<f2"}[t["dtype"]]).reshape(t["shape"])
    assert at == len(data)
    return metadata, tensors


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "written.safetensors")
    subprocess.run([sys.argv[1], "--write", path], check=True)
    metadata, tensors = load(path)

wave = (np.arange(300, dtype=np.float32) - 150) * np.float32(0.37)
assert metadata == {"quoted": 'a "b" \\ c\n\tü \U0001F45F', "z": "", "format": "fmnist-1"}, metadata
assert set(tensors) == {"conv1.weight", "conv1.bias", "scalar", "dense.weight"}, set(tensors)
assert tensors["conv1.weight"].shape == (10, 5, 3, 2) and tensors["conv1.weight"].dtype == np.float32
assert np.array_equal(tensors["conv1.weight"].ravel(), wave)
assert tensors["dense.weight"].shape == (3, 100) and tensors["dense.weight"].dtype == np.float16
assert np.array_equal(tensors["dense.weight"].ravel(), wave.astype(np.float16))
assert np.array_equal(tensors["conv1.bias"], wave[:7].astype(np.float16))
assert tensors["scalar"].shape == () and tensors["scalar"] == np.float32(-2.5)
print("what the writer wrote is what NumPy reads")
