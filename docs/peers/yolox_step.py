"""Times a training step and inference of YOLOX in PyTorch, the peer of
`cargo xtask bench train-step --model yolox-nano --size 416 --batch 8`.

    python docs/peers/yolox_step.py [--model yolox-nano] [--size 416] [--batch 8] [--threads 2] [--runs 9]

The network is `crates/models/tests/fixtures/yolox_reference.py`, channels last; the loss
`crates/losses/tests/fixtures/yolox_loss.py`, on the same eight objects an image as the bench has. A step is forward,
loss, backward and SGD with Nesterov momentum and weight decay. `fixed gradient` leaves the loss out: the backward pass
starts from a constant gradient of the raw outputs, so that only the network is compared (the bench's step has its loss in
it all the same).
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2] / "crates"
sys.path += [str(ROOT / "models/tests/fixtures"), str(ROOT / "losses/tests/fixtures")]

import yolox_loss  # noqa: E402
from yolox_reference import Yolox  # noqa: E402

CLASSES = 80


def objects(image, size):
    boxes, kinds = [], []
    for number in range(8):
        side = size * (0.125, 0.25, 0.375, 0.5)[(image + number) % 4]
        x, y = size * (1 + 2 * (number % 4)) / 8, size * (1 + 2 * (number // 4)) / 4
        low = [max(x - side / 2, 0), max(y - side / 2, 0)]
        high = [min(x + side / 2, size), min(y + side / 2, size)]
        boxes.append([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, high[0] - low[0], high[1] - low[1]])
        kinds.append((8 * image + number) % CLASSES)
    return torch.tensor(boxes), torch.tensor(kinds)


def median(step, runs):
    for _ in range(3):
        step()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="yolox-nano")
    parser.add_argument("--size", type=int, default=416)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    size, batch = arguments.size, arguments.batch
    network = Yolox(arguments.model, CLASSES).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
    images = torch.randn(batch, 3, size, size).to(memory_format=torch.channels_last)
    points = yolox_loss.grid(size, size)
    boxes, kinds = zip(*(objects(image, size) for image in range(batch)))
    fixed = torch.randn(batch, len(points), 5 + CLASSES) * 1e-3

    def step(with_loss):
        optimizer.zero_grad(set_to_none=True)
        raw = network(images)
        if with_loss:
            sum(yolox_loss.loss(raw, points, boxes, kinds, False).values()).backward()
        else:
            raw.backward(fixed)
        optimizer.step()

    @torch.no_grad()
    def inference():
        network(images)

    report = lambda what, seconds: print(
        f"{what} {arguments.model} batch {batch} at {size}×{size}: {batch / seconds:.1f} images/s ({seconds * 1e3:.1f} ms, "
        f"median of {arguments.runs}, {arguments.threads} threads, torch {torch.__version__}, channels last)", flush=True)
    report("train step, fixed gradient,", median(lambda: step(False), arguments.runs))
    report("train step", median(lambda: step(True), arguments.runs))
    network.eval()
    report("inference", median(inference, arguments.runs))


if __name__ == "__main__":
    main()
