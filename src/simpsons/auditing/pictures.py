"""Two folders under one numbering: a data set's pictures, then those of a test folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simpsons.auditing.duplicates import Pair
from simpsons.dataset.cache import Dataset


@dataclass(frozen=True)
class Pictures:
    """The pictures that an audit looks at; a row below `len(dataset)` is the data set's."""

    dataset: Dataset
    test: Dataset | None

    @property
    def of_test(self) -> NDArray[np.int64]:
        """The rows of the test folder."""
        return len(self.dataset) + np.arange(0 if self.test is None else len(self.test))

    def path(self, row: int) -> str:
        """The file of a row, relative to its folder."""
        dataset, place = self._at(row)
        return str(dataset.paths[place])

    def character(self, row: int) -> str:
        """The class that a row's picture is filed under."""
        dataset, place = self._at(row)
        return str(dataset.classes[dataset.labels[place]])

    def pixels(self, row: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """A row's picture, uint8 `[64, 64, 3]`."""
        dataset, place = self._at(row)
        return np.asarray(dataset.images[place])

    def aspect(self, row: int) -> float:
        """Width over height of a row's file."""
        dataset, place = self._at(row)
        width, height = dataset.sizes[place]
        return float(width / height)

    def own(self, rows: Iterable[int]) -> list[int]:
        """Those of some rows that are the data set's."""
        return [int(row) for row in rows if row < len(self.dataset)]

    def own_pairs(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Those of some pairs that lie within the data set."""
        return [pair for pair in pairs if len(self.own((pair.first, pair.second))) == 2]

    def _at(self, row: int) -> tuple[Dataset, int]:
        if row < len(self.dataset):
            return self.dataset, row
        assert self.test is not None
        return self.test, row - len(self.dataset)
