"""Faces that look alike, in groups to be named at once."""

import numpy as np
from numpy.typing import NDArray

FACES_A_CLUSTER = 15
"""How many faces a cluster has on average."""

LINKED = 1500
"""Faces that are linked at once: both the time and the memory of linkage grow with their square."""

_SEED = 0


def clusters(embeddings: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Rows in groups of `FACES_A_CLUSTER` on average, the largest group first.

    embeddings: float32 `[N, D]`. By Ward's linkage. In each group the medoid, the row with the
    smallest sum of distances to the others, is first, and those nearest to it follow. More than
    `LINKED` rows are first parted by k-means, and then linked part by part.
    """
    found: list[NDArray[np.int64]] = []
    for part in _parts(embeddings, np.arange(len(embeddings))):
        numbers = _linked(embeddings[part])
        found += [
            _from_medoid(embeddings, part[numbers == number]) for number in range(numbers.max() + 1)
        ]
    return sorted(found, key=lambda rows: (-len(rows), rows[0]))


def _parts(embeddings: NDArray[np.float32], rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows in parts of at most `LINKED`."""
    from sklearn.cluster import MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    if len(rows) <= LINKED:
        return [rows] if len(rows) else []
    count = -(-len(rows) // LINKED)
    means = MiniBatchKMeans(count, random_state=_SEED, n_init=1, batch_size=2048)
    with threadpool_limits(1):  # small steps, in which threads wait for each other
        numbers = means.fit_predict(embeddings[rows])
    if np.bincount(numbers).max() == len(rows):  # all alike
        return np.array_split(rows, count)
    return [part for number in range(count) for part in _parts(embeddings, rows[numbers == number])]


def _linked(embeddings: NDArray[np.float32]) -> NDArray[np.int64]:
    """The number of each row's cluster, from 0 without a gap."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(embeddings) == 1:
        return np.zeros(1, np.int64)
    count = max(1, round(len(embeddings) / FACES_A_CLUSTER))
    numbers = fcluster(linkage(embeddings, "ward"), count, "maxclust")
    _, dense = np.unique(numbers, return_inverse=True)
    return dense.astype(np.int64)


def _from_medoid(embeddings: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of a cluster by their distance to its medoid."""
    from scipy.spatial.distance import cdist

    found = embeddings[rows]
    distances = cdist(found, found)
    medoid = int(distances.sum(axis=1).argmin())
    return rows[np.argsort(distances[medoid], kind="stable")]
