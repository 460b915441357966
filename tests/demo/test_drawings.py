from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simpsons.demo import drawings
from simpsons.demo.drawings import DOLLS, draw, write_drawings


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def similarity(one: Image.Image, other: Image.Image) -> float:
    """Cosine of the mean-removed 16x16 thumbnails."""
    vectors = []
    for image in (one, other):
        thumbnail = np.asarray(image.resize((16, 16), Image.Resampling.BOX), float)
        vectors.append((thumbnail - thumbnail.mean(axis=(0, 1))).ravel())
    a, b = vectors
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")
    }


@pytest.fixture
def four_dolls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawings, "DOLLS", DOLLS[:4])


def test_eighteen_dolls_in_the_order_of_their_folders() -> None:
    slugs = [doll.slug for doll in DOLLS]
    assert len(set(slugs)) == 18
    assert slugs == sorted(slugs)
    assert [doll.name.lower().replace(" ", "_") for doll in DOLLS] == slugs


def test_every_two_dolls_look_different_in_the_same_take() -> None:
    take = drawings._take(rng(3))
    pictures = [pixels(drawings._render(doll, take, 64)) for doll in DOLLS]
    for i, one in enumerate(pictures):
        for other in pictures[i + 1 :]:
            assert np.abs(one - other).mean() > 5


@pytest.mark.parametrize("doll", DOLLS, ids=lambda doll: doll.slug)
def test_draw_gives_rgb_whose_longer_side_is_the_size(doll: drawings.Doll) -> None:
    for seed in range(3):
        image = draw(doll, rng(seed), size=64)
        assert image.mode == "RGB"
        assert image.size in {(64, 48), (64, 64), (48, 64)}


@pytest.mark.parametrize("size", [1, 2, 7, 33, 200])
def test_any_size_can_be_drawn(size: int) -> None:
    for seed in range(10):
        assert max(draw(DOLLS[seed], rng(seed), size).size) == size


def test_default_size_is_128() -> None:
    assert max(draw(DOLLS[0], rng()).size) == 128


def test_equal_generators_give_equal_pictures() -> None:
    assert np.array_equal(pixels(draw(DOLLS[4], rng(7))), pixels(draw(DOLLS[4], rng(7))))


def test_every_scene_and_prop_occurs() -> None:
    takes = [drawings._take(rng(seed)) for seed in range(200)]
    assert {take.scene for take in takes} == set(drawings._SCENES)
    assert {take.prop for take in takes} == {"", *drawings._PROPS}
    assert {take.width / take.height for take in takes} == {4 / 3, 1.0, 0.75}


def test_face_and_chest_are_inside_every_picture() -> None:
    for seed in range(200):
        take = drawings._take(rng(seed))
        assert 1.4 * take.unit <= take.x <= take.width - 1.4 * take.unit
        assert 1.8 * take.unit <= take.y <= take.height - 2 * take.unit


def test_folder_layout(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "of" / "drawings"
    write_drawings(folder, per_character=2, size=16)
    expected = {f"{doll.slug}/pic_{number:04d}.jpg" for doll in DOLLS for number in range(2)}
    assert set(files(folder)) == expected
    assert [path.name for path in folder.parent.iterdir()] == ["drawings"]
    with Image.open(folder / DOLLS[0].slug / "pic_0001.jpg") as image:
        assert image.format == "JPEG"
        assert max(image.size) == 16


@pytest.mark.usefixtures("four_dolls")
def test_seed_decides_and_a_larger_set_begins_with_the_smaller(tmp_path: Path) -> None:
    write_drawings(tmp_path / "small", 2, seed=5, size=32)
    write_drawings(tmp_path / "large", 3, seed=5, size=32)
    write_drawings(tmp_path / "other", 2, seed=6, size=32)
    small, large, other = (files(tmp_path / name) for name in ("small", "large", "other"))
    assert small.items() <= large.items()
    assert all(small[name] != other[name] for name in small)


@pytest.mark.usefixtures("four_dolls")
def test_order_of_drawing_does_not_matter(tmp_path: Path) -> None:
    write_drawings(tmp_path / "forwards", 2, size=32)
    write_drawings(tmp_path / "backwards", 2, size=32, progress=lambda jobs: list(jobs)[::-1])
    assert files(tmp_path / "forwards") == files(tmp_path / "backwards")


@pytest.mark.usefixtures("four_dolls")
def test_progress_sees_every_picture(tmp_path: Path) -> None:
    seen = []

    def progress(jobs: Iterable[Any]) -> Iterator[Any]:
        for job in jobs:
            seen.append(job)
            yield job

    write_drawings(tmp_path / "set", 2, size=16, progress=progress)
    assert len(seen) == 8


def test_existing_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="choose another folder"):
        write_drawings(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("per_character", "size"), [(0, 64), (1, 0)])
def test_nothing_to_draw_is_refused(tmp_path: Path, per_character: int, size: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        write_drawings(tmp_path / "set", per_character, size=size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.usefixtures("four_dolls")
def test_interrupted_write_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def progress(jobs: Iterable[Any]) -> Iterator[Any]:
        for number, job in enumerate(jobs):
            if number == 3:
                raise error
            yield job

    with pytest.raises(error):
        write_drawings(tmp_path / "set", 1, size=16, progress=progress)
    assert not list(tmp_path.iterdir())


def test_one_picture_in_five_belongs_to_a_shot() -> None:
    in_shots = pictures = 0
    for index in range(len(DOLLS)):
        starts = drawings._shot_starts(0, index, 400)
        sizes = np.bincount(starts)
        assert sizes.max() <= max(drawings.SHOT_FRAMES)
        in_shots += int(sizes[sizes > 1].sum())
        pictures += len(starts)
    assert in_shots / pictures == pytest.approx(0.2, abs=0.03)


def test_frames_of_a_shot_are_near_duplicates_and_other_pictures_are_not() -> None:
    starts = drawings._shot_starts(0, 2, 30)
    frames = [drawings._frame(0, 2, number, first, 64) for number, first in enumerate(starts)]
    within, across = [], []
    for i, one in enumerate(frames):
        for j in range(i + 1, len(frames)):
            same = starts[i] == starts[j]
            (within if same else across).append(similarity(one, frames[j]))
            assert not np.array_equal(pixels(one), pixels(frames[j])) or one.size != frames[j].size
    assert within
    assert min(within) > 0.9
    assert max(across) < 0.9
