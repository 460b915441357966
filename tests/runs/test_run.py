"""Short real trainings of `xception` on drawings: what a run leaves, resumes and refuses."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from simpsons.classifier import Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.dataset.kaggle import LICENCE
from simpsons.errors import SimpsonsError
from simpsons.models.inference import predict_logits
from simpsons.run_files import MODEL, SPLIT
from simpsons.runs import pretrained, run
from simpsons.runs.config import Config
from simpsons.runs.pretrained import Pretrained
from simpsons.training import loop, recipe
from simpsons.training.observer import Epoch
from simpsons.training.recipe import Recipe

SIZES = ((0.0, 32), (0.5, 64))
EPOCH = Epoch(1, 1.0, 0.5, 1.0, 0.5, 1e-3, 100.0, 0.1)
SHORT = replace(recipe.DEFAULT["xception"], name="short", epochs=3, batch=32, sizes=SIZES)


class Quiet:
    """An observer that says nothing."""

    def on_step(self, epoch, done, total, loss, accuracy): ...

    def on_epoch(self, history, best): ...


def assert_same_weights(one, other):
    first, second = load_file(one), load_file(other)
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-6, rtol=0, msg=name)


@pytest.fixture(scope="module")
def unbroken(many_drawings, tmp_path_factory):
    """A run of three epochs that nothing stopped."""
    folder = tmp_path_factory.mktemp("runs") / "unbroken"
    run.start(folder, many_drawings, "xception", SHORT, seed=1, device="cpu", observer=Quiet())
    return folder


def test_of_short_epochs_some_are_drawn_and_always_the_last(many_drawings, tmp_path, monkeypatch):
    def three_epochs(*_args, observer, **_kwargs):
        for done in (1, 2, 3):
            observer.on_epoch([replace(EPOCH, epoch=n + 1) for n in range(done)], best=True)

    drawn = []
    monkeypatch.setattr(loop, "train", three_epochs)
    monkeypatch.setattr(run, "finish", lambda *_: None)
    monkeypatch.setattr(run.plots, "training_curves", lambda history: len(history))
    monkeypatch.setattr(run.plots, "save", lambda epochs, path: drawn.append(epochs))
    run.start(tmp_path / "run", many_drawings, "cnn", SHORT, device="cpu", observer=Quiet())
    assert drawn == [1, 3]


def test_a_run_folder_has_everything_to_repeat_and_use_it(unbroken, many_drawings):
    files = {path.name for path in unbroken.iterdir()}
    assert files == {
        "config.json",
        "split.csv",
        "metrics.csv",
        "best.safetensors",
        "last.safetensors",
        "curves.png",
        "model.onnx",
        "report",
    }
    config = json.loads((unbroken / "config.json").read_text())
    assert Recipe.from_json(config["recipe"]) == SHORT
    assert config["seed"] == 1
    assert config["left_out"] == 0
    assert sum(config["parts"].values()) == config["pictures"]
    assert len((unbroken / "metrics.csv").read_text().splitlines()) == 4
    assert Classifier(unbroken).labels == cache.load(many_drawings).classes
    assert "<html" in (unbroken / "report" / "index.html").read_text(encoding="utf-8")


def test_it_learns(unbroken):
    first, *_, last = run.history(unbroken)
    assert last.train_loss < first.train_loss
    assert last.train_accuracy > 2 / 18


def test_the_onnx_file_is_the_best_weights_with_its_provenance(unbroken, many_drawings):
    classifier = Classifier(unbroken)
    network, best = pretrained.load_best(unbroken)
    pixels = cache.load(many_drawings).images[:40]
    logits = predict_logits(network, torch.from_numpy(np.array(pixels)), torch.arange(40))
    expected = torch.softmax(logits / classifier.metadata["temperature"], dim=1)
    np.testing.assert_allclose(classifier.probabilities(pixels), expected, atol=1e-5)
    accuracy = classifier.metadata["figures"]["validation_accuracy"]
    assert accuracy == pytest.approx(best["validation_accuracy"])
    assert classifier.metadata["recipe"]["name"] == "short"
    assert classifier.metadata["split"]["kind"] == "leak-free"
    assert "data_licence" not in classifier.metadata  # the drawings are our own


def test_what_starts_from_other_weights_carries_their_licence(
    many_drawings, tmp_path, unbroken, monkeypatch
):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    licences = {}
    for name, how in {
        "new": {},
        "from": {"initial": "xception"},
        "after": {"initial": str(tmp_path / "run")},
        "taught": {"teachers": [unbroken, tmp_path / "run"]},
    }.items():
        how |= {"split": str(unbroken / SPLIT), "observer": Quiet()}
        with pytest.raises(KeyboardInterrupt):
            run.start(tmp_path / name, many_drawings, "xception", SHORT, **how)
        licences[name] = Config.read(tmp_path / name).licence
        if name == "from":
            shutil.copytree(unbroken, tmp_path / "run")
            shutil.copy(tmp_path / "from" / "config.json", tmp_path / "run")
    assert licences == {"new": None, "from": LICENCE, "after": LICENCE, "taught": LICENCE}

    written = []
    monkeypatch.setattr(run.exporting, "export_fitted", lambda *given: written.append(given[4]))
    dataset = cache.load(many_drawings)
    split = splits.read(tmp_path / "run" / SPLIT, dataset)
    run.export_run(tmp_path / "run", tmp_path / "own.onnx", dataset, split)
    assert [metadata["data_licence"] for metadata in written] == [LICENCE]


def test_the_temperature_is_fitted_on_the_validation_part(unbroken, tmp_path, monkeypatch):
    given, shipped = [], []
    monkeypatch.setattr(run, "fit_temperature", lambda *seen: given.append(seen) or 1.25)
    monkeypatch.setattr(run.exporting, "export_fitted", lambda *what: shipped.append(what))
    _, dataset, split = run.load(unbroken)
    run.export_run(unbroken, tmp_path / "model.onnx", dataset, split)
    rows = split.rows("validation")
    [(logits, labels)] = given
    assert labels.tolist() == dataset.labels[rows].tolist()
    network, _ = pretrained.load_best(unbroken)
    pixels = torch.from_numpy(np.array(dataset.images))
    expected = predict_logits(network, pixels, torch.from_numpy(rows))
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert shipped[0][5] == 1.25


def test_the_last_epoch_can_be_exported_instead(unbroken, many_drawings, tmp_path):
    dataset = cache.load(many_drawings)
    split = splits.read(unbroken / SPLIT, dataset)
    run.export_run(unbroken, tmp_path / "last.onnx", dataset, split, last=True)
    classifier = Classifier(tmp_path / "last.onnx")
    assert classifier.metadata["epoch"] == SHORT.epochs
    assert classifier.metadata["epoch_kept"] == "last"
    assert Classifier(unbroken).metadata["epoch_kept"] == "best"
    accuracy = classifier.metadata["figures"]["validation_accuracy"]
    assert accuracy == pytest.approx(run.history(unbroken)[-1].validation_accuracy)
    for name, tensor in pretrained.load_last(unbroken).state_dict().items():
        expected = load_file(unbroken / loop.LAST)[f"average.module.{name}"]
        torch.testing.assert_close(tensor, expected, msg=name)


class Press(Quiet):
    """Presses Ctrl-C in an epoch, once or twice."""

    def __init__(self, epoch, times):
        self.epoch, self.times = epoch, times

    def on_step(self, epoch, done, total, loss, accuracy):
        if epoch == self.epoch:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_saves_and_resume_ends_with_the_same_weights(
    unbroken, many_drawings, tmp_path, monkeypatch, unfinished, times
):
    """The second Ctrl-C acts at once, so what it leaves is the last epoch's."""
    monkeypatch.setattr(loop, "_CHECK_EVERY", 2)  # so that it stops inside the epoch
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run.start(
            folder,
            many_drawings,
            "xception",
            SHORT,
            seed=1,
            device="cpu",
            observer=Press(2, times),
        )
    state = loop.checkpoint.read(folder / loop.LAST)
    in_an_epoch = state.facts["step"] % loop_steps(unbroken) != 0
    assert in_an_epoch == (times == 1)
    with pytest.raises(SimpsonsError, match=f"--resume {folder}"):
        pretrained.load_last(folder)
    run.resume(folder, observer=Quiet())
    assert_same_weights(folder / loop.BEST, unbroken / loop.BEST)
    assert_same_weights(folder / loop.LAST, unbroken / loop.LAST)
    np.testing.assert_allclose(measured(folder), measured(unbroken), rtol=1e-4)


def measured(folder):
    """The table of a run's epochs, without the times."""
    table = np.genfromtxt(folder / "metrics.csv", delimiter=",", names=True)
    assert table.dtype.names[-2:] == ("images_per_second", "seconds")
    return np.array(table.tolist())[:, :-2]


def loop_steps(folder):
    """Steps in an epoch of a finished run."""
    return loop.checkpoint.read(folder / loop.LAST).facts["step"] // SHORT.epochs


CHILD = """
import os, signal, sys
from dataclasses import replace
from simpsons.training import recipe
from simpsons.runs import run
import torch
torch.set_num_threads({threads})
class Killed:
    def on_step(self, epoch, *_):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    def on_epoch(self, *_): ...
sizes = ((0.0, 32), (0.5, 64))
short = replace(recipe.DEFAULT["xception"], name="short", epochs=3, batch=32, sizes=sizes)
run.start(sys.argv[1], sys.argv[2], "xception", short, seed=1, device="cpu", observer=Killed())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_kill_9_in_training_loses_nothing_that_a_resume_does_not_repeat(
    unbroken, many_drawings, tmp_path, unfinished
):
    folder = tmp_path / "run"
    script = CHILD.format(threads=torch.get_num_threads())
    killed = subprocess.run([sys.executable, "-c", script, folder, many_drawings], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(run.history(folder)) == 1
    run.resume(folder, observer=Quiet())
    assert_same_weights(folder / loop.BEST, unbroken / loop.BEST)
    assert len(run.history(folder)) == 3


KILLED_EXPORT = """
import os, signal, sys
from pathlib import Path
from simpsons.dataset import cache, split
from simpsons.runs import run
def export_a_part(network, path, *_):
    Path(path).write_bytes(b"a part")
    os.kill(os.getpid(), signal.SIGKILL)
run.exporting.export = export_a_part
run.exporting.familiarity.fit = lambda *_, **__: None
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
config = run.Config.read(folder)
dataset = cache.load(config.data)
run.export_run(folder, out, dataset, split.read(folder / "split.csv", dataset))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_kill_9_in_export_leaves_the_old_file(unbroken, tmp_path):
    out = tmp_path / "model.onnx"
    before = (unbroken / "model.onnx").read_bytes()
    out.write_bytes(before)
    killed = subprocess.run([sys.executable, "-c", KILLED_EXPORT, unbroken, out], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.onnx") if not path.name.startswith(".")] == [
        "model.onnx"
    ]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_best_weights(
    many_drawings, tmp_path, unfinished
):
    folder = tmp_path / "run"
    calm = replace(SHORT, epochs=1)
    run.start(folder, many_drawings, "xception", calm, device="cpu", observer=Quiet())
    best = (folder / loop.BEST).read_bytes()
    dataset = cache.load(many_drawings)
    split = splits.read(folder / SPLIT, dataset)
    wild = replace(SHORT, learning_rate=1e30, warm_up=0.5, epochs=4)
    with pytest.raises(SimpsonsError, match=r"not finite in epoch 2.*smaller --learning-rate"):
        loop.train(dataset, split, "xception", wild, folder, device="cpu", observer=Quiet())
    assert (folder / loop.BEST).read_bytes() == best
    assert len(run.history(folder)) == 1


@pytest.mark.slow
def test_cnn_trains_with_batch_norms_and_a_teacher_and_ships_without_them(
    unbroken, many_drawings, tmp_path, unreported
):
    folder = tmp_path / "cnn"
    short = replace(recipe.DEFAULT["cnn"], epochs=1, batch=64)
    run.start(
        folder,
        many_drawings,
        "cnn",
        short,
        split=str(unbroken / "split.csv"),
        teachers=[unbroken],
        device="cpu",
        observer=Quiet(),
        fit=False,
    )
    names = load_file(folder / loop.BEST).keys()
    assert any("running_mean" in name for name in names)
    assert Classifier(folder).metadata["teachers"] == 1
    assert Classifier(folder).threshold is not None
    weights = sum(
        np.prod(tensor.dims)
        for tensor in _initializers(folder / "model.onnx")
        if tensor.name.startswith("network.")
    )
    assert 2_240_306 <= weights < 2_240_306 + 100  # and a few constants of shapes


def _initializers(path):
    import onnx

    return onnx.load(path).graph.initializer


def test_a_teacher_that_learnt_from_held_out_pictures_is_refused(unbroken, many_drawings, tmp_path):
    with pytest.raises(SimpsonsError, match="learnt from pictures that this run holds out"):
        run.start(
            tmp_path / "run",
            many_drawings,
            "xception",
            SHORT,
            seed=2,
            teachers=[unbroken],
            device="cpu",
            observer=Quiet(),
        )


def test_so_is_one_that_learnt_from_another_copy_of_the_pictures(unbroken, many_drawings, tmp_path):
    shutil.copytree(many_drawings, tmp_path / "copy")
    dataset = cache.load(tmp_path / "copy")
    held = splits.read(unbroken / SPLIT, dataset)
    network = Pretrained(unbroken)
    network.require_unseen(dataset, held)
    with pytest.raises(SimpsonsError, match="learnt from pictures that this run holds out"):
        network.require_unseen(dataset, splits.make(dataset, seed=2))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"split": "shipped"}, "the split shipped has no train pictures in it; choose another"),
        (
            {"initial": "cnn"},
            "cnn: is another architecture than xception, so none of its weights would fit",
        ),
        (
            {"recipe": recipe.NOTEBOOK, "teachers": ["cnn"]},
            "the recipe notebook doesn't learn from teachers; omit --teacher, or choose --recipe",
        ),
    ],
)
def test_what_can_not_be_trained_is_refused_and_leaves_nothing(
    many_drawings, tmp_path, how, message
):
    how = {"recipe": SHORT, "observer": Quiet()} | how
    with pytest.raises(SimpsonsError, match=message):
        run.start(tmp_path / "run", many_drawings, "xception", **how)
    assert not (tmp_path / "run").exists()


def test_a_second_run_in_the_same_folder_is_refused(unbroken, many_drawings):
    with pytest.raises(SimpsonsError, match="already holds a run; resume it with --resume"):
        run.start(unbroken, many_drawings, "xception", SHORT, observer=Quiet())


def test_the_state_of_a_run_without_its_configuration_is_not_gone_on_with(many_drawings, tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"of another run")
    with pytest.raises(SimpsonsError, match="is not empty"):
        run.start(tmp_path, many_drawings, "xception", SHORT, observer=Quiet())


def test_while_a_training_is_at_work_another_in_the_same_folder_is_refused(
    many_drawings, tmp_path, monkeypatch
):
    folder, at_work = tmp_path / "run", []

    def train(*_args, **_kwargs):
        at_work.append(folder)
        for begin in (
            lambda: run.start(folder, many_drawings, "cnn", SHORT, observer=Quiet()),
            lambda: run.resume(folder, observer=Quiet()),
        ):
            with pytest.raises(SimpsonsError, match="another training is at work there"):
                begin()

    monkeypatch.setattr(loop, "train", train)
    monkeypatch.setattr(run, "finish", lambda *_: None)
    run.start(folder, many_drawings, "xception", SHORT, device="cpu", observer=Quiet())
    assert at_work == [folder]
    assert Config.read(folder).network == "xception"
    with pytest.raises(SimpsonsError, match="already holds a run"):
        run.start(folder, many_drawings, "cnn", SHORT, observer=Quiet())


def test_resuming_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(SimpsonsError, match="is not a run folder"):
        run.resume(tmp_path, observer=Quiet())
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(SimpsonsError, match="is damaged"):
        run.resume(tmp_path, observer=Quiet())


def test_an_empty_class_is_refused_before_training(tmp_path, many_drawings):
    data = tmp_path / "data"
    shutil.copytree(many_drawings, data)
    (data / "nobody").mkdir()
    with pytest.raises(SimpsonsError, match="no readable picture in the class nobody"):
        run.start(tmp_path / "run", data, "xception", SHORT, observer=Quiet())
    assert not (tmp_path / "run").exists()


def test_an_unknown_device_is_refused():
    with pytest.raises(SimpsonsError, match="no device 'abacus' here"):
        loop.choose_device("abacus")


@pytest.fixture
def moved(unbroken, many_drawings, tmp_path):
    """A run whose pictures were moved, where one more and a class of its own came later."""
    folder, data = tmp_path / "run", tmp_path / "moved"
    shutil.copytree(unbroken, folder)
    shutil.copytree(many_drawings, data)
    first = sorted(data.glob("*/*"))[0]
    shutil.copy(first, first.with_name("later.jpg"))
    (data / "aaa").mkdir()
    shutil.copy(first, data / "aaa" / "1.jpg")
    values = json.loads((folder / "config.json").read_text())
    gone = str(tmp_path / "gone")
    (folder / "config.json").write_text(json.dumps(values | {"data": gone}))
    return folder, data


def test_a_data_set_that_moved_and_grew_is_read_as_the_run_knew_it(unbroken, moved):
    folder, data = moved
    with pytest.raises(SimpsonsError, match=r"gone, which is missing; say where they are now"):
        run.load(folder)
    _, was, split = run.load(unbroken)
    config, dataset, now = run.load(folder, data=data)
    assert config.data == str(data)
    assert dataset.classes == was.classes == config.classes
    assert now.counts() == split.counts()
    assert len(dataset) == len(was) + 1
    assert "1 pictures are not in the split split.csv, so in no part" in now.note
    labels = dict(zip(was.paths, was.labels.tolist(), strict=True))
    grown = dict(zip(dataset.paths, dataset.labels.tolist(), strict=True))
    assert labels.items() <= grown.items()


def test_a_run_goes_on_with_pictures_that_were_moved(moved, cli, monkeypatch, tmp_path):
    folder, data = moved
    given = []

    def export(_run, out, *said):
        given.append(said)
        out.write_bytes((folder / MODEL).read_bytes())

    monkeypatch.setattr(run, "export_run", export)
    result = cli("export", folder, tmp_path / "out.onnx", "--data", data)
    assert result.exit_code == 0, result.output
    assert "Note: 1 pictures are not in the split" in result.stderr
    assert given[0][0].root == data
    monkeypatch.setattr(run, "_train", lambda *said: None)
    assert cli("train", data, "--resume", folder).exit_code == 0
    assert run.Config.read(folder).data == str(data)


def test_the_notebooks_pictures_are_resized_as_its_are(many_drawings, tmp_path, monkeypatch):
    """Without anti-aliasing, in training and in what its file is asked; the split is the same."""
    seen = {}

    def interrupted(dataset, split, *_args, **_kwargs):
        seen[dataset.images[0].tobytes()] = split
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    for name, how in (("plain", SHORT), ("notebook", replace(SHORT, resize="bilinear"))):
        with pytest.raises(KeyboardInterrupt):
            run.start(tmp_path / name, many_drawings, "cnn", how, device="cpu", observer=Quiet())
    usual, other = (cache.load(many_drawings, resize=way) for way in ("antialias", "bilinear"))
    assert list(seen) == [usual.images[0].tobytes(), other.images[0].tobytes()]
    first, second = seen.values()
    assert first.part.tolist() == second.part.tolist()
    _, dataset, _ = run.load(tmp_path / "notebook")
    assert np.array_equal(dataset.images, other.images)

    written = []
    monkeypatch.setattr(run.exporting, "export_fitted", lambda *given: written.append(given[4]))
    for name in ("plain", "notebook"):
        state = loop.checkpoint.State(loop.checkpoint.weights(run.models.build("cnn", 18)), {})
        loop.checkpoint.write(tmp_path / name / loop.BEST, state)
        run.export_run(tmp_path / name, tmp_path / "a.onnx", *run.load(tmp_path / name)[1:])
    assert [metadata.get("resize") for metadata in written] == [None, "bilinear"]


@pytest.mark.parametrize(
    ("how", "batch"),
    [
        ({}, 8),
        ({"recipe": recipe.DEFAULT["xception"]}, 8),
        ({"recipe": replace(recipe.DEFAULT["xception"], epochs=3)}, 8),
        ({"recipe": recipe.DEFAULT["xception"], "fit": False}, 64),
        ({"recipe": replace(recipe.DEFAULT["xception"], batch=32)}, 32),
        ({"recipe": recipe.NOTEBOOK}, 32),
    ],
)
def test_of_few_pictures_the_batches_are_as_small_as_the_commands(
    many_drawings, tmp_path, monkeypatch, how, batch
):
    def interrupted(_dataset, _split, _network, recipe, *_args, **_kwargs):
        assert recipe.batch == batch
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.start(tmp_path / "run", many_drawings, "xception", device="cpu", **how)
    assert Config.read(tmp_path / "run").recipe.batch == batch
