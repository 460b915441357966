import os
import threading

import pytest
from starlette.testclient import TestClient

from simpsons.labelling.app import create_app
from simpsons.labelling.session import Session
from simpsons.project import LATER, NOBODY, Project
from simpsons.project.store import write_faces
from simpsons.service.server import LOOPBACK

URL = "http://127.0.0.1"


@pytest.fixture
def project(make_project) -> Project:
    return make_project(30, 20, 10, known=(0,))


@pytest.fixture
def client(project):
    with TestClient(create_app(project, LOOPBACK), URL) as client:
        client.token = client.get("/project").json()["project"]
        yield client


def give(client, label, faces, struck=(), *, who="one", seen=None, project=None):
    if seen is None:
        seen = client.get("/state").json()["answers"]
    answer = {"label": label, "faces": list(faces), "struck": list(struck), "seen": seen}
    return client.post(
        "/answers", json=answer | {"project": project or client.token, "client": who}
    )


def back(client, path, who="one"):
    return client.post(f"/{path}", json={"project": client.token, "client": who}).json()


def refused(response, status, word):
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "remedy"}
    assert word in response.json()["error"]


def counts(said):
    return {each["name"]: each["count"] for each in said["state"]["characters"]}


def test_the_wall_is_that_of_the_session(client, project):
    said = client.get("/clusters").json()
    ids = [face.id for face in project.faces]
    found = [tuple(ids[row] for row in cluster["rows"]) for cluster in said["clusters"]]
    assert found == [cluster.faces for cluster in Session(project).clusters()]
    suggested = {
        cluster["suggestion"] and cluster["suggestion"]["name"] for cluster in said["clusters"]
    }
    assert suggested == {"Homer Simpson", None}
    assert said["state"] | {"special": 0} == {
        "answers": 0, "faces": 60, "left": 60, "special": 0, "characters": [],
    }  # fmt: skip


def test_an_answer_is_on_the_disk_and_counted(client, project):
    said = give(client, "Maggie", range(5), [7]).json()
    assert said["number"] == 1
    assert said["label"] == {"label": "Maggie", "name": "Maggie"}
    assert counts(said) == {"Maggie": 5}
    assert said["state"]["left"] == 55
    again = Project.open(project.root)
    assert set(again.labels()) == {face.id for face in project.faces[:5]}
    assert again.answers.folded().rejected == {project.faces[7].id: {"Maggie"}}


def test_a_page_of_the_surest_faces(client):
    give(client, "Maggie", range(5))
    give(client, "Otto", range(30, 33))
    said = client.get("/faces", params={"label": "maggie"}).json()
    assert said["label"]["name"] == "Maggie"
    assert set(said["rows"][:25]) == set(range(5, 30))
    assert said["stop"] is None
    assert client.get("/faces", params={"label": LATER}).json()["rows"] == []


def test_doubtful_names_come_by_pair(client):
    give(client, "Maggie", [*range(29), 35, 36])
    give(client, "Otto", [29, *range(30, 35), *range(37, 50)])
    pairs = client.get("/doubts").json()["doubts"]
    found = {(pair["given"]["name"], pair["suggested"]["name"]): pair["rows"] for pair in pairs}
    assert set(found["Maggie", "Otto"]) == {35, 36}
    assert found["Otto", "Maggie"] == [29]


def test_undo_and_redo_go_back_and_forth(client):
    give(client, "Maggie", range(5))
    give(client, "Otto", range(30, 34), [40])
    undone = back(client, "undo")
    assert undone["answer"] == {
        "label": "Otto",
        "name": "Otto",
        "rows": [30, 31, 32, 33],
        "struck": [40],
    }
    assert counts(undone) == {"Maggie": 5}
    assert back(client, "undo")["answer"]["name"] == "Maggie"
    assert back(client, "undo")["answer"] is None
    assert counts(back(client, "redo")) == {"Maggie": 5}
    assert counts(back(client, "redo")) == {"Maggie": 5, "Otto": 4}
    assert back(client, "redo")["answer"] is None
    back(client, "undo")
    give(client, NOBODY, [50])
    assert back(client, "redo")["answer"] is None


def test_two_browsers_do_not_harm_each_other(client, project):
    seen = client.get("/state").json()["answers"]
    give(client, "Maggie", range(5), who="one", seen=seen)
    said = give(client, "Otto", range(3, 8), [0, 9], who="two", seen=seen).json()
    assert sorted(said["left_out"]) == [0, 3, 4]
    assert counts(said) == {"Maggie": 5, "Otto": 3}
    said = give(client, "Selma", range(5), who="two", seen=seen).json()
    assert said["number"] is None
    assert counts(said) == {"Maggie": 5, "Otto": 3}
    assert sorted(client.get("/changes", params={"since": 1}).json()["changed"]) == [5, 6, 7, 9]
    assert back(client, "undo", "one")["answer"]["name"] == "Maggie"
    assert back(client, "undo", "one")["answer"] is None
    assert back(client, "undo", "two")["answer"]["name"] == "Otto"


def test_what_was_answered_before_may_be_taken_back(client, project):
    give(client, "Maggie", range(5), who="one")
    with TestClient(create_app(project, LOOPBACK), URL) as later:
        later.token = client.token
        assert back(later, "undo", "two")["answer"]["name"] == "Maggie"


def test_another_process_s_answers_are_seen(client, project):
    give(client, "Maggie", range(5))
    Session(Project.open(project.root)).name([project.faces[9].id], "Otto")
    state = client.get("/state").json()
    assert state["answers"] == 2
    assert [each["name"] for each in state["characters"]] == ["Maggie", "Otto"]
    assert back(client, "undo")["answer"]["name"] == "Maggie"


def test_answers_at_once_are_all_kept(client, project):
    threads = [
        threading.Thread(target=give, args=(client, f"doll {row}", [row]), kwargs={"seen": 0})
        for row in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Project.open(project.root).labels()) == 12


@pytest.mark.parametrize(
    ("label", "faces", "status", "word"),
    [
        ("unknown", [0], 422, "what strangers are called"),
        ("!x", [0], 422, "exclamation mark"),
        ("Maggie", [60], 422, "no such face"),
        ("Maggie", [-1], 422, "no such face"),
        ("Maggie", [], 422, "one face at least"),
        ("Maggie", ["a"], 422, "integer"),
        ("", [0], 422, "label"),
        ("M" * 201, [0], 422, "label"),
    ],
)
def test_an_answer_that_can_t_be_one(client, label, faces, status, word):
    refused(give(client, label, faces), status, word)
    assert client.get("/state").json()["answers"] == 0


def test_a_page_of_another_project_can_t_answer(client):
    refused(give(client, "Maggie", [0], project="0" * 12), 409, "another project")
    assert client.get("/state").json()["answers"] == 0


def test_other_sites_and_other_names_are_refused(client):
    refused(client.get("/state", headers={"Host": "evil.example"}), 400, "Host")
    body = {"project": client.token, "client": "one"}
    for origin in ("http://evil.example", "null", "http://127.0.0.1:81"):
        refused(client.post("/undo", json=body, headers={"Origin": origin}), 403, "another site")
    assert client.post("/undo", json=body, headers={"Origin": URL}).status_code == 200
    text = {"Content-Type": "text/plain"}
    refused(client.post("/undo", content=b"{}", headers=text), 422, "")


def test_an_answer_of_everything_is_not_too_large(client):
    rows = [0] * 100_000
    assert give(client, "Maggie", rows).status_code == 200
    refused(give(client, "Maggie", [10_000_000] * 300_000), 413, "too large")


def test_a_full_disk_is_said_and_nothing_is_kept(client, project, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        refused(give(client, "Maggie", [0]), 507, "No space left on device")
    assert client.get("/state").json()["answers"] == 0
    assert counts(give(client, "Maggie", [0]).json()) == {"Maggie": 1}


def test_crops_and_frames_are_kept_by_the_browser(make_project):
    project = make_project(3, crops=True)
    with TestClient(create_app(project, LOOPBACK), URL) as client:
        token = client.get("/project").json()["project"]
        said = client.get(f"/crops/{token}/2.jpg")
        assert said.content == (project.root / project.faces[2].crop).read_bytes()
        assert said.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert said.headers["content-type"] == "image/jpeg"
        assert said.headers["x-content-type-options"] == "nosniff"
        assert client.get(f"/frames/{token}/2.jpg").headers["content-type"] == "image/jpeg"
        (project.root / project.faces[2].frame).unlink()
        refused(client.get(f"/frames/{token}/2.jpg"), 404, "picture is missing")
        refused(client.get(f"/crops/{token}/3.jpg"), 404, "no such face")
        refused(client.get(f"/crops/{'0' * 12}/2.jpg"), 404, "no such face")
        assert client.get("/boxes/2").json()["box"] == [1, 2, 30, 40]


def test_a_project_of_others_shows_no_file_outside_it(make_project, tmp_path):
    project = make_project(2)
    secret = project.root.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    table = (project.root / "faces.csv").read_text(encoding="utf-8")
    (project.root / "faces.csv").write_text(
        table.replace("faces/film/film_0_f0.jpg", "../secret.jpg").replace(
            "faces/film/film_0_f1.jpg", str(secret)
        ),
        encoding="utf-8",
    )
    with TestClient(create_app(Project.open(project.root), LOOPBACK), URL) as client:
        token = client.get("/project").json()["project"]
        for row in range(2):
            refused(client.get(f"/crops/{token}/{row}.jpg"), 404, "picture is missing")


def test_a_project_without_faces(make_project):
    project = make_project(1)
    write_faces(project.root, [])
    with TestClient(create_app(Project.open(project.root), LOOPBACK), URL) as client:
        assert client.get("/clusters").json()["clusters"] == []
        assert client.get("/state").json()["faces"] == 0
