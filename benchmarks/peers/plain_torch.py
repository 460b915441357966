"""Plain PyTorch: the same networks, a `Dataset`, a `DataLoader`, Pillow; a GPU if there is one.

It shares our environment, so that both use one PyTorch and one Pillow. Training has the decoded
pictures in memory, as ours does; all else is what a tutorial would write.
"""

import math
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.peers import protocol
from simpsons import models

BATCH = 32
WORKERS = os.cpu_count() or 1
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def read(path: Path) -> Image.Image:
    """Decode and resize one picture."""
    with Image.open(path) as image:
        return image.convert("RGB").resize((64, 64), Image.Resampling.BICUBIC)


def to_tensor(image: Image.Image) -> Tensor:
    """float32 `[3, 64, 64]`, values in [0, 1]."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float() / 255


def changed(image: Image.Image) -> Image.Image:
    """Flip, rotation 30 degrees, shifts 0.2, shear 0.2 degrees, zoom 0.2, drawn at random."""
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    angle = math.radians(random.uniform(-30, 30))
    shear = math.radians(random.uniform(-0.2, 0.2))
    zoom_x, zoom_y = random.uniform(0.8, 1.2), random.uniform(0.8, 1.2)
    a, b = zoom_x * math.cos(angle), -zoom_y * math.sin(angle + shear)
    d, e = zoom_x * math.sin(angle), zoom_y * math.cos(angle + shear)
    shift_x, shift_y = random.uniform(-12.8, 12.8), random.uniform(-12.8, 12.8)
    c, f = 32 - 32 * a - 32 * b + shift_x, 32 - 32 * d - 32 * e + shift_y
    how = Image.Transform.AFFINE
    return image.transform((64, 64), how, (a, b, c, d, e, f), Image.Resampling.BILINEAR)


class Decoded(Dataset[tuple[Tensor, int]]):
    """Pictures in memory, changed at random one by one."""

    def __init__(self, paths: list[Path]) -> None:
        self.pictures = [read(path) for path in paths]
        self.labels = protocol.labels(paths)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        return to_tensor(changed(self.pictures[row])), self.labels[row]


class Files(Dataset[Tensor]):
    """Pictures in files."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Tensor:
        return to_tensor(read(self.paths[row]))


def loading(pictures: Dataset[Any], shuffle: bool = False) -> DataLoader[Any]:
    """Batches, made by a worker a processor; the workers stay from one pass to the next."""
    return DataLoader(
        pictures,
        BATCH,
        shuffle=shuffle,
        num_workers=WORKERS,
        persistent_workers=True,
        pin_memory=DEVICE.type == "cuda",
    )


def train(network: str, paths: list[Path]) -> None:
    """An epoch a repetition."""
    model = models.build(network).to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    loader = loading(Decoded(paths), shuffle=True)

    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        model.train()
        for pixels, labels in loader:
            optimizer.zero_grad()
            logits = model(pixels.to(DEVICE, non_blocking=True))
            functional.cross_entropy(logits, labels.to(DEVICE, non_blocking=True)).backward()
            optimizer.step()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        return {"rate": len(paths) / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


def ingest(paths: list[Path]) -> None:
    """Files to one tensor."""
    loader = loading(Files(paths))

    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        torch.cat(list(loader))
        return {"rate": len(paths) / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


def classify(network: str, paths: list[Path]) -> None:
    """Files to labels."""
    model = models.build(network).to(DEVICE).eval()
    loader = loading(Files(paths))

    @torch.inference_mode()
    def repetition() -> protocol.Figures:
        start = time.perf_counter()
        batches = (pixels.to(DEVICE, non_blocking=True) for pixels in loader)
        torch.cat([model(pixels).softmax(1).argmax(1) for pixels in batches]).tolist()
        return {"rate": len(paths) / (time.perf_counter() - start)}

    repetition()
    protocol.serve(repetition)


def latency(network: str, count: int) -> None:
    """One picture's pixels to its label, in a warm process."""
    model = models.build(network).eval()
    pixels = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))

    @torch.inference_mode()
    def repetition() -> protocol.Figures:
        taken = []
        for _ in range(count):
            start = time.perf_counter()
            model(to_tensor(pixels)[None]).softmax(1).argmax().item()
            taken.append(1e3 * (time.perf_counter() - start))
        return protocol.percentiles(taken)

    repetition()
    protocol.serve(repetition)


@torch.inference_mode()
def label(weights: Path, picture: Path) -> None:
    """Print one picture's label; the weights' file is named after their network."""
    model = models.build(weights.stem).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))
    print(model(to_tensor(read(picture))[None]).argmax().item(), flush=True)


def main() -> None:
    """Run one measure."""
    if sys.argv[1] == "label":
        label(Path(sys.argv[2]), Path(sys.argv[3]))
        return
    arguments = protocol.arguments()
    paths = protocol.files(arguments.folder, arguments.count)
    match arguments.measure:
        case "train":
            train(arguments.network, paths)
        case "ingest":
            ingest(paths)
        case "classify":
            classify(arguments.network, paths)
        case "latency":
            latency(arguments.network, arguments.count)
        case "save":
            weights = models.build(arguments.network).state_dict()
            torch.save(weights, arguments.folder / f"{arguments.network}.pt")


if __name__ == "__main__":
    main()
