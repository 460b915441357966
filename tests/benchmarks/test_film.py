"""What the film benchmark holds to be true, and how it compares."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage")

from benchmarks import film, film_scenes
from benchmarks.film_scenes import DISSOLVE, HEIGHT, KINDS, WIDTH, Shot
from simpsons.characters import SLUGS
from simpsons.films import Interval, Timeline

HOMER, MARGE, LISA = ("homer_simpson", "marge_simpson", "lisa_simpson")


def shot(grey, kind, *names, dissolves=False):
    pixels = np.full((HEIGHT, WIDTH, 3), grey, np.uint8)
    return Shot(50, lambda _: pixels, kind, frozenset(names), dissolves)


@pytest.fixture(scope="module")
def shots():
    return [
        shot(0, "one", HOMER),
        shot(200, "several", MARGE, LISA, dissolves=True),
        shot(90, "strangers"),
    ]


def who(flags):
    return [{SLUGS[column] for column in np.flatnonzero(row)} for row in flags]


def test_truth_of_cuts_and_dissolves(shots):
    true = film.truth(shots)
    assert len(true.kind) == 150 - DISSOLVE
    must, may = who(true.must), who(true.may)
    assert (must[43], may[37], may[38]) == ({HOMER}, {HOMER}, {HOMER, MARGE, LISA})
    assert (must[44], may[49], may[50]) == ({MARGE, LISA}, {HOMER, MARGE, LISA}, {MARGE, LISA})
    assert (must[87], must[88], may[88]) == ({MARGE, LISA}, set(), set())
    assert [list(KINDS)[kind] for kind in true.kind[[43, 44, 87, 88]]] == [
        "one",
        "several",
        "several",
        "strangers",
    ]


def test_figures(shots):
    true = film.truth(shots)
    intervals = (
        Interval(0, 1.76, HOMER, 0.9),  # all of the first shot
        Interval(1.76, 3.52, MARGE, 0.9),  # all of the second
        Interval(3.52, 4.52, MARGE, 0.9),  # half of the strangers'
    )
    found = Timeline("f", 5.52, 5, 0.5, 0.5, intervals, (), (), {}, None)
    result = film.figures(film.said(found, len(true.kind)), true)
    assert result["one"] == {"seconds": 1.76, "found": 1, "precision": 1, "wrong": 0}
    assert result["several"] == {"seconds": 1.76, "found": 0.5, "precision": 1, "wrong": 0}
    assert result["strangers"]["wrong"] == pytest.approx(0.5)
    assert result["all"]["precision"] == pytest.approx(3.52 / 4.52)
    assert np.isnan(result["titles"]["found"])


def test_the_frames_of_a_dissolve_are_mixed(shots):
    greys = [int(pixels[0, 0, 0]) for pixels in film_scenes.drawn(shots)]
    assert len(greys) == 150 - DISSOLVE
    assert greys[37] == 0 < greys[38] < greys[44] < greys[49] < greys[50] == 200
    assert film_scenes.starts(shots) == [0, 38, 88]


@pytest.mark.parametrize("size", [(300, 224), (150, 224), (400, 224)])
@pytest.mark.parametrize("least", [(60, 40, 110, 90), (10, 100, 140, 220), None])
def test_the_camera_leaves_no_face_out(size, least):
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    x1, y1, x2, y2 = least or (0, 0, *size)
    picture[y1 : y1 + 8, x1:x2] = picture[y2 - 8 : y2, x1:x2] = 255
    picture[y1:y2, x1 : x1 + 8] = picture[y1:y2, x2 - 8 : x2] = 255
    for seed in range(6):
        rng = np.random.default_rng(seed)
        camera = film_scenes._Camera(picture, least, (0, 0, 480, 540), rng)
        for share in (0.0, 0.5, 1.0):
            frame = Image.new("RGB", (WIDTH, HEIGHT))
            camera.paste(frame, share)
            seen = np.asarray(frame)[:, :480, 0] > 128
            rows, columns = seen.any(1).nonzero()[0], seen.any(0).nonzero()[0]
            ring = seen[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            if least:
                assert ring[[1, -2]].mean() > 0.9
                assert ring[:, [1, -2]].mean() > 0.9
