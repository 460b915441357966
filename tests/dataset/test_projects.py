"""A project of `simpsons collect` as a data set."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import simpsons
from simpsons.dataset import cache, folders
from simpsons.dataset import split as splits
from simpsons.demo.drawings import DOLLS, draw
from simpsons.errors import DataError
from simpsons.project import LATER, NO_FACE, NOBODY, CollectedFace, Project, Source
from simpsons.project.store import write_faces, write_project

NAMES = ("Maggie", "bart_simpson", "Zoë")
SHOTS, IN_SHOT = 12, 3
"""Shots of each character, and faces of a shot, which are nearly the same."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Faces of three named dolls, 12 shots of each, of strangers, of no faces; some left over."""
    root = tmp_path_factory.mktemp("project")
    rng = np.random.default_rng(0)
    (root / "faces/film").mkdir(parents=True)
    faces, labels = [], []
    for shot in range(SHOTS * len(NAMES) + 4):
        doll = shot % len(NAMES) if shot < SHOTS * len(NAMES) else 5
        drawn = np.asarray(draw(DOLLS[doll], rng, 64)).astype(np.int16)
        for number in range(IN_SHOT):
            name = f"film_s{shot:05d}_f{number}"
            noisy = drawn + rng.integers(-2, 3, drawn.shape)
            picture = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
            picture.save(root / f"faces/film/{name}.jpg", quality=95)
            faces.append(_face(name, shot))
            known = NAMES[shot % len(NAMES)]
            labels.append(known if shot < SHOTS * len(NAMES) else (NOBODY, NO_FACE, LATER)[number])
    write_project(root, [_source(len(faces))], "0" * 64, "cnn")
    write_faces(root, faces)
    made = Project.open(root)
    for label in sorted(set(labels)):
        named = [face.id for face, its in zip(faces, labels, strict=True) if its == label]
        made.answers.name(named, label)
    return made


def _source(count):
    return Source("film.mp4", "film", "film", 1, 0.0, 60.0, 40, 40, count, {}, None, True)


def _face(name, shot):
    crop, frame = f"faces/film/{name}.jpg", f"frames/film/{name[:-3]}.jpg"
    return CollectedFace(
        name,
        crop,
        frame,
        (0, 0, 9, 9),
        0.9,
        "film",
        shot,
        float(shot),
        "lisa",
        0.4,
        "unknown",
        shot,
    )


def test_the_named_faces_are_the_pictures(project):
    dataset = cache.load(project.root)
    assert dataset.classes == tuple(sorted(NAMES))
    assert np.bincount(dataset.labels).tolist() == [SHOTS * IN_SHOT] * 3
    of_face = {face.crop: face for face in project.faces}
    labels = project.labels()
    for path, label in zip(dataset.paths, dataset.labels, strict=True):
        assert labels[of_face[path].id] == dataset.classes[label]
    [note] = dataset.listing.notes
    assert note == (
        "a project of 120 faces: 4 answered with nobody, 4 with no face, 4 without an answer"
    )


def test_nobodys_faces_are_strangers_where_strangers_are_asked_for(project):
    dataset = cache.load(project.root, strangers=True)
    strange = [dataset.paths[row] for row in np.flatnonzero(dataset.labels < 0)]
    labels = project.labels()
    of_nobody = [face.crop for face in project.faces if labels[face.id] == NOBODY]
    assert sorted(strange) == sorted(of_nobody)
    assert len(dataset) == 3 * SHOTS * IN_SHOT + len(of_nobody)
    assert (cache.load(project.root).labels >= 0).all()


def test_of_some_characters_the_others_are_left_out_or_strangers(project):
    listing = folders.find(project.root, ["bart_simpson", "maggie"])
    assert listing.classes == ("Maggie", "bart_simpson")
    assert listing.left_out == {"Zoë": SHOTS * IN_SHOT}
    dataset = cache.load(project.root, ["bart_simpson", "maggie"], strangers=True)
    assert (dataset.labels < 0).sum() == SHOTS * IN_SHOT + 4


def test_no_shot_is_on_two_sides(project):
    dataset = cache.load(project.root, strangers=True)
    shot = {face.crop: face.group for face in project.faces}
    made = splits.make(dataset)
    assert made.kind == "shots"
    sides = {}
    for path, part in zip(dataset.paths, made.part, strict=True):
        sides.setdefault(shot[path], set()).add(part)
    assert all(len(parts) == 1 for parts in sides.values())
    assert set.union(*sides.values()) == set(splits.PARTS)
    for part in splits.PARTS:
        assert set(dataset.labels[made.rows(part)]) >= {0, 1, 2}, part


def test_the_split_comes_from_the_seed(project):
    dataset = cache.load(project.root)
    first, again, other = (splits.make(dataset, "shots", seed).part for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_what_a_random_split_leaks_is_found_and_a_split_by_shot_leaks_nothing(project):
    dataset = cache.load(project.root)
    leaked = {
        kind: splits.leaks(dataset, splits.make(dataset, kind), "validation")
        for kind in ("shots", "random")
    }
    assert leaked["shots"] == 0
    assert leaked["random"] > 15


def test_a_character_in_one_shot_is_told(project):
    dataset = cache.load(project.root)
    made = splits.make(dataset, "shots")
    assert splits.shot_note(dataset, made) == ""
    shot = made.group.copy()
    shot[dataset.labels == 1] = shot[dataset.labels == 1][0]
    note = splits.shot_note(dataset, replace(made, group=shot))
    assert note.startswith(f"{dataset.classes[1]}: in one shot only")


def test_too_few_shots_are_told(project):
    dataset = cache.load(project.root)
    shots = {path: shot % 9 for path, shot in dataset.listing.shots.items()}
    few = replace(dataset, listing=replace(dataset.listing, shots=shots))
    with pytest.raises(DataError, match="of 9 different shots, and a split by shot needs 10"):
        splits.make(few)


def test_other_folders_have_no_shots(drawings):
    with pytest.raises(DataError, match="is not a project, so nothing says"):
        splits.make(cache.load(drawings), "shots")


def test_a_project_in_which_nobody_is_named_says_what_to_do(tmp_path):
    write_project(tmp_path, [_source(1)], "0" * 64, "cnn")
    write_faces(tmp_path, [_face("film_s00000_f0", 0)])
    Project.open(tmp_path).answers.name(["film_s00000_f0"], NOBODY)
    with pytest.raises(DataError, match=f"nobody is named; .* `simpsons label {tmp_path}`"):
        folders.find(tmp_path)


def test_a_project_in_which_one_alone_is_named_says_what_to_do(project):
    one = replace(folders.find(project.root, ["Maggie"]), left_out={})
    with pytest.raises(DataError, match=r"only Maggie has a name there, .* `simpsons label "):
        one.require_classes()


def test_a_crop_that_is_gone_is_reported_and_the_others_are_taken(tmp_path):
    write_project(tmp_path, [_source(2)], "0" * 64, "cnn")
    write_faces(tmp_path, [_face("film_s00000_f0", 0), _face("film_s00001_f0", 1)])
    Project.open(tmp_path).answers.name(["film_s00000_f0", "film_s00001_f0"], "Maggie")
    with pytest.raises(DataError, match="its crops are gone"):
        folders.find(tmp_path)
    (tmp_path / "faces/film").mkdir(parents=True)
    draw(DOLLS[0], np.random.default_rng(0), 64).save(tmp_path / "faces/film/film_s00001_f0.jpg")
    listing = folders.find(tmp_path)
    assert [picture.path for picture in listing.pictures] == ["faces/film/film_s00001_f0.jpg"]
    assert [problem.path for problem in listing.problems] == ["faces/film/film_s00000_f0.jpg"]


def test_a_network_is_measured_by_a_split_that_lists_strangers_too(project, tmp_path):
    dataset = cache.load(project.root, strangers=True)
    split = splits.make(dataset, "shots")
    splits.write(tmp_path / "split.csv", dataset, split)
    rows = dataset.known(split.rows("test"))
    found = simpsons.evaluate(project.root, split=str(tmp_path / "split.csv"), part="test")
    assert found.evaluation.n + sum(found.not_measured.values()) == len(rows)
    assert found.evaluation.n > 0
    assert not any("not there" in note for note in found.notes)
