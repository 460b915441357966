"""`timeline.read` on films whose truth is known."""

import os
import weakref
from dataclasses import replace

import av
import numpy as np
import pytest

from simpsons import Classifier, Prediction, timeline
from simpsons.classifier import BATCH
from simpsons.demo.drawings import DOLLS
from simpsons.errors import SimpsonsError


@pytest.fixture(scope="module")
def classifier(doll_model):
    return Classifier(doll_model, threads=1)


@pytest.fixture(scope="module")
def found(film, classifier):
    return timeline.read(film.path, classifier)


def overlap(truth, intervals):
    """Precision and recall of (time, character), measured over time."""
    right = sum(
        max(0.0, min(end, each.end) - max(start, each.start))
        for start, end, label in truth
        for each in intervals
        if each.label == label
    )
    said = sum(each.end - each.start for each in intervals)
    return right / said, right / sum(end - start for start, end, _ in truth)


def f1(truth, intervals):
    precision, recall = overlap(truth, intervals)
    return 2 * precision * recall / (precision + recall)


def test_intervals_are_right(film, found):
    assert f1(film.truth, found.intervals) >= 0.95
    assert [each.label for each in found.intervals] == [DOLLS[n].slug for n in (0, 1, 0, 2, 3, 1)]
    assert all(0.5 <= each.probability <= 1 for each in found.intervals)
    assert found.duration == pytest.approx(len(film.frames) / 24, abs=0.01)
    assert found.problem is None


def test_cuts_are_exact_to_the_frame(film, found):
    for start, _, _ in film.truth[1:]:
        assert min(abs(cut - start) for cut in found.cuts) < 0.02


def test_a_surest_frame_for_each_character(film, found, classifier):
    assert set(found.thumbnails) == {label for _, _, label in film.truth}
    assert found.aspect == pytest.approx(4 / 3, abs=0.01)
    for label, pixels in found.thumbnails.items():
        assert classifier.predict(pixels).label == label


@pytest.mark.parametrize("rate", [2, 12])
def test_rate(film, classifier, rate):
    seen = []

    def watch(items, total, description):
        for item in items:
            seen.append(item)
            yield item
        assert total == pytest.approx(len(seen), abs=2)

    found = timeline.read(film.path, classifier, rate, track=watch)
    assert len(seen) == pytest.approx(rate * found.duration, abs=1)
    assert f1(film.truth, found.intervals) >= 0.95


def test_varying_frame_rate_and_a_late_start(film, classifier, tmp_path):
    stamps = np.cumsum([1 if number % 50 < 25 else 2 for number in range(len(film.frames))])
    late = film.write(tmp_path / "late.ts", stamps=(stamps + 240).tolist())
    with av.open(late) as container:
        assert container.start_time > 5 * av.time_base
    found = timeline.read(late, classifier)
    times = (np.append(stamps, stamps[-1] + 1) - stamps[0]) / 24
    frames = np.cumsum([0, *(round((end - start) * 24) for start, end, _ in film.truth)])
    truth = [
        (times[first], times[after], label)
        for first, after, (_, _, label) in zip(frames, frames[1:], film.truth, strict=False)
    ]
    assert f1(truth, found.intervals) >= 0.95
    assert found.duration == pytest.approx(times[-1], abs=0.1)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_film_that_is_to_be_shown_turned(film, classifier, tmp_path, rotation):
    lying = type(film)(film.path, np.rot90(film.frames, -rotation // 90, (1, 2)).copy(), film.truth)
    turned = lying.write(tmp_path / "turned.mp4", rotation=rotation)
    found = timeline.read(turned, classifier)
    assert f1(film.truth, found.intervals) >= 0.95
    assert found.aspect == pytest.approx(4 / 3, abs=0.01)


class Undecided(Classifier):
    """Finds all characters as probable."""

    def predict_all(self, sources, top=5):
        for _ in sources:
            yield Prediction(None, tuple((label, 1 / len(self.labels)) for label in self.labels))


def test_nobody_sure_enough_gives_no_interval(film, doll_model):
    found = timeline.read(film.path, Undecided(doll_model))
    assert found.intervals == ()
    assert found.thumbnails == {}
    assert len(found.cuts) >= 6


class Estranged(Classifier):
    """Finds that the second doll is unfamiliar, however probable."""

    def predict_all(self, sources, top=5):
        for answer in super().predict_all(sources, top):
            yield replace(answer, threshold=0.0, familiarity=-(answer.label == DOLLS[1].slug))


def test_frames_of_unknown_people_count_for_nobody(film, found, doll_model):
    estranged = timeline.read(film.path, Estranged(doll_model, threads=1))
    known = [each for each in found.intervals if each.label != DOLLS[1].slug]
    assert len(known) == 4
    assert estranged.intervals == tuple(known)
    assert set(estranged.thumbnails) == {DOLLS[n].slug for n in (0, 2, 3)}


class Wavering(Classifier):
    """Knows who it is, each time as sure as the next of `sureness`, and notes what it saw."""

    def __init__(self, path, sureness):
        super().__init__(path, threads=1)
        self.sureness, self.seen = sureness, []

    def predict_all(self, sources, top=5):
        kept = []

        def noted():
            for pixels in sources:
                kept.append(pixels)
                yield pixels

        for number, answer in enumerate(super().predict_all(noted(), top)):
            sure = self.sureness[number]
            others = tuple((label, 0.0) for label in self.labels if label != answer.label)
            self.seen.append((sure, answer.label, kept[number]))
            yield Prediction(None, ((answer.label, sure), *others))


def test_the_surest_frame_of_all_shots_is_kept(film, doll_model):
    sureness = np.random.default_rng(0).permutation(np.linspace(0.6, 0.9, 80))
    classifier = Wavering(doll_model, sureness)
    found = timeline.read(film.path, classifier)
    assert set(found.thumbnails) == {DOLLS[n].slug for n in range(4)}
    for label, pixels in found.thumbnails.items():
        _, surest = max(
            (sure, number) for number, (sure, who, _) in enumerate(classifier.seen) if who == label
        )
        assert np.array_equal(pixels, classifier.seen[surest][2])


class Counting(Classifier):
    """Counts how many of the pictures it was given are in memory at once."""

    given = 0
    most_alive = 0

    def predict_all(self, sources, top=5):
        return super().predict_all(self._counted(sources), top)

    def _counted(self, sources):
        known = []
        for pixels in sources:
            self.given += 1
            known = [reference for reference in known if reference() is not None]
            known.append(weakref.ref(pixels))
            self.most_alive = max(self.most_alive, len(known))
            yield pixels


def test_constant_memory(film, doll_model, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    classifier = Counting(doll_model, threads=1)
    timeline.read(film.path, classifier, rate=24)
    assert classifier.given == len(film.frames)
    assert classifier.most_alive <= 6 * BATCH < len(film.frames)


@pytest.mark.parametrize(("rate", "minimum"), [(0, 0.5), (-1, 0.5), (float("nan"), 0.5), (5, 2)])
def test_a_rate_or_minimum_out_of_range(film, classifier, rate, minimum):
    with pytest.raises(SimpsonsError, match="give"):
        timeline.read(film.path, classifier, rate, minimum)
