"""Alternates Okulo and PyTorch (or ONNX Runtime) on the same work, for docs/results.md and docs/performance.md.

    python compare.py XTASK [--bench train-step,inference] [--rounds 4] [--runs 11] [--precision bf16]

XTASK is the release program (target/release/xtask). Each round starts one process a side, in turns, so that slow phases
of the machine hit both; a process times at least 7 steps and gives their median. Printed are the medians of the rounds
and their ratio (above 1: Okulo is faster). PyTorch runs channels-last with 2 threads, with glibc told to keep memory.
Needs torch and torchvision, and onnx and onnxruntime for the inference rows.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

STEPS = [  # Okulo's name, batch, size
    ("resnet20-b", 128, 32),
    ("resnet18-cifar", 32, 32),
    ("vgg16-bn-cifar", 32, 32),
    ("resnet18", 16, 224),
]
INFERENCE = [("resnet18", 1, 224), ("resnet18", 32, 224)]
KEEP = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"


def network(name):
    import torch.nn as nn
    import torch.nn.functional as F
    from torchvision.models import resnet18, vgg16_bn

    class Block(nn.Module):
        def __init__(self, cin, cout, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
            self.bn1, self.bn2 = nn.BatchNorm2d(cout), nn.BatchNorm2d(cout)
            self.skip = nn.Identity()
            if stride != 1 or cin != cout:
                self.skip = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)), inplace=True)
            return F.relu(self.bn2(self.conv2(y)) + self.skip(x), inplace=True)

    def cifar(widths, depth):
        layers = [nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        cin = widths[0]
        for stage, width in enumerate(widths):
            for i in range(depth):
                layers.append(Block(cin, width, 2 if stage and not i else 1))
                cin = width
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(cin, 10))

    return {
        "resnet20-b": lambda: cifar([16, 32, 64], 3),
        "resnet18-cifar": lambda: cifar([64, 128, 256, 512], 2),
        "vgg16-bn-cifar": lambda: nn.Sequential(vgg16_bn().features, nn.Flatten(), nn.Linear(512, 10)),
        "resnet18": lambda: resnet18(),
    }[name]()


def torch_side(name, batch, size, runs, precision):
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(2)
    torch.manual_seed(0)
    net = network(name).train().to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))
    optimizer = torch.optim.SGD(net.parameters(), 1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return timed(step, runs)


def onnx_side(name, batch, size, runs):
    import tempfile

    import numpy as np
    import onnxruntime
    import torch

    net = network(name).eval()
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.onnx")
        torch.onnx.export(net, torch.randn(batch, 3, size, size), file, dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.random.default_rng(0).standard_normal((batch, 3, size, size), np.float32)}
    return timed(lambda: session.run(None, feed), runs)


def timed(step, runs):
    for _ in range(3):
        step()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("xtask")
    parser.add_argument("--bench", default="train-step,inference")
    parser.add_argument("--models", default="")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)  # a process of the other side
    arguments = parser.parse_args()
    if arguments.one:
        bench, name, batch, size = arguments.one
        work = (name, int(batch), int(size), arguments.runs)
        print(onnx_side(*work) if bench == "inference" else torch_side(*work, arguments.precision))
        return
    for bench in arguments.bench.split(","):
        for name, batch, size in INFERENCE if bench == "inference" else STEPS:
            if arguments.models and name not in arguments.models.split(","):
                continue
            ours, theirs = [], []
            runs = arguments.runs * (10 if bench == "inference" and batch == 1 else 1)
            command = [arguments.xtask, "bench", bench, "--model", name, "--batch", str(batch),
                       "--size", str(size), "--runs", str(runs), "--precision", arguments.precision, "--json"]
            peer = [sys.executable, __file__, "-", "--runs", str(runs), "--precision", arguments.precision,
                    "--one", bench, name, str(batch), str(size)]
            for _ in range(arguments.rounds):
                output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                ours.append(json.loads(output)["median_seconds"])
                environment = {**os.environ, "GLIBC_TUNABLES": KEEP}
                output = subprocess.run(peer, capture_output=True, text=True, check=True, env=environment).stdout
                theirs.append(float(output.split()[-1]))
            mine, other = statistics.median(ours), statistics.median(theirs)
            print(json.dumps({
                "bench": bench, "model": name, "batch": batch, "size": size, "precision": arguments.precision,
                "ratio": round(other / mine, 3),
                "okulo_images_per_second": round(batch / mine, 1), "peer_images_per_second": round(batch / other, 1),
                "okulo_ms": [round(value * 1e3, 2) for value in ours],
                "peer_ms": [round(value * 1e3, 2) for value in theirs]}), flush=True)


if __name__ == "__main__":
    main()
