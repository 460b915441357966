import json
import signal
import subprocess
import sys
import threading

import pytest

from simpsons.project.answers import LATER, NO_FACE, NOBODY, SPECIAL, Answers, clean_label
from simpsons.project.errors import ProjectError


@pytest.fixture
def answers(tmp_path):
    return Answers(tmp_path / "answers.jsonl")


def test_a_later_answer_wins(answers):
    assert answers.name(["a", "b"], "Maggie") == 1
    assert answers.name(["b"], "Otto") == 2
    assert answers.labels() == {"a": "Maggie", "b": "Otto"}


def test_no_file_is_no_answer(answers):
    assert answers.labels() == {}
    assert answers.read() == []
    assert answers.undo() is None
    assert answers.labels() == {}


def test_specials_are_kept_as_they_are(answers):
    for number, label in enumerate(SPECIAL, start=1):
        assert answers.name([label.strip("!")], label) == number
    assert answers.labels() == {"nobody": NOBODY, "no-face": NO_FACE, "later": LATER}


def test_struck_faces_are_not_of_the_label(answers):
    answers.name(["a"], "Maggie", struck=["b", "c", "b"])
    assert answers.read()[0].struck == ("b", "c")
    folded = answers.folded()
    assert folded.labels == {"a": "Maggie"}
    assert folded.rejected == {"b": {"Maggie"}, "c": {"Maggie"}}
    answers.name([], "Maggie", struck=["a"])
    assert answers.labels() == {}
    answers.name(["b"], "Maggie")
    assert answers.folded().rejected == {"a": {"Maggie"}, "c": {"Maggie"}}
    answers.undo()
    answers.undo()
    assert Answers(answers.path).folded() == folded
    answers.undo()
    assert answers.folded().rejected == {}


def test_characters_may_be_called_as_the_specials_are_said(answers):
    answers.name(["a"], "nobody")
    assert answers.labels() == {"a": "nobody"}


def test_undo_goes_back_without_limit(answers):
    for number in range(3):
        answers.name(["a"], f"name {number}")
    assert [answers.undo() for _ in range(4)] == [3, 2, 1, None]
    assert answers.labels() == {}
    assert len(answers.read()) == 6


def test_undo_of_one_in_the_middle(answers):
    answers.name(["a"], "Maggie")
    answers.name(["a"], "Otto")
    answers.name(["b"], "Otto")
    assert answers.undo(2) == 2
    assert answers.undo(2) is None
    assert answers.undo(7) is None
    assert answers.labels() == {"a": "Maggie", "b": "Otto"}
    assert answers.undo() == 3


def test_another_process_sees_each_answer_at_once(answers):
    other = Answers(answers.path)
    answers.name(["a"], "Maggie")
    assert other.labels() == {"a": "Maggie"}
    assert other.name(["b"], "Otto") == 2
    assert answers.labels() == {"a": "Maggie", "b": "Otto"}


def test_two_threads_lose_nothing(answers):
    def give(name):
        mine = Answers(answers.path)
        for number in range(20):
            mine.name([f"{name}{number}"], name)

    threads = [threading.Thread(target=give, args=(name,)) for name in ("x", "y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers.labels()) == 40
    assert [answer.number for answer in answers.read()] == list(range(1, 41))


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_a_kill_cut_off_is_ignored_and_removed(answers, cut):
    answers.name(["a"], "Maggie")
    answers.name(["b"], "Otto")
    content = answers.path.read_bytes()
    answers.path.write_bytes(content[:-cut])
    assert Answers(answers.path).labels() == {"a": "Maggie"}
    assert Answers(answers.path).name(["c"], "Lou") == 2
    assert Answers(answers.path).labels() == {"a": "Maggie", "c": "Lou"}


def test_a_damaged_line_is_said(answers):
    answers.name(["a"], "Maggie")
    answers.name(["b"], "Otto")
    lines = answers.path.read_text(encoding="utf-8").splitlines()
    answers.path.write_text(f"{lines[0][:-3]}\n{lines[1]}\n", encoding="utf-8")
    with pytest.raises(ProjectError, match="line 1 is no answer"):
        Answers(answers.path).labels()


def test_what_is_killed_after_an_answer_has_it_on_disk(answers):
    code = (
        "import os, signal, sys\n"
        "from simpsons.project.answers import Answers\n"
        "Answers(sys.argv[1]).name(['a'], 'Maggie')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(answers.path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert answers.labels() == {"a": "Maggie"}
    assert answers.name(["b"], "Otto") == 2


def test_a_full_disk_leaves_what_was_there(answers):
    resource = pytest.importorskip("resource")
    answers.name(["a"], "Maggie")
    code = (
        "import resource, signal, sys\n"
        "from simpsons.project.answers import Answers\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "try:\n"
        "    Answers(sys.argv[1]).name(['b' * 500], 'Otto')\n"
        "except OSError as error:\n"
        "    print(error.filename)\n"
    )
    assert resource
    size = answers.path.stat().st_size
    command = [sys.executable, "-c", code, str(answers.path), str(size + 100)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.strip() == str(answers.path)
    assert answers.path.stat().st_size == size
    assert answers.name(["b"], "Otto") == 2


def test_a_face_named_twice_in_one_answer_is_there_once(answers):
    answers.name(["a", "a"], "Maggie")
    assert json.loads(answers.path.read_text(encoding="utf-8"))["faces"] == ["a"]


def test_an_answer_of_no_face_is_refused(answers):
    with pytest.raises(ProjectError, match="one face at least"):
        answers.name([], "Maggie")
    assert not answers.path.exists()


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("  Maggie \t Simpson ", "Maggie Simpson"),
        ("Zoe\u0308", "Zo\xeb"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", None),
        (" ", None),
        ("Dr. Nick.", "Dr. Nick"),
        (".hidden", "hidden"),
        ("!later", None),
        ("Unknown", None),
        ("x" * 200, None),
        ("con", None),
        ("\ud800", "_"),
        ("日本", "日本"),
    ],
)
def test_a_typed_name_becomes_the_name_of_a_folder(typed, label, tmp_path):
    if label is None:
        with pytest.raises(ProjectError, match=r"is no name|begins|strangers|can't"):
            clean_label(typed)
    else:
        assert clean_label(typed) == label
        (tmp_path / label).mkdir()
        assert [path.name for path in tmp_path.iterdir()] == [label]
