#!/usr/bin/env python3
"""Writes golden/nets.txt: what PyTorch's gradients of one training step are for each network.

    python3 make_net_golden.py > golden/nets.txt        # Debian's python3-torch

The networks and their weights are those of ../nets/golden.py, in double precision and without dropout. Each is there twice: as it
is, and "smooth", with swish for ReLU and leaky ReLU. Where an activation has a kink, rounding decides on which side a value near
it falls, and each that falls on the other side moves the gradients: in double precision, weights changed by 3 millionths move those
of deep by 1 to 5 hundredths. So a network as it is can be compared roughly only; smooth, to a thousandth.

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

IMAGES = {"base": 8, "compact": 8, "deep": 4, "efficientnet-b0": 16, "wide": 8, "yolov3-tiny": 4}
SIGNS = 1 << 20  # seed


def pictures(images, channels, size):
    i = np.arange(images * channels * size * size).reshape(images, channels, size, size)
    y, x = np.arange(size)[:, None], np.arange(size)[None]
    u = golden.uniform(0, i.size)
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


def step(make, channels, size, images, squares, dtype):
    """The network, the loss, and the gradients by name."""
    net, _ = golden.build(make, images, channels, size)
    net = net.to(dtype).train()
    y = net(pictures(images, channels, size).to(dtype))
    loss = (y * y).mean() if squares else F.cross_entropy(y, torch.arange(images) % 10)
    loss.backward()
    return net, loss.item(), {k: p.grad for k, p in net.named_parameters()}


torch.set_num_threads(1)
for name, options, make, (channels, size), _ in golden.NETS:
    if name == "wide" and not options:
        continue  # a larger one of the same
    for kind, golden.F in ("as-it-is", F), ("smooth", Smooth()):
        problem = make, channels, size, IMAGES[name], name == "yolov3-tiny"
        net, loss, gradients = step(*problem, torch.float64)
        for key, rounded in step(*problem, torch.float32)[2].items():
            norm = gradients[key].norm()
            if kind == "smooth" and norm > 1e-12 and (rounded - gradients[key]).norm() > 1e-4 * norm:
                sys.exit(f"{name}: the gradient of {key} depends on rounding; take another number of images")
        print("net", name, options or "-", kind, IMAGES[name], "%.7g" % loss)
        for key, value in net.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                print(key, fingerprint(gradients.get(key, value)))
