"""`simpsons train`, `export`, `import` and `models` from the command line."""

import json
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from simpsons import Classifier
from simpsons.api import train
from simpsons.classifier import model_path
from simpsons.cli import train as train_command
from simpsons.dataset import cache, exclusions
from simpsons.dataset import split as splits
from simpsons.dataset.exclusions import DROP, Line
from simpsons.formats.onnx_export import add_metadata
from simpsons.models import resnet
from simpsons.training import loop


@pytest.fixture(scope="module")
def run_folder(cli, many_drawings, tmp_path_factory):
    """A run of one epoch, made by the command."""
    folder = tmp_path_factory.mktemp("runs") / "cnn"
    how = ("--model", "cnn", "--epochs", "1", "--batch", "64", "--device", "cpu")
    result = cli("train", many_drawings, *how, "--out", folder)
    assert result.exit_code == 0, result.output
    assert "validation:" in result.stdout
    (folder / "said.txt").write_text(result.stdout)
    return folder


def test_the_next_command_it_prints_works(cli, run_folder):
    said = (run_folder / "said.txt").read_text()
    _, _, line = said.partition("\nnext ")
    program, *words = shlex.split(line.splitlines()[0])
    assert program == "simpsons"
    result = cli(*words, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["n"] > 0


@pytest.mark.parametrize(
    ("characters", "named"), [(["ada", "bo b"], "'ada,bo b'"), (3, "3"), ("all", "all")]
)
def test_the_next_command_names_the_characters(run_folder, tmp_path, characters, named):
    values = json.loads((run_folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {"characters": characters}))
    assert train_command._evaluation(tmp_path).endswith(f" --part test --characters {named}")


def test_the_next_command_knows_a_split_without_a_test_part_and_a_shipped_name(
    run_folder, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    values = json.loads((run_folder / "config.json").read_text())
    parts = {"train": 8, "validation": 2, "test": 0}
    (tmp_path / "cnn").mkdir()
    (tmp_path / "cnn" / "config.json").write_text(json.dumps(values | {"parts": parts}))
    command = train_command._evaluation(Path("cnn"))
    assert command.endswith(" --model ./cnn --split cnn/split.csv --part validation")


def test_a_run_is_asked_which_pictures_it_learnt_from(cli, run_folder, many_drawings):
    learnt = cache.load(many_drawings)
    count = (splits.read(run_folder / "split.csv", learnt).part == "train").sum()
    own = run_folder / "split.csv"
    for model in (run_folder, run_folder / "model.onnx"):
        said = cli("evaluate", many_drawings, "--model", model).stdout
        assert f"{count} of these {len(learnt)} pictures are named like pictures that" in said
        assert f"for a clean figure use --split {own} --part test" in said
    clean = ("--split", own, "--part", "test")
    result = cli("evaluate", many_drawings, "--model", run_folder, *clean, "--json")
    assert json.loads(result.stdout)["named_like_training_pictures"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seed", 2**32), "'--seed'"),
        (("--learning-rate", "nan"), "nan is not a number"),
        (("--mix", "nan"), "nan is not a number"),
    ],
)
def test_numbers_that_are_none_are_refused_and_leave_nothing(
    cli, many_drawings, tmp_path, options, message
):
    result = cli("train", many_drawings, *options, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_class_called_unknown_is_refused(cli, many_drawings, tmp_path):
    shutil.copytree(many_drawings, tmp_path / "data")
    (tmp_path / "data" / "unknown").mkdir()
    shutil.copy(next(many_drawings.glob("*/*.*")), tmp_path / "data" / "unknown")
    result = cli("train", tmp_path / "data", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "a class can't be called unknown" in result.stderr
    assert not (tmp_path / "run").exists()


def test_it_says_what_it_trains_on(cli, many_drawings, tmp_path, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    shutil.copytree(many_drawings, tmp_path / "data")
    for other in ("homer_simpson", "bart_simpson"):
        shutil.copytree(tmp_path / "data" / "ada_thimble", tmp_path / "data" / other)
    monkeypatch.setattr(loop, "train", interrupted)
    said = cli("train", tmp_path / "data", "--out", tmp_path / "run").stderr
    assert f"{tmp_path / 'data'}: 24 pictures of 2 characters; 216 of 18 other characters" in said


@pytest.mark.parametrize("out", ["data", "full"])
def test_a_folder_with_something_in_it_is_no_run_folder(cli, many_drawings, tmp_path, out):
    shutil.copytree(many_drawings, tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "plan.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    result = cli("train", tmp_path / "data", "--out", tmp_path / out)
    assert result.exit_code == 2
    assert f"{tmp_path / out}: is not empty; choose an empty folder" in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_stopped_run_says_how_to_go_on_where_it_is_used(cli, run_folder, tmp_path, drawings):
    (tmp_path / "run").mkdir()
    shutil.copy(run_folder / "config.json", tmp_path / "run")
    result = cli("evaluate", drawings, "--model", tmp_path / "run")
    assert result.exit_code == 2
    assert f"{tmp_path / 'run'}: its training is unfinished" in result.stderr
    assert f"`simpsons train --resume {tmp_path / 'run'}`" in result.stderr


def test_a_file_is_no_run_to_export(cli, run_folder, tmp_path):
    result = cli("export", run_folder / "model.onnx", tmp_path / "out.onnx")
    assert result.exit_code == 2
    assert "model.onnx: is a file, not a run folder; give the pictures" in result.stderr


def test_a_card_replaces_nothing_but_a_card(cli, run_folder, tmp_path):
    (tmp_path / "plan.md").write_text("# My plan")
    for name, message in (("plan.onnx", "plan.md: already exists and is not a card of plan.onnx"),
                          ("weights.md", "weights.md: is where the card goes")):  # fmt: skip
        result = cli("export", run_folder, tmp_path / name, "--card")
        assert result.exit_code == 2
        assert message in result.stderr
    assert (tmp_path / "plan.md").read_text() == "# My plan"
    assert [path.name for path in tmp_path.iterdir()] == ["plan.md"]


def test_train_twice_into_one_folder_is_refused(cli, run_folder, many_drawings):
    result = cli("train", many_drawings, "--out", run_folder)
    assert result.exit_code == 2
    assert "already holds a run" in result.stderr


@pytest.mark.slow
def test_the_larger_network_trains_and_teaches(
    cli, many_drawings, tmp_path, monkeypatch, unreported
):
    monkeypatch.setattr(resnet, "WIDTHS", (8, 16, 24, 32))  # in a moment
    how = ("--epochs", "1", "--batch", "64", "--device", "cpu")
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    result = cli("train", many_drawings, "--model", "resnet", *how, "--out", teacher)
    assert result.exit_code == 0, result.output
    result = cli(
        "train", many_drawings, "--model", "cnn", "--teacher", teacher, *how, "--out", student
    )
    assert result.exit_code == 0, result.output
    assert Classifier(teacher).metadata["network"] == "resnet"
    assert Classifier(student).metadata["teachers"] == 1
    result = cli(
        "train", many_drawings, "--teacher", teacher / "model.onnx", "--out", tmp_path / "x"
    )
    assert result.exit_code == 2
    assert "give the run" in result.stderr


def test_ctrl_c_says_how_to_resume(cli, many_drawings, tmp_path, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    result = cli("train", many_drawings, "--out", tmp_path / "my run")
    assert result.exit_code == 130
    assert f"simpsons train --resume '{tmp_path / 'my run'}'" in result.stderr
    monkeypatch.setattr(cache, "load", interrupted)
    result = cli("train", many_drawings, "--out", tmp_path / "another")
    assert result.exit_code == 130
    assert result.stderr.rstrip().endswith("\nStopped.")


def test_it_says_what_it_runs_on_and_what_an_onnx_file_does_not_tell(
    cli, many_drawings, tmp_path, monkeypatch
):
    def interrupted(*_args, **kwargs):
        assert kwargs["initial"] is not None
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    out, model = tmp_path / "run", tmp_path / "own.onnx"
    shutil.copy(model_path("xception"), model)
    add_metadata(model, {"split": {"kind": "leak-free", "seed": 0}})
    how = ("--batch", "48", "--device", "cpu", "--from", model, "--out", out)
    said = cli("train", many_drawings, *how).stderr
    assert "xception, recipe default: 30 epochs, batch 48" in said
    assert "on cpu (" in said
    assert f"Warning: {model} does not say which pictures it was trained on" in said
    machine = json.loads((out / "config.json").read_text())["machine"]
    assert machine["device"] == "cpu"
    assert machine["processes"] == 1


@pytest.mark.parametrize(
    ("recipe", "chosen"),
    [
        ("default", "30 epochs, batch 256, adamw, learning rate 0.006"),
        ("notebook", "100 epochs, batch 32, adam, learning rate 0.0001"),
    ],
)
def test_on_a_gpu_the_same_command_takes_larger_batches(
    cli, many_drawings, tmp_path, monkeypatch, recipe, chosen
):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    monkeypatch.setattr(train, "choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(train, "describe", lambda device, precision: device)
    many = SimpleNamespace(pictures=range(17_077), summary="17,077 pictures", classes=())
    monkeypatch.setattr(train, "find", lambda folder, characters: many)
    said = cli("train", many_drawings, "--recipe", recipe, "--out", tmp_path / "run").stderr
    expected = f"xception, recipe {recipe}: {chosen}\non cuda\n{many_drawings}: 17,077 pictures\n"
    assert expected in said


def test_on_gpus_one_process_of_several_says_what_is_wrong(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "choose_device", lambda name: torch.device("cuda"))
    nowhere = tmp_path / "nowhere"
    assert "no such folder" in cli("train", nowhere).stderr
    monkeypatch.setattr(train.parallel, "is_first", lambda: False)
    silent = cli("train", nowhere)
    assert (silent.exit_code, silent.stderr) == (2, "")


@pytest.mark.parametrize(("model", "options", "views", "mix"), [
    ("cnn", (), 8, 0), ("resnet", (), 8, 0.5), ("resnet", ("--mix", 0, "--views", 0), 0, 0),
    ("cnn", ("--mix", 0.25), 8, 0.25)
])  # fmt: skip
def test_views_and_mix_instead_of_the_recipes(
    cli, many_drawings, tmp_path, monkeypatch, model, options, views, mix
):
    def interrupted(_dataset, _split, _network, recipe, *_args, **_kwargs):
        assert (recipe.views, recipe.augmentation.mix) == (views, mix)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    how = ("--model", model, "--device", "cpu", *options)
    result = cli("train", many_drawings, *how, "--out", tmp_path / "run")
    assert result.exit_code == 130


def test_a_mix_of_more_than_all_is_refused(cli, many_drawings):
    result = cli("train", many_drawings, "--mix", 1.5)
    assert result.exit_code == 2
    assert "--mix" in result.stderr


def test_of_few_pictures_the_batches_are_small(cli, many_drawings, tmp_path, monkeypatch):
    def interrupted(_dataset, _split, _network, recipe, *_args, **_kwargs):
        assert recipe.batch == 8
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    result = cli("train", many_drawings, "--device", "cpu", "--out", tmp_path / "run")
    assert result.exit_code == 130
    assert "batch 8," in result.stderr


@pytest.mark.parametrize(
    ("how", "is_told"),
    [
        ((), True),
        (("--model", "cnn"), True),
        (("--from", "xception"), False),
        (("--recipe", "notebook"), False),
        (("--model", "resnet"), False),
    ],
)
def test_of_few_pictures_the_shipped_weights_are_suggested(
    cli, many_drawings, tmp_path, monkeypatch, how, is_told
):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", interrupted)
    said = cli("train", many_drawings, *how, "--device", "cpu", "--out", tmp_path / "run").stderr
    assert (
        f"Few pictures: --from {'cnn' if 'cnn' in how else 'xception'} fine-tunes" in said
    ) == is_told


def test_resume_takes_nothing_else(cli, run_folder):
    result = cli("train", "--resume", run_folder, "--epochs", 5)
    assert result.exit_code == 2
    assert "--epochs can't be given with --resume, which goes on as the run began" in result.stderr


def test_export_with_half_and_card(cli, run_folder, tmp_path):
    full, half = run_folder / "model.onnx", tmp_path / "half.onnx"
    result = cli("export", run_folder, half, "--half", "--card")
    assert result.exit_code == 0, result.output
    assert half.stat().st_size < 0.6 * full.stat().st_size
    assert Classifier(half).labels == Classifier(full).labels
    card = (tmp_path / "half.md").read_text(encoding="utf-8")
    assert "| test (" in card
    assert "leak-free" in card


def test_export_of_the_last_epoch(cli, run_folder, many_drawings, tmp_path):
    out = tmp_path / "last.onnx"
    result = cli("export", run_folder, out, "--last", "--card")
    assert result.exit_code == 0, result.output
    card = (tmp_path / "last.md").read_text(encoding="utf-8")
    assert "the averaged weights of epoch 1 of 1, temperature" in card
    assert "Validation chose the temperature, the test part did not." in card
    refused = cli("export", out, tmp_path / "x.onnx", "--last", "--data", many_drawings)
    assert refused.exit_code == 2
    assert "--last is of a run folder" in refused.stderr


@pytest.mark.slow
def test_export_in_int8(cli, run_folder, tmp_path):
    out = tmp_path / "int8.onnx"
    result = cli("export", run_folder, out, "--int8", "--card")
    assert result.exit_code == 0, result.output
    assert Classifier(out).metadata["arithmetic"] == "int8"
    assert "`cnn` in int8, 18 classes" in (tmp_path / "int8.md").read_text(encoding="utf-8")
    both = cli("export", run_folder, out, "--int8", "--half")
    assert both.exit_code == 2
    assert "--half and --int8 can't be combined; choose one" in both.stderr


def test_a_shipped_network_is_exported_with_the_installed_data(cli, tmp_path):
    result = cli("export", "cnn", tmp_path / "again.onnx", "--int8")
    assert result.exit_code == 2
    assert "no data: give a folder of pictures, set SIMPSONS_DATA" in result.stderr


def test_training_does_not_start_from_int8(cli, many_drawings, tmp_path):
    result = cli("train", many_drawings, "--from", "cnn-int8", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "its weights are int8" in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_an_export_knows_what_the_run_left_out(cli, many_drawings, tmp_path, unreported):
    dataset = cache.load(many_drawings)
    drop = [Line(path, DROP, "", "") for path in dataset.paths[::3]]
    exclusions.write(tmp_path / "exclude.csv", drop)
    how = ("--model", "cnn", "--epochs", "1", "--batch", "64", "--device", "cpu")
    run_folder, again = tmp_path / "run", tmp_path / "again.onnx"
    left_out = ("--exclude", tmp_path / "exclude.csv")
    result = cli("train", many_drawings, *how, *left_out, "--out", run_folder)
    assert result.exit_code == 0, result.output
    assert cli("export", run_folder, again).exit_code == 0
    assert Classifier(again).threshold == Classifier(run_folder).threshold


def test_models_prints_the_networks(cli):
    result = cli("models")
    assert "cnn at 64x64: 2,240,306 parameters" in result.stdout
    assert (
        "xception at 64x64: 768,210 parameters, 1,984 of them batch-norm statistics"
        in result.stdout
    )
    assert "32x62x62" in result.stdout
    facts = json.loads(cli("models", "--model", "xception", "--json").stdout)
    assert facts["parameters"] == 768_210
    assert sum(layer["parameters"] for layer in facts["layers"]) == 768_210
    assert "faces at 320x240: " in result.stdout
    detector = json.loads(cli("models", "--model", "faces", "--json").stdout)
    assert detector["layers"][-1]["shape"] == [1, 30, 40]  # middles, at an eighth of the size
    assert detector["multiply_adds"] > facts["multiply_adds"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--mix", 0.5), "--mix is for networks that name pictures"),
        (("--views", 2), "--views is for networks that name pictures"),
        (("--recipe", "notebook"), "the recipe notebook is for networks that name pictures"),
        ((), "give their file with --boxes"),
    ],
)
def test_what_a_detector_has_no_use_for_is_refused(cli, drawings, tmp_path, options, says):
    result = cli("train", drawings, "--model", "faces", "--out", tmp_path / "run", *options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_missing_extra_is_named(cli, monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith("simpsons.models")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "simpsons.cli.models", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = cli("models")
    assert result.exit_code == 2
    assert "pip install '.[train]'" in result.stderr
    taught = cli("models", "--help")
    assert taught.exit_code == 0
    assert "Show the networks layer by layer" in taught.stdout
    assert "pip install '.[train]'" in taught.stdout
