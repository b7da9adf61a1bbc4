"""Compares decoded pixels with Pillow's, file by file, and decoding speed on one thread.

    cargo build --release -p pictures --example pixels
    python docs/peers/jpeg_pixels.py FOLDER… [--rounds 5]
"""
import argparse
import hashlib
import pathlib
import subprocess
import time

from PIL import Image, ImageOps

PIXELS = pathlib.Path(__file__).resolve().parents[2] / "target/release/examples/pixels"
# Arguments of one process.
BATCH = 2000


def read(path):
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=0, help="time so many passes over the first files")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        equal, different = 0, []
        for start in range(0, len(files), BATCH):
            batch = files[start:start + BATCH]
            lines = subprocess.run([PIXELS, *batch], check=True, capture_output=True, text=True).stdout.splitlines()
            for path, line in zip(batch, lines, strict=True):
                if line.split()[0] == hashlib.sha256(read(path).tobytes()).hexdigest():
                    equal += 1
                else:
                    different.append(path)
        print(f"{folder}: {equal} of {len(files)} equal", *different[:5])
        if arguments.rounds:
            some = files[:BATCH]
            ours = subprocess.run([PIXELS, "--time", str(arguments.rounds), *some], check=True, capture_output=True,
                                  text=True).stdout.strip()
            best = float("inf")
            for _ in range(arguments.rounds):
                begin = time.perf_counter()
                for path in some:
                    read(path)
                best = min(best, time.perf_counter() - begin)
            print(f"  Okulo {ours}, Pillow {len(some) / best:.1f} images a second")


if __name__ == "__main__":
    main()
