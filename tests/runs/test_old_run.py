"""A run folder and an ONNX file of an earlier version; see tests/fixtures/make_old_run.py."""

import csv
import json
import tarfile

import numpy as np
import pytest

from simpsons import Classifier
from simpsons.explain import heat_map
from tests.fixtures import make_old_run as old


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """What the run learnt from, where the run does not expect it."""
    return old.paint(tmp_path_factory.mktemp("moved") / "pictures")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(old.FOLDER / "old_run.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def told():
    """What the earlier version said of the ONNX file, and by it."""
    return json.loads((old.FOLDER / "old_run.json").read_text(encoding="utf-8"))


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_file_gives_the_probabilities_that_it_gave(unpacked, told):
    classifier = Classifier(unpacked / old.FINISHED / "model.onnx")
    assert list(classifier.labels) == told["labels"] == list(old.CHARACTERS)
    assert classifier.threshold == told["threshold"]
    assert classifier.metadata == told["metadata"]
    probabilities, familiarity = classifier.probabilities_and_familiarity(old.asked())
    np.testing.assert_allclose(probabilities, told["probabilities"], atol=0.01)
    np.testing.assert_allclose(familiarity, told["familiarity"], atol=0.02)
    assert np.ptp(told["probabilities"], axis=0).min() > 0.2


def test_the_file_is_explained_without_activations_of_its_own(unpacked):
    """It gives them as an output of its graph, which is no longer asked for."""
    classifier = Classifier(unpacked / old.FINISHED / "model.onnx")
    assert classifier.class_activations(old.asked()) is None
    heat = heat_map(classifier, old.asked()[0], old.CHARACTERS[0])
    assert heat.shape == (64, 64)
    assert heat.max() > heat.min()


@pytest.mark.slow
def test_a_finished_run_is_evaluated_and_exported_from_where_its_pictures_are(
    cli, pictures, unpacked, told, tmp_path
):
    run = unpacked / old.FINISHED
    split = ("--split", run / "split.csv", "--part", "test")
    result = cli("evaluate", pictures, "--model", run, *split)
    assert result.exit_code == 0, result.output
    assert " % of 5 pictures " in result.stdout
    out = tmp_path / "out.onnx"
    refused = cli("export", run, out)
    assert refused.exit_code == 2
    assert "its pictures were in /pictures, which is missing; say where" in refused.stderr
    result = cli("export", run, out, "--data", pictures)
    assert result.exit_code == 0, result.output
    written = Classifier(out)
    assert list(written.labels) == told["labels"]
    assert written.metadata["epoch"] == told["metadata"]["epoch"]
    assert written.probabilities(old.asked()).shape == (6, 3)


@pytest.mark.slow
def test_a_stopped_run_goes_on_with_the_pictures_it_had_and_keeps_its_first_epoch(
    cli, pictures, unpacked
):
    run = unpacked / old.STOPPED
    first, config = rows(run / "metrics.csv"), json.loads((run / "config.json").read_text())
    result = cli("train", pictures, "--resume", run)
    assert result.exit_code == 0, result.output
    done = rows(run / "metrics.csv")
    assert [row["epoch"] for row in done] == ["1", "2"]
    assert done[:1] == first
    assert Classifier(run).labels == old.CHARACTERS
    now = json.loads((run / "config.json").read_text())
    changes = now["recipe"]["augmentation"]
    assert config["recipe"]["augmentation"].items() <= changes.items()
    assert (config["recipe"] | {"augmentation": changes}).items() <= now["recipe"].items()
    kept = config | {"data": str(pictures.resolve()), "recipe": now["recipe"]}
    assert kept.items() <= now.items()
