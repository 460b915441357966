"""`simpsons.train`: the same training as the command's, from Python."""

import pytest

import simpsons
from simpsons import SimpsonsError
from simpsons.api.train import Plan
from simpsons.run_files import MODEL
from simpsons.training import loop
from simpsons.training.observer import Silent


@pytest.fixture
def interrupted(monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train", interrupt)
        yield patch


def test_what_a_training_is_going_to_do_and_what_is_doubtful_about_it(
    many_drawings, tmp_path, interrupted
):
    plans, told = [], []

    def watch(plan: Plan):
        plans.append(plan)
        return Silent()

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        simpsons.train(
            many_drawings, epochs=1, device="cpu", out=out, observer=watch, tell=told.append
        )
    assert plans[0].network == "xception"
    assert plans[0].recipe.epochs == 1
    assert str(many_drawings) in plans[0].pictures
    assert told == list(plans[0].warnings)
    assert told[0].startswith("Few pictures: --from xception")


@pytest.mark.slow
@pytest.mark.usefixtures("unreported")
def test_a_run_that_was_stopped_goes_on(many_drawings, tmp_path, interrupted):
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        simpsons.train(many_drawings, epochs=1, device="cpu", out=out, tell=print)
    interrupted.undo()
    run = simpsons.train(resume=out)
    assert run.folder == out
    assert run.model == out / MODEL
    assert run.model.is_file()
    assert run.config.recipe.epochs == 1
    assert 0 <= run.measured.evaluation.accuracy <= 1


@pytest.mark.usefixtures("interrupted")
def test_warnings_reach_those_who_ask_for_nothing(many_drawings, tmp_path):
    with (
        pytest.warns(UserWarning, match="Few pictures") as caught,
        pytest.raises(KeyboardInterrupt),
    ):
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


def test_views_are_for_teachers(drawings, tmp_path):
    with pytest.raises(SimpsonsError, match="--views is for a training with --teacher"):
        simpsons.train(drawings, views=4, out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
