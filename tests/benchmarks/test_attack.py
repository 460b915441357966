"""The attack changes the same files each time, and sees what is not whole."""

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.attacks import guided, kills, lies, mutations, pictures, seeds
from simpsons.files import whole
from simpsons.pixels import images, png


@pytest.mark.parametrize("kind", seeds.KINDS)
def test_each_format_is_drawn_changed_and_judged(kind):
    for number in range(8):
        assert images.decode(seeds.drawing(kind, number)).shape[2] == 3
    drawn = seeds.drawing(kind, 1)
    changed = [mutations.mutated(drawn, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert changed[0] == changed[1] != changed[2] != drawn
    judged = pictures.judge(kind, 0, 5, seed=0)
    assert judged["files"] == 5
    assert judged["failures"] == []


@pytest.mark.parametrize(
    "kind", [kind for kind in seeds.KINDS if kind[:3] in ("PNG", "JPE", "Web")]
)
def test_files_of_parts_are_taken_apart_and_put_together(kind):
    drawn = seeds.drawing(kind, 0)
    [(apart, together)] = [
        both for start, both in mutations.OF_PARTS.items() if drawn.startswith(start)
    ]
    parts = list(apart(drawn))
    assert len(parts) > 1 or kind.startswith("WebP")
    assert together(parts) == drawn


def test_chunks_of_a_png_file_that_are_changed_have_right_checksums():
    drawn = seeds.drawing("PNG", 0)
    changed = [mutations.structural(drawn, np.random.default_rng(seed)) for seed in range(40)]
    ended = [one for one in changed if one.rstrip(b"\0").endswith(b"IEND\xaeB`\x82")]
    assert len(set(ended)) > 20
    assert {png.fault(io.BytesIO(one)) for one in ended} == {None}


@pytest.mark.parametrize(("kind", "at"), [("TIFF", 8), ("GIF", 10), ("BMP", 28)])
def test_numbers_of_headers_are_found_and_changed(kind, at):
    drawn = seeds.drawing(kind, 0)
    [numbers] = [found for start, found in mutations.OF_NUMBERS.items() if drawn.startswith(start)]
    assert at in {place for place, _ in numbers(drawn)}
    changed = [mutations.structural(drawn, np.random.default_rng(seed)) for seed in range(20)]
    assert {len(one) for one in changed} == {len(drawn)}
    assert len(set(changed)) > 15


def test_a_picture_that_is_read_otherwise_than_by_pillow_is_a_failure(monkeypatch):
    monkeypatch.setattr(mutations, "mutated", lambda content, _: content)
    judged = pictures.judge("JPEG, CMYK", 0, 2, seed=0)
    assert (judged["as Pillow"], judged["failures"]) == (2, [])
    real = images.decode
    monkeypatch.setattr(images, "decode", lambda content: real(content) ^ 1)
    judged = pictures.judge("JPEG, CMYK", 0, 1, seed=0)
    assert "as Pillow" not in judged or not judged["as Pillow"]
    assert judged["failures"] == ["JPEG, CMYK 0: other pixels than Pillow's"]


def test_why_a_file_that_pillow_reads_is_refused_is_counted(monkeypatch, capsys):
    monkeypatch.setattr(mutations, "mutated", lambda content, _: content[:-12])  # without IEND
    monkeypatch.setattr(pictures, "_ask", lambda kind, *given: pictures.judge(kind, *given))
    monkeypatch.setattr(seeds, "KINDS", ("PNG",))
    table, failures = pictures.rows(2, seed=0)
    assert [row[5] for row in table] == ["2", "2"]
    assert failures == []
    assert capsys.readouterr().out == "Pillow alone, 2: the picture is truncated\n"


def test_what_networks_are_given_is_compared_with_the_whole(monkeypatch):
    monkeypatch.setattr(mutations, "mutated", lambda content, _: content)
    monkeypatch.setattr(images, "load", lambda _: np.zeros((64, 64, 3), np.uint8))
    assert pictures.judge("GIF", 0, 1, seed=0)["failures"] == ["GIF 0: other pixels for a network"]


def test_another_error_than_of_a_picture_is_a_failure(monkeypatch):
    def fail(_):
        raise KeyError("no such tag")

    monkeypatch.setattr(images, "load", fail)
    monkeypatch.setattr(mutations, "mutated", lambda content, _: content)
    assert pictures.judge("GIF", 7, 1, seed=0)["failures"] == [
        "GIF 7: KeyError: 'no such tag'",
        "GIF 7: read in one way and not in another",
    ]


def test_a_file_that_takes_a_new_way_through_the_decoders_is_kept(monkeypatch):
    corpus = guided.Corpus("BMP", seed=0)
    before = len(corpus.ways.all)
    assert before > 100
    assert corpus.files == [seeds.drawing("BMP", number) for number in range(seeds.COUNT)]
    cut = corpus.files[0][:20]
    for content, is_kept in ((corpus.files[0], False), (cut, True), (cut, False)):
        monkeypatch.setattr(mutations, "mutated", lambda *_, content=content: content)
        files = len(corpus.files)
        assert corpus.changed(0) == content
        assert len(corpus.files) == files + is_kept
    assert len(corpus.ways.all) > before


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


def test_operations_that_change_files_are_counted_before_they_are_done(tmp_path):
    there = []
    watch = kills.Watch(tmp_path / "run", lambda _: there.append(len(list(tmp_path.rglob("*")))))
    is_on = [True]
    sys.addaudithook(lambda *given: watch(*given) if is_on[0] else None)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "first").write_text("1")
    (tmp_path / "run" / "first").read_text()
    (tmp_path / "beside").write_text("1")
    (tmp_path / "run" / "first").rename(tmp_path / "run" / "second")
    (tmp_path / "run" / "second").unlink()
    is_on[0] = False
    assert (watch.count, there) == (4, [0, 1, 3, 3])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="copies the process")
def test_a_command_that_leaves_half_a_file_when_it_is_killed_is_found(tmp_path, monkeypatch):
    def careless(words):
        path = Path("result.json")
        if not path.exists():
            for text in ("[", "]"):
                with path.open("a") as file:
                    file.write(text)

    def careful(words):
        with whole("result.json") as path:
            path.write_text("[]")

    command = kills.Command("write", lambda _: None, lambda _: [], lambda _: [])
    monkeypatch.setattr(kills, "COMMANDS", (command,))
    found = {}
    for write in (careless, careful):
        monkeypatch.setattr(kills, "simpsons", write)
        [row], failures = kills.rows(tmp_path / write.__name__, 1, ["write"])
        found[write.__name__] = row[2:], len(failures)
    assert found == {"careless": (["2", "1", "0", "0"], 1), "careful": (["4", "0", "0", "0"], 0)}


def test_each_value_of_a_configuration_is_lied_about(tmp_path):
    config = {"seed": 1, "recipe": {"epochs": 2}}
    for name, spoil in list(lies._spoils(config))[:20]:
        spoil(tmp_path)
        text = (tmp_path / "config.json").read_text()
        assert json.loads(text) != config, name
