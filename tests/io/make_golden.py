#!/usr/bin/env python3
"""Writes golden/numpy.safetensors with NumPy alone: what an independent writer makes of F32, F16 and rounding.

Run it by hand when the file is to change: python3 make_golden.py"""
import json
import pathlib
import struct

import numpy as np

rng = np.random.default_rng(1)
edges = np.array([0, -0.0, 1, -1, 2**-24, 2**-25, 2**-25 * 1.0001, 3 * 2**-25, 2**-14, 2**-14 - 2**-25, 2**-14 - 2**-24,
                  65504, -65504, 65519, 2048, 2049, 2050, 2051, 1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-11 + 2**-20, 1e-30,
                  -1e-45, 0.1, 1 / 3], dtype=np.float32)
spread = (rng.standard_normal(2000) * 10.0 ** rng.uniform(-9, 4, 2000)).astype(np.float32)
values = np.clip(np.concatenate([edges, spread]), -65504, 65504).astype(np.float32)
half = rng.integers(0, 0x7C00, 500).astype(np.uint16) | (rng.integers(0, 2, 500).astype(np.uint16) << 15)
half[:4] = [0x0001, 0x03FF, 0x8400, 0x7BFF]
half = half.view(np.float16)

tensors = {  # not in the order of their names: a reader has to go by the offsets
    "ramp": (np.arange(24, dtype=np.float32) * 0.25 - 1).reshape(2, 3, 4),
    "values": values,
    "half.as_float": half.astype(np.float32),
    "empty": np.zeros((0, 3), dtype=np.float32),
    "scalar": np.array(-2.5, dtype=np.float32),
    "half": half.reshape(25, 20),
    "values.as_half": values.astype(np.float16),
}
header = {"__metadata__": {"format": "golden", "text": 'quote " backslash \\ line\nümlaut 服 \U0001F45F'}}
data = b""
for name, array in tensors.items():
    raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
    header[name] = {"data_offsets": [len(data), len(data) + len(raw)], "shape": list(array.shape),
                    "dtype": {"float32": "F32", "float16": "F16"}[array.dtype.name]}
    data += raw
text = json.dumps(header).encode()
out = pathlib.Path(__file__).parent / "golden" / "numpy.safetensors"
out.write_bytes(struct.pack("<Q", len(text)) + text + data)
