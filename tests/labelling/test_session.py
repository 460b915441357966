import threading

import numpy as np
import pytest

from simpsons.labelling.session import FEW, Session
from simpsons.project import LATER, NO_FACE, NOBODY, Project, ProjectError


def doll(face: str) -> int:
    """The number of the doll that a face of a made project is of."""
    return int(face.split("_")[1])


@pytest.fixture
def session(make_project) -> Session:
    return Session(make_project(90, 60, 30))


def of(session: Session, number: int) -> list[str]:
    return [face.id for face in session.project.faces if doll(face.id) == number]


def test_clusters_are_of_one_doll_and_hold_every_face_once(session):
    found = session.clusters()
    faces = [face for cluster in found for face in cluster.faces]
    assert sorted(faces) == sorted(face.id for face in session.project.faces)
    assert all(len({doll(face) for face in cluster.faces}) == 1 for cluster in found)
    sizes = [len(cluster.faces) for cluster in found]
    assert sizes == sorted(sizes, reverse=True)
    assert len(found) == 12


def test_the_medoid_is_nearest_to_the_others(session):
    cluster = session.clusters()[0]
    rows = [[face.id for face in session.project.faces].index(face) for face in cluster.faces]
    found = np.asarray(session.project.embeddings)[rows]
    sums = np.linalg.norm(found[:, None] - found, axis=2).sum(axis=1)
    assert cluster.medoid == cluster.faces[0]
    assert sums.argmin() == 0


def test_named_faces_leave_the_clusters_and_the_others_stay_together(session):
    before = session.clusters()
    first = before[0]
    session.name(first.faces[1:3], "Maggie")
    session.name(before[1].faces, NOBODY)
    after = {cluster.number: cluster for cluster in session.clusters()}
    assert after[first.number].faces == (first.faces[0], *first.faces[3:])
    assert before[1].number not in after
    assert len(after) == len(before) - 1


def test_what_is_left_for_later_comes_back_when_it_is_asked_for(session):
    cluster = session.clusters()[0]
    session.name(cluster.faces, LATER)
    assert cluster.faces not in [each.faces for each in session.clusters()]
    assert [each.faces for each in session.clusters(later=True)] == [cluster.faces]
    assert session.page(LATER) == list(cluster.faces)
    session.name(cluster.faces, "Maggie")
    assert session.clusters(later=True) == []


def test_the_network_s_own_sure_answer_is_suggested(make_project):
    session = Session(make_project(30, 30, known=(0,)))
    suggested = {(doll(cluster.medoid), cluster.suggestion) for cluster in session.clusters()}
    assert suggested == {(0, "homer_simpson"), (1, None)}


def test_a_page_has_the_surest_faces_first_and_no_named_one(session):
    for number, name in enumerate(("Maggie", "Otto", "Selma")):
        session.name(of(session, number)[:3], name)
    page = session.page("Otto")
    assert set(page) == set(of(session, 1)[3:])
    assert not set(page) & set(of(session, 1)[:3])
    assert session.page("Otto", size=5) == page[:5]


def test_a_page_ends_with_a_few_where_all_others_are_likelier_somebody_else(session):
    session.name(of(session, 1), "Otto")
    session.name(of(session, 0)[:3], "Maggie")
    session.name(of(session, 2)[:3], "Selma")
    few = session.page("Otto")
    assert len(few) == FEW
    assert session.stop_reason("Otto") is None
    session.accept("Otto", [], few)
    assert session.stop_reason("Otto") == "the faces that are left look more like others"
    assert session.stop_reason("Maggie") is None


def test_a_page_of_the_only_name_is_by_distance(session):
    session.name(of(session, 2)[:2], "Selma")
    assert {doll(face) for face in session.page("Selma", size=28)} == {2}


def test_before_a_face_is_named_the_network_orders_the_page(make_project):
    session = Session(make_project(30, 30, known=(0,)))
    page = session.page("Homer Simpson")
    assert len(page) == 30
    assert {doll(face) for face in page} == {0}
    assert session.page("Maggie") == []


def test_struck_faces_are_not_offered_again_and_teach_the_order(session):
    """Two dolls that look alike: the order parts them only by what was struck."""
    rng = np.random.default_rng(0)
    twins = np.concatenate([rng.normal(0, 1, (90, 24)), rng.normal(0, 1, (90, 24))])
    twins[90:, 0] += 4
    np.save(session.project.root / "embeddings.npy", twins.astype(np.float32))
    session = Session(Project.open(session.project.root))
    ids = [face.id for face in session.project.faces]
    session.name(ids[:4], "Maggie")
    page = session.page("Maggie", size=40)
    wrong = [face for face in page if face in ids[90:]]
    assert wrong
    session.accept("Maggie", [face for face in page if face not in wrong], wrong)
    after = session.page("Maggie", size=40)
    assert not set(after) & set(wrong)
    assert len(set(after) & set(ids[90:])) / 40 < len(wrong) / 40 / 2
    assert set(wrong) <= set(session.page("Otto") or ids)


def test_stopping_is_advised_when_pages_get_bad(session):
    maggie, otto = of(session, 0), of(session, 1)
    session.accept("Maggie", maggie[:60], [])
    assert session.stop_reason("Maggie") is None
    session.accept("Maggie", maggie[60:80], otto[:20])
    assert session.stop_reason("Maggie") is None
    session.accept("Maggie", maggie[80:], otto[20:60])
    assert session.stop_reason("Maggie") == "60 of the last 90 faces were struck"
    session.undo()
    assert session.stop_reason("Maggie") is None
    session.name(of(session, 0) + otto + of(session, 2), NOBODY)
    assert session.stop_reason("Maggie") == "no face without an answer is left for it"


def test_wrong_names_are_doubted_until_they_are_kept(session):
    for number, name in enumerate(("Maggie", "Otto", "Selma")):
        session.name(of(session, number), name)
    assert session.doubtful() == []
    wrong = [of(session, 0)[5], of(session, 1)[7]]
    session.name(wrong[:1], "Otto")
    session.name(wrong[1:], "Selma")
    doubts = session.doubtful()
    assert sorted(doubts) == sorted([(wrong[0], "Otto", "Maggie"), (wrong[1], "Selma", "Otto")])
    session.accept("Maggie", [], wrong[:1])
    assert [doubt.face for doubt in session.doubtful()] == wrong[1:]
    assert session.project.labels()[wrong[0]] == "Otto"
    session.accept("Otto", wrong[1:], [])
    assert session.doubtful() == []


def test_what_the_rest_can_t_judge_is_not_doubted(session):
    session.name(of(session, 0)[:4], "Maggie")  # a single shot
    session.name(of(session, 1)[:40], "Otto")
    assert session.doubtful() == []
    session.undo()
    assert session.doubtful() == []


def test_undo_takes_back_a_whole_page(session):
    page = of(session, 0)
    session.name(page[:5], "Maggie")
    session.accept("Maggie", page[5:50], page[50:60])
    assert session.undo() == 2
    assert session.status().characters == {"Maggie": 5}
    assert set(page[50:60]) <= set(session.page("Maggie", size=100))
    assert session.undo() == 1
    assert session.undo() is None
    assert session.status().left == 180


def test_the_status_counts_every_face_once(session):
    first, second = of(session, 0), of(session, 1)
    session.name(first[:10], "Maggie")
    session.name(first[10:12], NOBODY)
    session.name(first[12:15], NO_FACE)
    session.name(first[15:19], LATER)
    session.name(second, "Otto")
    status = session.status()
    assert status.characters == {"Maggie": 10, "Otto": 60}
    assert (status.nobody, status.no_face, status.later) == (2, 3, 4)
    assert (status.faces, status.left, status.answers) == (180, 101, 5)


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("maggie", "Maggie"),
        ("  MAGGIE ", "Maggie"),
        ("Homer Simpson", "homer_simpson"),
        ("mr. burns", "charles_montgomery_burns"),
        ("Otto  Mann", "Otto Mann"),
        (NOBODY, NOBODY),
    ],
)
def test_a_name_that_is_spelt_alike_is_the_same(session, typed, label):
    session.name(of(session, 0)[:1], "Maggie")
    assert session.label_for(typed) == label


def test_a_name_without_faces_is_no_name_any_more(session):
    session.name(of(session, 0)[:1], "Magie")
    session.name(of(session, 0)[:1], "Maggie")
    assert session.labels() == ["Maggie"]


@pytest.mark.parametrize("label", ["", "!else", "unknown", "\n"])
def test_what_can_t_be_a_name(session, label):
    with pytest.raises(ProjectError):
        session.name(of(session, 0)[:1], label)
    assert session.status().answers == 0


def test_a_face_of_another_project(session):
    with pytest.raises(ProjectError, match="is no face of this project"):
        session.accept("Maggie", of(session, 0)[:1], ["../../etc/passwd"])
    assert session.status().answers == 0


def test_two_sessions_see_each_other_s_answers(session):
    other = Session(Project.open(session.project.root))
    cluster = session.clusters()[0]
    number = other.name(cluster.faces, "Maggie")
    assert cluster.medoid not in [each.medoid for each in session.clusters()]
    assert session.changed_since(number - 1) == set(cluster.faces)
    assert session.changed_since(number) == set()


def test_threads_lose_no_answer(session):
    faces = of(session, 0)[:20]

    def answer(part):
        for face in part:
            session.name([face], f"doll {len(part)}")

    threads = [threading.Thread(target=answer, args=(faces[first::4],)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(session.status().characters.values()) == len(faces)
    assert session.status().answers == len(faces)


@pytest.mark.parametrize("counts", [(), (1,), (2,)])
def test_hardly_any_face(make_project, counts):
    session = Session(make_project(*counts))
    assert sum(len(cluster.faces) for cluster in session.clusters()) == sum(counts)
    assert session.page("Maggie") == []
    assert session.doubtful() == []
    if counts:
        session.name([session.clusters()[0].medoid], "Maggie")
        assert len(session.page("Maggie")) == sum(counts) - 1


def test_faces_that_are_all_alike(make_project):
    session = Session(make_project(40, noise=0))
    session.name([session.clusters()[0].medoid], "Maggie")
    assert len(session.page("Maggie")) == 39
