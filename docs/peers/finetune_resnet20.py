"""The recipe finetune-resnet20-cifar10 in PyTorch: the same weights, pictures, augmentation, optimiser and schedule.

    python docs/peers/finetune_resnet20.py WEIGHTS.th FOLDER [--lr 0.01] [--weight-decay 1e-4] [--epochs 3]

FOLDER holds train/CLASS/* and test/CLASS/*. Prints the accuracy on the test pictures before and after. Random numbers differ
from Okulo's. Needs torch, numpy and Pillow.
"""
import argparse
import pathlib
import time

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
BATCH, PADDING = 128, 4


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.added = channels - channels_in

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.added:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added // 2))
        return F.relu(x + y)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        stage = lambda a, b: nn.Sequential(Block(a, b, 1 if a == b else 2), Block(b, b, 1), Block(b, b, 1))
        self.layer1, self.layer2, self.layer3 = stage(16, 16), stage(16, 32), stage(32, 64)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


def read(folder):
    images, labels = [], []
    for label, kind in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for file in sorted(kind.iterdir()):
            images.append(np.asarray(Image.open(file).convert("RGB")))
            labels.append(label)
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return pixels, torch.tensor(labels)


def normalised(pixels):
    shape = (1, 3, 1, 1)
    return (pixels.float() / 255 - torch.tensor(MEAN).view(shape)) / torch.tensor(STD).view(shape)


def augmented(pixels):
    """Zeros around the picture, a crop of its size, a flip of every second one."""
    count, _, height, width = pixels.shape
    padded = F.pad(pixels, (PADDING,) * 4)
    tops, lefts = torch.randint(0, 2 * PADDING + 1, (2, count))
    flips = torch.rand(count) < 0.5
    crops = [padded[i, :, top:top + height, left:left + width] for i, (top, left) in enumerate(zip(tops, lefts))]
    batch = torch.stack(crops)
    return torch.where(flips.view(-1, 1, 1, 1), batch.flip(3), batch)


def accuracy(network, pixels, labels):
    network.eval()
    with torch.no_grad():
        hits = [(network(normalised(p)).argmax(1) == l).sum() for p, l in zip(pixels.split(500), labels.split(500))]
    return torch.stack(hits).sum().item() / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    network = ResNet20()
    state = torch.load(arguments.weights, weights_only=True, map_location="cpu")["state_dict"]
    network.load_state_dict({name.removeprefix("module."): value for name, value in state.items()})
    network = network.to(memory_format=torch.channels_last)
    train, test = read(arguments.folder / "train"), read(arguments.folder / "test")
    print(f"before: {accuracy(network, *test):.4f}", flush=True)
    steps = len(train[1]) // BATCH
    optimizer = torch.optim.SGD(network.parameters(), arguments.lr, 0.9, nesterov=True,
                                weight_decay=arguments.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, arguments.lr, total_steps=steps * arguments.epochs,
                                                   pct_start=0.2, cycle_momentum=False)
    start = time.perf_counter()
    for epoch in range(arguments.epochs):
        network.train()
        for chosen in torch.randperm(len(train[1]))[:steps * BATCH].split(BATCH):
            images = normalised(augmented(train[0][chosen])).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(network(images), train[1][chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: test {accuracy(network, *test):.4f}, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
