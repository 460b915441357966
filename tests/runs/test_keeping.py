import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import simpsons
from simpsons import Classifier
from simpsons.classifier import UNKNOWN
from simpsons.dataset import cache
from simpsons.errors import SimpsonsError
from simpsons.evaluation.leaks import learnt_from
from simpsons.formats.onnx_import import read_onnx
from simpsons.network import ModelError
from simpsons.run_files import MODEL, SPLIT
from simpsons.runs.run import REPORT
from simpsons.training.memory import REMEMBERED, Memory, fingerprint, memory_path

NEW = ("ada_thimble", "hugo_saltmarsh")
LEARNT = 9


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, many_drawings) -> Path:
    """Two dolls of twelve drawings each, nine of them to learn from."""
    folder = tmp_path_factory.mktemp("new")
    for name in NEW:
        for number, path in enumerate(sorted((many_drawings / name).iterdir())):
            part = folder / ("train" if number < LEARNT else "val") / name
            part.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, part)
    return folder


@pytest.fixture(scope="module", params=REMEMBERED)
def kept(request, tmp_path_factory, pictures):
    """Both dolls added to each network."""
    out = tmp_path_factory.mktemp("kept") / "run"
    with pytest.warns(UserWarning, match="9 training pictures of"):
        return simpsons.train(pictures, initial=request.param, keep=True, out=out)


@pytest.fixture(scope="module")
def others(many_drawings):
    """Drawings of all dolls, uint8 `[N, 64, 64, 3]`."""
    return cache.load(many_drawings).images


def test_the_new_characters_are_known_in_pictures_that_were_not_learnt(kept):
    assert kept.new == NEW
    assert kept.measured.evaluation.n == 6
    assert kept.measured.evaluation.accuracy >= 5 / 6
    assert kept.model.is_file()
    assert (kept.folder / REPORT).is_file()
    lines = (kept.folder / SPLIT).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * 12


def test_the_verdict_on_them_is_their_name(kept, pictures):
    classifier = Classifier(kept.folder)
    found = list(classifier.predict_all(pictures / "val"))
    right = [one.verdict == Path(one.path).parent.name for one in found]
    assert sum(right) >= 5
    assert all(one.verdict == one.label for one in found if one.label in NEW)
    assert {one.verdict for one in Classifier(kept.base).predict_all(pictures / "val")} == {UNKNOWN}


def test_among_the_old_names_nothing_changes(kept, others):
    pixels = others
    old, new = Classifier(kept.base), Classifier(kept.model)
    before, familiar = old.probabilities_and_familiarity(pixels)
    after, familiar_after = new.probabilities_and_familiarity(pixels)
    assert new.labels == (*old.labels, *NEW)
    rest = after[:, : len(old.labels)].astype(np.float64)
    share = rest.sum(1, keepdims=True)
    np.testing.assert_allclose(rest / share, before, atol=2e-5)
    not_new = after.argmax(1) < len(old.labels)
    assert not_new.any()
    np.testing.assert_array_equal(familiar_after[not_new], familiar[not_new])
    assert (old.threshold, old.face_threshold) == (new.threshold, new.face_threshold)


@pytest.mark.parametrize("network", REMEMBERED)
def test_a_memory_is_of_the_network_that_ships(network):
    assert Memory.of(network).fingerprint == fingerprint(Classifier(network).path)
    assert memory_path(network).stat().st_size < 800_000


def test_a_memory_is_read_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    known, held_out, strangers = (rng.normal(size=(n, 4)).astype(np.float32) for n in (5, 3, 2))
    is_face = np.array([True, False, True])
    centre = rng.normal(size=6).astype(np.float32)
    basis = rng.normal(size=(6, 4)).astype(np.float16).astype(np.float32)
    memory = Memory(known, held_out, is_face, strangers, np.array([0, 1]), centre, basis, "abc")
    memory.write(tmp_path / "memory.safetensors")
    read = Memory.read(tmp_path / "memory.safetensors")
    np.testing.assert_allclose(read.known, memory.known, atol=1 / 32)
    np.testing.assert_array_equal(read.stranger, memory.stranger)
    np.testing.assert_array_equal(read.is_face, is_face)
    np.testing.assert_array_equal(read.basis, basis)
    np.testing.assert_array_equal(read.centre, centre)
    assert read.fingerprint == "abc"


def test_what_it_learnt_from_is_known(kept, pictures, cli):
    done = cli("evaluate", pictures, "--model", kept.folder)
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert f"18 of these 24 pictures are named like pictures that {kept.folder} learnt from" in said
    split = kept.folder / SPLIT
    clean = cli(
        "evaluate", pictures, "--model", kept.folder, "--split", split, "--part", "validation"
    )
    assert "learnt from" not in clean.output
    shipped = [f"homer_simpson/{name}" for name in _shipped_training("homer_simpson")]
    assert learnt_from(shipped, Classifier(kept.folder)) == len(shipped) > 0


def _shipped_training(character):
    with Path(simpsons.__file__).with_name("weights").joinpath("split.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["split"] == "train"]
    return [Path(row["path"]).name for row in rows if Path(row["path"]).parent.name == character]


def test_what_was_added_is_no_start_for_a_training(kept):
    with pytest.raises(ModelError, match=f"start from {kept.base}"):
        read_onnx(kept.model)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"initial": None}, "--from xception"),
        ({"initial": "cnn-int8"}, "has no memory"),
        ({"initial": "nobody.onnx"}, "has no memory"),
        ({"epochs": 3}, "--epochs can't be given with --keep"),
        ({"teachers": ["cnn"]}, "--teacher can't be given with --keep"),
        ({"model": "cnn"}, "--model can't be given with --keep"),
    ],
)
def test_what_does_not_go_with_it_is_said(tmp_path, pictures, options, said):
    given = {"initial": "xception", "keep": True, "out": tmp_path / "run"} | options
    with pytest.raises(SimpsonsError, match=said):
        simpsons.train(pictures, **given)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path, pictures):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SimpsonsError, match="is not empty"):
        simpsons.train(pictures, initial="xception", keep=True, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_nobody_new_is_said(tmp_path, drawings):
    for part in ("train", "val"):
        folder = tmp_path / "data" / part / "homer_simpson"
        folder.mkdir(parents=True)
        for path in (drawings / NEW[0]).iterdir():
            shutil.copy(path, folder / f"{part}_{path.name}")
    with pytest.raises(SimpsonsError, match="xception knows all of its characters already"):
        simpsons.train(tmp_path / "data", initial="xception", keep=True, out=tmp_path / "run")


def test_the_command_says_what_it_did(tmp_path, pictures, cli):
    asked = ["train", pictures, "--from", "xception", "--keep", "--out", tmp_path / "run"]
    done = cli(*asked, "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed["new"] == list(NEW)
    assert printed["validation"]["n"] == 6
    again = cli(*asked)
    assert again.exit_code == 2
    assert "not empty" in again.stderr
    assert (tmp_path / "run" / MODEL).is_file()
