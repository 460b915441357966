"""The attack changes the same files each time, and sees what is not whole."""

import json
import os
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks.attacks import kills, lies, pictures
from simpsons import images


@pytest.mark.parametrize("kind", pictures.KINDS)
def test_each_format_is_drawn_changed_and_judged(kind):
    drawn = pictures.seed_file(kind, 1)
    assert images.decode(drawn).shape[2] == 3
    changed = [pictures.mutated(drawn, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert changed[0] == changed[1] != changed[2] != drawn
    judged = pictures.judge(kind, 0, 5, seed=0)
    assert judged["files"] == 5
    assert judged["failures"] == []


def test_a_picture_that_is_read_otherwise_than_by_pillow_is_counted(monkeypatch):
    monkeypatch.setattr(pictures, "mutated", lambda content, _: content)
    assert pictures.judge("PNG", 0, 3, seed=0)["as Pillow"] == 3
    real = images.decode
    monkeypatch.setattr(images, "decode", lambda content: real(content) ^ 1)
    assert pictures.judge("PNG", 0, 3, seed=0)["as Pillow"] == 0


def test_another_error_than_of_a_picture_is_a_failure(monkeypatch):
    def fail(_):
        raise KeyError("no such tag")

    monkeypatch.setattr(images, "decode", fail)
    [failure] = pictures.judge("GIF", 7, 1, seed=0)["failures"]
    assert failure == "GIF 7: KeyError: 'no such tag'"


def test_what_is_cut_off_under_a_final_name_is_seen(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    (tmp_path / "b.json").write_text(json.dumps({"a": 1}))
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    (tmp_path / "d.html").write_text("<html></html>\n")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "e.json").write_text("{")
    (tmp_path / ".f.json").write_text("{")
    assert kills._half_written(tmp_path) == []
    for name in ("a.png", "b.json", "c.csv", "d.html"):
        file = tmp_path / name
        os.truncate(file, file.stat().st_size * 3 // 4)
    assert {found.partition(":")[0] for found in kills._half_written(tmp_path)} == {
        *("a.png", "b.json", "c.csv", "d.html")
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="copies the process")
def test_a_process_is_killed_before_the_operation_that_was_asked_for(tmp_path):
    copy = os.fork()
    if copy == 0:
        watch = kills._Watch(tmp_path, killed_before=3)
        sys.addaudithook(watch)
        (tmp_path / "first").write_text("1")
        (tmp_path / "first").read_text()
        (tmp_path / "second").mkdir()
        (tmp_path / "third").write_text("3")
        os._exit(0)
    _, status = os.waitpid(copy, 0)
    assert os.waitstatus_to_exitcode(status) == -9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_each_value_of_a_configuration_is_lied_about(tmp_path):
    config = {"seed": 1, "recipe": {"epochs": 2}}
    for name, spoil in list(lies._spoils(config))[:20]:
        spoil(tmp_path)
        text = (tmp_path / "config.json").read_text()
        assert json.loads(text) != config, name
