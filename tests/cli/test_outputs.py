"""What a command writes replaces what it wrote before, and no other file of that name."""

import shutil

import pytest


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["data", "stats", "DATA", "--picture", "OUT.png"], "a figure"),
        (["data", "preview", "DATA", "--out", "OUT.svg"], "a figure"),
        (["data", "split", "DATA", "--split", "random", "--out", "OUT.csv"], "a split"),
        (["data", "audit", "DATA", "--report", "OUT.html"], "a report"),
        (["evaluate", "DATA", "--model", "MODEL", "--report", "OUT.html"], "a report"),
        (["evaluate", "DATA", "--model", "MODEL", "--picture", "OUT.png"], "a figure"),
        (["compare", "MODEL", "MODEL", "DATA", "--report", "OUT.html"], "a report"),
        (["embed", "DATA", "--out", "OUT.npy"], "a file of vectors"),
        (["embed", "DATA", "--out", "OUT.parquet"], "a file of vectors"),
    ],
    ids=["stats", "preview", "split", "audit", "evaluate", "matrix", "compare", "npy", "parquet"],
)
def test_another_file_stays(cli, drawings, doll_model, tmp_path, arguments, kind):
    places = {"DATA": drawings, "MODEL": doll_model}
    [name] = [word for word in arguments if word.startswith("OUT.")]
    out = tmp_path / name
    given = [out if word == name else places.get(word, word) for word in arguments]
    shutil.copy(next(drawings.rglob("*.jpg")), out)
    before = out.read_bytes()
    result = cli(*given)
    assert result.exit_code == 2, result.output
    assert f"{out}: already exists and is not {kind} of simpsons" in result.stderr
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == before
    out.unlink()
    for _ in range(2):
        result = cli(*given)
        assert result.exit_code == 0, result.output
    assert out.read_bytes() != before


@pytest.mark.parametrize(
    ("command", "name", "content"),
    [
        ("split", "notes.md", "the columns are\npath,character,group,split\n"),
        ("split", "run.csv", "path,character,group,split,checksum\na.jpg,a,0,train,12\n"),
        ("evaluate", "own.html", "<p>img-src data:; style-src 'unsafe-inline'"),
        ("stats", "own.svg", "<svg><title>x</title><dc:title>simpsons</dc:title></svg>"),
        ("embed", "own.npy", "\x93NUMPY"),
    ],
)
def test_what_only_looks_alike_stays(cli, drawings, doll_model, tmp_path, command, name, content):
    out = tmp_path / name
    out.write_text(content)
    arguments = {
        "split": ["data", "split", drawings, "--split", "random", "--out", out],
        "evaluate": ["evaluate", drawings, "--model", doll_model, "--report", out],
        "stats": ["data", "stats", drawings, "--picture", out],
        "embed": ["embed", drawings, "--out", out],
    }
    result = cli(*arguments[command])
    assert result.exit_code == 2, result.output
    assert f"{out}: already exists and is not " in result.stderr
    assert out.read_text() == content


def test_vectors_of_another_program_stay(cli, drawings, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "own.parquet"
    parquet.write_table(pyarrow.table({"text": ["a"], "embedding": [[1.0, 2.0]]}), out)
    before = out.read_bytes()
    result = cli("embed", drawings, "--out", out)
    assert result.exit_code == 2
    assert f"{out}: already exists and is not a file of vectors" in result.stderr
    assert out.read_bytes() == before


def test_what_is_read_is_not_written(cli, drawings, doll_model, tmp_path):
    split = tmp_path / "split.csv"
    assert cli("data", "split", drawings, "--split", "random", "--out", split).exit_code == 0
    again = cli("data", "split", drawings, "--split", split, "--out", split)
    assert (again.exit_code, "is the split that is read" in again.stderr) == (2, True)
    network = tmp_path / "own.onnx"
    shutil.copy(doll_model, network)
    again = cli("export", network, network, "--data", drawings, "--split", "random", "--half")
    assert (again.exit_code, "is the network itself" in again.stderr) == (2, True)
    assert network.read_bytes() == doll_model.read_bytes()
    (tmp_path / "config.json").write_text("{}")
    other = cli("export", doll_model, network, "--data", drawings, "--split", "random")
    assert (other.exit_code, "belongs to another run" in other.stderr) == (2, True)
    both = tmp_path / "both.png"
    one = cli("evaluate", drawings, "--model", doll_model, "--report", both, "--picture", both)
    assert (one.exit_code, "can't be both" in one.stderr) == (2, True)
    assert not both.exists()


@pytest.mark.parametrize("name", ["timeline.srt", "timeline.json", "timeline.png"])
def test_files_of_ones_own_stay_beside_a_time_line(cli, film, tmp_path, name):
    (tmp_path / name).write_text("mine")
    result = cli("timeline", film.path, "--rate", 1, "--out", tmp_path)
    assert result.exit_code == 2, result.output
    assert f"{tmp_path / name}: already exists and is not " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_totals_of_ones_own_stay(cli, film, tmp_path):
    shutil.copy(film.path, tmp_path / "other.mp4")
    out = tmp_path / "out"
    out.mkdir()
    (out / "totals.csv").write_text("mine")
    result = cli("timeline", film.path, tmp_path / "other.mp4", "--rate", 1, "--out", out)
    assert result.exit_code == 2
    assert f"{out / 'totals.csv'}: already exists and is not totals" in result.stderr
    assert [path.name for path in out.iterdir()] == ["totals.csv"]


def test_the_current_folder_is_not_replaced(cli, drawings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    boxes = tmp_path.parent / f"{tmp_path.name}.csv"
    path = next(drawings.rglob("*.jpg")).relative_to(drawings)
    boxes.write_text(f"path,x1,y1,x2,y2,name\n{path},1,1,20,20,a\n")
    crop = "data", "crop", drawings, "--boxes", boxes, "--out"
    result = cli(*crop, ".")
    assert (result.exit_code, "is the current folder" in result.stderr) == (2, True)
    (tmp_path / "real").mkdir(mode=0o775)
    (tmp_path / "link").symlink_to("real")
    result = cli(*crop, "link")
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "real").rglob("*.jpg"))
