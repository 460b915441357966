import pytest

from simpsons.dataset import boxes
from simpsons.dataset.boxes import BadRow, Box
from simpsons.dataset.folders import DataError

GOOD = "./characters/bart_simpson/pic_0000.jpg,57,72,126,158,bart_simpson"
BOX = Box("bart_simpson/pic_0000.jpg", 57, 72, 126, 158, "bart_simpson")


@pytest.fixture
def written(tmp_path):
    def write(*lines, encoding="utf-8"):
        path = tmp_path / boxes.FILE
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path

    return write


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_row_is_a_box(written, encoding):
    assert boxes.read(written(GOOD, encoding=encoding)) == ([BOX], [])


def test_the_folder_of_the_data_set_will_do(written):
    assert boxes.read(written(GOOD).parent) == ([BOX], [])


def test_a_picture_may_have_two_boxes_and_lines_may_be_empty(written):
    found, bad = boxes.read(written(GOOD, "", GOOD.replace("57", "7")))
    assert [box.left for box in found] == [57, 7]
    assert bad == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("./characters/a/b.jpg,13,17,12,17,a", "from (13, 17) to (12, 17) is no box"),
        ("./characters/a/b.jpg,13,17,14,17,a", "from (13, 17) to (14, 17) is no box"),
        ("./characters/a/b.jpg,-1,0,14,17,a", "from (-1, 0) to (14, 17) is no box"),
        ("./characters/a/b.jpg,1,2,3.5,4,a", "1, 2, 3.5, 4 are no whole numbers"),
        ("./characters/a/b.jpg,1,2,3,4", "has 5 values, not 6"),
        ("b.jpg,1,2,3,4,a", "'b.jpg' is no <character>/<file>"),
    ],
)
def test_a_bad_row_is_reported_and_the_rest_go_on(written, row, reason):
    assert boxes.read(written(GOOD, row, GOOD)) == ([BOX, BOX], [BadRow(2, reason)])


def test_paths_of_windows_are_understood(written):
    found, _ = boxes.read(written(GOOD.replace("/", "\\")))
    assert found == [BOX]


def test_no_box_at_all_is_an_error_that_names_the_first_reason(written):
    with pytest.raises(DataError, match=r"has no boxes \(row 1: has 1 values, not 6\)"):
        boxes.read(written("nonsense"))
    with pytest.raises(DataError, match=r"annotation.txt: has no boxes; fetch it again"):
        boxes.read(written(""))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"annotation.txt: no such file"):
        boxes.read(tmp_path)


def test_a_binary_file_is_no_csv(tmp_path):
    (tmp_path / boxes.FILE).write_bytes(b"\xff\xfe\x00\x00")
    with pytest.raises(DataError, match="is no CSV in UTF-8"):
        boxes.read(tmp_path)


def test_the_real_boxes_lie_in_their_pictures(real_data, real_dataset):
    found, bad = boxes.read(real_data)
    assert len(found) > 5000
    assert len(bad) < 0.01 * len(found)
    sizes = dict(zip(real_dataset.paths, real_dataset.sizes, strict=True))
    known = {"/".join(path.split("/")[-2:]): size for path, size in sizes.items()}
    assert all(
        box.right <= known[box.path][0] and box.bottom <= known[box.path][1]
        for box in found
        if box.path in known
    )
