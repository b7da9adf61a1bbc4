"""Weights from PyTorch into Okulo and back: torchvision's networks, by name, shape and logits.

    cargo build --release -p xtask
    cargo build --release -p trainer --features cpu --example logits
    python docs/peers/weights_interchange.py [--models vgg16,resnet18] [--folder FOLDER]

For each network: torchvision's own initial weights from a fixed seed, with the running statistics of a batch of smooth random
pictures, so that nothing is trivial and signals stay within the range that trained networks have. The state dict is written
as .pth and as .safetensors by PyTorch; Okulo loads each strictly and answers to two pictures; Okulo exports each to .pth and
.safetensors; PyTorch loads these with `load_state_dict(strict=True)` (after `torch.load(weights_only=True)`) and answers
again. Printed are the greatest differences of logits, beside the greatest logit. Needs torch, torchvision and safetensors.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import torch
import torchvision
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
XTASK = ROOT / "target/release/xtask"
LOGITS = ROOT / "target/release/examples/logits"
TOLERANCE = 1e-4

NETWORKS = {
    # Okulo's name: torchvision's name, its options, image side, Okulo's options
    "vgg16": ("vgg16", {}, 224, {}),
    "resnet18": ("resnet18", {}, 224, {}),
    "resnet34": ("resnet34", {}, 224, {}),
    "resnet50": ("resnet50", {}, 224, {}),
    "inception-v3": ("inception_v3", {"aux_logits": True, "init_weights": False}, 299, {"auxiliary_head": True}),
}


def pictures(count, side):
    """Smooth random pictures: of white noise, deep layers would see next to nothing."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(count, 3, 12, 12, generator=generator)
    return torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")


def seeded(name, options):
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(**options)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    network.train()
    with torch.no_grad():
        network(pictures(8, 299))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1
    return network.eval()


def answer(network, images):
    with torch.no_grad():
        return network(images)


def okulo_answer(name, weights, images, options):
    output = subprocess.run([LOGITS, name, weights, images, json.dumps(options)], check=True, capture_output=True)
    return torch.tensor(json.loads(output.stdout))


def load(path):
    return load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)


def check(name, folder):
    torchvision_name, options, side, okulo_options = NETWORKS[name]
    network = seeded(torchvision_name, options)
    images = pictures(2, side)
    expected = answer(network, images)
    exact = answer(seeded(torchvision_name, options).double(), images.double())
    print(f"{name}: PyTorch itself is {(expected - exact).abs().max().item():.2e} from its answer in f64", flush=True)
    save_file({"images": images}, folder / "images.safetensors")
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    torch.save(network.state_dict(), folder / "given.pth")
    save_file(state, folder / "given.safetensors")
    worst = 0.0
    for given in ["given.pth", "given.safetensors"]:
        found = okulo_answer(name, folder / given, folder / "images.safetensors", okulo_options)
        inward = (found - expected).abs().max().item()
        for exported in ["exported.pth", "exported.safetensors"]:
            subprocess.run([XTASK, "export", folder / given, "--to", folder / exported, "--overwrite"], check=True,
                           capture_output=True)
            other = seeded(torchvision_name, options)
            for parameter in other.parameters():
                torch.nn.init.zeros_(parameter)
            print(f"{name} {given} -> {exported}: {other.load_state_dict(load(folder / exported), strict=True)}", end="")
            outward = (answer(other, images) - expected).abs().max().item()
            print(f", logits differ by {inward:.2e} in Okulo, {outward:.2e} back in PyTorch,"
                  f" of at most {expected.abs().max().item():.3g}", flush=True)
            worst = max(worst, inward, outward)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(NETWORKS))
    parser.add_argument("--folder", type=pathlib.Path, help="where files of up to 0.6 GB each are kept meanwhile")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        worst = max(check(name, pathlib.Path(folder)) for name in arguments.models.split(","))
    print(f"greatest difference {worst:.2e}")
    raise SystemExit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
