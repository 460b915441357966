"""Training a face detector, by the loop that trains the classifiers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simpsons.dataset.boxed_pictures import BoxedPictures
from simpsons.dataset.split import Split
from simpsons.models import unfuse
from simpsons.models.faces import Faces, boxes, peaks
from simpsons.pixels import images
from simpsons.suppression import suppress
from simpsons.training import augment
from simpsons.training.device import choose_device, precision, set_thresholds
from simpsons.training.faces import targets
from simpsons.training.faces.canvas import Boxed, Canvas, compose
from simpsons.training.loop import Training, run, seed_of
from simpsons.training.observer import Epoch, Observer
from simpsons.training.recipe import Recipe
from simpsons.training.tally import Tally

VALIDATION_SIZE = 320
"""Longer side in pixels of the pictures that validation looks at."""

_ENOUGH = 64  # canvases, for a mean and a variance
_FOUND = 0.05  # score of a face that validation counts
_AT_ONCE = 16


def train(
    dataset: BoxedPictures,
    split: Split,
    recipe: Recipe,
    folder: Path,
    *,
    initial: nn.Module | None = None,
    seed: int = 0,
    device: str = "auto",
    observer: Observer,
) -> list[Epoch]:
    """Train a detector into a run folder, or go on where the run in it stopped; see `loop.train`.

    initial: a detector whose weights are the first ones.
    """
    where = choose_device(device)
    set_thresholds(where)
    pictures = Boxed(dataset.larger, dataset.boxes, dataset.ignored)
    rows, validation = (split.rows(part) for part in ("train", "validation"))
    training = FaceTraining(pictures, rows, validation, recipe, initial, seed, where)
    return run(training, folder, observer)


def make_trainable(
    network: nn.Module, dataset: BoxedPictures, split: Split, recipe: Recipe
) -> None:
    """Give a detector that was read from an ONNX file batch norms that can learn on, in place.

    See `unfold`.
    """
    pictures = Boxed(dataset.larger, dataset.boxes, dataset.ignored)
    rng = np.random.default_rng(0)
    rows, size = split.rows("train"), recipe.size_at(0)
    some = rng.choice(rows, _ENOUGH)
    canvases = [
        compose(pictures, row, rng.choice(rows, 3).tolist(), size, rng).pixels for row in some
    ]
    unfuse.take_statistics(network, np.stack(canvases))


class FaceTraining(Training):
    """Learns where faces are.

    pictures: with every face boxed. train, validation: rows of them, int64 `[N]`. The accuracy of
    an epoch is the average precision at an overlap of 0.5 on the validation pictures; that of its
    steps is the share of faces whose middle scores above 0.5.
    """

    def __init__(
        self,
        pictures: Boxed,
        train: NDArray[np.int64],
        validation: NDArray[np.int64],
        recipe: Recipe,
        initial: nn.Module | None,
        seed: int,
        device: torch.device,
    ) -> None:
        torch.manual_seed(seed)
        network = Faces()
        if initial is not None:
            network.load_state_dict(initial.state_dict())
        self.pictures, self.validation = pictures, validation
        rows = torch.from_numpy(train)
        labels = torch.zeros(len(pictures.pixels), dtype=torch.int64)
        goes_on = initial is not None
        super().__init__(network, recipe, rows, Tally(labels), seed, device, goes_on)
        self._pool = ThreadPoolExecutor(2)

    def begin_epoch(self) -> None:
        """Draw how the colours of each canvas are changed."""
        torch.manual_seed(seed_of(self.seed, self.epoch))
        count = len(self.pictures.pixels)
        self.changes = augment.draw(count, self.recipe.augmentation, self.device)

    def end_epoch(self) -> None:
        """Nothing."""

    def loss(self, rows: Tensor) -> Tensor:
        """See `targets.loss`."""
        size = self.recipe.size_at(self.done())
        canvases = list(self._pool.map(self._canvas, rows.tolist()))
        wanted = targets.targets(canvases, size)
        wanted = targets.Targets(*(one.to(self.device) for one in wanted))
        pixels = torch.from_numpy(np.stack([canvas.pixels for canvas in canvases]))
        pixels = pixels.to(self.device).permute(0, 3, 1, 2).float().div_(255)
        pixels = augment.change_colours(pixels, self.changes.of(rows.to(self.device)))
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        with self.autocast:
            log_odds, sides = self.forward(pixels)
        loss = targets.loss(log_odds, sides, wanted)
        with torch.no_grad():
            middles = wanted.middle.eq(1)
            sure = (log_odds > 0)[middles].float().mean().nan_to_num(1.0)
        self.tally.note_share(len(rows), sure, loss)
        return loss

    def _canvas(self, row: int) -> Canvas:
        rng = np.random.default_rng([self.seed, self.step_number, row])
        others = rng.choice(self.train_rows.numpy(), 3).tolist()
        size, recolour = self.recipe.size_at(self.done()), self.recipe.augmentation.recolour
        return compose(self.pictures, row, others, size, rng, recolour)

    def validate(self, batch: int) -> tuple[float, float]:  # noqa: ARG002
        """1 less the average precision, and the average precision."""
        found = find(self.average.network, [self.pictures.pixels[row] for row in self.validation])
        true = [self.pictures.boxes[row] for row in self.validation]
        precision = average_precision(true, found)
        return 1 - precision, precision


@torch.inference_mode()
def find(
    network: nn.Module, pictures: list[images.Pixels], size: int = VALIDATION_SIZE
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The boxes `[M, 4]` and scores `[M]` of the faces in each picture, the surest first."""
    network.eval()
    device = next(network.parameters()).device
    found: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for start in range(0, len(pictures), _AT_ONCE):
        some = [images.fit_within(pixels, size) for pixels in pictures[start : start + _AT_ONCE]]
        canvas = np.full((len(some), size, size, 3), 128, np.uint8)
        for number, (pixels, _) in enumerate(some):
            canvas[number, : pixels.shape[0], : pixels.shape[1]] = pixels
        batch = torch.from_numpy(canvas).permute(0, 3, 1, 2).float().div_(255)
        batch = batch.to(device, memory_format=torch.channels_last)
        with precision(device):
            log_odds, sides = network(batch)
        scores, corners = peaks(log_odds).cpu(), boxes(sides).cpu()
        for number, (_, scale) in enumerate(some):
            score = scores[number].flatten().numpy()
            box = corners[number].flatten(1).T.numpy()
            likely = np.flatnonzero(score > _FOUND)
            kept = likely[suppress(box[likely], score[likely])]
            found.append(((box[kept] / scale).astype(np.float32), score[kept]))
    return found


def average_precision(
    true: list[NDArray[np.float32]],
    found: list[tuple[NDArray[np.float32], NDArray[np.float32]]],
    overlap: float = 0.5,
) -> float:
    """Area under precision over recall, all points, of boxes that overlap by so much."""
    hits, scores = [], []
    for wanted, (boxes_found, their_scores) in zip(true, found, strict=True):
        free = np.ones(len(wanted), bool)
        for box, score in zip(boxes_found, their_scores, strict=True):
            shares = np.where(free, _overlaps(box, wanted), 0)
            best = int(shares.argmax()) if len(shares) else 0
            hit = len(shares) > 0 and shares[best] >= overlap
            if hit:
                free[best] = False
            hits.append(hit)
            scores.append(score)
    order = np.argsort(-np.array(scores), kind="stable")
    right = np.array(hits, float)[order].cumsum()
    recall = right / max(1, sum(map(len, true)))
    precision = right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def _overlaps(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    inside = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1)
    share: NDArray[np.float32] = inside / np.maximum(areas - inside, 1e-6)
    return share
