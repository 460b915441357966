from dataclasses import replace

import pytest
from PIL import Image

from simpsons.demo import path
from simpsons.demo.drawings import DOLLS
from simpsons.errors import SimpsonsError

pytestmark = pytest.mark.slow


class Quiet:
    """An observer that says nothing."""

    def on_step(self, epoch, done, total, loss, accuracy): ...

    def on_epoch(self, history, best): ...


def test_the_whole_path_on_a_small_set(tmp_path):
    said = []
    (tmp_path / "demo").mkdir()
    test, everyone = path.play(
        tmp_path / "demo",
        recipe=replace(path.RECIPE, epochs=1),
        per_character=10,
        observer=Quiet(),
        say=said.append,
    )
    pictures = list((tmp_path / "demo" / path.DRAWINGS).rglob("*.jpg"))
    assert len(pictures) == 10 * len(DOLLS)
    assert 0 < test.evaluation.n < len(pictures)
    assert len(said) == 4
    report = (tmp_path / "demo" / path.REPORT).read_text(encoding="utf-8")
    assert "drawings made by simpsons demo" in report
    assert (tmp_path / "demo" / path.COUNTS).stat().st_size > 1000
    assert len(everyone.faces) >= 5
    with Image.open(tmp_path / "demo" / path.EVERYONE) as picture:
        assert (picture.format, max(picture.size)) == ("PNG", 960)
    with pytest.raises(SimpsonsError, match="is not empty"):
        path.play(tmp_path / "demo", observer=Quiet(), say=said.append)


def test_a_demo_that_was_stopped_says_what_to_do(cli, tmp_path, monkeypatch):
    def stopped(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(path, "play", stopped)
    result = cli("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 130
    assert f"Before you start again, remove {tmp_path / 'demo'}" in result.stderr
