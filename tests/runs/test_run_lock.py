"""A run folder is held by one training, and what a killed one has left is gone on with."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.attacks import kills
from simpsons.errors import SimpsonsError
from simpsons.run_files import CONFIG, SPLIT
from simpsons.runs import pretrained, run
from simpsons.runs.run_lock import LOCK, claimed
from simpsons.training import checkpoint, loop, recipe
from simpsons.training.observer import Epoch, Silent, to_csv

SHORT = replace(recipe.NOTEBOOK, epochs=2, batch=8)
TWO = [Epoch(n, 1.0, 0.5, 1.0, 0.5, 1e-3, 9.0, 0.1) for n in (1, 2)]
FACTS = {"step": 8, "sums": [0.0, 0.0, 0.0], "history": [asdict(row) for row in TWO]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for name in ("cat", "dog"):
        (root / name).mkdir()
        for number in range(14):
            pixels = np.random.default_rng([number, len(name)]).integers(0, 256, (9, 9, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number}.png")
    return root


@pytest.fixture
def begin(pictures, tmp_path, monkeypatch):
    """A function that begins a run in `run`, without a step."""
    monkeypatch.setattr(run, "_train", lambda *_: None)
    folder = tmp_path / "run"

    def begun(**how):
        run.start(folder, pictures, "cnn", SHORT, device="cpu", observer=Silent(), **how)
        return folder

    return begun


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_lock_lies_in_the_folder_and_goes_with_the_training(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "runs" / "one"
    with claimed(folder):
        assert names(folder) == [LOCK]
        monkeypatch.setenv("SIMPSONS_CACHE", str(tmp_path / "another"))
        with pytest.raises(SimpsonsError, match="another training is at work there"):  # noqa: SIM117
            with claimed(folder):
                pass
        (folder / CONFIG).write_text("{}")
    assert names(folder) == [CONFIG]
    assert names(tmp_path) == ["runs"]


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path):
    with pytest.raises(ValueError, match="wrong"):  # noqa: SIM117
        with claimed(tmp_path / "not" / "yet"):
            raise ValueError("wrong")
    assert names(tmp_path) == []


def test_a_lock_of_a_killed_training_is_no_hindrance(tmp_path):
    (tmp_path / LOCK).touch()
    with claimed(tmp_path):
        pass


def test_what_a_training_left_that_was_killed_while_it_began_is_begun_anew(begin, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (LOCK, "exclude.csv", SPLIT):
        (folder / name).write_text("half")
    (folder / "tensorboard").mkdir()
    begin()
    assert names(folder) == [CONFIG, SPLIT, "tensorboard"]


@pytest.mark.parametrize("own", [{SPLIT}, {LOCK, "notes.txt"}])
def test_what_no_training_has_left_is_kept(begin, tmp_path, own):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in own:
        (folder / name).write_text("one's own")
    with pytest.raises(SimpsonsError, match="is not empty"):
        begin()
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(
        own, "one's own"
    )


def test_an_error_while_it_begins_leaves_nothing(begin, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        begin()
    assert not (tmp_path / "run").exists()


KILLED = """
import os, signal, sys
from simpsons.files import whole
with whole(sys.argv[1]) as temporary:
    temporary.write_bytes(b"a part")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_finished_training_gets_what_a_kill_has_kept_from_it(begin, monkeypatch):
    """Its table and curves lack the last epoch; what it learnt from is not needed any more."""
    folder = begin()
    monkeypatch.undo()
    values = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(values | {"teachers": ["gone"], "initial": "gone"}))
    checkpoint.write(folder / loop.LAST, checkpoint.State({"a": torch.zeros(1)}, FACTS))
    (folder / loop.METRICS).write_text(to_csv(TWO[:1]))
    subprocess.run([sys.executable, "-c", KILLED, folder / loop.BEST], check=False)
    drawn, finished = [], []
    monkeypatch.setattr(run.plots, "training_curves", lambda history: len(history))
    monkeypatch.setattr(run.plots, "save", lambda epochs, path: drawn.append((epochs, path.name)))
    monkeypatch.setattr(run, "finish", lambda *given: finished.append(given[0]))
    run.resume(folder, observer=Silent())
    assert (folder / loop.METRICS).read_text() == to_csv(TWO)
    assert drawn == [(2, "curves.png")]
    assert finished == [folder]
    assert names(folder) == [CONFIG, loop.LAST, loop.METRICS, SPLIT]


def killed_before(moment):
    return lambda number: number == moment and os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="copies the process")
def test_killed_before_any_file_operation_of_its_beginning_it_can_be_begun_or_gone_on_with(
    begin, tmp_path
):
    folder = tmp_path / "run"
    begin()
    for moment in range(1, 100):
        shutil.rmtree(folder)
        copy = os.fork()
        if copy == 0:
            sys.addaudithook(kills.Watch(folder, killed_before(moment)))
            begin()
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 0:
            break
        if (folder / CONFIG).exists():
            run.resume(folder, observer=Silent())
        else:
            begin()
        assert names(folder) == [CONFIG, SPLIT], moment
    assert moment > 6


LIES = {
    "recipe": [
        *(None, 5, {}, {"epochs": -5}, {"batch": 0}, {"sizes": []}, {"sizes": [[0.5, 64]]}),
        *({"learning_rate": "NaN"}, {"augmentation": None}, {"optimizer": "magic"}),
        {"dropout": 2},
    ],
    "network": [None, "alexnet", ["cnn"]],
    "classes": [None, "cat", [], ["cat", "cat"], [1, 2], ["cat", ""]],
    "parts": [None, {}, {"train": 5}, {"train": -1, "validation": 3, "test": 1}, [1]],
    "machine": [5, {"device": "cpu"}, {"threads": "two"}],
    "teachers": [None, "cnn", [1]],
    "seed": [None, -1, 1.5, 10**40, True],
    "split": [None, 3],
    "data": [None, ["a"]],
    "boxes": [3],
    "listed": [-1, "all"],
    "leaking": [{"everywhere": 3}, []],
    "unheard_of": [1],
}


@pytest.mark.parametrize(("name", "lie"), [(name, lie) for name in LIES for lie in LIES[name]])
def test_a_configuration_that_lies_is_damaged(begun_values, tmp_path, name, lie):
    values = dict(begun_values)
    if name == "recipe" and isinstance(lie, dict) and lie:
        lie = {**values[name], **lie}
    text = json.dumps(values | {name: lie}).replace('"NaN"', "NaN")
    (tmp_path / CONFIG).write_text(text)
    with pytest.raises(SimpsonsError, match=r"config\.json: is damaged \(.*\); train again"):
        run.Config.read(tmp_path)


@pytest.fixture(scope="module")
def begun_values(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "_train", lambda *_: None)
        run.start(folder, pictures, "cnn", SHORT, device="cpu", observer=Silent())
    return json.loads((folder / CONFIG).read_text())


@pytest.mark.parametrize("text", ["[" * 100_000, "null", '{"a": 1', "\ufeff{}", "[]"])
def test_a_configuration_that_is_none_is_damaged(tmp_path, text):
    (tmp_path / CONFIG).write_text(text, encoding="utf-8")
    with pytest.raises(SimpsonsError, match=r"config\.json: is damaged"):
        run.Config.read(tmp_path)


@pytest.mark.parametrize(
    "lie",
    [
        {"step": -5},
        {"step": None},
        {"sums": [1.0]},
        {"sums": [float("nan"), 0.0, 0.0]},
        {"history": None},
        {"history": [{"epoch": 1}]},
        {"history": [asdict(TWO[1])]},
        {"history": [asdict(TWO[0])] * 2},
        {"history": [asdict(replace(TWO[0], epoch=n)) for n in (1, 2, 3)]},
        {"steps_per_epoch": 0},
    ],
)
def test_a_state_that_lies_is_no_checkpoint(begun_values, tmp_path, lie):
    (tmp_path / CONFIG).write_text(json.dumps(begun_values))
    checkpoint.write(tmp_path / loop.LAST, checkpoint.State({"a": torch.zeros(1)}, FACTS | lie))
    with pytest.raises(SimpsonsError, match=r"last\.safetensors: is not a training checkpoint"):
        pretrained.history(tmp_path, run.Config.read(tmp_path))


@pytest.mark.parametrize("how", ["shapes", "names", "not finite", "cut", "facts"])
def test_weights_that_are_no_weights_of_the_run_are_said(begun_values, tmp_path, how):
    (tmp_path / CONFIG).write_text(json.dumps(begun_values))
    network = run.models.build("cnn", 3 if how == "shapes" else 2)
    weights = checkpoint.weights(network)
    if how == "names":
        weights["other"] = torch.zeros(3)
    if how == "not finite":
        next(iter(weights.values())).view(-1)[0] = torch.nan
    facts = [1] if how == "facts" else {"epoch": 1, "validation_accuracy": 0.5}
    checkpoint.write(tmp_path / loop.BEST, checkpoint.State(weights, facts))
    if how == "cut":
        os.truncate(tmp_path / loop.BEST, 5000)
    with pytest.raises(SimpsonsError, match=r"best\.safetensors: is not a training checkpoint"):
        pretrained.load_best(tmp_path)
