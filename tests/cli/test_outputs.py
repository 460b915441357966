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
