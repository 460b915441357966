"""Do the heat maps point at the character? Writes docs/explain.md.

The pointing game (Zhang et al., "Top-Down Neural Attention by Excitation Backprop", 2016): the
share of pictures whose hottest point lies in the box that `annotation.txt` gives the character.
Boxes are large and in the middle, so it is also counted where the middle of the picture is outside
the box, and how much of all heat is inside. The validation part compares methods; the test part is
for the one that was chosen.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from simpsons import models
from simpsons.classifier import Classifier
from simpsons.dataset import boxes, cache
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.explain import heat_map, occlusion
from simpsons.formats.onnx_import import read_onnx
from simpsons.models import class_activation
from simpsons.models.cnn import CNN
from simpsons.pixels.images import SIZE
from simpsons.progress import bar

DOCUMENT = "docs/explain.md"
MASKS = 64

Heat = NDArray[np.float32]
Colour = NDArray[np.number]
Method = Callable[[NDArray[np.uint8], int], Heat]


@dataclass(frozen=True)
class Game:
    """Pictures with their character's box.

    pixels: uint8 `[N, 64, 64, 3]`. labels: class indices. inside: bool `[N, 64, 64]`, the pixels
    in the box.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    inside: NDArray[np.bool_]

    @property
    def hard(self) -> NDArray[np.bool_]:
        """bool `[N]`: where the middle of the picture is outside the box."""
        return ~self.inside[:, SIZE // 2, SIZE // 2]


def make(dataset: Dataset, part: str, bad: list[boxes.BadRow]) -> Game:
    """The annotated pictures of a part of the shipped split; bad rows are added to `bad`."""
    read = boxes.read(dataset.root, dataset.root)
    bad.extend(read.bad)
    row_of = {path: row for row, path in enumerate(dataset.paths)}
    wanted = set(splits.shipped_rows(dataset, part).tolist())
    found = (box for listed in read.pictures.values() for box in listed)
    kept = [(row_of[box.path], box) for box in found if row_of.get(box.path, -1) in wanted]
    rows = np.array([row for row, _ in kept])
    corners = np.array([box.corners for _, box in kept]).reshape(-1, 2, 2)
    low, high = np.split(corners / dataset.sizes[rows][:, None], 2, axis=1)
    centres = (np.arange(SIZE) + 0.5) / SIZE
    within = (low.swapaxes(1, 2) <= centres) & (centres < high.swapaxes(1, 2))  # [N, (x, y), 64]
    inside = within[:, 1, :, None] & within[:, 0, None, :]
    return Game(np.asarray(dataset.images[rows]), dataset.labels[rows], inside)


def scores(name: str, game: Game, maps: Heat, seconds: float | None = None) -> list[str]:
    """One row of the table."""
    hottest = maps.reshape(len(maps), -1).argmax(axis=1)
    hit = game.inside.reshape(len(maps), -1)[np.arange(len(maps)), hottest]
    total = maps.sum(axis=(1, 2))
    energy = (maps * game.inside).sum(axis=(1, 2)) / np.maximum(total, 1e-9)
    milliseconds = "-" if seconds is None else f"{1000 * seconds / len(maps):.0f} ms"
    shares = (hit.mean(), hit[game.hard].mean(), energy.mean())
    return [name, *(f"{share:.1%}" for share in shares), milliseconds]


def play(name: str, game: Game, method: Method) -> list[str]:
    """The row of a method."""
    pairs = list(zip(game.pixels, game.labels.tolist(), strict=True))
    start = time.perf_counter()
    maps = np.stack([method(pixels, label) for pixels, label in bar(pairs, len(pairs), name)])
    return scores(name, game, maps, time.perf_counter() - start)


def baselines(game: Game) -> list[list[str]]:
    """What pointing at the middle, and at nothing, would score."""
    middle = np.zeros(game.inside.shape, np.float32)
    middle[:, SIZE // 2, SIZE // 2] = 1
    row = scores("the middle of the picture", game, middle)
    area, hard = game.inside.mean(axis=(1, 2)), game.hard
    even = ["a random point", f"{area.mean():.1%}", f"{area[hard].mean():.1%}"]
    return [[*row[:3], "-", "-"], [*even, f"{area.mean():.1%}", "-"]]


def gradients(network: nn.Module, pixels: NDArray[np.uint8], label: int) -> list[Tensor]:
    """Pixels, activations of the third block's output, and the logit's gradients of both."""
    below, parts = class_activation.cut(network)
    scaled = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    scaled.requires_grad_(True)
    activations = below(scaled)
    logit = nn.Sequential(*(part.layers for part in parts))(activations)[0, label]
    return [scaled, activations, *torch.autograd.grad(logit, [scaled, activations])]


def gradient_methods(network: nn.Module) -> dict[str, Method]:
    """Other maps from one gradient."""
    _, [part, *_] = class_activation.cut(network)

    def stretched(maps: Tensor) -> Heat:
        grid = class_activation.stretch(maps.shape[-1], part)
        heat: Heat = (grid @ functional.relu(maps[0]) @ grid.T).detach().numpy()
        return heat

    def layer_cam(pixels: NDArray[np.uint8], label: int) -> Heat:
        _, activations, _, gradient = gradients(network, pixels, label)
        maps = class_activation.layer_cam(activations[:, None], gradient[:, None], part)
        heat: Heat = maps[0, 0].detach().numpy()
        return heat

    def grad_cam(pixels: NDArray[np.uint8], label: int) -> Heat:
        _, activations, _, gradient = gradients(network, pixels, label)
        return stretched((gradient.mean(dim=(2, 3), keepdim=True) * activations).sum(dim=1))

    def hires_cam(pixels: NDArray[np.uint8], label: int) -> Heat:
        _, activations, _, gradient = gradients(network, pixels, label)
        return stretched((gradient * activations).sum(dim=1))

    def input_gradient(pixels: NDArray[np.uint8], label: int) -> Heat:
        scaled, _, gradient, _ = gradients(network, pixels, label)
        heat: Heat = functional.relu((gradient * scaled).sum(dim=1))[0].detach().numpy()
        return heat

    return {
        "LayerCAM of the third block": layer_cam,
        "Grad-CAM of the third block": grad_cam,
        "HiResCAM of the third block": hires_cam,
        "gradient times input": input_gradient,
    }


def untrained(network: nn.Module) -> Method:
    """The chosen map, of a network that has learnt nothing."""
    name = "cnn" if isinstance(network, CNN) else "xception"
    torch.manual_seed(0)
    fresh = models.build(name, models.outputs(network)).eval()

    def method(pixels: NDArray[np.uint8], label: int) -> Heat:
        scaled = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            maps = models.with_maps(fresh, scaled)[1]
            heat: Heat = class_activation.heat(fresh, maps)[0, label].numpy()
        return heat

    return method


def score_cam(classifier: Classifier, network: nn.Module, channels: int = 32) -> Method:
    """Score-CAM (Wang et al., 2020) of the strongest channels of the third block."""
    below, [part, *_] = class_activation.cut(network)

    def method(pixels: NDArray[np.uint8], label: int) -> Heat:
        scaled = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            maps = functional.relu(below(scaled)[0])
        maps = maps[maps.amax(dim=(1, 2)).topk(channels).indices]
        grid = class_activation.stretch(maps.shape[-1], part)
        masks: Heat = (grid @ maps @ grid.T).numpy()
        masks /= np.maximum(masks.max(axis=(1, 2), keepdims=True), 1e-9)
        return weighted(classifier, pixels, label, masks, np.zeros(3))

    return method


def rise(classifier: Classifier) -> Method:
    """RISE (Petsiuk et al., 2018): random masks of 6x6 cells, weighted by the answers."""
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(MASKS):
        cells = Image.fromarray((rng.random((6, 6)) < 0.5).astype(np.float32))
        large = np.asarray(cells.resize((77, 77), Image.Resampling.BILINEAR))
        y, x = rng.integers(0, 12, 2)
        masks.append(large[y : y + SIZE, x : x + SIZE])
    stacked = np.stack(masks)
    return lambda pixels, label: weighted(classifier, pixels, label, stacked, np.full(3, 128))


def weighted(
    classifier: Classifier, pixels: NDArray[np.uint8], label: int, masks: Heat, ground: Colour
) -> Heat:
    """The sum of masks, weighted by the class's probability where only they show the picture."""
    shown = ground + masks[..., None] * (pixels.astype(np.float32) - ground)
    answers = classifier.probabilities(np.rint(shown).astype(np.uint8))[:, label]
    heat: Heat = np.maximum(np.tensordot(answers - answers.min(), masks, 1), 0)
    return heat


def compared(model: str, game: Game, every_method: bool) -> list[list[str]]:
    """The rows of one network."""
    classifier, network = Classifier(model, threads=1), read_onnx(model)
    methods: dict[str, Method] = {
        "**LayerCAM of all blocks from the third on**, as shipped": lambda pixels, label: heat_map(
            classifier, pixels, classifier.labels[label]
        )
    }
    if every_method:
        for layer in network.modules():
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        methods |= gradient_methods(network)
        methods[f"RISE, {MASKS} masks"] = rise(classifier)
        methods["Score-CAM of the third block, 32 channels"] = score_cam(classifier, network)
        methods["occlusion"] = lambda pixels, label: occlusion(classifier, pixels, label)
        methods["as shipped, of an untrained network"] = untrained(network)
    return [play(name, game, method) for name, method in methods.items()]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "models", nargs="*", default=models.NETWORKS, help="cnn, xception or ONNX files"
    )
    parser.add_argument("--part", choices=["validation", "test"], default="validation")
    data_option(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    dataset = cache.load(folder(arguments), track=bar)
    bad: list[boxes.BadRow] = []
    game = make(dataset, arguments.part, bad)
    headers = ["map", "all", "middle outside the box", "heat in the box", "time"]
    text = (
        f"{len(game.labels)} annotated pictures of the {arguments.part} part, {game.hard.sum()} of "
        "them with the middle of the picture outside the box."
    )
    if bad:
        text += (
            f" {len(bad)} rows of annotation.txt say no box and are left out, the first: "
            f"{bad[0].where}, {bad[0].reason}."
        )
    for model in arguments.models:
        rows = baselines(game) + compared(model, game, arguments.part == "validation")
        text += f"\n\n`{Path(model).stem}`:\n\n{table(headers, rows)}"
    text += (
        f"\n\n`python -m benchmarks.pointing_game --part {arguments.part}`, `--split shipped`, "
        f"seed 0, one thread; {machine()}."
    )
    print(text)
    write_section(DOCUMENT, arguments.part, text)


if __name__ == "__main__":
    main()
