"""Times a training step of U-Net in PyTorch, or alternates it with Okulo's.

    python unet_step.py [--width 32] [--batch 4] [--size 256] [--runs 9]
    python unet_step.py --xtask target/release/xtask [--rounds 3]

The network is the one that `cargo xtask bench train-step --model unet` builds: four poolings, transposed convolutions,
batch normalisation, two classes, cross-entropy, SGD with Nesterov momentum and weight decay. PyTorch runs channels-last in
f32 with 2 threads, with glibc told to keep memory. The second form starts one process a side in turns, so that slow
phases of the machine hit both, and prints the medians of the rounds, their ratio (above 1: Okulo is faster) and the peaks
of resident memory. PyTorch's libraries alone take a part of its peak, which is given too.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

KEEP = "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592"


def peak_memory():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def torch_side(width, batch, size, runs, threads):
    import torch
    import torch.nn.functional as F
    from torch import nn

    def double(cin, cout):
        layers = []
        for channels in (cin, cout):
            layers += [nn.Conv2d(channels, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [width << level for level in range(5)]
            self.encoder = nn.ModuleList([double(a, b) for a, b in zip([3] + widths, widths)])
            self.up = nn.ModuleList([nn.ConvTranspose2d(widths[i + 1], widths[i], 2, 2) for i in reversed(range(4))])
            self.merge = nn.ModuleList([double(2 * widths[i], widths[i]) for i in reversed(range(4))])
            self.head = nn.Conv2d(width, 2, 1)

        def forward(self, x):
            skips = []
            for level, block in enumerate(self.encoder):
                if level:
                    skips.append(x)
                    x = F.max_pool2d(x, 2)
                x = block(x)
            for up, merge in zip(self.up, self.merge):
                x = merge(torch.cat([skips.pop(), up(x)], 1))
            return self.head(x)

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    loaded = peak_memory()
    network = UNet().train().to(memory_format=torch.channels_last)
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    side = max(size // 8, 1)
    rows = torch.arange(size) // side
    masks = torch.stack([(rows[:, None] + rows[None, :] + image) % 2 for image in range(batch)])
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)

    def step():
        loss = F.cross_entropy(network(images), masks)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    for _ in range(3):
        step()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {"median_seconds": statistics.median(seconds), "peak_memory_bytes": peak_memory(), "loaded_bytes": loaded}


def alternate(arguments):
    size, batch, runs = str(arguments.size), str(arguments.batch), str(arguments.runs)
    ours_command = [arguments.xtask, "bench", "train-step", "--model", "unet", "--batch", batch, "--size", size, "--runs",
                    runs, "--json"]
    theirs_command = [sys.executable, __file__, "--batch", batch, "--size", size, "--runs", runs, "--json"]
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        for command, results, environment in [(ours_command, ours, {}), (theirs_command, theirs, {"GLIBC_TUNABLES": KEEP})]:
            output = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
            results.append(json.loads(output.stdout))

    def median(results, key):
        return statistics.median(result[key] for result in results)

    speeds = [arguments.batch / median(results, "median_seconds") for results in (ours, theirs)]
    peaks = [median(results, "peak_memory_bytes") / 2**20 for results in (ours, theirs)]
    loaded = median(theirs, "loaded_bytes") / 2**20
    print(f"U-Net, batch {batch} at {size}×{size}: Okulo {speeds[0]:.2f} images/s, PyTorch {speeds[1]:.2f}, ratio "
          f"{speeds[0] / speeds[1]:.2f}; peak memory {peaks[0]:.0f} MiB and {peaks[1]:.0f} MiB (of which {loaded:.0f} before "
          f"the network)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--xtask")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.xtask:
        alternate(arguments)
        return
    found = torch_side(arguments.width, arguments.batch, arguments.size, arguments.runs, arguments.threads)
    if arguments.json:
        print(json.dumps(found))
    else:
        print(f"{arguments.batch / found['median_seconds']:.2f} images/s ({found['median_seconds'] * 1e3:.0f} ms), peak "
              f"memory {found['peak_memory_bytes'] / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
