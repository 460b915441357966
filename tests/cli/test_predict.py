import csv
import errno
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from simpsons.characters import CHARACTERS, SLUGS
from simpsons.classifier import Classifier
from simpsons.cli import main
from simpsons.cli.main import COMMANDS

NAMES = {character.name for character in CHARACTERS}
ENTRY = r"(.+?) (\d+\.\d)%"
HEAVY = ("torch", "matplotlib", "sklearn", "scipy", "onnx", "h5py", "kagglehub")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, drawings):
    """Pictures in folders, with files that are none and must be left alone."""
    folder = tmp_path_factory.mktemp("pictures")
    names = ["b.jpg", "a.JPG", "sub/d.jpg", "sub/c.jpg", "sub/x/e.jpg", "more/f.jpg", "art/g.jpg"]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sorted(drawings.rglob("pic_0000.jpg"))[number], folder / name)
    (folder / "notes.txt").write_text("not a picture")
    (folder / "sub" / "README").write_text("not a picture")
    return folder


@pytest.fixture
def predict(cli, onnx_model):
    def run(*arguments, **options):
        return cli("predict", "--model", onnx_model, *arguments, **options)

    return run


@pytest.fixture(scope="module")
def answer(onnx_model):
    """What the Python API says of a picture, as JSON."""
    classifier = Classifier(onnx_model)
    return lambda path, top=3: classifier.predict(str(path), top).to_json()


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.jpg"
    path.write_text("not a picture")
    return path


@pytest.fixture
def good(pictures):
    return pictures / "b.jpg"


def lines(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def paths(result):
    return [line["path"] for line in lines(result)]


def same(one, other):
    """Whether two answers agree but for rounding, which the size of a batch changes."""
    assert (one["path"], one["label"]) == (other["path"], other["label"])
    assert one["probability"] == pytest.approx(other["probability"], abs=2e-6)
    assert [entry["label"] for entry in one["top"]] == [entry["label"] for entry in other["top"]]
    numbers = [[entry["probability"] for entry in each["top"]] for each in (one, other)]
    assert numbers[0] == pytest.approx(numbers[1], abs=2e-6)
    return True


# What is printed


def test_one_line_a_picture(predict, answer, good):
    result = predict(good)
    assert result.exit_code == 0
    assert result.stderr == ""
    [line] = result.stdout.splitlines()
    found = re.fullmatch(rf"{re.escape(str(good))}  {ENTRY}  \({ENTRY}, {ENTRY}\)", line)
    names, shown = found.groups()[::2], [float(number) for number in found.groups()[1::2]]
    assert set(names) <= NAMES
    expected = [100 * entry["probability"] for entry in answer(good)["top"]]
    assert shown == pytest.approx(expected, abs=0.051)


def test_top_says_how_many(predict, good):
    assert re.fullmatch(rf"\S+  {ENTRY}\n", predict(good, "--top", 1).stdout)
    assert predict(good, "--top", 5).stdout.count("%") == 5
    assert predict(good, "--top", 99).stdout.count("%") == 18
    assert predict(good, "--top", 0).exit_code == 2


def test_json_is_an_object_a_line_that_mirrors_the_api(predict, answer, pictures):
    given = [pictures / "sub" / "d.jpg", pictures / "b.jpg"]
    result = predict(*given, "--json", "--top", 4)
    assert result.exit_code == 0
    said = lines(result)
    assert [set(line) for line in said] == [
        {"path", "label", "probability", "verdict", "familiarity", "top"}
    ] * 2
    assert [len(line["top"]) for line in said] == [4, 4]
    assert all(same(line, answer(path, 4)) for line, path in zip(said, given, strict=True))


def test_csv(predict, answer, pictures, tmp_path, bad):
    awkward = tmp_path / 'a "quoted", name.jpg'
    shutil.copy(pictures / "b.jpg", awkward)
    result = predict(awkward, bad, "--csv", "--top", 2)
    assert result.exit_code == 1
    header, first, second = csv.reader(io.StringIO(result.stdout))
    assert header == [
        "path",
        "label",
        "probability",
        "label_2",
        "probability_2",
        "error",
        "verdict",
    ]
    top = answer(awkward, 2)["top"]
    assert first[0] == str(awkward)
    assert [first[1], first[3]] == [entry["label"] for entry in top]
    numbers = [entry["probability"] for entry in top]
    assert [float(first[2]), float(first[4])] == pytest.approx(numbers, abs=2e-6)
    assert first[5:] == ["", top[0]["label"]]
    assert second[:5] == [str(bad), "", "", "", ""]
    assert second[5].startswith(f"{bad}: not a picture")
    assert second[6] == ""


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two people, each in a patch that names them, on a ground like nobody."""
    pixels = np.full((240, 320, 3), 255, np.uint8)
    for x, colour, sure in ((10, (0, 255, 0), 255), (180, (0, 0, 255), 230)):
        pixels[80:150, x : x + 70] = colour
        pixels[105:125, x + 25 : x + 45] = (255, 0, sure)
    path = tmp_path_factory.mktemp("two") / "two.png"
    Image.fromarray(pixels).save(path)
    return path


def test_nobody_is_told_unknown_of_two_whose_faces_are_known(cli, spots, spot_names, two):
    words = ("predict", two, "--model", spot_names)
    assert cli(*words).stdout.startswith(f"{two}  unknown, nearest ")
    result = cli(*words, "--faces", spots)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"{two}  Homer Simpson and Marge Simpson, by their faces; `simpsons detect` shows where\n"
    )
    one = cli(*words, "--faces", spots, "--json", "--top", 2)
    [said] = lines(one)
    assert said["verdict"] == said["label"] == "homer_simpson"
    assert said["top"][0] == {"label": said["label"], "probability": said["probability"]}
    assert [face["verdict"] for face in said["faces"]] == ["homer_simpson", "marge_simpson"]
    header, row = csv.reader(io.StringIO(cli(*words, "--faces", spots, "--csv").stdout))
    assert header[-2:] == ["error", "verdict"]
    assert (row[1], row[-1]) == ("homer_simpson", "homer_simpson")
    assert len(header) == len(row) == 9


def test_an_answer_by_faces_is_explained(cli, spots, spot_names, two, tmp_path):
    words = ("predict", two, "--model", spot_names, "--faces", spots, "--explain", tmp_path)
    [said] = lines(cli(*words, "--json"))
    assert opened(said["explanation"])[1] == (320, 240)
    assert cli(*words).stdout.endswith(f"shows where  -> {said['explanation']}\n")


def test_csv_has_no_more_columns_than_there_are_characters(predict, good):
    header, row = csv.reader(io.StringIO(predict(good, "--csv", "--top", 99).stdout))
    assert len(header) == len(row) == 1 + 2 * 18 + 2
    assert set(row[1:-2:2]) == set(SLUGS)


# Which pictures


def test_a_folder_is_read_with_those_below_in_order(predict, pictures):
    expected = [
        "a.JPG",
        "b.jpg",
        "art/g.jpg",
        "more/f.jpg",
        "sub/c.jpg",
        "sub/d.jpg",
        "sub/x/e.jpg",
    ]
    result = predict(pictures, "--json")
    assert result.exit_code == 0
    assert paths(result) == [str(pictures / name) for name in expected]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("sub/*.jpg", ["sub/c.jpg", "sub/d.jpg"]),
        ("sub/**/*.jpg", ["sub/c.jpg", "sub/d.jpg", "sub/x/e.jpg"]),
        ("[ab].*", ["a.JPG", "b.jpg"]),
    ],
)
def test_a_pattern_that_no_shell_expanded(predict, pictures, pattern, expected):
    result = predict(pictures / pattern, "--json")
    assert paths(result) == [str(pictures / name) for name in expected]


def test_a_pattern_for_folders(predict, pictures):
    result = predict(pictures / "s*b", "--json")
    assert result.exit_code == 0
    assert paths(result) == paths(predict(pictures / "sub", "--json"))


def test_a_folder_that_can_not_be_read_is_reported(predict, pictures, monkeypatch):
    locked = str(pictures / "sub")
    scandir = os.scandir

    def refuse(path):
        if str(path) == locked:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), locked)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = predict(pictures)
    assert result.exit_code == 1
    assert result.stdout
    assert f"{locked}: can't be read (Permission denied); change its permissions" in result.stderr


def test_a_pattern_for_nothing(predict, pictures):
    result = predict(pictures / "*.webp")
    assert result.exit_code == 2
    assert "*.webp: no such file; check the path" in result.stderr


def test_a_name_that_looks_like_a_pattern(predict, tmp_path, good):
    path = tmp_path / "frame [1].jpg"
    shutil.copy(good, path)
    assert paths(predict(path, "--json")) == [str(path)]


def test_paths_are_printed_as_they_were_given(predict, pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    given = ["b.jpg", "./b.jpg", "sub//c.jpg"]
    assert paths(predict(*given, "--json")) == given


def test_a_picture_on_standard_input(predict, answer, good):
    result = predict("-", "--json", stdin=good.read_bytes())
    assert result.exit_code == 0
    [line] = lines(result)
    assert same(line, answer(good) | {"path": "-"})


@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_standard_input_that_is_no_picture(predict, content):
    result = predict("-", "--json", stdin=content)
    assert result.exit_code == 2
    [line] = lines(result)
    assert set(line) == {"path", "error"}
    assert line["path"] == "-"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_paths_from_a_file(predict, pictures, tmp_path, end):
    names = [str(pictures / "sub" / "x"), str(pictures / "b.jpg"), str(pictures / "sub" / "*.jpg")]
    listing = tmp_path / "list.txt"
    listing.write_bytes(f"{names[0]}{end}{end}{names[1]}{end}{names[2]}".encode())
    result = predict(pictures / "a.JPG", "--paths-from", listing, "--json")
    assert result.exit_code == 0
    expected = ["a.JPG", "sub/x/e.jpg", "b.jpg", "sub/c.jpg", "sub/d.jpg"]
    assert paths(result) == [str(pictures / name) for name in expected]


def test_paths_from_standard_input(predict, pictures):
    names = [str(pictures / "sub" / "d.jpg"), str(pictures / "a.JPG")]
    result = predict("--paths-from", "-", "--json", stdin="\n".join(names))
    assert paths(result) == names


def test_a_list_of_paths_that_is_empty_or_missing(predict, tmp_path):
    empty = predict("--paths-from", "-", stdin="\n")
    assert empty.exit_code == 2
    assert "the list is empty" in empty.stderr
    result = predict("--paths-from", tmp_path / "missing.txt")
    assert result.exit_code == 2
    assert "missing.txt" in result.stderr


def test_many_pictures_keep_their_order(predict, pictures):
    names = [str(pictures / name) for name in ("b.jpg", "a.JPG", "sub/c.jpg")] * 25
    names.insert(40, "missing.jpg")
    result = predict("--paths-from", "-", "--json", stdin="\n".join(names))
    assert result.exit_code == 1
    assert paths(result) == names
    assert ["error" in line for line in lines(result)].index(True) == 40


# What goes wrong


def test_a_bad_picture_is_reported_and_the_rest_goes_on(predict, pictures, bad):
    result = predict(pictures / "b.jpg", bad, "missing.jpg", pictures / "a.JPG")
    assert result.exit_code == 1
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{pictures / 'b.jpg'}  ")
    assert second.startswith(f"{pictures / 'a.JPG'}  ")
    assert result.stderr.splitlines() == [
        f"Error: {bad}: not a picture in a format known here; convert it to JPEG or PNG",
        "Error: missing.jpg: no such file; check the path",
    ]


@pytest.mark.parametrize("name", ["episode.mp4", "EPISODE.MKV", "clip.webm", "old.avi"])
def test_a_film_is_for_another_command(predict, tmp_path, name):
    film = tmp_path / name
    film.write_bytes(bytes(range(200)))
    result = predict(film)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {film}: not a picture in a format known here; read a film with "
        "`simpsons timeline`\n"
    )


def test_a_bad_picture_as_json(predict, good, bad):
    result = predict(bad, good, "--json")
    assert result.exit_code == 1
    assert result.stderr == ""
    first, second = lines(result)
    assert set(first) == {"path", "error"}
    assert first["path"] == str(bad)
    assert first["error"].startswith(f"{bad}: not a picture")
    assert second["path"] == str(good)


def test_nothing_but_bad_pictures(predict, bad):
    result = predict(bad, "missing.jpg")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("Error: ") == 2


def test_a_folder_without_pictures(predict, good, tmp_path):
    (tmp_path / "notes.txt").write_text("not a picture")
    result = predict(tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {tmp_path}: the folder has no pictures\n"
    assert predict(tmp_path, good).exit_code == 1
    [_, failure] = lines(predict(tmp_path, good, "--json"))
    assert failure == {"path": str(tmp_path), "error": f"{tmp_path}: the folder has no pictures"}


@pytest.mark.parametrize(
    "name",
    ["long" * 2000, "[long]" * 2000, "null\0inside", "\ud8ff.jpg"],
    ids=["long", "long pattern", "null", "no UTF-8"],
)
def test_a_name_that_no_file_can_have(predict, good, name):
    listing = f"{name}\n{good}\n".encode("utf-8", "surrogatepass")
    result = predict("--paths-from", "-", "--json", stdin=listing)
    assert result.exit_code == 1
    first, second = lines(result)
    assert set(first) == {"path", "error"}
    assert second["path"] == str(good)


@pytest.mark.parametrize("form", [(), ("--csv",), ("--json",)])
def test_a_name_that_the_terminal_can_not_show(onnx_model, tmp_path, good, form):
    path = tmp_path / "☂.jpg"
    shutil.copy(good, path)
    words = ["predict", str(path), "--model", str(onnx_model), *form]
    result = CliRunner(charset="latin-1").invoke(main, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert r"\u2602.jpg" in result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("form", [(), ("--csv",), ("--json",)])
def test_a_name_in_an_unknown_encoding(predict, tmp_path, good, form):
    path = tmp_path / os.fsdecode(b"\xff.jpg")
    shutil.copy(good, path)
    for result in (
        predict(tmp_path, *form),
        predict("--paths-from", "-", *form, stdin=os.fsencode(path)),
    ):
        assert result.exit_code == 0
        assert r"\udcff.jpg" in result.stdout


def opened(path):
    with Image.open(path) as image:
        return image.format, image.size, np.asarray(image.convert("L"), float)


def test_explanations_are_as_large_as_the_pictures(predict, pictures, tmp_path):
    names = [pictures / "b.jpg", pictures / "sub" / "c.jpg"]
    result = predict(*names, "--json", "--explain", tmp_path / "new" / "why")
    assert result.exit_code == 0
    written = [line["explanation"] for line in lines(result)]
    assert sorted(written) == sorted(map(str, (tmp_path / "new" / "why").iterdir()))
    for name, path in zip(names, written, strict=True):
        kind, size, drawn = opened(path)
        _, picture_size, picture = opened(name)
        assert (kind, size) == ("PNG", picture_size)
        assert np.corrcoef(drawn.ravel(), picture.ravel())[0, 1] > 0.5


def test_an_explained_answer_is_the_same_answer(predict, good, tmp_path):
    [plain] = lines(predict(good, "--json"))
    [explained] = lines(predict(good, "--json", "--explain", tmp_path))
    written = explained.pop("explanation")
    assert written.startswith(str(tmp_path / f"{good.parent.name}-b-"))
    assert explained == plain
    said = predict(good, "--explain", tmp_path).stdout
    assert said == predict(good).stdout.replace("\n", f"  -> {written}\n")


def test_explanations_follow_the_orientation(predict, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (90, 50), "gold").save(tmp_path / "turned.jpg", exif=exif)
    [line] = lines(predict(tmp_path / "turned.jpg", "--json", "--explain", tmp_path / "why"))
    assert opened(line["explanation"])[1] == (50, 90)


def test_pictures_of_one_name_do_not_overwrite_each_other(predict, pictures, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(pictures / "b.jpg", tmp_path / folder / "../b.jpg")
        shutil.copy(pictures / "b.jpg", tmp_path / folder / "b.jpg")
    why = tmp_path / "why"
    result = predict(tmp_path / "one", tmp_path / "two", tmp_path / "b.jpg", "--explain", why)
    assert result.exit_code == 0
    assert len(list(why.iterdir())) == 3
    assert predict(tmp_path / "one", "--explain", why).exit_code == 0
    assert len(list(why.iterdir())) == 3


def test_a_bad_picture_has_no_explanation_and_the_rest_have(predict, good, bad, tmp_path):
    why = tmp_path / "why"
    result = predict(bad, good, "missing.jpg", good.parent / "a.JPG", "--json", "--explain", why)
    assert result.exit_code == 1
    assert ["explanation" in line for line in lines(result)] == [False, True, False, True]
    assert len(list(why.iterdir())) == 2


def test_a_name_that_no_folder_could_take_is_made_safe(predict, good, tmp_path):
    odd = tmp_path / f"{'long' * 50} \n\u00fc;$(x).jpg"
    shutil.copy(good, odd)
    [line] = lines(predict(odd, "--json", "--explain", tmp_path / "why"))
    name = Path(line["explanation"]).name
    assert re.fullmatch(r"[\w-]{1,80}-(long){20}-[0-9a-f]{10}\.png", name)


def test_standard_input_is_explained(predict, good, tmp_path):
    [line] = lines(predict("-", "--json", "--explain", tmp_path, stdin=good.read_bytes()))
    assert opened(line["explanation"])[1] == opened(good)[1]


def test_explanations_into_a_file_are_refused(predict, good, bad):
    result = predict(good, "--explain", bad)
    assert result.exit_code == 2
    assert f"{bad}: explanations can't be written there" in result.stderr
    assert "give --explain another folder" in result.stderr
    assert bad.read_text() == "not a picture"


def test_a_write_that_fails_leaves_nothing(predict, good, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    result = predict(good, "--explain", tmp_path / "why")
    assert result.exit_code == 2
    assert "explanations can't be written there (No space left on device)" in result.stderr
    assert list((tmp_path / "why").iterdir()) == []


def test_no_pictures_given(predict):
    result = predict()
    assert result.exit_code == 2
    assert result.stderr == "Error: no pictures given; try `simpsons predict picture.jpg`\n"


def test_json_and_csv_exclude_each_other(predict, good):
    result = predict(good, "--json", "--csv")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "Error: --json and --csv can't be combined; choose one\n"


def test_a_bad_model(cli, good, bad, tmp_path):
    messages = {
        "resnet50": "resnet50: no such weights; use cnn, xception",
        tmp_path / "missing.onnx": f"{tmp_path / 'missing.onnx'}: no such weights",
        bad: f"{bad}: is not a valid ONNX file",
    }
    for model, message in messages.items():
        result = cli("predict", good, "--model", model)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith(f"Error: {message}")
        assert result.stderr.count("\n") == 1


# Help, and what is imported


COMMANDS_WITH_HELP = [
    *(command for command in COMMANDS if command != "data"),
    *(f"data {command}" for command in ("download", "stats", "preview", "split")),
]


@pytest.mark.parametrize("command", COMMANDS_WITH_HELP)
def test_help_shows_an_example(cli, command):
    result = cli(*command.split(), "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")
    assert re.search(rf"^ +simpsons {command}\b", result.stdout, re.MULTILINE)


def python(code, *arguments, stdin=b""):
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], input=stdin, capture_output=True, check=False
    )
    return run.returncode, run.stdout.decode(), run.stderr.decode()


NO_HEAVY = f"""
import sys
from pathlib import Path
from simpsons.cli import main
try:
    main(prog_name="simpsons")
finally:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


def test_help_imports_nothing_heavy():
    code, output, errors = python(NO_HEAVY, "--help")
    assert code == 0
    assert all(f"\n  {command} " in output for command in COMMANDS)
    assert errors == "[]\n"


def test_predict_imports_nothing_heavy_and_reads_a_pipe(onnx_model, tmp_path):
    picture = io.BytesIO()
    Image.fromarray(np.full((70, 90, 3), (255, 217, 15), np.uint8)).save(picture, "PNG")
    words = ("predict", "-", "missing.jpg", "--json", "--model", str(onnx_model))
    words += ("--explain", str(tmp_path))
    code, output, errors = python(NO_HEAVY, *words, stdin=picture.getvalue())
    assert code == 1
    first, second = (json.loads(line) for line in output.splitlines())
    assert first["path"] == "-"
    assert first["label"] in SLUGS
    assert second == {"path": "missing.jpg", "error": "missing.jpg: no such file; check the path"}
    assert errors == "[]\n"


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_a_closed_output_gives_no_traceback(pictures):
    command = f"{shlex.quote(sys.executable)} -m simpsons predict {shlex.quote(str(pictures))} >&-"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


# What is left out of a folder


def test_what_is_left_out_of_a_folder_is_counted_and_said(predict, pictures, tmp_path):
    folder = tmp_path / "folder"
    shutil.copytree(pictures, folder)
    junk = (
        "__MACOSX/a.jpg",
        "@eaDir/a.jpg",
        "sub/.ipynb_checkpoints/d.jpg",
        "sub/._d.jpg",
        "x.xyz",
    )
    for name in junk:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"none of the owner's")
    result = predict(folder, "--json")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 7
    assert result.stderr.splitlines() == [
        f"Note: left out 3: not a picture file; the first: {folder / 'notes.txt'}",
        "Note: left out 3: hidden, or a folder of the system's own; the first: "
        f"{folder / '@eaDir'}",
        "Note: left out 1: hidden, its name begins with a dot; the first: "
        f"{folder / 'sub/._d.jpg'}",
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need permission")
@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_a_pipe_in_a_folder_is_left_out(predict, pictures):
    os.mkfifo(pictures / "0.jpg")
    result = predict(pictures)
    assert result.exit_code == 0
    assert "left out 1: a pipe, socket or device, not a file; the first: " in result.stderr


def test_linked_folders_are_read_and_loops_come_to_an_end(predict, pictures, tmp_path):
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "linked").symlink_to(pictures / "sub")
    result = predict(tmp_path, "--json")
    found = [json.loads(line)["path"] for line in result.stdout.splitlines()]
    assert found == [str(tmp_path / "linked" / name) for name in ("c.jpg", "d.jpg", "x/e.jpg")]
    assert (
        f"left out 1: is a link to a folder above it; the first: {tmp_path / 'up'}" in result.stderr
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("from_stdin", [False, True])
def test_a_list_with_a_mark_or_in_utf_16(predict, pictures, tmp_path, encoding, from_stdin):
    names = [str(pictures / "a.JPG"), str(pictures / "b.jpg")]
    listed = "\r\n".join(names).encode(encoding)
    (tmp_path / "list.txt").write_bytes(listed)
    where = "-" if from_stdin else tmp_path / "list.txt"
    result = predict("--paths-from", where, "--json", stdin=listed)
    assert result.exit_code == 0, result.stderr
    assert [json.loads(line)["path"] for line in result.stdout.splitlines()] == names


# URLs

URL = "https://example.org/a//homer.jpg?size=1&kind=2"


@pytest.mark.parametrize("command", ["predict", "detect"])
def test_a_url_is_named_as_it_was_given_with_what_to_do(cli, onnx_model, command):
    result = cli(command, "--model", onnx_model, URL)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {URL}: is a URL, and nothing is fetched; `curl -sL '{URL}' | simpsons {command} "
        "-`, or download it and give the file\n"
    )


@pytest.mark.parametrize("from_list", [False, True])
def test_a_url_among_pictures_is_reported_in_its_place(predict, good, tmp_path, from_list):
    named = [str(good), URL, "s3://bucket/*.jpg", str(good)]
    (tmp_path / "list.txt").write_text("\n".join(named))
    given = ["--paths-from", tmp_path / "list.txt"] if from_list else named
    result = predict(*given, "--json")
    assert result.exit_code == 1
    said = lines(result)
    assert [one["path"] for one in said] == named
    assert ["error" in one for one in said] == [False, True, True, False]
    assert said[1]["error"].startswith(f"{URL}: is a URL")
    header, *rows = csv.reader(io.StringIO(predict(*named, "--csv").stdout))
    assert [row[header.index("error")].startswith(f"{URL}: is a URL") for row in rows] == [
        False,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate"],
        ["train", "--epochs", 1],
        ["compare", "cnn", "xception"],
        ["data", "audit"],
        ["data", "clean"],
        ["data", "stats"],
        ["data", "preview"],
        ["data", "split"],
        ["timeline"],
        ["predict", "x.jpg", "--model"],
        ["predict", "--paths-from"],
        ["evaluate", "x", "--boxes"],
        ["evaluate", "x", "--split"],
        ["train", "x", "--from"],
        ["import"],
    ],
    ids=str,
)
def test_no_command_takes_a_url(cli, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cli(*words, *([URL, "x.onnx"] if words == ["import"] else [URL]))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {URL}: is a URL, and nothing is fetched; ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "x.jpg", "--explain"],
        ["detect", "x.jpg", "--draw"],
        ["timeline", "x.mp4", "--out"],
        ["timeline", "x.mp4", "--annotate"],
        ["train", "x", "--out"],
        ["evaluate", "x", "--report"],
        ["data", "audit", "x", "--report"],
        ["data", "split", "x", "--out"],
        ["demo", "--out"],
        ["export", "x"],
    ],
    ids=str,
)
def test_no_command_makes_folders_for_a_url(cli, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cli(*words, "s3://bucket/x.mp4")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: s3://bucket/x.mp4: is a URL, and files are written on this machine alone; give a "
        "path\n"
    )
    assert list(tmp_path.iterdir()) == []


# Sorted into folders


def below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


@pytest.fixture
def album(tmp_path, two):
    """Two of one name, one of nobody and one that is no picture."""
    folder = tmp_path / "album"
    for name, colour in (("a/x.png", (0, 255, 0)), ("b/x.png", (10, 255, 0))):
        (folder / name).parent.mkdir(parents=True)
        Image.new("RGB", (80, 80), colour).save(folder / name)
    shutil.copy(two, folder / "two.png")
    Image.new("RGB", (80, 80), "white").save(folder / "nobody.png")
    (folder / "bad.png").write_text("no picture")
    return folder


def test_pictures_are_sorted_by_verdict_into_a_folder_among_them(cli, album, spots, spot_names):
    target = album / "sorted"
    words = ("predict", album, "--model", spot_names, "--faces", spots, "--sort-into", target)
    result = cli(*words, "--json")
    assert result.exit_code == 1
    said = lines(result)
    assert [one["path"] for one in said if "error" in one] == [str(album / "bad.png")]
    good = [one for one in said if "error" not in one]
    assert [Path(one["sorted"]).parent.name for one in good] == [one["verdict"] for one in good]
    assert all(Path(one["sorted"]).read_bytes() == Path(one["path"]).read_bytes() for one in good)
    there = below(target)
    assert len(there) == 4
    apart = there.pop(1)
    assert re.fullmatch(r"homer_simpson/x-[0-9a-f]{10}\.png", apart)
    assert there == ["homer_simpson/two.png", "homer_simpson/x.png", "unknown/nobody.png"]
    there.insert(1, apart)
    assert f"Note: sorted 4 into {target}: homer_simpson 3, unknown 1" in result.stderr
    again = cli(*words, "--csv")
    assert below(target) == there
    assert len(below(album)) == 9
    assert "4 of them were there before" in again.stderr
    assert "left out 1: what this command writes" in again.stderr
    header, *rows = csv.reader(io.StringIO(again.stdout))
    assert header[-3:] == ["error", "verdict", "sorted"]
    assert sorted(row[-1] for row in rows if row[-1]) == sorted(one["sorted"] for one in good)
    plain = cli(*words, "--link").stdout.splitlines()
    assert sorted(line.partition("  -> ")[2] for line in plain) == sorted(
        one["sorted"] for one in good
    )
    assert below(target) == there


def test_sorted_as_links_and_explained(cli, album, spot_names, tmp_path):
    why, target = tmp_path / "why", tmp_path / "sorted"
    words = ("predict", album / "a", "--model", spot_names, "--explain", why)
    [said] = lines(cli(*words, "--sort-into", target, "--link", "--json"))
    assert Path(said["sorted"]).samefile(album / "a" / "x.png")
    assert Path(said["explanation"]).parent == why


def test_what_can_not_be_sorted_is_a_failure(cli, album, spot_names, tmp_path):
    target = tmp_path / "sorted"
    target.mkdir()
    (target / "unknown").write_text("a file")
    words = ("predict", album / "nobody.png", album / "a", "--model", spot_names)
    result = cli(*words, "--sort-into", target, "--json")
    assert result.exit_code == 1
    failure, sorted_one = lines(result)
    assert failure["error"].startswith(f"{album / 'nobody.png'}: can't be put into ")
    assert Path(sorted_one["sorted"]).exists()
    assert (target / "unknown").read_text() == "a file"


def test_a_picture_on_standard_input_is_sorted(cli, album, spot_names, tmp_path):
    words = ("predict", "-", "--model", spot_names, "--sort-into", tmp_path / "sorted", "--json")
    data = (album / "a" / "x.png").read_bytes()
    [said] = lines(cli(*words, stdin=data))
    assert Path(said["sorted"]).read_bytes() == data


def test_how_not_to_sort(cli, good, bad):
    result = cli("predict", good, "--sort-into", bad)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {bad}: pictures can't be sorted into it")
    result = cli("predict", good, "--link")
    assert result.stderr == "Error: --link says how to sort; give --sort-into FOLDER too\n"
