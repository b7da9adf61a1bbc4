"""Trains the recipe isbi-unet in PyTorch and, with --xtask, in Okulo, with the same images held out.

    python isbi_unet.py --data FOLDER --work FOLDER [--seeds 1 2 3] [--epochs 60] [--width 16] [--xtask PROGRAM]

FOLDER of --data holds the 30 slices and labels of the ISBI 2012 challenge as `train/image/N.png` and `train/label/N.png`
(0: membrane, 255: cell). Every fifth slice is held out: 24 are trained on, 6 judged. Both sides train on random tiles of
256×256 pixels with flips (elastic deformation is left out, since there is no second program with the same one), with
AdamW, a one-cycle schedule, cross-entropy, and batches of 4, and judge whole images: Okulo by blended tiles, PyTorch by a
forward pass over all 512×512 pixels. Printed are the IoU of the foreground (class 1) and the accuracy of the pixels of
the last epoch's weights.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import time

HELD_OUT = 5


def arrange(data, work):
    """`images` and `masks`, each with `train` and `val`."""
    folder = work / "isbi"
    for number, file in enumerate(sorted((data / "train" / "image").iterdir(), key=lambda file: int(file.stem))):
        split = "val" if number % HELD_OUT == HELD_OUT - 1 else "train"
        for kind, source in [("images", file), ("masks", data / "train" / "label" / file.name)]:
            target = folder / kind / split
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / file.name)
    return folder


def torch_side(folder, seed, epochs, width, batch=4, size=256, lr=1e-3):
    import numpy as np
    import torch
    import torch.nn.functional as F
    from PIL import Image
    from torch import nn

    def read(split):
        files = sorted((folder / "images" / split).iterdir())
        images = np.stack([np.asarray(Image.open(file).convert("L")) for file in files])
        masks = np.stack([np.asarray(Image.open(folder / "masks" / split / file.name).convert("L")) for file in files])
        return torch.from_numpy(images).float()[:, None] / 255, torch.from_numpy(masks > 127).long()

    def double(cin, cout):
        layers = []
        for channels in (cin, cout):
            layers += [nn.Conv2d(channels, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [width << level for level in range(5)]
            self.encoder = nn.ModuleList([double(a, b) for a, b in zip([1] + widths, widths)])
            self.up = nn.ModuleList([nn.ConvTranspose2d(widths[i + 1], widths[i], 2, 2) for i in reversed(range(4))])
            self.merge = nn.ModuleList([double(2 * widths[i], widths[i]) for i in reversed(range(4))])
            self.head = nn.Conv2d(width, 2, 1)
            for module in self.modules():
                if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                    nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                    if module.bias is not None:
                        nn.init.zeros_(module.bias)

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

    torch.set_num_threads(2)
    torch.manual_seed(seed)
    images, masks = read("train")
    network = UNet().to(memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": 1e-4}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr)
    steps = epochs * -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, cycle_momentum=False)
    start = time.perf_counter()
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(batch):
            parts = []
            for index in chosen:
                y, x = (int(torch.randint(images.shape[2] - size + 1, ())) for _ in range(2))
                part = torch.cat([images[index], masks[index][None].float()])[:, y : y + size, x : x + size]
                for axis in (1, 2):
                    if torch.rand(()) < 0.5:
                        part = part.flip(axis)
                parts.append(part)
            parts = torch.stack(parts)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(network(parts[:, :1].to(memory_format=torch.channels_last)), parts[:, 1].long())
            loss.backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - start
    network.eval()
    images, masks = read("val")
    with torch.inference_mode():
        found = torch.cat([network(image[None]).argmax(1) for image in images])
    both, either = ((found == 1) & (masks == 1)).sum(), ((found == 1) | (masks == 1)).sum()
    return {"iou": float(both / either), "accuracy": float((found == masks).float().mean()), "seconds": seconds}


def okulo_side(xtask, folder, work, seed, epochs, width):
    run = work / f"okulo-{seed}"
    settings = [
        f"train.epochs={epochs}",
        f"train.eval_every={epochs}",
        f"model.width={width}",
        'augment.train=[{ kind = "horizontal-flip" }, { kind = "vertical-flip" }]',
    ]
    command = [xtask, "train", "isbi-unet", "--data", folder, "--seed", seed, "--out", run, "--overwrite", "--quiet", "--json"]
    for setting in settings:
        command += ["--set", setting]
    output = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    summary = json.loads(output.stdout)
    judged = subprocess.run([xtask, "eval", run, "--split", "val", "--json"], capture_output=True, text=True, check=True)
    judged = json.loads(judged.stdout)
    return {
        "iou": judged["per_class"][1]["iou"],
        "accuracy": judged["metrics"]["pixel_accuracy"],
        "seconds": summary["train_seconds"],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--xtask")
    arguments = parser.parse_args()
    folder = arrange(arguments.data, arguments.work)
    sides = {"PyTorch": lambda seed: torch_side(folder, seed, arguments.epochs, arguments.width)}
    if arguments.xtask:
        sides["Okulo"] = lambda seed: okulo_side(
            arguments.xtask, folder, arguments.work, seed, arguments.epochs, arguments.width
        )
    results = {name: [] for name in sides}
    for seed in arguments.seeds:
        for name, side in sides.items():
            result = side(seed)
            results[name].append(result)
            print(f"seed {seed} {name}: foreground IoU {result['iou']:.4f}, pixel accuracy {result['accuracy']:.4f}, "
                  f"{result['seconds']:.0f} s", flush=True)
    for name, found in results.items():
        iou, accuracy = (statistics.mean(result[key] for result in found) for key in ("iou", "accuracy"))
        print(f"{name}: mean foreground IoU {iou:.4f}, pixel accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
