"""Trains YOLOX-nano on BCCD from random weights in PyTorch and, with --xtask, in Okulo, by the same recipe.

    python docs/peers/bccd_yolox.py --data FOLDER --work FOLDER [--seeds 1 2 3] [--epochs 20] [--size 256] [--xtask PROGRAM]

FOLDER of --data holds Annotations/, JPEGImages/ and ImageSets/Main/. Both sides letterbox the pictures of the train list
to the upper left, flip both ways, and take SGD with Nesterov momentum, one epoch of warm-up, a cosine, and batches of 8;
no mosaic, average or second size. Network and loss are those of the fixtures, written from the paper. Printed are the
training loss of every epoch, and AP and AP50 of the last weights on the test list (Okulo: its own figures; PyTorch:
pycocotools). Random numbers differ, so seeds do not correspond: what compares is the spread over seeds. Needs torch,
torchvision, numpy, Pillow and pycocotools.
"""
import argparse
import csv
import json
import math
import pathlib
import statistics
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2] / "crates"
sys.path += [str(ROOT / "models/tests/fixtures"), str(ROOT / "losses/tests/fixtures")]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLASSES = ["Platelets", "RBC", "WBC"]
BATCH, LR, MOMENTUM, DECAY, FLOOR, PAD = 8, 0.01, 0.9, 5e-4, 0.05, 114
SCORE, IOU, MOST = 0.001, 0.65, 300


def read(data, split, size):
    """Pictures as numbers, boxes in pixels of the input by corners, classes, scale and original size, image by image."""
    import numpy as np
    import torch
    from PIL import Image

    samples = []
    for name in (data / "ImageSets/Main" / f"{split}.txt").read_text().split():
        image = Image.open(data / "JPEGImages" / f"{name}.jpg").convert("RGB")
        scale = min(size / image.width, size / image.height)
        canvas = np.full((size, size, 3), PAD, np.uint8)
        small = image.resize((int(image.width * scale), int(image.height * scale)), Image.BILINEAR)
        canvas[: small.height, : small.width] = np.asarray(small)
        boxes, kinds = [], []
        for item in ElementTree.parse(data / "Annotations" / f"{name}.xml").iter("object"):
            x1, y1, x2, y2 = (float(item.find(f"bndbox/{key}").text) for key in ("xmin", "ymin", "xmax", "ymax"))
            if x2 <= x1 or y2 <= y1:
                continue
            box = [max(x1 - 1, 0), max(y1 - 1, 0), min(x2, image.width), min(y2, image.height)]
            boxes.append([side * scale for side in box])
            kinds.append(CLASSES.index(item.find("name").text))
        pixels = (torch.from_numpy(canvas).permute(2, 0, 1).float() / 255 - torch.tensor(MEAN).view(3, 1, 1))
        pixels = pixels / torch.tensor(STD).view(3, 1, 1)
        samples.append((pixels, torch.tensor(boxes).view(-1, 4), torch.tensor(kinds), scale, image.size))
    return samples


def flipped(pixels, boxes, draws):
    size = pixels.shape[-1]
    for axis, draw in enumerate(draws):
        if draw < 0.5:
            pixels = pixels.flip(2 - axis)
            low, high = size - boxes[:, axis + 2], size - boxes[:, axis]
            boxes = boxes.clone()
            boxes[:, axis], boxes[:, axis + 2] = low, high
    return pixels, boxes


def centred(boxes):
    import torch

    return torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)


def factor(step, warm, total):
    """The schedule: a line over `warm` steps, then half a cosine down to FLOOR."""
    if step < warm:
        return (step + 1) / (warm + 1)
    progress = (step - warm) / max(total - warm, 1)
    return FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))


def average_precision(network, samples, points):
    import contextlib
    import io

    import torch
    import yolox_loss
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    from torchvision.ops import batched_nms

    found, annotations = [], []
    network.eval()
    with torch.inference_mode():
        for number, (pixels, boxes, kinds, scale, (width, height)) in enumerate(samples, 1):
            raw = network(pixels[None])[0]
            place = yolox_loss.decode(raw, points.to(raw))
            chance = raw[:, 5:].sigmoid() * raw[:, 4:5].sigmoid()
            score, kind = chance.max(1)
            keep = score > SCORE
            corners = torch.cat([place[:, :2] - place[:, 2:] / 2, place[:, :2] + place[:, 2:] / 2], 1)[keep]
            score, kind = score[keep], kind[keep]
            chosen = batched_nms(corners, score, kind, IOU)[:MOST]
            corners = corners[chosen] / scale
            corners = torch.minimum(corners.clamp(min=0), torch.tensor([width, height, width, height]))
            for box, s, k in zip(corners.tolist(), score[chosen].tolist(), kind[chosen].tolist()):
                box = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
                found.append({"image_id": number, "category_id": k, "bbox": box, "score": s})
            for box, k in zip((boxes / scale).tolist(), kinds.tolist()):
                box = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
                annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": k, "bbox": box,
                                    "area": box[2] * box[3], "iscrowd": 0})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": number} for number in range(1, len(samples) + 1)],
            "annotations": annotations,
            "categories": [{"id": index, "name": name} for index, name in enumerate(CLASSES)],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox") if found else None
        if evaluation:
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
    return (float(evaluation.stats[0]), float(evaluation.stats[1])) if evaluation else (0.0, 0.0)


def torch_side(data, seed, epochs, size):
    import torch
    import yolox_loss
    from yolox_reference import Yolox

    torch.set_num_threads(2)
    torch.manual_seed(seed)
    train, test = read(data, "train", size), read(data, "test", size)
    points = yolox_loss.grid(size, size)
    network = Yolox("yolox-nano", len(CLASSES)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), LR, MOMENTUM, weight_decay=DECAY, nesterov=True)
    steps = len(train) // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: factor(step, steps, steps * epochs))
    losses, start = [], time.perf_counter()
    for _ in range(epochs):
        network.train()
        sums = []
        for chosen in torch.randperm(len(train))[: steps * BATCH].split(BATCH):
            images, boxes, kinds = [], [], []
            for index in chosen.tolist():
                pixels, corners, classes = train[index][:3]
                pixels, corners = flipped(pixels, corners, torch.rand(2).tolist())
                images.append(pixels)
                boxes.append(centred(corners))
                kinds.append(classes)
            images = torch.stack(images).contiguous(memory_format=torch.channels_last)
            total = sum(yolox_loss.loss(network(images), points, boxes, kinds, False).values())
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            optimizer.step()
            schedule.step()
            sums.append(total.item())
        losses.append(statistics.mean(sums))
    seconds = time.perf_counter() - start
    ap, ap50 = average_precision(network, test, points)
    return {"losses": losses, "ap": ap, "ap50": ap50, "seconds": seconds}


def okulo_side(xtask, data, work, seed, epochs, size):
    run = work / f"okulo-{seed}"
    settings = [
        f"input.size={size}",
        'augment={ train = [{ kind = "horizontal-flip" }, { kind = "vertical-flip" }] }',
        'loss.l1="never"',
        f"optim.lr={LR}",
        f"train.epochs={epochs}",
        f"train.eval_every={epochs}",
        "train.drop_last=true",
        "train.cache=true",
    ]
    recipe = work / "recipe.toml"
    lines = (ROOT.parent / "configs/bccd-yolox-nano.toml").read_text().splitlines()
    recipe.write_text("\n".join(line for line in lines if not line.startswith("ema = ")))
    command = [xtask, "train", recipe, "--data", data, "--seed", seed, "--out", run, "--overwrite", "--quiet"]
    for setting in settings:
        command += ["--set", setting]
    subprocess.run([str(part) for part in command], stdout=subprocess.DEVNULL, check=True)
    summary = json.loads((run / "summary.json").read_text())
    # Only the last epoch is evaluated, and so the best.
    judged = summary["splits"]["test"]
    with open(run / "results.csv", newline="") as file:
        losses = [float(row["train.loss"]) for row in csv.DictReader(file)]
    return {"losses": losses, "ap": judged["ap"], "ap50": judged["ap50"], "seconds": summary["train_seconds"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--xtask")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    sides = {"PyTorch": lambda seed: torch_side(arguments.data, seed, arguments.epochs, arguments.size)}
    if arguments.xtask:
        sides["Okulo"] = lambda seed: okulo_side(
            arguments.xtask, arguments.data, arguments.work, seed, arguments.epochs, arguments.size
        )
    results = {name: [] for name in sides}
    for seed in arguments.seeds:
        for name, side in sides.items():
            result = side(seed)
            results[name].append(result)
            print(f"seed {seed} {name}: AP {result['ap']:.4f}, AP50 {result['ap50']:.4f}, {result['seconds']:.0f} s", flush=True)
            print("  " + " ".join(f"{loss:.3f}" for loss in result["losses"]), flush=True)
    for name, found in results.items():
        ap, ap50 = (statistics.mean(result[key] for result in found) for key in ("ap", "ap50"))
        curve = [statistics.mean(losses) for losses in zip(*(result["losses"] for result in found))]
        spread = [max(losses) - min(losses) for losses in zip(*(result["losses"] for result in found))]
        print(f"{name}: mean AP {ap:.4f}, AP50 {ap50:.4f}")
        print("  loss   " + " ".join(f"{loss:.3f}" for loss in curve))
        print("  spread " + " ".join(f"{width:.3f}" for width in spread))


if __name__ == "__main__":
    main()
