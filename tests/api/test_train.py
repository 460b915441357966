"""`simpsons.train`: the same training as the command's, from Python."""

import warnings

import pytest

import simpsons
from simpsons import SimpsonsError
from simpsons.api.train import Plan
from simpsons.run_files import MODEL
from simpsons.training.observer import Silent


@pytest.fixture
def told():
    return []


def test_a_run_and_what_is_doubtful_about_it(many_drawings, tmp_path, told):
    plans = []

    def watch(plan: Plan):
        plans.append(plan)
        return Silent()

    run = simpsons.train(
        many_drawings,
        epochs=1,
        device="cpu",
        out=tmp_path / "run",
        observer=watch,
        tell=told.append,
    )
    assert run.folder == tmp_path / "run"
    assert run.model == tmp_path / "run" / MODEL
    assert run.model.is_file()
    assert run.config.recipe.epochs == plans[0].recipe.epochs == 1
    assert str(many_drawings) in plans[0].pictures
    assert 0 <= run.measured.evaluation.accuracy <= 1
    assert told == list(run.warnings)
    assert told[0].startswith("Few pictures: --from xception")
    again = simpsons.train(resume=run.folder, tell=told.append)
    assert again.measured.evaluation.accuracy == run.measured.evaluation.accuracy


def test_warnings_reach_those_who_ask_for_nothing(many_drawings, tmp_path):
    with pytest.warns(UserWarning, match="Few pictures") as caught:
        simpsons.train(many_drawings, epochs=1, device="cpu", out=tmp_path / "run")
    assert caught[0].filename == __file__


def test_a_run_that_goes_on_has_decided_the_rest(tmp_path):
    with pytest.raises(SimpsonsError, match="--teacher can't be given with --resume"):
        simpsons.train(resume=tmp_path, teachers=["cnn"])
    with pytest.raises(SimpsonsError, match="--learning-rate can't be given"):
        simpsons.train(resume=tmp_path, learning_rate=0.1)


def test_what_a_detector_has_no_use_for(drawings, tmp_path):
    with pytest.raises(SimpsonsError, match="--mix is for networks that name pictures"):
        simpsons.train(drawings, model="faces", boxes="faces.csv", mix=0.5)


def test_importing_the_package_costs_no_training_library():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert callable(simpsons.train)
