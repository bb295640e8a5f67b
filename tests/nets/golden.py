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
            # in half precision, as in a shipped file
            u = ((u * 2 - 1) * np.sqrt(6.0 * t.shape[0] / t.numel())).astype(np.float32).astype(np.float16)
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
    def __init__(self, size=28, last=64, blocks=(2, 4, 3)):
        super().__init__()
        if size == 112:
            self.conv0, self.bn0 = nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16)
        self.conv1, self.bn1 = nn.Conv2d(16 if size == 112 else 1, 16, 3, 1 if size == 28 else 2, 1, bias=False), nn.BatchNorm2d(16)
        stage = lambda i, o, n, s: nn.Sequential(*[Block(i if j == 0 else o, o, s if j == 0 else 1) for j in range(n)])
        self.stage1, self.stage2, self.stage3 = stage(16, 16, blocks[0], 1), stage(16, 32, blocks[1], 2), stage(32, last, blocks[2], 2)
        self.fc = nn.Linear(last, 10)

    def forward(self, x):
        x = F.relu(self.bn0(self.conv0(x))) if hasattr(self, "conv0") else x
        x = self.stage3(self.stage2(self.stage1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        i = 1
        for n, (o, k) in enumerate([(32, 3), (32, 3), (64, 3), (64, 3), (128, 5), (256, 5)], 1):
            setattr(self, f"conv{n}", nn.Conv2d(i, o, k, padding=k // 2))
            setattr(self, f"bn{n}", nn.BatchNorm2d(o))
            i = o
        self.fc1, self.bn7, self.fc2 = nn.Linear(12544, 512), nn.BatchNorm1d(512), nn.Linear(512, 10)

    def forward(self, x):
        for n in range(1, 7):
            x = getattr(self, f"bn{n}")(F.relu(getattr(self, f"conv{n}")(x)))
            x = F.max_pool2d(x, 2) if n > 4 else x
        return self.fc2(self.bn7(F.relu(self.fc1(x.flatten(1)))))


class MBConv(nn.Module):
    def __init__(self, i, o, k, stride, expand):
        super().__init__()
        m = i * expand
        if expand > 1:
            self.conv_expand, self.bn_expand = nn.Conv2d(i, m, 1, bias=False), nn.BatchNorm2d(m)
        self.conv_dw, self.bn_dw = nn.Conv2d(m, m, k, stride, k // 2, groups=m, bias=False), nn.BatchNorm2d(m)
        self.reduce, self.expand = nn.Conv2d(m, max(1, i // 4), 1), nn.Conv2d(max(1, i // 4), m, 1)
        self.conv_project, self.bn_project = nn.Conv2d(m, o, 1, bias=False), nn.BatchNorm2d(o)
        self.residual = stride == 1 and i == o

    def forward(self, x):
        y = F.silu(self.bn_expand(self.conv_expand(x))) if hasattr(self, "conv_expand") else x
        y = F.silu(self.bn_dw(self.conv_dw(y)))
        y = y * torch.sigmoid(self.expand(F.silu(self.reduce(y.mean((2, 3), keepdim=True)))))
        y = self.bn_project(self.conv_project(y))
        return y + x if self.residual else y


class EfficientNetB0(nn.Module):
    def __init__(self, channels, stem, strides):
        super().__init__()
        self.conv_stem, self.bn_stem = nn.Conv2d(channels, 32, 3, stem, 1, bias=False), nn.BatchNorm2d(32)
        stages = [(1, 16, 1, 3), (6, 24, 2, 3), (6, 40, 2, 5), (6, 80, 3, 3), (6, 112, 3, 5), (6, 192, 4, 5), (6, 320, 1, 3)]
        blocks, i = [], 32
        for (expand, o, repeats, k), s in zip(stages, strides):
            for j in range(repeats):
                blocks.append(MBConv(i, o, k, s if j == 0 else 1, expand))
                i = o
        self.blocks = nn.Sequential(*blocks)
        self.conv_head, self.bn_head = nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280)
        self.fc1, self.fc2 = nn.Linear(1280, 1024), nn.Linear(1024, 10)

    def forward(self, x):
        x = self.blocks(F.silu(self.bn_stem(self.conv_stem(x))))
        x = F.silu(self.bn_head(self.conv_head(x))).mean((2, 3))
        return self.fc2(F.relu(self.fc1(x)))


class WideBlock(nn.Module):
    def __init__(self, i, o, stride, project):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(i)
        if project:
            self.conv_shortcut = nn.Conv2d(i, o, 1, stride, bias=False)
        self.conv1, self.bn2 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)

    def forward(self, x):
        y = F.relu(self.bn1(x))
        x = self.conv_shortcut(y) if hasattr(self, "conv_shortcut") else x
        return self.conv2(F.relu(self.bn2(self.conv1(y)))) + x


class Wide(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.conv1, i, n, blocks = nn.Conv2d(1, 16, 3, 1, 1, bias=False), 16, (depth - 4) // 6, []
        for s in range(3):
            o = (16 << s) * width
            blocks += [WideBlock(i if j == 0 else o, o, 2 if j == 0 and s else 1, j == 0) for j in range(n)]
            i = o
        self.blocks, self.bn, self.fc = nn.Sequential(*blocks), nn.BatchNorm2d(i), nn.Linear(i, 10)

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.blocks(self.conv1(x)))).mean((2, 3)))


class TinyYoloV3(nn.Module):
    def __init__(self, last=1024):
        super().__init__()
        for entry in [("1", 3, 16, 3), ("2", 16, 32, 3), ("3", 32, 64, 3), ("4", 64, 128, 3), ("5", 128, 256, 3), ("6", 256, 512, 3),
                      ("7", 512, last, 3), ("8", last, 256, 1), ("9", 256, 512, 3), None, ("_lateral", 256, 128, 1), ("10", 384, 256, 3)]:
            if entry is None:
                self.head32 = nn.Conv2d(512, 45, 1)
                continue
            n, i, o, k = entry
            self.add_module("conv" + n, nn.Conv2d(i, o, k, padding=k // 2, bias=False))
            self.add_module("bn" + n, nn.BatchNorm2d(o))
        self.head16 = nn.Conv2d(256, 45, 1)

    def c(self, n, x):
        return F.leaky_relu(getattr(self, "bn" + n)(getattr(self, "conv" + n)(x)), .1)

    def forward(self, x):
        for n in "12345":
            fine = self.c(n, x)
            x = F.max_pool2d(fine, 2)
        x = F.max_pool2d(F.pad(self.c("6", x), (0, 1, 0, 1), value=float("-inf")), 2, 1)
        x = self.c("8", self.c("7", x))
        up = F.interpolate(self.c("_lateral", x), scale_factor=2.0, mode="nearest")
        return torch.cat([self.head32(self.c("9", x)).flatten(), self.head16(self.c("10", torch.cat([up, fine], 1))).flatten()])


# network, its options, the net, input, images
NETS = [("base", "", Base, (1, 28), 3), ("compact", "", Compact, (1, 28), 3),
        ("compact", "size=56", lambda: Compact(56), (1, 56), 2), ("compact", "size=112,last=96", lambda: Compact(112, 96), (1, 112), 2),
        ("compact", "blocks=1-2-3", lambda: Compact(blocks=(1, 2, 3)), (1, 28), 2), ("deep", "", Deep, (1, 28), 2),
        ("efficientnet-b0", "strides=original", lambda: EfficientNetB0(3, 2, (1, 2, 2, 2, 1, 2, 1)), (3, 28), 2),
        ("efficientnet-b0", "", lambda: EfficientNetB0(1, 1, (1, 2, 2, 1, 1, 2, 1)), (1, 28), 2),
        ("wide", "depth=10,width=2", lambda: Wide(10, 2), (1, 28), 2), ("wide", "", lambda: Wide(22, 2), (1, 28), 1),
        ("yolov3-tiny", "size=64", TinyYoloV3, (3, 64), 1), ("yolov3-tiny", "size=64,last=256", lambda: TinyYoloV3(256), (3, 64), 1)]


def build(make, images, channels, size):
    """The net with its weights, and its input."""
    net, shape = make(), (images, channels, size, size)
    with torch.no_grad():
        fill(net)
    return net, torch.from_numpy((uniform(0, int(np.prod(shape))) * 2 - 1).astype(np.float32)).reshape(shape)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with torch.no_grad():
        for name, options, make, (channels, size), images in NETS:
            net, x = build(make, images, channels, size)
            net.eval()
            n = sum(p.numel() for p in net.parameters())
            y = net(x).flatten()
            y = y[:: max(1, len(y) // 30)]  # enough to tell
            print(name, options or "-", images, n, " ".join("%.7g" % v for v in y.tolist()))
