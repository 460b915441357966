"""Teachers are asked once for each picture that comes again, by all runs together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from simpsons.dataset import cache
from simpsons.dataset.split import Split
from simpsons.training.recipe import DEFAULT, Augmentation
from simpsons.training.teachers import Teachers

RECIPE = replace(DEFAULT["cnn"], views=2)


class Colour(nn.Module):
    """Answers by the mean colour, and counts the pictures that it was shown."""

    def __init__(self, classes, strength=1.0):
        super().__init__()
        self.register_buffer("strength", torch.tensor(strength))
        self.classes, self.shown = classes, 0

    def forward(self, pixels):
        self.shown += len(pixels)
        mean = pixels.mean((2, 3))
        return self.strength * nn.functional.pad(mean, (0, self.classes - 3))


@pytest.fixture
def dataset(tmp_path, monkeypatch, drawings):
    """Decoded drawings; answers go to a cache of the test's own."""
    decoded = cache.load(drawings)
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))
    return decoded


@pytest.fixture
def split(dataset):
    part = np.full(len(dataset), "validation", dtype="<U10")
    part[::2] = "train"
    return Split("even", None, part, np.arange(len(dataset)))


@pytest.fixture
def pixels(dataset):
    return torch.from_numpy(np.array(dataset.images)).permute(0, 3, 1, 2).float() / 255


def teachers_of(networks, dataset, split, recipe=RECIPE):
    return Teachers(networks, dataset, split, recipe, torch.device("cpu"))


def epoch(teachers, number, pixels, rows, seed=7):
    """The answers of one epoch, in two batches."""
    teachers.begin(seed, number)
    rows = torch.from_numpy(rows)
    answers = [teachers.answer(pixels[part], part) for part in rows.split(len(rows) // 2 + 1)]
    teachers.end()
    return torch.cat(answers)


def test_the_answer_is_the_mean_of_the_probabilities(dataset, split, pixels):
    networks = [Colour(len(dataset.classes), strength) for strength in (1.0, 5.0)]
    rows = split.rows("train")
    answers = epoch(teachers_of(networks, dataset, split), 0, pixels, rows)
    expected = sum(network(pixels[rows]).softmax(1) for network in networks) / 2
    torch.testing.assert_close(answers, expected)
    torch.testing.assert_close(answers.sum(1), torch.ones(len(rows)))


def test_pictures_that_come_again_are_shown_once(dataset, split, pixels):
    network, rows = Colour(len(dataset.classes)), split.rows("train")
    teachers = teachers_of([network], dataset, split)
    first = [epoch(teachers, number, pixels * (1 - 0.5 * number), rows) for number in (0, 1)]
    assert network.shown == 2 * len(rows)
    assert not torch.allclose(first[0], first[1])
    for number in (2, 3, 4):
        again = epoch(teachers, number, pixels, rows)
        assert torch.equal(again, first[number % 2])
    assert network.shown == 2 * len(rows)


def test_another_run_with_another_seed_need_not_ask(dataset, split, pixels):
    network, rows = Colour(len(dataset.classes)), split.rows("train")
    answers = epoch(teachers_of([network], dataset, split), 0, pixels, rows)
    again = teachers_of([network], dataset, split)
    assert torch.equal(epoch(again, 0, pixels, rows[::-1].copy(), seed=8), answers.flip(0))
    assert network.shown == len(rows)


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given | {"networks": [Colour(given["classes"], 2.0)]},
        lambda given: given | {"recipe": replace(RECIPE, augmentation=Augmentation())},
        lambda given: given | {"split": rolled(given["split"])},
    ],
    ids=["teacher", "augmentation", "split"],
)
def test_what_the_answers_depend_on_asks_again(dataset, split, pixels, change):
    classes = len(dataset.classes)
    first = {"classes": classes, "networks": [Colour(classes)], "recipe": RECIPE, "split": split}
    rows = split.rows("train")
    epoch(teachers_of(first["networks"], dataset, split), 0, pixels, rows)
    other = change(first)
    before = other["networks"][0].shown
    epoch(
        teachers_of(other["networks"], dataset, other["split"], other["recipe"]),
        *(0, pixels, other["split"].rows("train")),
    )
    assert other["networks"][0].shown > before


def rolled(split):
    return Split(split.kind, split.seed, np.roll(split.part, 1), split.group)


def test_an_epoch_that_saw_a_part_of_the_pictures_is_not_kept(dataset, split, pixels):
    network, rows = Colour(len(dataset.classes)), split.rows("train")
    teachers = teachers_of([network], dataset, split)
    epoch(teachers, 0, pixels, rows[1:])
    epoch(teachers, 2, pixels, rows)
    assert network.shown == 2 * len(rows) - 1
    epoch(teachers, 4, pixels, rows)
    assert network.shown == 2 * len(rows) - 1


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"nonsense"])
def test_damaged_answers_are_asked_for_again(dataset, split, pixels, damage):
    network, rows = Colour(len(dataset.classes)), split.rows("train")
    answers = epoch(teachers_of([network], dataset, split), 0, pixels, rows)
    [file] = (cache.cache_folder() / "answers").iterdir()
    file.write_bytes(damage)
    assert torch.equal(epoch(teachers_of([network], dataset, split), 0, pixels, rows), answers)
    assert network.shown == 2 * len(rows)


def test_the_random_changes_come_again_for_every_run(dataset, split):
    teachers = teachers_of([Colour(len(dataset.classes))], dataset, split)
    assert [teachers.begin(7, number) for number in range(4)] == [(0, 0), (0, 1), (0, 0), (0, 1)]


def test_without_views_or_teachers_pictures_are_ever_new(dataset, split, pixels):
    network, rows = Colour(len(dataset.classes)), split.rows("train")
    ever_new = teachers_of([network], dataset, split, replace(RECIPE, views=0))
    assert [ever_new.begin(7, number) for number in range(3)] == [(7, 0), (7, 1), (7, 2)]
    for number in range(3):
        epoch(ever_new, number, pixels, rows)
    assert network.shown == 3 * len(rows)
    nobody = teachers_of([], dataset, split)
    assert nobody.begin(7, 5) == (7, 5)
    assert nobody.answer(pixels[rows], torch.from_numpy(rows)) is None
    nobody.end()
    assert not (cache.cache_folder() / "answers").exists()
