"""`timeline.read` on films whose truth is known."""

import weakref
from dataclasses import replace
from types import SimpleNamespace

import av
import numpy as np
import pytest

from simpsons import films, processors
from simpsons.demo.drawings import DOLLS
from simpsons.errors import SimpsonsError
from simpsons.films.film import Film
from simpsons.films.sampling import samples
from simpsons.films.shots import ShotDetector
from simpsons.pixels import images


@pytest.fixture(scope="module")
def found(film, doll_detector):
    return films.read(film.path, doll_detector)


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


def test_a_surest_face_for_each_character(film, found, doll_detector):
    assert set(found.thumbnails) == {label for _, _, label in film.truth}
    for label, pixels in found.thumbnails.items():
        assert doll_detector.names.predict(pixels).label == label


@pytest.mark.parametrize("rate", [2, 12])
def test_rate(film, doll_detector, rate):
    seen = []

    def watch(items, total, description):
        for item in items:
            seen.append(item)
            yield item
        assert total == pytest.approx(len(seen), abs=2)

    found = films.read(film.path, doll_detector, rate, progress=watch)
    assert len(seen) == pytest.approx(rate * found.duration, abs=1)
    assert f1(film.truth, found.intervals) >= 0.95


def test_varying_frame_rate_and_a_late_start(film, doll_detector, tmp_path):
    stamps = np.cumsum([1 if number % 50 < 25 else 2 for number in range(len(film.frames))])
    late = film.write(tmp_path / "late.ts", stamps=(stamps + 240).tolist())
    with av.open(late) as container:
        assert container.start_time > 5 * av.time_base
    found = films.read(late, doll_detector)
    times = (np.append(stamps, stamps[-1] + 1) - stamps[0]) / 24
    frames = np.cumsum([0, *(round((end - start) * 24) for start, end, _ in film.truth)])
    truth = [
        (times[first], times[after], label)
        for first, after, (_, _, label) in zip(frames, frames[1:], film.truth, strict=False)
    ]
    assert f1(truth, found.intervals) >= 0.95
    assert found.duration == pytest.approx(times[-1], abs=0.1)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_a_film_that_is_to_be_shown_turned(film, doll_detector, tmp_path, rotation):
    lying = type(film)(film.path, np.rot90(film.frames, -rotation // 90, (1, 2)).copy(), film.truth)
    turned = lying.write(tmp_path / "turned.mp4", rotation=rotation)
    found = films.read(turned, doll_detector)
    assert f1(film.truth, found.intervals) >= 0.95


def of_the_same_faces(detector, predict):
    """A detector that finds the faces of another one and names them by `predict`.

    predict: given the number of the frame and the answer to it.
    """

    def detect_all(sources, top=5):
        for number, answer in enumerate(detector.detect_all(sources, top)):
            faces = [
                replace(face, prediction=predict(number, face.prediction)) for face in answer.faces
            ]
            yield replace(answer, faces=tuple(faces))

    made = SimpleNamespace(
        names=detector.names,
        minimum=detector.minimum,
        sides=detector.sides,
        detect_all=detect_all,
    )
    made.once = lambda: made
    return made


def test_nobody_sure_enough_gives_no_interval(film, doll_detector):
    labels = doll_detector.names.labels

    def undecided(_, answer):
        return replace(answer, top=tuple((label, 1 / len(labels)) for label in labels))

    found = films.read(film.path, of_the_same_faces(doll_detector, undecided))
    assert found.intervals == ()
    assert found.thumbnails == {}
    assert len(found.cuts) >= 6


def test_frames_of_unknown_people_count_for_nobody(film, found, doll_detector):
    def estranged(_, answer):
        return replace(
            answer, threshold=0.0, familiarity=1 - 2 * float(answer.label == DOLLS[1].slug)
        )

    without = films.read(film.path, of_the_same_faces(doll_detector, estranged))
    known = [each for each in found.intervals if each.label != DOLLS[1].slug]
    assert len(known) == 4
    assert without.intervals == tuple(known)
    assert set(without.thumbnails) == {DOLLS[n].slug for n in (0, 2, 3)}


def test_the_surest_face_of_all_shots_is_kept(film, doll_detector):
    sureness = np.random.default_rng(0).permutation(np.linspace(0.6, 0.9, 80))
    labels = doll_detector.names.labels
    seen = {}

    def wavering(number, answer):
        seen.setdefault(answer.label, []).append((sureness[number], number))
        others = tuple((label, 0.0) for label in labels if label != answer.label)
        return replace(answer, top=((answer.label, sureness[number]), *others))

    found = films.read(film.path, of_the_same_faces(doll_detector, wavering))
    assert set(found.thumbnails) == set(seen) == {DOLLS[n].slug for n in range(4)}
    with Film(film.path) as opened:
        taken = list(samples(opened, ShotDetector(), 5, 160))
    for label, pixels in found.thumbnails.items():
        _, surest = max(seen[label])
        assert np.array_equal(pixels, images.fit(taken[surest].pixels))


def test_constant_memory(film, doll_detector, monkeypatch):
    monkeypatch.setattr(processors, "count", lambda: 4)
    known, alive = [], []

    def detect_all(sources, top=5):
        def counted():
            for pixels in sources:
                known[:] = [reference for reference in known if reference() is not None]
                known.append(weakref.ref(pixels))
                alive.append(len(known))
                yield pixels

        return doll_detector.detect_all(counted(), top)

    counting = of_the_same_faces(doll_detector, lambda _, answer: answer)
    counting.detect_all = detect_all
    films.read(film.path, counting, rate=24)
    assert max(alive) <= 60 < len(alive) <= len(film.frames)


@pytest.mark.parametrize(
    "settings",
    [
        {"rate": 0},
        {"rate": -1},
        {"rate": float("nan")},
        {"minimum": 2},
        {"shortest": -1},
        {"shortest": float("nan")},
    ],
)
def test_settings_out_of_their_range(film, doll_detector, settings):
    with pytest.raises(SimpsonsError, match="give"):
        films.read(film.path, doll_detector, **settings)
