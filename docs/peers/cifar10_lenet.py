"""The recipe of configs/cifar10-lenet.toml in PyTorch, for docs/results.md.

    python cifar10_lenet.py FOLDER SEED [EPOCHS]

FOLDER holds train/CLASS/* and test/CLASS/*. Needs torch, torchvision, numpy, pillow.
"""
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from torchvision.transforms import v2


def read(root):
    classes = sorted(d.name for d in root.iterdir() if d.is_dir())
    files = [(f, k) for k, c in enumerate(classes) for f in sorted((root / c).iterdir())]
    images = np.stack([np.asarray(Image.open(f).convert("RGB")) for f, _ in files])
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), torch.tensor([k for _, k in files])


class LeNet(nn.Module):
    """The network of PyTorch's tutorial "Training a Classifier"."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


def main():
    root, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    (x, y), (xt, yt) = read(root / "train"), read(root / "test")
    augment = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomRotation(30)])
    normalise = lambda images: images.float() / 127.5 - 1
    net = LeNet()
    optimiser = torch.optim.SGD(net.parameters(), 0.001, momentum=0.9)
    start = time.perf_counter()
    for _ in range(epochs):
        for index in torch.randperm(len(x)).split(4):
            images = normalise(torch.stack([augment(x[i]) for i in index]))
            optimiser.zero_grad()
            F.cross_entropy(net(images), y[index]).backward()
            optimiser.step()
    seconds = time.perf_counter() - start
    with torch.inference_mode():
        hits = sum(int((net(normalise(xt[i:i + 500])).argmax(1) == yt[i:i + 500]).sum()) for i in range(0, len(xt), 500))
    print(f"seed {seed}: test accuracy {hits / len(xt):.4f} after {epochs} epochs, {seconds:.0f} s")


if __name__ == "__main__":
    main()
