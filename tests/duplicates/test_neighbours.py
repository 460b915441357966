"""Neighbours are those of brute force; the index finds nearly all of them."""

import numpy as np
import pytest

from simpsons.duplicates import neighbours


@pytest.fixture(scope="module")
def vectors():
    """600 vectors of length 1 in 16 dimensions, each with a few close ones."""
    rng = np.random.default_rng(0)
    around = rng.standard_normal((150, 16)).repeat(4, axis=0)
    near = around + 0.2 * rng.standard_normal(around.shape)
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


def brute_force(queries, references, count, within):
    distance = np.square(queries[:, None] - references[None]).sum(axis=2)
    pairs = set()
    for row, line in enumerate(distance):
        nearest = np.argsort(line)[:count]
        pairs |= {(row, int(column)) for column in nearest if line[column] <= within}
    return pairs, distance


def as_set(found):
    return set(zip(found.query.tolist(), found.reference.tolist(), strict=True))


@pytest.mark.parametrize("block", [1, 2**10, 600 * 7 + 1, 2**24])
@pytest.mark.parametrize(("count", "within"), [(3, 0.5), (600, 0.8), (5, 9.0)])
def test_exact_is_brute_force(monkeypatch, vectors, count, within, block):
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", block)
    queries = vectors[:40] if block < 2**24 else vectors
    found = neighbours.Exact(vectors).nearest(queries, count, within)
    pairs, distance = brute_force(queries, vectors, count, within)
    assert as_set(found) == pairs
    assert len(found.query) == len(pairs)
    assert found.distance == pytest.approx(distance[found.query, found.reference], abs=1e-5)


def test_the_index_finds_nearly_all(vectors):
    exact = neighbours.Exact(vectors).nearest(vectors, 8, 0.8)
    found = neighbours.Indexed(vectors).nearest(vectors, 8, 0.8)
    common = as_set(exact) & as_set(found)
    assert len(common) >= 0.95 * len(exact.query)
    assert found.distance.max() <= 0.8
    true = np.square(vectors[found.query] - vectors[found.reference]).sum(axis=1)
    assert found.distance == pytest.approx(true, abs=5e-3)  # 16-bit floats


@pytest.mark.parametrize("kind", [neighbours.Exact, neighbours.Indexed])
def test_without_queries_or_references_nothing_is_found(vectors, kind):
    for references, queries in ((vectors[:0], vectors[:3]), (vectors[:3], vectors[:0])):
        found = kind(references).nearest(queries, 5, 1.0)
        assert [len(part) for part in found] == [0, 0, 0]
        assert found.query.dtype == found.reference.dtype == np.int64


@pytest.mark.parametrize("kind", [neighbours.Exact, neighbours.Indexed])
def test_fewer_references_than_asked_for(vectors, kind):
    found = kind(vectors[:2]).nearest(vectors[:1], 12, 8.0)
    assert as_set(found) == {(0, 0), (0, 1)}


def test_many_references_are_indexed(monkeypatch, vectors):
    assert isinstance(neighbours.search(vectors), neighbours.Exact)
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", len(vectors) - 1)
    assert isinstance(neighbours.search(vectors), neighbours.Indexed)
    assert isinstance(neighbours.search(vectors[1:]), neighbours.Exact)


def grouped(pairs, count, sure=()):
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    is_sure = np.array([pair in sure for pair in pairs], np.bool_)
    return neighbours.grouped(first, second, is_sure, count).tolist()


def test_linked_pairs_share_a_group_and_nothing_is_one_of_its_own():
    assert grouped([(0, 2), (4, 5)], 6) == [0, 1, 0, 2, 3, 3]
    assert grouped([], 3) == [0, 1, 2]


def test_a_chain_is_no_group():
    """Of each two neighbours one is linked to the next: the ends have nothing in common."""
    group = grouped([(row, row + 1) for row in range(99)], 100)
    assert np.bincount(group).max() <= 5


def test_one_link_does_not_join_two_shots():
    def shot(*rows):
        return [(a, b) for a in rows for b in rows if a < b]

    pairs = [*shot(0, 1, 2, 3), *shot(4, 5, 6, 7)]
    assert grouped([*pairs, (3, 4)], 8) == [0] * 4 + [1] * 4
    assert grouped([*pairs, (3, 4), (2, 4), (3, 5), (2, 5)], 8) == [0] * 8


def test_a_shot_in_which_the_camera_moves_is_one_group():
    """Each frame is linked to the three before and after it."""
    pairs = [(a, b) for a in range(9) for b in range(a + 1, min(9, a + 4))]
    assert grouped(pairs, 9) == [0] * 9


def test_sure_pairs_share_a_group_however_many_there_are():
    chain = [(row, row + 1) for row in range(49)]
    assert len(set(grouped(chain, 50, sure=set(chain)))) == 1
