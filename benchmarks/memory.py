"""Make the memories of the shipped networks, which `simpsons train --keep` learns with.

Features of whole pictures and of faces: of the 18, augmented, from the training part, and from the
validation part to hold out; of strangers, minor characters that the networks were shown as such.
Everything else in a memory is numbers of the network, so no picture can be seen in it.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import data_option, folder
from benchmarks.train_names import FOUND, find, minor_pictures
from simpsons import Detector
from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.formats.more_characters import Reader
from simpsons.pixels import images
from simpsons.pixels.images import Pixels
from simpsons.progress import bar
from simpsons.runs.keeping import views
from simpsons.training.memory import REMEMBERED, Memory, fingerprint, memory_path

KNOWN, HELD_OUT, STRANGERS = 56, 64, 10
"""Whole pictures and faces of each character, at most: to learn with, held out, and of each
stranger."""

COMPONENTS = 192
_SIDE = 192  # pixels: where faces are looked for in the small copies


def whole_and_faces(
    paths: Sequence[Path], most: int, detector: Detector
) -> Iterator[tuple[Pixels, bool]]:
    """Pictures, fitted, and the faces of those that show one: half and half, at most so many, and
    whether each is a face."""
    whole = faces = 0
    for path in paths:
        if whole < most // 2:
            whole += 1
            yield images.load(path), False
        if faces < most - most // 2:
            pixels = images.decode(path)
            found, scores = find(detector, pixels, _SIDE)
            found = found[scores >= FOUND]
            if len(found) == 1:
                faces += 1
                yield images.crop_around(pixels, found[0].tolist()), True
        elif whole >= most // 2:
            return


def pictures(
    data: Path, part: str, most: int, detector: Detector
) -> tuple[Pixels, NDArray[np.bool_]]:
    """Of the 18, of a part of the shipped split: uint8 `[N, 64, 64, 3]`, and which are faces."""
    dataset = cache.load(data, track=bar)
    rng, chosen = np.random.default_rng(0), []
    rows = splits.shipped_rows(dataset, part)
    for label in bar(range(len(dataset.classes)), len(dataset.classes), part):
        own = rng.permutation(rows[dataset.labels[rows] == label])
        paths = [dataset.root / dataset.paths[row] for row in own]
        chosen += list(whole_and_faces(paths, most, detector))
    found, is_face = zip(*chosen, strict=True)
    return np.stack(found), np.array(is_face)


def main() -> None:
    """Make and write them, and say how large they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    data = folder(parser.parse_args())
    detector = Detector()
    known = views(pictures(data, "train", KNOWN, detector)[0], 2, seed=0)
    known = known[len(known) // 2 :]  # the augmented ones
    held_out, is_face = pictures(data, "validation", HELD_OUT, detector)
    minor = minor_pictures(data, last=True)
    folders = sorted({path.parent for path in minor})
    groups = [
        list(whole_and_faces([path for path in minor if path.parent == own], STRANGERS, detector))
        for own in folders
    ]
    strangers = np.stack([picture for group in groups for picture, _ in group])
    stranger = np.repeat(np.arange(len(groups)), list(map(len, groups)))
    for network in REMEMBERED:
        path = Classifier(network).path
        reader = Reader(path)
        features = reader(known)
        centre = features.mean(0)
        spread = features.std(0).clip(1e-3)
        _, _, directions = np.linalg.svd((features - centre) / spread, full_matrices=False)
        basis = (directions[:COMPONENTS] / spread).T.astype(np.float16).astype(np.float32)
        empty = np.empty((0, COMPONENTS), np.float32)
        empty_of = Memory(empty, empty, is_face, empty, stranger, centre, basis, fingerprint(path))
        memory = replace(
            empty_of,
            known=empty_of.components(features),
            held_out=empty_of.components(reader(held_out)),
            strangers=empty_of.components(reader(strangers)),
        )
        memory.write(memory_path(network))
        size = memory_path(network).stat().st_size
        print(
            f"{memory_path(network).name}: {len(known):,} known, {len(held_out):,} held out, "
            f"{len(strangers):,} of {len(groups)} strangers; {size:,} bytes"
        )


if __name__ == "__main__":
    main()
