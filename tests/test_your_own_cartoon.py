"""The commands of docs/your-own-cartoon.md lead from a film to a network and its time line."""

import csv
import json

import pytest

from benchmarks import hour
from simpsons.demo.film import CAST
from simpsons.project import Project

pytestmark = pytest.mark.slow

MINUTES, EPOCHS = 0.8, 1


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder that the commands were run in."""
    return tmp_path_factory.mktemp("cartoon")


@pytest.fixture(scope="module")
def ran(place, cli):
    """What the block's commands printed, by command, with a short film and training, and names
    given as on the page by somebody who knows everyone."""
    printed = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("SIMPSONS_CACHE", str(place / "cache"))
        for words in hour.script():
            words = hour.replaced(words, "--minutes", MINUTES)
            words = hour.replaced(words, "--epochs", EPOCHS)
            if words[0] == "demo":
                film = place / hour.option(words, "--film")
            if words[0] == "label":
                project = place / words[1]
                hour.play(project, hour.drawn(film))
                words = ["label", words[1], "--status"]
            if words[0] in ("evaluate", "timeline"):
                words = [*words, "--json"]
            done = cli(*words)
            assert done.exit_code == 0, done.output
            printed[words[0]] = done.stdout
    return printed


def test_the_steps_are_those_of_an_hour(ran):
    steps = ["demo", "collect", "label", "data", "train", "evaluate", "timeline"]
    assert list(ran) == steps


def test_each_face_of_the_film_is_found_and_named(ran, place):
    assert "Name them: simpsons label springfield" in ran["collect"]
    project, truth = Project.open(place / "springfield"), hour.drawn(place / "episode.mp4")
    shown, lost = hour.missed(project, truth)
    assert shown > 30
    assert lost <= 0.1 * shown
    names = dict(zip((face.id for face in project.faces), hour.whose(project, truth), strict=True))
    labels = project.answers.labels()
    assert len(labels) > 0.8 * len(project.faces)
    assert labels == {face: names[face] for face in labels}
    assert all(doll.name in ran["data"] for doll in CAST if doll.slug in labels.values())


def test_the_network_knows_the_faces_of_shots_that_it_has_not_seen(ran, place):
    with (place / "runs/springfield/split.csv").open(encoding="utf-8") as lines:
        parts = {row["path"]: row["split"] for row in csv.DictReader(lines)}
    shots = {}
    for face in Project.open(place / "springfield").faces:
        if face.crop in parts:
            shots.setdefault(face.shot, set()).add(parts[face.crop])
    assert all(len(held) == 1 for held in shots.values())
    evaluation = json.loads(ran["evaluate"])
    assert evaluation["n"] == list(parts.values()).count("test") > 0
    assert evaluation["accuracy"] > 3 / len(CAST)


def test_the_time_line_says_who_is_on_screen_when(ran, place):
    seen = hour.compared(place / "episode-timeline/timeline.csv", hour.drawn(place / "episode.mp4"))
    assert len(seen.names) >= 3
    assert seen.right > 0.9
    assert seen.found > 0.3
    assert json.loads(ran["timeline"])["intervals"]
