import pytest

from benchmarks import speedrun
from simpsons.training.observer import Epoch


def epoch(number, seconds, accuracy):
    return Epoch(
        epoch=number,
        train_loss=1.0,
        train_accuracy=0.5,
        validation_loss=1.0,
        validation_accuracy=accuracy,
        learning_rate=1e-3,
        images_per_second=100.0,
        seconds=seconds,
    )


def test_kernels_are_what_the_first_epoch_took_longer_validation_included(monkeypatch, capsys):
    history = [epoch(1, 6.0, 0.5), epoch(2, 1.0, 0.8), epoch(3, 1.0, 0.95)]
    clock = iter([10.0, 12.0, 20.0, 20.5, 30.0, 30.5])  # last step, end of validation, and so on
    monkeypatch.setattr(speedrun.time, "perf_counter", lambda: next(clock))
    watch = speedrun._Watch(target=0.9)
    for done in (1, 2):
        watch.on_step(done, 64, 64, 1.0, 0.5)
        watch.on_epoch(history[:done], True)
    watch.on_step(3, 64, 64, 1.0, 0.5)
    with pytest.raises(speedrun._TargetReached):
        watch.on_epoch(history, True)
    assert capsys.readouterr().out == "3 0.95 6.5\n"
