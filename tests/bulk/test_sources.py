import os
import sys

import pyarrow
import pyarrow.parquet
import pytest

from simpsons.bulk.errors import BulkError
from simpsons.bulk.sources import Source
from simpsons.pixels import layout


def paths(location, **options) -> list[str]:
    return [entry.path for entry in Source(str(location), **options).entries()]


@pytest.fixture
def folder(tmp_path):
    for name in (
        "b.jpg",
        "a.PNG",
        "x/c.jpg",
        "notes.txt",
        ".hidden.jpg",
        ".git/d.jpg",
        "x/y/e.gif",
    ):
        (tmp_path / "pics" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pics" / name).touch()
    return tmp_path / "pics"


def test_a_folder_in_order(folder):
    source = Source(str(folder))

    assert [entry.path for entry in source.entries()] == [
        f"{folder}/a.PNG",
        f"{folder}/b.jpg",
        f"{folder}/x/c.jpg",
        f"{folder}/x/y/e.gif",
    ]
    assert source.left_out == {
        layout.NO_PICTURE: 1,
        layout.HIDDEN_FILE: 1,
        layout.SYSTEM_FOLDER: 1,
    }


def test_a_link_to_a_folder_above(folder):
    (folder / "x/up").symlink_to(folder)

    assert len(paths(folder)) == 4


def test_a_glob(folder):
    assert paths(f"{folder}/**/*.jpg") == [f"{folder}/b.jpg", f"{folder}/x/c.jpg"]
    with pytest.raises(BulkError, match="no file has such a name"):
        paths(f"{folder}/*.tiff")


def test_one_picture(folder):
    assert paths(folder / "b.jpg") == [f"{folder}/b.jpg"]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.txt", "b.jpg\r\n\n c d.jpg\n".encode("utf-8-sig"), {}),
        ("a.lst", "b.jpg\r\n c d.jpg\r\n".encode("utf-16"), {}),
        ("a.csv", b'n,path\n1,b.jpg\n2," c d.jpg"\n', {}),
        ("a.csv", b"n;file\n1;b.jpg\n2; c d.jpg\n3;\n", {"column": "file"}),
        ("a.tsv", b"path\tn\nb.jpg\t1\n c d.jpg\t2\n", {}),
    ],
)
def test_lists(tmp_path, name, content, options):
    (tmp_path / name).write_bytes(content)

    assert paths(tmp_path / name, **options) == ["b.jpg", " c d.jpg"]


def test_a_quoted_path_may_have_a_line_end(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'path,n\n"a\nb.jpg",1\nc.jpg,2\n')

    assert paths(tmp_path / "a.csv") == ["a\nb.jpg", "c.jpg"]


def test_parquet(tmp_path):
    table = pyarrow.table({"key": ["a.jpg", None, "b.jpg"], "size": [1, 2, 3]})
    pyarrow.parquet.write_table(table, tmp_path / "1.parquet")
    pyarrow.parquet.write_table(table, tmp_path / "2.parquet")

    assert paths(tmp_path / "1.parquet", column="key") == ["a.jpg", "b.jpg"]
    assert paths(f"{tmp_path}/*.parquet", column="key") == ["a.jpg", "b.jpg"] * 2
    with pytest.raises(BulkError, match=r"no column 'path' \(it has key, size\)"):
        paths(tmp_path / "1.parquet")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz", "a.7z"])
def test_archives_that_can_only_be_read_from_their_start(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(BulkError, match="pack a zip or a plain tar"):
        paths(tmp_path / name)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.parquet"])
def test_a_damaged_list(tmp_path, name):
    (tmp_path / name).write_bytes(b"rubbish" * 100)
    with pytest.raises(BulkError, match=name):
        paths(tmp_path / name)


def test_a_missing_source(tmp_path):
    with pytest.raises(BulkError, match="can't be listed"):
        paths(tmp_path / "none")


def test_a_bucket(bucket):
    for name in ("pics/b.jpg", "pics/a.txt", "pics/x/c.jpg", "pics/a/d.jpg"):
        (bucket / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket / name).touch()

    assert paths("s3://pics") == ["s3://pics/b.jpg", "s3://pics/a/d.jpg", "s3://pics/x/c.jpg"]
    assert paths("s3://pics/*/c.jpg") == ["s3://pics/x/c.jpg"]
    (bucket / "pics/list.txt").write_text("s3://pics/b.jpg\n")
    assert paths("s3://pics/list.txt") == ["s3://pics/b.jpg"]


def test_the_web_has_no_folders():
    with pytest.raises(BulkError, match="a web address can't be listed"):
        Source("https://host/x/")._below_there("https://host/x/").__next__()


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
def test_names_of_any_bytes(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.jpg")).touch()

    assert [os.fsencode(path).rpartition(b"/")[2] for path in paths(tmp_path)] == [b"\xff.jpg"]
