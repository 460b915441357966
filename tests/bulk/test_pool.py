import threading

import pytest

from simpsons.bulk import pool, tasks
from simpsons.bulk.errors import BulkError, CredentialsError, ObjectError
from simpsons.bulk.limits import Limits
from simpsons.bulk.locations import Entry
from simpsons.bulk.pool import Pool

ENTRIES = [Entry(f"{number}.jpg") for number in range(20)]


class Length:
    """Answers how long a file is."""

    schema = tasks.CLASSIFIED
    share = 4

    def load(self, file):
        return len(file.getvalue())

    def answer(self, loaded):
        return [[] if one is None else [{"label": one}] for one in loaded]


def answer(read, chosen=None, advance=lambda _: None, **limits):
    quick = Limits(**({"pause": 0.001, "cores": 2} | limits))
    return Pool(Length(), read, quick).answer(ENTRIES, chosen, advance)


def number_of(entry) -> int:
    return int(entry.path.partition(".")[0])


def labels(answers) -> list:
    return [
        one.kind if isinstance(one, ObjectError) else one[0]["label"] if one else None
        for one in answers
    ]


def test_answers_come_in_order_and_are_counted():
    told = []

    answers = answer(lambda entry: bytes(number_of(entry)), advance=told.append)

    assert labels(answers) == list(range(20))
    assert sum(told) == 20


def test_only_the_chosen_are_read():
    read = []

    def note(entry):
        read.append(number_of(entry))
        return bytes(number_of(entry))

    answers = answer(note, chosen={3, 17})

    assert sorted(read) == [3, 17]
    assert [place for place, one in enumerate(answers) if one] == [3, 17]


def test_what_is_unavailable_is_tried_again():
    tries = dict.fromkeys(range(20), 0)

    def read(entry):
        number = number_of(entry)
        tries[number] += 1
        if number % 5 == 0 and tries[number] <= number // 5:
            raise ObjectError("unavailable", "busy")
        if number == 7:
            raise ObjectError("missing", "gone")
        return bytes(number)

    found = labels(answer(read, tries=3))

    assert found == [*range(7), "missing", *range(8, 15), "unavailable", *range(16, 20)]
    assert tries[15] == 3
    assert tries[7] == 1


def test_a_pause_that_is_longer_than_the_picture_has_time_is_not_begun():
    """It would be ended in the pause, as one that hangs, though the storage said what it is."""
    tries = []

    def read(entry):
        if number_of(entry) == 3:
            tries.append(entry)
            raise ObjectError("unavailable", "busy")
        return bytes(number_of(entry))

    found = labels(answer(read, object_seconds=20, pause=60))

    assert found == [*range(3), "unavailable", *range(4, 20)]
    assert len(tries) == 1


def test_a_read_that_hangs_holds_nothing_up():
    """Three of twenty never come, with two threads: each is a row, and the rest are answered."""
    release, come = threading.Event(), []

    def read(entry):
        if number_of(entry) in (0, 1, 9):
            release.wait(60)
            come.append(entry)
        return bytes(number_of(entry))

    found = labels(answer(read, object_seconds=1))
    assert come == []
    release.set()
    assert found == ["timeout", "timeout", *range(2, 9), "timeout", *range(10, 20)]


def test_a_part_has_an_end():
    release = threading.Event()

    def read(entry):
        if number_of(entry) >= 4:
            release.wait(60)
        return bytes(number_of(entry))

    found = labels(answer(read, part_seconds=1, reads=1, cores=1))
    release.set()
    assert found == [*range(4), *["timeout"] * 16]


def test_too_many_that_hang_stop_the_run(monkeypatch):
    monkeypatch.setattr(pool, "MOST_STUCK", 2)
    monkeypatch.setattr(pool, "_stuck", [])
    release = threading.Event()
    with pytest.raises(BulkError, match="reads hang at the same time"):
        answer(lambda entry: release.wait(30), object_seconds=0.2)
    release.set()


def test_what_stops_the_run_is_raised():
    def read(entry):
        if number_of(entry) == 5:
            raise CredentialsError("expired")
        return b""

    with pytest.raises(CredentialsError, match="expired"):
        answer(read)


def test_large_files_are_not_held(monkeypatch):
    monkeypatch.setattr(pool, "LARGE", 10)

    assert labels(answer(lambda entry: bytes(number_of(entry)))) == list(range(20))
