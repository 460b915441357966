"""What a network of one's own says of a project's faces."""

import pytest

from simpsons.classifier import Classifier
from simpsons.labelling.session import Session
from simpsons.project import Project, ProjectError, verdicts
from simpsons.project.verdicts import VERDICTS


@pytest.fixture
def project(make_project):
    return make_project(6, 5, 4, crops=True)


def test_faces_are_read_again_and_answers_stay(project):
    project.answers.name([project.faces[0].id], "Maggie")
    before = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    assert verdicts.read_again(project, "cnn-int8") == []
    after = {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {project.root / VERDICTS}
    assert all(after[path] == content for path, content in before.items())
    read = verdicts.applied(Project.open(project.root))
    [expected] = Classifier("cnn-int8").predict_all([project.root / project.faces[7].crop])
    assert read.faces[7].label == expected.label
    assert read.faces[7].verdict == expected.verdict
    assert read.faces[7].probability == pytest.approx(expected.probability, abs=1e-4)
    assert (verdicts.is_own(project), verdicts.is_own(read)) == (False, True)


def test_a_crop_that_is_gone_is_reported_and_keeps_its_verdict(project):
    (project.root / project.faces[2].crop).unlink()
    [failure] = verdicts.read_again(project, "cnn-int8")
    assert failure.path.endswith(project.faces[2].crop)
    read = verdicts.applied(project)
    assert read.faces[2] == project.faces[2]
    assert read.faces[3] != project.faces[3]


def test_without_the_file_a_project_is_as_it_was_collected(project):
    assert verdicts.applied(project) is project


@pytest.mark.parametrize(
    "content", ["", "face,label\na,b\n", "face,label,probability,verdict\na,b,c,d\n"]
)
def test_a_damaged_file_says_what_to_do(project, content):
    (project.root / VERDICTS).write_text(content)
    with pytest.raises(ProjectError, match=r"verdicts.csv: is damaged; remove it, or make it anew"):
        verdicts.applied(project)


def test_the_wall_begins_with_what_the_network_is_least_sure_of(project):
    sure = {"film_0": 0.9, "film_1": 0.2, "film_2": 0.6}
    lines = [
        f"{face.id},homer_simpson,{sure[face.id.rpartition('_')[0]]},homer_simpson"
        for face in project.faces
    ]
    (project.root / VERDICTS).write_text("\n".join(["face,label,probability,verdict", *lines]))
    session = Session(verdicts.applied(project))
    mean = [
        sum(sure[face.rpartition("_")[0]] for face in cluster.faces) / len(cluster.faces)
        for cluster in session.clusters()
    ]
    assert mean == sorted(mean)
    ordered = verdicts.least_sure(session.project.faces)
    assert [face.id.rpartition("_")[0] for face in ordered] == ["film_1"] * 5 + ["film_2"] * 4 + [
        "film_0"
    ] * 6
    assert session.status().left == 15
