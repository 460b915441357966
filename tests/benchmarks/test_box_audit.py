from benchmarks.box_audit import rows
from simpsons.auditing.boxes import Finding


def finding(path, kind="misses"):
    return Finding(path, kind, 0.5, None, None, "")


def test_listed_boxes_are_counted_once_and_missing_ones_not():
    found = [finding(f"{number}.jpg") for number in range(30)]
    found += [finding("0.jpg"), finding("other.jpg", "no box")]
    wrong = {f"{number}.jpg" for number in range(20)} | {"missed.jpg"}
    assert rows(found, wrong) == [
        ["the first 25", "80.0%", "95.2%"],
        ["all 30", "66.7%", "95.2%"],
    ]


def test_nothing_listed():
    assert rows([], {"missed.jpg"}) == [["all 0", "0.0%", "0.0%"]]
