import numpy as np
import pytest
from PIL import Image

import simpsons
from simpsons.demo.drawings import DOLLS, draw
from simpsons.errors import DataError
from simpsons.pixels import images
from simpsons.project import neighbours
from simpsons.project.embedding import Embedding


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two drawings of each of three dolls; and a broken file."""
    folder = tmp_path_factory.mktemp("dolls") / "dolls"
    folder.mkdir()
    for doll in range(3):
        for number in range(2):
            drawn = draw(DOLLS[doll], np.random.default_rng((doll, number)), 96)
            drawn.save(folder / f"{doll}-{number}.png")
    (folder / "broken.png").write_bytes(b"nothing")
    return folder


@pytest.fixture
def embed(monkeypatch, embedder):
    monkeypatch.setattr(neighbours, "Embedder", lambda model: embedder)
    return neighbours.embed


def test_the_functions_are_the_package_s_own():
    assert simpsons.embed is neighbours.embed
    assert simpsons.similar is neighbours.similar
    assert simpsons.collect.__module__ == "simpsons.project.collecting"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = simpsons.nothing


def test_a_folder_as_vectors(embed, folder, embedder):
    found = embed(folder)
    assert [path.rpartition("/")[2] for path in found.paths] == [
        f"{doll}-{number}.png" for doll in range(3) for number in range(2)
    ]
    assert [failure.path for failure in found.failures] == [str(folder / "broken.png")]
    np.testing.assert_allclose(found.vectors[3], embedder.embed(folder / "1-1.png"), atol=1e-5)
    assert embed([]).vectors.shape == (0, 512)


@pytest.mark.parametrize("name", ["v.npy", "v.parquet"])
def test_vectors_are_kept_in_a_file(embed, folder, embedder, tmp_path, name):
    found = embed(folder)
    odd = "odd\nname\udcff.png"
    with neighbours.writing(tmp_path / name, embedder.size) as add:
        for path, vector in zip(
            [*found.paths, odd], [*found.vectors, found.vectors[0]], strict=True
        ):
            add(Embedding(path, vector))
    best = neighbours.similar(folder / "0-0.png", tmp_path / name, top=10)
    assert len(best) == 6
    assert best[0].similarity == pytest.approx(1, abs=1e-5)
    assert best[0].path.startswith("odd\nname")
    assert best[1].path == str(folder / "0-1.png")


def test_a_numpy_file_is_read_by_numpy(embed, folder, embedder, tmp_path):
    found = embed(folder)
    with neighbours.writing(tmp_path / "v.npy", embedder.size) as add:
        for path, vector in zip(found.paths, found.vectors, strict=True):
            add(Embedding(path, vector))
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), found.vectors)
    listed = (tmp_path / "v.paths.csv").read_text(encoding="utf-8").splitlines()
    assert listed == ["path", *found.paths]


def test_nothing_is_written_if_it_breaks_off(embedder, tmp_path):
    def vectors():
        yield Embedding("a", np.zeros(512, np.float32))
        raise KeyboardInterrupt

    def write():
        with neighbours.writing(tmp_path / "v.npy", embedder.size) as add:
            for one in vectors():
                add(one)

    with pytest.raises(KeyboardInterrupt):
        write()
    assert list(tmp_path.iterdir()) == []


def test_the_nearest_of_a_folder(embed, folder, tmp_path):
    again = tmp_path / "again.jpg"
    Image.open(folder / "1-0.png").convert("RGB").save(again, quality=70)
    best = neighbours.similar(again, folder, top=2)
    assert best[0].path == str(folder / "1-0.png")
    assert best[0].similarity > best[1].similarity
    assert len(best) == 2
    assert str(folder / "1-0.png") not in [
        one.path for one in neighbours.similar(folder / "1-0.png", folder)
    ]
    pixels = images.decode(folder / "1-0.png")
    assert neighbours.similar(pixels, folder, top=1)[0].path == str(folder / "1-0.png")


@pytest.mark.parametrize("name", ["v.npy", "v.parquet"])
@pytest.mark.parametrize("damage", ["missing", "text", "other", "fewer"])
def test_a_file_without_vectors_is_said(embed, folder, tmp_path, name, damage):
    path = tmp_path / name
    size = 7 if damage == "other" else 512
    with neighbours.writing(path, size) as add:
        for number in range(3):
            add(Embedding(str(number), np.zeros(size, np.float32)))
    if damage == "text":
        path.write_text("no vectors", encoding="utf-8")
    elif damage == "missing":
        path.unlink()
    elif damage == "fewer":
        if name == "v.parquet":
            path.write_bytes(path.read_bytes()[:-9])
        else:
            (tmp_path / "v.paths.csv").write_text("path\n0\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"v\.|no pictures|no such") as caught:
        neighbours.similar(folder / "0-0.png", path)
    assert "pickle" not in str(caught.value)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no \.npy or \.parquet file"):
        neighbours.require_target(tmp_path / "v.csv")


def test_a_folder_without_pictures_is_said(embed, folder, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no pictures"):
        neighbours.similar(tmp_path / "a.png", tmp_path / "empty")
