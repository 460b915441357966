"""Average precision of boxes as COCO defines it, by pycocotools."""

import io
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simpsons.evaluation.overlap import as_boxes

Listed = Sequence[Sequence[float]] | NDArray[np.floating]


class Scene(NamedTuple):
    """One picture's boxes of one class.

    true: x1, y1, x2, y2 in pixels, `[T, 4]`. ignored: regions in which a found box is neither right
    nor wrong, `[I, 4]`. found: `[M, 4]`. scores: of the found, `[M]`.
    """

    true: Listed
    ignored: Listed
    found: Listed
    scores: Sequence[float] | NDArray[np.floating]


class AveragePrecision(NamedTuple):
    """0 to 1, None without a true box. at_50: at IoU 0.5. mean: of IoU 0.5 to 0.95 by 0.05."""

    at_50: float | None
    mean: float | None


def average_precision(scenes: Iterable[Scene]) -> AveragePrecision:
    """The average precision over pictures, with COCO's 101 points of recall, of all sizes.

    However many boxes a picture has, all count (COCO takes its 100 surest).
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    images: list[dict[str, Any]] = []
    true: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    most = 1
    for number, scene in enumerate(scenes, 1):
        if not any(len(boxes) for boxes in scene[:3]):
            continue
        images.append({"id": number})
        true += [_entry(number, box) for box in _sides(scene.true)]
        true += [_entry(number, box) | {"iscrowd": 1} for box in _sides(scene.ignored)]
        boxes, scores = _sides(scene.found), np.asarray(scene.scores, np.float64).tolist()
        most = max(most, len(boxes))
        found += [
            _entry(number, box) | {"score": score} for box, score in zip(boxes, scores, strict=True)
        ]
    if not any(not entry["iscrowd"] for entry in true):
        return AveragePrecision(None, None)
    with redirect_stdout(io.StringIO()):  # it prints
        sides = [COCO(), COCO()]
        for coco, annotations in zip(sides, (true, found), strict=True):
            for key, entry in enumerate(annotations, 1):
                entry["id"] = key
            coco.dataset = {
                "images": images,
                "annotations": annotations,
                "categories": [{"id": 1}],
            }
            coco.createIndex()
        judged = COCOeval(*sides, "bbox")
        judged.params.maxDets = [most]
        judged.params.areaRng, judged.params.areaRngLbl = [[0, np.inf]], ["all"]
        judged.evaluate()
        judged.accumulate()
    precision = judged.eval["precision"][:, :, 0, 0, 0]
    return AveragePrecision(float(precision[0].mean()), float(precision.mean()))


def _entry(picture: int, box: list[float]) -> dict[str, Any]:
    area = box[2] * box[3]
    return {"image_id": picture, "category_id": 1, "bbox": box, "area": area, "iscrowd": 0}


def _sides(boxes: Listed) -> list[list[float]]:
    """x, y, width, height of each box."""
    corners = as_boxes(boxes)
    sides: list[list[float]] = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]]).tolist()
    return sides
