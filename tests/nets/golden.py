#!/usr/bin/env python3
"""Writes golden.txt: logits of the networks by PyTorch, on weights and inputs that both sides make from the same integers.

    python3 golden.py > golden.txt        # Debian's python3-torch

The networks are written here anew, from their descriptions, so that they check the C ones."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

M = np.uint64(0xFFFFFFFFFFFFFFFF)


def mix(z):
    """splitmix64, as lib/train/random.h has it."""
    with np.errstate(over="ignore"):
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(seed, n):
    """n numbers in 0..1 of a seed: what test-nets.c calls sample()."""
    return (mix(np.arange(n, dtype=np.uint64) + np.uint64(seed << 32)) >> np.uint64(11)).astype(np.float64) * 2.0 ** -53


def fill(module):
    for seed, (name, t) in enumerate((k, v) for k, v in module.state_dict().items() if not k.endswith("num_batches_tracked")):
        u = uniform(seed + 1, t.numel())
        if t.dim() > 1:
            u = (u * 2 - 1) * np.sqrt(6.0 * t.shape[0] / t.numel())
        elif name.endswith(("running_var", "weight")):
            u = u + .5
        else:
            u = (u * 2 - 1) * .2
        t.copy_(torch.from_numpy(u.astype(np.float32)).reshape(t.shape))


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.fc1, self.bn2, self.fc2 = nn.Linear(25088, 256), nn.BatchNorm1d(256), nn.Linear(256, 10)

    def forward(self, x):
        x = self.bn1(F.relu(self.conv1(x))).flatten(1)
        return self.fc2(self.bn2(F.relu(self.fc1(x))))


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        if i != o:
            self.conv_shortcut, self.bn_shortcut = nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.bn_shortcut(self.conv_shortcut(x)) if hasattr(self, "conv_shortcut") else x))


class Compact(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        stage = lambda i, o, n, s: nn.Sequential(*[Block(i if j == 0 else o, o, s if j == 0 else 1) for j in range(n)])
        self.stage1, self.stage2, self.stage3 = stage(16, 16, 2, 1), stage(16, 32, 2, 2), stage(32, 64, 3, 2)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.stage3(self.stage2(self.stage1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


torch.set_num_threads(1)
with torch.no_grad():
    for name, net in ("base", Base()), ("compact", Compact()):
        net.eval()
        fill(net)
        x = torch.from_numpy((uniform(0, 3 * 784) * 2 - 1).astype(np.float32)).reshape(3, 1, 28, 28)
        n = sum(p.numel() for p in net.parameters())
        print(name, n, " ".join("%.7g" % v for v in net(x).flatten().tolist()))
