"""Are copies found, and nothing else? Writes docs/near-duplicates.md.

Pictures of the data set and drawings are distorted (`benchmarks.distortions`) and looked up among
all pictures of their half: the first half chooses the threshold, the second is reported. Beside it
the perceptual hash of the library imagehash, on the same pictures, its mirrored hash too; its
threshold is the best for the very pictures that are reported.

Every pair that is not a picture and its distorted copy is false, drawings of another doll in the
same take included. Among the real pictures nobody has said which pairs are copies, so two kinds of
pairs are counted neither way: thumbnails that agree above 0.90 (copies in the data set,
neighbouring frames), and pictures of one character, which may be of one shot. The precision if the
latter all count as false, which is too strict, is reported too.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.data import data_option, folder
from benchmarks.distortions import DISTORTIONS
from benchmarks.report import machine, table, write_section
from simpsons import images
from simpsons.dataset import cache, copies, near_duplicates
from simpsons.dataset import split as splits
from simpsons.dataset.cache import Dataset
from simpsons.demo.drawings import DOLLS, draw
from simpsons.images import Pixels
from simpsons.progress import bar

DOCUMENT = "docs/near-duplicates.md"
SEED = 2
RECALL, PRECISION = 0.95, 0.99
REAL, DRAWN = 800, 200
"""Pictures of each half that are distorted."""

_OTHER_DOLLS = 2
_DRAWING = 200
_HARD = 1000
_HASH_BITS = 20
"""Perceptual hashes that differ in more bits are not looked at."""

BITS = -np.arange(_HASH_BITS, -1, -1.0)
STEPS = np.arange(0.2, 0.9, 0.01)
"""Thresholds of the hash and of the alignment to choose from."""

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class Half(NamedTuple):
    """What is looked up, and where.

    references: uint8 `[N, 64, 64, 3]`; labels: int64 `[N]`; hashes: uint64 `[N]`.
    original: int64 `[Q]`, the references that are distorted. queries: uint8
    `[Q * D, 64, 64, 3]`, D distortions of each; query_hashes: uint64 `[Q * D, 2]`, of each query
    and of its mirror image. real: whether the pictures come from films.
    """

    references: Pixels
    labels: Rows
    hashes: Hashes
    original: Rows
    queries: Pixels
    query_hashes: Hashes
    real: bool


class Pairs(NamedTuple):
    """Pairs found. query, reference: int64 `[M]`; score: float `[M]`, the higher the surer."""

    query: Rows
    reference: Rows
    score: NDArray[np.floating]


class Judged(NamedTuple):
    """Of each pair, bool `[M]`: is it true, false, or maybe two frames of one shot."""

    true: NDArray[np.bool_]
    false: NDArray[np.bool_]
    frame: NDArray[np.bool_]


def perceptual_hash(picture: Image.Image) -> int:
    """The 64 bits of `imagehash.phash`."""
    bits = np.packbits(imagehash.phash(picture).hash)
    return int.from_bytes(bits.tobytes())


def distorted(picture: Image.Image, seed: Sequence[int]) -> tuple[Pixels, list[list[int]]]:
    """Each distortion of a picture, uint8 `[D, 64, 64, 3]`, and its hashes."""
    rng = np.random.default_rng(seed)
    made = [distortion(picture, rng) for distortion in DISTORTIONS.values()]
    hashes = [[perceptual_hash(copy), perceptual_hash(ImageOps.mirror(copy))] for copy in made]
    return np.stack([images.load(copy) for copy in made]), hashes


def real_half(dataset: Dataset, rows: Rows, chosen: Rows) -> Half:
    """The pictures `rows` of a data set, of which `chosen` are distorted."""
    wanted = set(chosen.tolist())

    def look(row: int) -> tuple[int, tuple[Pixels, list[list[int]]] | None]:
        picture = Image.fromarray(images.decode(dataset.root / dataset.paths[row]))
        made = distorted(picture, (SEED, row)) if row in wanted else None
        return perceptual_hash(picture), made

    with ThreadPoolExecutor() as pool:
        looks = list(bar(pool.map(look, rows.tolist()), len(rows), "distorting"))
    original = np.array([at for at, (_, made) in enumerate(looks) if made])
    queries, query_hashes = zip(*(made for _, made in looks if made), strict=True)
    return Half(
        dataset.images[rows],
        dataset.labels[rows],
        np.array([seen for seen, _ in looks], np.uint64),
        original,
        np.concatenate(queries),
        np.array(query_hashes, np.uint64).reshape(-1, 2),
        real=True,
    )


def drawn_half(numbers: range) -> Half:
    """Takes with these numbers: one doll that is distorted, and others in its place."""

    def look(number: int) -> tuple[list[Image.Image], list[int], Pixels, list[list[int]]]:
        first = number % len(DOLLS)
        others = np.random.default_rng((SEED, number)).permutation(len(DOLLS))
        dolls = [first, *(int(doll) for doll in others if doll != first)][: _OTHER_DOLLS + 1]
        takes = [
            draw(DOLLS[doll], np.random.default_rng((SEED, number)), _DRAWING) for doll in dolls
        ]
        return takes, dolls, *distorted(takes[0], (SEED, number))

    looks = list(bar(map(look, numbers), len(numbers), "drawing"))
    takes = [picture for look in looks for picture in look[0]]
    return Half(
        np.stack([images.load(picture) for picture in takes]),
        np.array([doll for look in looks for doll in look[1]]),
        np.array([perceptual_hash(picture) for picture in takes], np.uint64),
        np.arange(len(numbers)) * (_OTHER_DOLLS + 1),
        np.concatenate([look[2] for look in looks]),
        np.array([look[3] for look in looks], np.uint64).reshape(-1, 2),
        real=False,
    )


def by_alignment(half: Half) -> Pairs:
    """What `simpsons data audit` finds, whatever its score."""
    found = copies.find_between(half.queries, half.references, bar, threshold=0)
    return Pairs(found.first, found.second, found.score)


def by_hash(half: Half) -> Pairs:
    """The perceptual hashes that differ least, mirrored ones included."""
    found = []
    for query, both in enumerate(half.query_hashes):
        bits = np.bitwise_count(half.hashes[None] ^ both[:, None]).min(axis=0)
        near = np.flatnonzero(bits <= _HASH_BITS)
        found.append(Pairs(np.full(len(near), query), near, -bits[near].astype(np.float32)))
    return Pairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def judged(half: Half, pairs: Pairs) -> Judged:
    """Which pairs are true and which false."""
    original = half.original[pairs.query // len(DISTORTIONS)]
    true = pairs.reference == original
    if not half.real:
        return Judged(true, ~true, np.zeros_like(true))
    thumbs = near_duplicates.thumbnails(half.references)
    alike = np.empty(len(true), np.float32)
    for start in range(0, len(true), 4096):
        part = slice(start, start + 4096)
        one, other = thumbs[original[part]], thumbs[pairs.reference[part]]
        turned = near_duplicates.mirrored(other)
        alike[part] = np.maximum((one * other).sum(axis=1), (one * turned).sum(axis=1))
    same = half.labels[original] == half.labels[pairs.reference]
    copy = alike > near_duplicates.GROUP_THRESHOLD
    return Judged(true, ~true & ~copy & ~same, ~true & ~copy & same)


class Measured(NamedTuple):
    """Recall and precision, 0 to 1, and the precision if all that may be frames are false."""

    recall: float
    precision: float
    with_frames: float


def measured(half: Half, pairs: Pairs, which: Judged, number: int, threshold: float) -> Measured:
    """Of one distortion at a threshold."""
    taken = (pairs.query % len(DISTORTIONS) == number) & (pairs.score >= threshold)
    true, false, frame = (int((taken & part).sum()) for part in which)
    return Measured(
        true / len(half.original),
        true / max(1, true + false),
        true / max(1, true + false + frame),
    )


def best(half: Half, pairs: Pairs, which: Judged, steps: NDArray[np.floating]) -> list[float]:
    """For each distortion the lowest threshold whose precision, and that of all above, suffices."""
    found = []
    for number in range(len(DISTORTIONS)):
        sound = [
            measured(half, pairs, which, number, step).precision >= PRECISION for step in steps
        ]
        wrong = [at for at, good in enumerate(sound) if not good]
        found.append(float(steps[min(wrong[-1] + 1 if wrong else 0, len(steps) - 1)]))
    return found


Finder = Callable[[Half], Pairs]


def report(half: Half, hash_threshold: float) -> tuple[str, bool]:
    """The table of one half, and whether every target is met."""
    pairs, hashed = by_alignment(half), by_hash(half)
    which, hash_which = judged(half, pairs), judged(half, hashed)
    bits = best(half, hashed, hash_which, BITS)
    rows, met = [], True
    for number, name in enumerate(DISTORTIONS):
        ours = measured(half, pairs, which, number, copies.THRESHOLD)
        theirs = measured(half, hashed, hash_which, number, hash_threshold)
        tuned = measured(half, hashed, hash_which, number, bits[number])
        met &= ours.recall >= RECALL and ours.precision >= PRECISION
        met &= ours.recall > theirs.recall or ours.recall == 1
        cells = [f"**{ours.recall:.1%}**", f"{ours.precision:.1%}"]
        cells += [f"{ours.with_frames:.1%}"] if half.real else []
        cells += [f"{theirs.recall:.1%}", f"{theirs.precision:.1%}"]
        rows.append([name, *cells, f"{tuned.recall:.1%} ({-bits[number]:.0f} bits)"])
    frames = ["precision, frames as false"] if half.real else []
    headers = ["distortion", "recall", "precision", *frames]
    headers += ["recall of pHash", "its precision", "its recall, tuned on this row"]
    return table(headers, rows), met


def hard_negatives(half: Half) -> tuple[int, int]:
    """Of the pairs of two characters whose thumbnails agree best, up to 0.90, how many there are,
    and how many of them are taken for copies."""
    thumbs = near_duplicates.thumbnails(half.references)
    first, second, alike = near_duplicates.pairs(thumbs, threshold=0.6)
    other = half.labels[first] != half.labels[second]
    other &= alike <= near_duplicates.GROUP_THRESHOLD
    hardest = np.flatnonzero(other)[np.argsort(-alike[other])][:_HARD]
    hard = set(zip(first[hardest].tolist(), second[hardest].tolist(), strict=True))
    found = copies.find(half.references)
    taken = set(zip(found.first.tolist(), found.second.tolist(), strict=True))
    return len(hard), len(hard & taken)


def halves(dataset: Dataset) -> tuple[Half, Half]:
    """Two halves of the data set that share no group of near-duplicates."""
    rng = np.random.default_rng(SEED)
    group = splits.groups(dataset, bar)
    side = rng.integers(2, size=group.max() + 1)[group]
    parts = [np.flatnonzero(side == number) for number in range(2)]
    one, other = (real_half(dataset, rows, rng.choice(rows, REAL, replace=False)) for rows in parts)
    return one, other


def chosen(halves: Sequence[Half], find: Finder, steps: NDArray[np.floating]) -> float:
    """The lowest threshold whose precision suffices for each distortion of each half."""
    sound = []
    for half in halves:
        pairs = find(half)
        sound += best(half, pairs, judged(half, pairs), steps)
    return max(sound)


def main() -> None:
    """Choose, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    dataset = cache.load(folder(parser.parse_args()), track=bar)
    drawn = drawn_half(range(DRAWN)), drawn_half(range(DRAWN, 2 * DRAWN))
    real = halves(dataset)
    first = drawn[0], real[0]
    bits = chosen((drawn[1], real[1]), by_hash, BITS)
    choice = (
        f"Precision suffices on the first halves from {chosen(first, by_alignment, STEPS):.2f} on; "
        f"for pHash, on the second halves themselves, up to {-bits:.0f} of 64 bits."
    )
    print(choice, flush=True)
    by = f"`python -m benchmarks.near_duplicates`, seed {SEED}, second half; {machine()}."
    for name, half in (("drawings", drawn[1]), ("real pictures", real[1])):
        text, met = report(half, bits)
        pairs = len(half.queries) * len(half.references)
        text += (
            f"\n\n{len(half.original)} {name}, each distorted in {len(DISTORTIONS)} ways, among "
            f"{len(half.references):,}: {pairs:,} pairs. {choice} "
            f"Used: {copies.THRESHOLD}. "
        )
        if half.real:
            count, taken = hard_negatives(half)
            text += (
                f"Of the {count:,} pairs of two characters whose thumbnails agree best "
                f"(up to 0.90), {taken} are taken for copies. "
            )
        text += f"{'Every target is met.' if met else 'A TARGET IS MISSED.'} {by}"
        print(f"{text}\n", flush=True)
        write_section(DOCUMENT, name, text)


if __name__ == "__main__":
    main()
