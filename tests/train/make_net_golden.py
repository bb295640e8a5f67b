#!/usr/bin/env python3
"""Writes golden/nets.txt: what PyTorch's gradients of one training step are for each network.

    python3 make_net_golden.py [NET...] > golden/nets.txt        # Debian's python3-torch

The networks and their weights are those of ../nets/golden.py, in double precision and without dropout. Each is there twice: as it
is, and "smooth", with swish for ReLU and leaky ReLU. Where an activation has a kink, rounding decides on which side a value near
it falls, and each that falls on the other side moves the gradients of deep by hundredths. So images are drawn until no value is
near a kink: until PyTorch's own gradients in single precision, and those of slightly changed weights, are those in double. The
more images, the more values are near one: deep, with its poolings, has few.

The images are noise on squares of 7×7 pixels: of noise alone all look alike to the last layers. Loss of classifiers: mean
cross-entropy, image i being of class i % 10; of detectors: mean of the squares of all heads' values. A line a tensor, in the
networks' order, of its gradient or, of running statistics, of what they are after the step: its norm, its sum with random signs,
and two of its values; a single 0 where a normalisation behind it takes away all that it could change."""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "nets"))
import golden

IMAGES = {"base": 8, "compact": 8, "deep": 3, "efficientnet-b0": 16, "wide": 8, "yolov3-tiny": 4}
SIGNS = 1 << 20  # seed
PICTURES = 1 << 21  # the first seed
DRAWS = 400
STABLE = 2e-4  # of a gradient's norm, by which rounding may move it
CHANGE = 5e-7  # of the weights, by which it is told too


def pictures(draw, images, channels, size):
    i = np.arange(images * channels * size * size).reshape(images, channels, size, size)
    y, x = np.arange(size)[:, None], np.arange(size)[None]
    u = golden.uniform(PICTURES + draw, i.size)
    return torch.from_numpy(((u[i - y % 7 * size - x % 7] + u[i] / 2) * 4 / 3 - 1).astype(np.float32))


def fingerprint(t):
    t = t.detach().double().flatten().numpy()
    signs = np.where(golden.uniform(SIGNS, len(t)) < .5, -1.0, 1.0)
    values = [np.sqrt((t * t).sum()), (t * signs).sum()] + [t[(len(t) - 1) // (k + 2)] for k in range(2)]
    return " ".join("%.5g" % v for v in values) if values[0] > 1e-12 else "0"


class Smooth:
    """torch.nn.functional, but for the activations with a kink."""
    relu = staticmethod(F.silu)
    leaky_relu = staticmethod(lambda x, slope: F.silu(x))

    def __getattr__(self, name):
        return getattr(F, name)


def step(draw, make, channels, size, images, squares, dtype, change=0.0):
    """The network, the loss, and the gradients by name; each weight is changed by that share of itself, up or down."""
    net, _ = golden.build(make, images, channels, size)
    net = net.to(dtype).train()
    signs = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1 + change * torch.sign(torch.rand(p.shape, generator=signs, dtype=dtype) - .5))
    y = net(pictures(draw, images, channels, size).to(dtype))
    loss = (y * y).mean() if squares else F.cross_entropy(y, torch.arange(images) % 10)
    loss.backward()
    return net, loss.item(), {k: p.grad for k, p in net.named_parameters()}


def agree(a, b):
    return all(a[k].norm() < 1e-12 or (a[k] - b[k]).norm() < STABLE * a[k].norm() for k in a)


def stable_step(*problem):
    """The first draw of pictures whose gradients do not depend on rounding."""
    for draw in range(DRAWS):
        net, loss, gradients = step(draw, *problem, torch.float64)
        others = (torch.float32, 0.0), (torch.float64, CHANGE)
        if all(agree(gradients, step(draw, *problem, *other)[2]) for other in others):
            return draw, net, loss, gradients
    sys.exit(f"the gradients depend on rounding for {DRAWS} draws of pictures; take fewer images")


torch.set_num_threads(1)
for name, options, make, (channels, size), _ in golden.NETS:
    if name not in (sys.argv[1:] or IMAGES):
        continue
    if name == "wide" and not options:
        continue  # a larger one of the same
    for kind, golden.F in ("as-it-is", F), ("smooth", Smooth()):
        draw, net, loss, gradients = stable_step(make, channels, size, IMAGES[name], name == "yolov3-tiny")
        print("net", name, options or "-", kind, IMAGES[name], draw, "%.7g" % loss, flush=True)
        for key, value in net.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                print(key, fingerprint(gradients.get(key, value)))
