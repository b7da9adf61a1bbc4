"""Detection augmentation with OpenCV and albumentations on one thread, images per second.

    python detection_augment.py [IMAGE] [PART_OF_A_NAME]      (numpy, opencv-python-headless, albumentations)

The names, sizes and ranges are those of `cargo run --release -p augment --example throughput`, which draws new parameters
for every image too and shows the best of rounds of 20 ms. The mosaic is YOLOX's way: four images resized into a canvas of
twice the sides, which is then warped.
"""
import math
import random
import sys
import time

import albumentations as A
import cv2
import numpy as np

cv2.setNumThreads(0)
SIZE, GREY = 416, 114


def letterbox(image, size=SIZE):
    height, width = image.shape[:2]
    ratio = min(size / width, size / height)
    canvas = np.full((size, size, 3), GREY, np.uint8)
    resized = cv2.resize(image, (int(width * ratio), int(height * ratio)), interpolation=cv2.INTER_LINEAR)
    canvas[:resized.shape[0], :resized.shape[1]] = resized
    return canvas


def hsv_jitter(image):
    shift = [random.uniform(-reach, reach) * random.randint(0, 1) for reach in (5, 30, 30)]
    hue, saturation, value = (int(s) for s in shift)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + hue) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] + saturation, 0, 255)
    hsv[..., 2] = np.clip(hsv[..., 2] + value, 0, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


def mosaic(image, size=SIZE, boxes=np.stack([np.arange(8) * 20.0] * 2 + [np.arange(8) * 20.0 + d for d in (60, 40)], 1)):
    centre_x, centre_y = (int(random.uniform(0.5 * size, 1.5 * size)) for _ in range(2))
    canvas = np.full((2 * size, 2 * size, 3), GREY, np.uint8)
    moved = []
    for quarter in range(4):
        height, width = image.shape[:2]
        ratio = min(size / width, size / height)
        small = cv2.resize(image, (int(width * ratio), int(height * ratio)), interpolation=cv2.INTER_LINEAR)
        left = centre_x - (small.shape[1] if quarter % 2 == 0 else 0)
        top = centre_y - (small.shape[0] if quarter < 2 else 0)
        x1, y1 = max(left, 0), max(top, 0)
        x2, y2 = min(left + small.shape[1], 2 * size), min(top + small.shape[0], 2 * size)
        canvas[y1:y2, x1:x2] = small[y1 - top:y2 - top, x1 - left:x2 - left]
        moved.append(np.clip(boxes * ratio + [left, top, left, top], 0, 2 * size))
    angle, zoom = math.radians(random.uniform(-10, 10)), random.uniform(0.5, 1.5)
    shear = [math.tan(math.radians(random.uniform(-2, 2))) for _ in range(2)]
    rotation = zoom * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear = np.array([[1, shear[0]], [shear[1], 1]]) @ rotation
    shift = np.array([random.uniform(0.4, 0.6) * size for _ in range(2)]) - linear @ np.array([size, size])
    warped = cv2.warpAffine(canvas, np.column_stack([linear, shift]), (size, size), borderValue=(GREY,) * 3)
    corners = np.concatenate(moved)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) @ linear.T + shift
    return warped, np.clip(np.concatenate([corners.min(1), corners.max(1)], 1), 0, size)


def albumentations(step):
    return lambda image: step(image=image)["image"]


AROUND = (0.6, 1.4)
STEPS = {
    "letterbox_416": letterbox,
    "color_jitter": albumentations(A.ColorJitter(AROUND, AROUND, AROUND, (0, 0), p=1)),
    "color_jitter_hue": albumentations(A.ColorJitter(AROUND, AROUND, AROUND, (-0.1, 0.1), p=1)),
    "gaussian_blur_7": albumentations(A.GaussianBlur(blur_limit=(7, 7), sigma_limit=(0.5, 2.0), p=1)),
    "hsv_jitter": hsv_jitter,
    "mosaic_416": mosaic,
}


def best_rate(step, image, rounds=60, seconds=0.02):
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step(image)
        count += 1
    best = 0.0
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            step(image)
        best = max(best, count / (time.perf_counter() - start))
    return best


def main():
    path, wanted = (sys.argv[1:] + ["-", ""])[:2] if len(sys.argv) < 3 else sys.argv[1:3]
    if path != "-":
        picture = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    else:
        y, x = np.mgrid[0:480, 0:640]
        picture = np.stack([x * 255 // 640, y * 255 // 480, (x * x + y * y) // 97], -1).astype(np.uint8)
    print(f"{'':28} {'640x480':>12} {'224x224':>12}   images/s")
    for name, step in STEPS.items():
        if wanted in name:
            rates = [best_rate(step, cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
                     for size in ((640, 480), (224, 224))]
            print(f"{name:28} {rates[0]:12.0f} {rates[1]:12.0f}")


if __name__ == "__main__":
    main()
