#!/usr/bin/env python3
"""Writes golden/*.safetensors: what PyTorch makes of one training step, of its optimizers and of its schedules.

Run by hand (python3-torch); the tests read the files."""
import copy
import json
import os
import struct

import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")


def save(name, tensors):
    header, data = {}, b""
    for key, value in sorted(tensors.items()):
        raw = value.detach().to(torch.float32).contiguous().numpy().astype("<f4").tobytes()
        header[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


class Net(nn.Module):
    """test-trainer.c builds the same."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 10)

    def forward(self, x):
        x = F.max_pool2d(self.bn1(F.relu(self.conv1(x))), 2)
        x = F.relu(x + self.bn2(self.conv2(x)))
        return self.fc(x.mean(dim=(2, 3)))


def weights(net):
    return {k: v.clone() for k, v in net.state_dict().items() if "num_batches" not in k}


def sgd(net):
    decay = [p for n, p in net.named_parameters() if n.split(".")[0] in ("conv1", "conv2", "fc") and n.endswith("weight")]
    rest = [p for p in net.parameters() if not any(p is d for d in decay)]
    return torch.optim.SGD([{"params": decay, "weight_decay": 5e-4}, {"params": rest}], lr=0.1, momentum=0.9, nesterov=True)


def step():
    torch.manual_seed(1)
    net = Net()
    with torch.no_grad():
        for bn in (net.bn1, net.bn2):
            bn.weight.uniform_(0.5, 1.5)
            bn.bias.uniform_(-0.5, 0.5)
    x = torch.randn(6, 1, 8, 8)
    targets = torch.softmax(2 * torch.randn(6, 10), dim=1)
    out = {"x": x, "targets": targets}
    out.update({"init." + k: v for k, v in weights(net).items()})
    optimizer = sgd(net)
    logits = net(x)
    smoothed = 0.9 * targets + 0.1 / 10
    cross_entropy = lambda logits: -(smoothed * F.log_softmax(logits, dim=1)).sum(dim=1).mean()
    loss = cross_entropy(logits)
    loss.backward()
    out.update({"logits": logits, "loss": loss.reshape(1)})
    out.update({"grad." + n: p.grad.clone() for n, p in net.named_parameters()})
    sam(net, lambda net: cross_entropy(net(x)))
    optimizer.step()
    out.update({"after." + k: v for k, v in weights(net).items()})
    save("step.safetensors", out)


def sam(net, loss, radius=0.5):
    """The same step by the gradient uphill; running statistics stay those of the first pass."""
    net = copy.deepcopy(net)
    optimizer, start = sgd(net), weights(net)
    loss(net).backward()
    net.load_state_dict(start, strict=False)
    length = torch.cat([p.grad.reshape(-1) for p in net.parameters()]).norm()
    with torch.no_grad():
        for p in net.parameters():
            p += radius * p.grad / length
    out = {"uphill." + k: v for k, v in weights(net).items()}
    optimizer.zero_grad()
    loss(net).backward()
    out.update({"grad." + n: p.grad.clone() for n, p in net.named_parameters()})
    net.load_state_dict(start, strict=False)
    optimizer.step()
    out.update({"after." + k: v for k, v in weights(net).items()})
    save("sam.safetensors", out)


def optimizers():
    torch.manual_seed(2)
    start, gradients = torch.randn(40), torch.randn(6, 40)
    out = {"start": start, "gradients": gradients}
    makers = {
        "adam": lambda p: torch.optim.Adam([p], lr=0.01),
        "adamw": lambda p: torch.optim.AdamW([p], lr=0.01, weight_decay=0.1),
        "sgd": lambda p: torch.optim.SGD([p], lr=0.05, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD([p], lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01),
        "adamw-clipped": lambda p: torch.optim.AdamW([p], lr=0.01, weight_decay=0.1),
        "sgd-clipped": lambda p: torch.optim.SGD([p], lr=0.05, momentum=0.9),
    }
    for name, make in makers.items():
        p = start.clone().requires_grad_()
        optimizer = make(p)
        for g in gradients:
            p.grad = g.clone()
            if "clipped" in name:
                torch.nn.utils.clip_grad_norm_([p], 6)  # most are longer, not all
            optimizer.step()
        out[name] = p
    save("optimizers.safetensors", out)


def schedules():
    p = torch.zeros(1, requires_grad=True)
    sgd = torch.optim.SGD([p], lr=0.2)
    s = torch.optim.lr_scheduler.OneCycleLR(sgd, max_lr=0.2, total_steps=50, cycle_momentum=False)
    onecycle = []
    for _ in range(50):
        onecycle.append(sgd.param_groups[0]["lr"])
        sgd.step()
        s.step()
    sgd = torch.optim.SGD([p], lr=1.0)
    s = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=50)
    cosine = []
    for _ in range(50):
        cosine.append(sgd.param_groups[0]["lr"])
        sgd.step()
        s.step()
    sgd = torch.optim.SGD([p], lr=1.0)
    s = torch.optim.lr_scheduler.ReduceLROnPlateau(sgd, factor=0.1, patience=3, cooldown=2, min_lr=1e-4)
    losses = [1.0, 0.9, 0.8] + [0.85] * 5 + [0.7, 0.71] + [0.9] * 12 + [0.5] + [0.6] * 30
    plateau = []
    for loss in losses:
        s.step(loss)
        plateau.append(sgd.param_groups[0]["lr"])
    save("schedules.safetensors", {"onecycle": torch.tensor(onecycle), "cosine": torch.tensor(cosine),
                                   "losses": torch.tensor(losses), "plateau": torch.tensor(plateau)})


os.makedirs(HERE, exist_ok=True)
step()
optimizers()
schedules()
