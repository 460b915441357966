"""Which pictures are found in the layouts people have, and what is said of the rest."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from simpsons.characters import SLUGS
from simpsons.dataset.folders import (
    DataError,
    Problem,
    characters_text,
    find,
    find_any,
    parse_characters,
)
from simpsons.pixels import layout


def put(root: Path, *paths: str, content: bytes = b"any bytes") -> Path:
    """Write files; `find` tells pictures by their names and does not open them."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def paths(listing) -> list[str]:
    return [picture.path for picture in listing.pictures]


# ---- class folders -------------------------------------------------------------------------


def test_class_folders_of_any_names(tmp_path):
    root = put(tmp_path, "red cats/1.jpg", "Äpfel/b.png", "Äpfel/a.png", "007/x.webp")
    listing = find(root)
    assert listing.classes == ("007", "red cats", "Äpfel")
    assert listing.counts() == {"007": 1, "red cats": 1, "Äpfel": 2}
    assert paths(listing) == ["007/x.webp", "red cats/1.jpg", "Äpfel/a.png", "Äpfel/b.png"]
    assert [picture.character for picture in listing.pictures] == [
        "007",
        "red cats",
        "Äpfel",
        "Äpfel",
    ]
    assert listing.problems == ()
    assert listing.left_out == {}
    assert not listing.flat
    listing.require_classes()


@pytest.mark.parametrize(
    "suffix", [".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp", ".JPG", ".PnG"]
)
def test_every_picture_suffix_counts(tmp_path, suffix):
    put(tmp_path, f"a/one{suffix}")
    assert paths(find(tmp_path)) == [f"a/one{suffix}"]


def test_folders_below_a_class_belong_to_it(tmp_path):
    put(tmp_path, "a/1.jpg", "a/season 2/1.jpg", "a/season 2/episode 3/1.jpg", "b/1.jpg")
    listing = find(tmp_path)
    assert listing.counts() == {"a": 3, "b": 1}
    assert paths(listing)[:3] == ["a/1.jpg", "a/season 2/1.jpg", "a/season 2/episode 3/1.jpg"]


def test_a_class_with_the_name_of_the_folder_above_is_a_class(tmp_path):
    root = put(tmp_path / "a", "a/1.jpg", "b/1.jpg", "a/season 1/2.jpg")
    assert find(root).counts() == {"a": 2, "b": 1}


def test_a_folder_alone_in_one_of_its_name_holds_the_classes(tmp_path):
    root = put(tmp_path / "cartoon", "cartoon/a/1.jpg", "cartoon/b/1.jpg", "__MACOSX/c/1.jpg")
    assert paths(find(root)) == ["cartoon/a/1.jpg", "cartoon/b/1.jpg"]


def test_a_whole_disk_has_no_name_and_comes_to_an_end(tmp_path, monkeypatch):
    root = put(tmp_path, "a/1.jpg", "b/1.jpg")
    with monkeypatch.context() as at_the_top:
        at_the_top.setattr(Path, "resolve", lambda _: Path("/"))
        listing = find(root)
    assert listing.classes == ("a", "b")


@pytest.mark.skipif(sys.platform == "win32", reason="links need permission")
def test_links_that_lead_back_are_listed_and_the_rest_goes_on(tmp_path):
    root = put(tmp_path / "data", "a/1.jpg", "a/below/2.jpg", "b/1.jpg", "b/deep/2.jpg")
    (root / "a" / "below" / "again").symlink_to(root / "a")
    (root / "a" / "up").symlink_to(root)
    (root / "b" / "other").symlink_to(root / "b" / "deep")
    listing = find(root)
    assert listing.counts() == {"a": 2, "b": 3}
    reason = "is a link to a folder above it"
    assert listing.problems == (Problem("a/below/again", reason), Problem("a/up", reason))


def test_hidden_folders_and_what_macos_leaves_in_a_zip_are_no_classes(tmp_path):
    put(tmp_path, "a/1.jpg", ".thumbnails/1.jpg", "__MACOSX/a/._1.jpg")
    listing = find(tmp_path, "all")
    assert listing.classes == ("a",)
    assert paths(listing) == ["a/1.jpg"]


def test_hidden_folders_in_a_class_are_no_part_of_it(tmp_path):
    put(tmp_path, "ada/1.jpg", "ada/.ipynb_checkpoints/1-checkpoint.jpg", "bob/1.jpg")
    assert paths(find(tmp_path)) == ["ada/1.jpg", "bob/1.jpg"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_unicode_is_listed(tmp_path):
    put(tmp_path, "ada/1.jpg", "bob/1.jpg")
    shutil.copy(
        tmp_path / "ada" / "1.jpg", os.fsdecode(os.fsencode(tmp_path / "ada") + b"/\xff.jpg")
    )
    listing = find(tmp_path)
    assert paths(listing) == ["ada/1.jpg", "bob/1.jpg"]
    assert [problem.reason for problem in listing.problems] == [
        "its name is not Unicode; rename it"
    ]


def test_a_folder_may_be_given_relative_to_the_current_one(tmp_path, monkeypatch):
    put(tmp_path, "here/a/1.jpg")
    monkeypatch.chdir(tmp_path / "here")
    assert paths(find(".")) == paths(find("../here")) == ["a/1.jpg"]


def test_size_is_the_number_of_bytes(tmp_path):
    put(tmp_path, "a/1.jpg", content=b"12345")
    assert find(tmp_path).pictures[0].size == 5


# ---- the Kaggle archive --------------------------------------------------------------------

CHARACTERS = ("bart_simpson", "homer_simpson", "lenny_leonard")


@pytest.fixture
def archive(tmp_path):
    """The archive unpacked: training pictures at two levels, the flat test set beside them."""
    training = [f"{character}/pic_{n:04d}.jpg" for character in CHARACTERS for n in range(3)]
    for level in ("simpsons_dataset", "simpsons_dataset/simpsons_dataset"):
        put(tmp_path, *(f"{level}/{path}" for path in training))
    test = [f"{character}_{n}.jpg" for character in CHARACTERS for n in range(2)]
    for level in ("kaggle_simpson_testset", "kaggle_simpson_testset/kaggle_simpson_testset"):
        put(tmp_path, *(f"{level}/{path}" for path in test))
    return put(tmp_path, "annotation.txt", "number_pic_char.csv")


@pytest.mark.parametrize(
    "start", [".", "simpsons_dataset", "simpsons_dataset/simpsons_dataset"], ids=str
)
def test_archive_has_each_training_picture_once(archive, start):
    listing = find(archive / start)
    assert listing.counts() == {"bart_simpson": 3, "homer_simpson": 3}
    assert listing.left_out == {"lenny_leonard": 3}
    files = {tuple(path.split("/")[-2:]) for path in paths(listing)}
    assert len(files) == len(listing.pictures) == 6
    assert all((archive / start / path).is_file() for path in paths(listing))
    assert not listing.flat


def test_archive_pictures_of_only_one_of_the_two_levels_count_too(archive):
    nested = put(archive, "simpsons_dataset/simpsons_dataset/moe_szyslak/pic_0000.jpg")
    put(archive, "simpsons_dataset/ned_flanders/pic_0000.jpg")
    (archive / "simpsons_dataset/bart_simpson/pic_0001.jpg").unlink()
    assert find(nested).counts() == {
        "bart_simpson": 3,
        "homer_simpson": 3,
        "moe_szyslak": 1,
        "ned_flanders": 1,
    }


def test_archive_with_a_stray_file_beside_the_characters(archive):
    put(archive, "simpsons_dataset/annotation.txt")
    assert find(archive).problems == (
        Problem("simpsons_dataset/annotation.txt", "outside the class folders"),
    )


# ---- the flat test set ---------------------------------------------------------------------


@pytest.mark.parametrize("start", ["", "kaggle_simpson_testset"], ids=["outer", "inner"])
def test_flat_test_set(archive, start):
    listing = find(archive / "kaggle_simpson_testset" / start)
    assert listing.flat
    assert listing.counts() == {"bart_simpson": 2, "homer_simpson": 2}
    assert listing.left_out == {"lenny_leonard": 2}
    assert listing.problems == ()
    assert sorted(Path(path).name for path in paths(listing)) == [
        "bart_simpson_0.jpg",
        "bart_simpson_1.jpg",
        "homer_simpson_0.jpg",
        "homer_simpson_1.jpg",
    ]


def test_flat_test_set_with_all_its_characters(archive):
    listing = find(archive / "kaggle_simpson_testset", "all")
    assert listing.classes == CHARACTERS
    assert listing.left_out == {}


def test_only_the_last_number_of_a_flat_name_is_cut_off(tmp_path):
    put(tmp_path, "agent_99_1.jpg", "agent_99_2.jpg", "k9_10.png")
    assert find(tmp_path).counts() == {"agent_99": 2, "k9": 1}


def test_flat_names_that_name_nobody_are_listed(tmp_path):
    put(tmp_path, "bart_simpson_0.jpg", "holiday.jpg", "notes_1.txt")
    listing = find(tmp_path)
    assert paths(listing) == ["bart_simpson_0.jpg"]
    assert listing.problems == (
        Problem("holiday.jpg", "the name does not say the character (<character>_<n>)"),
        Problem("notes_1.txt", "not a picture file"),
    )


# ---- which characters ----------------------------------------------------------------------


@pytest.fixture
def crowd(tmp_path):
    """Two of the 18 and two others; lenny has most pictures."""
    amounts = {"bart_simpson": 2, "homer_simpson": 3, "lenny_leonard": 4, "otto_mann": 1}
    return put(
        tmp_path, *(f"{name}/{n}.jpg" for name, count in amounts.items() for n in range(count))
    )


@pytest.mark.parametrize(
    ("wish", "classes"),
    [
        (None, ["bart_simpson", "homer_simpson"]),
        ("all", ["bart_simpson", "homer_simpson", "lenny_leonard", "otto_mann"]),
        (1, ["lenny_leonard"]),
        (2, ["homer_simpson", "lenny_leonard"]),
        (4, ["bart_simpson", "homer_simpson", "lenny_leonard", "otto_mann"]),
        (["otto_mann", "bart_simpson"], ["bart_simpson", "otto_mann"]),
        (["Homer Simpson", "bart simpson"], ["bart_simpson", "homer_simpson"]),
        (["homer_simpson", "Homer Simpson"], ["homer_simpson"]),
        ("otto_mann", ["otto_mann"]),
    ],
    ids=str,
)
def test_characters_that_are_asked_for(crowd, wish, classes):
    listing = find(crowd, wish)
    assert list(listing.classes) == classes
    assert {picture.character for picture in listing.pictures} == set(classes)
    everyone = find(crowd, "all").counts()
    assert listing.left_out == {name: everyone[name] for name in everyone if name not in classes}


def test_all_classes_are_taken_where_none_of_the_18_is(tmp_path):
    put(tmp_path, "otto_mann/1.jpg", "lenny_leonard/1.jpg")
    assert find(tmp_path).classes == ("lenny_leonard", "otto_mann")


def test_the_18_are_in_their_own_order(tmp_path):
    put(tmp_path, *(f"{slug}/1.jpg" for slug in reversed(SLUGS)))
    assert find(tmp_path).classes == SLUGS


def test_of_equally_many_the_first_by_name_are_taken(tmp_path):
    put(tmp_path, "c/1.jpg", "a/1.jpg", "b/1.jpg")
    assert find(tmp_path, 2).classes == ("a", "b")


def test_unknown_name_says_which_there_are(crowd):
    with pytest.raises(DataError) as caught:
        find(crowd, ["bart_simpson", "Kodos", "kang"])
    assert str(caught.value) == (
        f"{crowd}: no pictures of Kodos, kang; it has bart_simpson, homer_simpson, "
        "lenny_leonard, otto_mann"
    )


@pytest.mark.parametrize("number", [0, 5, 1000])
def test_a_number_out_of_range_says_how_many_there_are(crowd, number):
    with pytest.raises(DataError, match=rf"{number} characters asked for.* from 1 to 4$"):
        find(crowd, number)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        (None, None),
        ("all", "all"),
        ("10", 10),
        ("moe_szyslak", ["moe_szyslak"]),
        ("Moe Szyslak, Mr. Burns ,", ["Moe Szyslak", "Mr. Burns"]),
    ],
)
def test_what_the_option_takes(text, wish):
    assert parse_characters(text) == wish


# ---- what is left out, and what can't be used ----------------------------------------------


def test_each_file_left_out_is_listed_with_the_reason(tmp_path):
    put(tmp_path, "a/1.jpg", "a/notes.txt", "a/.DS_Store", "a/deeper/film.mp4")
    put(tmp_path, ".DS_Store", "readme.md", "alone.jpg")
    put(tmp_path, "a/nothing.jpg", "a/nothing.txt", content=b"")
    listing = find(tmp_path)
    assert paths(listing) == ["a/1.jpg"]
    assert listing.problems == (
        Problem(".DS_Store", "outside the class folders"),
        Problem("a/.DS_Store", "not a picture file"),
        Problem("a/deeper/film.mp4", "not a picture file"),
        Problem("a/notes.txt", "not a picture file"),
        Problem("a/nothing.jpg", "the file is empty"),
        Problem("a/nothing.txt", "not a picture file"),
        Problem("alone.jpg", "outside the class folders"),
        Problem("readme.md", "outside the class folders"),
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_what_is_no_file_is_listed_and_not_opened(tmp_path):
    root = put(tmp_path, "cat/1.jpg", "dog/1.jpg")
    os.mkfifo(root / "cat" / "2.jpg")
    (root / "dog" / "2.jpg").symlink_to(os.devnull)
    listing = find(root)
    assert paths(listing) == ["cat/1.jpg", "dog/1.jpg"]
    assert listing.problems == (
        Problem("cat/2.jpg", "a pipe, socket or device, not a file"),
        Problem("dog/2.jpg", "a pipe, socket or device, not a file"),
    )


def test_a_link_to_nowhere_is_listed(tmp_path):
    put(tmp_path, "a/1.jpg")
    (tmp_path / "a" / "2.jpg").symlink_to(tmp_path / "gone.jpg")
    listing = find(tmp_path)
    assert paths(listing) == ["a/1.jpg"]
    assert listing.problems == (Problem("a/2.jpg", "can't be read (No such file or directory)"),)


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no such folder; check the path"):
        find(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path):
    put(tmp_path, "homer.jpg")
    with pytest.raises(DataError, match=r"homer\.jpg: is a file; give the folder"):
        find(tmp_path / "homer.jpg")


def test_no_pictures_at_all(tmp_path):
    with pytest.raises(DataError, match=r"no pictures found; expected one folder per character"):
        find(tmp_path)
    put(tmp_path, "a/notes.txt")
    (tmp_path / "b").mkdir()
    with pytest.raises(DataError, match=r"no pictures found \(its folders a, b are empty\)"):
        find(tmp_path)


@pytest.mark.parametrize("wish", [None, ["homer_simpson"]], ids=str)
def test_no_pictures_of_the_characters_chosen(tmp_path, wish):
    put(tmp_path, "otto_mann/1.jpg")
    (tmp_path / "homer_simpson").mkdir()
    with pytest.raises(DataError, match=r"no pictures of homer_simpson; it has some of otto_mann"):
        find(tmp_path, wish)


def test_a_class_without_pictures_is_refused_by_name(tmp_path):
    put(tmp_path, "a/1.jpg", "b/1.jpg", "c/notes.txt")
    listing = find(tmp_path)
    assert listing.counts() == {"a": 1, "b": 1, "c": 0}
    with pytest.raises(DataError, match=r"no readable picture in the class c; add pictures"):
        listing.require_classes()


def test_one_class_alone_is_refused(tmp_path):
    put(tmp_path, "a/1.jpg", "a/2.jpg")
    with pytest.raises(DataError, match=r"only one class \(a\); put the pictures of each"):
        find(tmp_path).require_classes()


@pytest.mark.parametrize("folder", [".", "a", "a/deeper"])
def test_a_folder_without_permission(tmp_path, monkeypatch, folder):
    put(tmp_path, "a/1.jpg", "a/deeper/1.jpg", "b/1.jpg")
    real = os.scandir

    def scandir(path):
        if Path(path) == tmp_path / folder:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match="no permission to read it; change") as caught:
        find(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / folder}: ")


def test_one_class_taken_of_several_is_refused_with_the_way_to_take_all(tmp_path):
    listing = find(put(tmp_path, "bart_simpson/1.jpg", "me/1.jpg", "you/1.jpg", "you/2.jpg", "x"))
    said = "1 pictures of 1 characters, 1 other files; 3 of 2 other characters are left out"
    assert listing.summary == f"{said}, --characters all takes them"
    with pytest.raises(DataError, match=r"of its 3 classes only bart_simpson was taken; --char"):
        listing.require_classes()


# ---- a split that somebody has made --------------------------------------------------------

SPELLINGS = [
    ("train", "val", "test"),
    ("Training", "Validation", "Testing"),
    ("TRAIN", "VALID", "TEST"),
    ("training_set", "dev_set", "test-set"),
    ("TrainSet", "my_val2", "seg_test"),
]


@pytest.mark.parametrize("above", ["", "wrapped/my_cartoon/"])
@pytest.mark.parametrize("names", SPELLINGS, ids=lambda names: names[0])
def test_folders_of_parts_give_a_split(tmp_path, names, above):
    train, validation, test = (f"{above}{name}" for name in names)
    put(tmp_path, f"{train}/ada/1.jpg", f"{train}/bob/1.jpg", f"{validation}/ada/1.jpg")
    put(tmp_path, f"{test}/bob/1.jpg", f"{test}/Ada/1.jpg", f"{above}readme.md")
    listing = find(tmp_path)
    assert listing.parts == {train: "train", validation: "validation", test: "test"}
    assert listing.counts() == {"ada": 3, "bob": 2}
    assert listing.problems == (Problem(f"{above}readme.md", "is in no part of the split"),)
    assert any("--split given" in note for note in listing.notes)


@pytest.mark.parametrize("unlabelled", ["1.jpg", "img_1.jpg", "test/1.jpg", "images/1.jpg"])
def test_a_test_part_without_labels_is_left_out_and_said(tmp_path, unlabelled):
    put(tmp_path, "train/ada/1.jpg", "train/bob/1.jpg", f"test/{unlabelled}", "extra/ada/1.jpg")
    shutil.rmtree(tmp_path / "extra")
    listing = find(tmp_path, "all")
    assert listing.counts() == {"ada": 1, "bob": 1}
    assert [problem.path for problem in listing.problems] == [f"test/{unlabelled}"]


def test_a_test_part_may_say_the_class_in_its_files_names(tmp_path):
    put(tmp_path, "train/ada/1.jpg", "train/bob/1.jpg", "test/bob_1.jpg", "test/eve_1.jpg")
    listing = find(tmp_path)
    assert listing.counts() == {"ada": 1, "bob": 2}
    assert [problem.path for problem in listing.problems] == ["test/eve_1.jpg"]


def test_each_class_may_have_its_own_parts(tmp_path):
    put(tmp_path, "ada/train/1.jpg", "ada/val/2.jpg", "bob/train/1.jpg")
    listing = find(tmp_path)
    assert listing.counts() == {"ada": 2, "bob": 1}
    assert listing.parts == {"ada/train": "train", "ada/val": "validation", "bob/train": "train"}
    put(tmp_path, "bob/more/1.jpg")
    assert find(tmp_path).parts == {}


@pytest.mark.parametrize("odd", [["test"], ["train", "test"], ["val"]], ids=str)
def test_an_odd_class_named_as_a_part_is_a_class_beside_others(tmp_path, odd):
    put(tmp_path, "ada/1.jpg", "bob/1.jpg", *(f"{name}/1.jpg" for name in odd))
    listing = find(tmp_path)
    assert listing.classes == tuple(sorted(["ada", "bob", *odd]))
    assert (listing.parts, listing.problems) == ({}, ())


def test_what_is_beside_the_parts_is_listed(tmp_path):
    put(tmp_path, "train/ada/1.jpg", "val/ada/1.jpg", "extra/ada/1.jpg", "train/bob/1.jpg")
    listing = find(tmp_path)
    assert listing.counts() == {"ada": 2, "bob": 1}
    assert listing.problems == (Problem("extra", "is in no part of the split"),)


def test_a_wrapper_is_looked_through(tmp_path):
    put(tmp_path, "wrapped/my_cartoon/ada/1.jpg", "wrapped/my_cartoon/bob/1.jpg", "labels/a.txt")
    listing = find(tmp_path)
    assert listing.counts() == {"ada": 1, "bob": 1}
    assert listing.notes == [f"read from {tmp_path / 'wrapped/my_cartoon'}"]
    put(tmp_path / "flat", "unpacked/homer_simpson_0.jpg", "unpacked/bart_simpson_1.jpg")
    assert find(tmp_path / "flat").counts() == {"bart_simpson": 1, "homer_simpson": 1}


@pytest.mark.parametrize(
    ("test", "parts"),
    [
        ((), {}),
        (("simpsons_train/cover.jpg",), {}),
        (("simpsons_train/notebook.ipynb", "notes.txt"), {}),
        (("simpsons_test/moe_szyslak_0.jpg",), {"simpsons_test": "test"}),
        (("simpsons_test/simpsons/moe_szyslak/9.jpg",), {"simpsons_test": "test"}),
        (("simpsons_test/simpsons/Moe Szyslak/9.jpg",), {"simpsons_test": "test"}),
    ],
)
def test_the_notebooks_own_folders_may_be_given_from_any_level(tmp_path, test, parts):
    names = ("bart_simpson", "homer_simpson", "moe_szyslak")
    put(tmp_path, *(f"simpsons_train/simpsons/{name}/1.jpg" for name in names), *test)
    held_out = int(bool(parts))
    listing = find(tmp_path)
    assert listing.counts() == dict.fromkeys(names[:2], 1) | {"moe_szyslak": 1 + held_out}
    assert listing.parts == (parts | {"simpsons_train": "train"} if parts else {})
    for level in ("simpsons_train", "simpsons_train/simpsons"):
        assert find(tmp_path / level).counts() == dict.fromkeys(names, 1)


def test_parts_of_another_cartoon_may_have_a_wrapper_each(tmp_path):
    put(tmp_path, "train/images/ada/1.jpg", "train/images/bob/1.jpg", "val/images/ada/1.jpg")
    put(tmp_path, "val/images/bob/1.jpg")
    listing = find(tmp_path)
    assert listing.counts() == {"ada": 2, "bob": 2}
    assert listing.parts == {"train": "train", "val": "validation"}


def test_pictures_beside_classes_that_are_not_known_are_a_class(tmp_path):
    """There may be one class only, whose pictures lie in folders of theirs too."""
    put(tmp_path, "ada/cover.jpg", "ada/season/one/1.jpg", "ada/season/two/1.jpg")
    assert find(tmp_path).counts() == {"ada": 3}


def test_a_class_alone_is_no_wrapper_where_its_name_is_known(tmp_path):
    put(tmp_path / "one", "Homer Simpson/season 1/1.jpg", "Homer Simpson/season 2/1.jpg")
    assert find(tmp_path / "one").counts() == {"Homer Simpson": 2}
    put(tmp_path / "other", "ada/season 1/1.jpg", "ada/season 2/1.jpg")
    assert find(tmp_path / "other", ["ada"]).counts() == {"ada": 2}
    assert find(tmp_path / "other", known=["ada"]).counts() == {"ada": 2}
    (tmp_path / "other" / "bob").mkdir()
    assert find(tmp_path / "other").counts() == {"ada": 2, "bob": 0}


# ---- names as people write them ------------------------------------------------------------


@pytest.mark.parametrize("wish", [["Bart Simpson", "mr. burns"], ["bart_simpson", "Mr Burns"]])
def test_folders_called_as_people_are_can_be_chosen(tmp_path, wish):
    put(tmp_path, "Bart Simpson/1.jpg", "Mr. Burns/1.jpg", "Otto/1.jpg")
    assert find(tmp_path, wish).classes == ("Bart Simpson", "Mr. Burns")
    assert find(tmp_path).classes == ("Bart Simpson", "Mr. Burns", "Otto")


@pytest.mark.skipif(sys.platform == "darwin", reason="both are one folder there")
def test_composed_and_decomposed_accents_are_one_class(tmp_path):
    put(tmp_path, "M\u00fcller/1.jpg", "Mu\u0308ller/2.jpg", "ada/1.jpg")
    assert find(tmp_path).counts() == {"M\u00fcller": 2, "ada": 1}
    assert find(tmp_path, ["Mu\u0308ller"]).counts() == {"M\u00fcller": 2}


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("Burns, Mr.,ada", ["Burns, Mr.", "ada"]),
        ('ada,"Burns, Mr."', ["Burns, Mr.", "ada"]),
        ("Burns, Mr.", ["Burns, Mr."]),
        ("7", ["7"]),
        ("7,ada", ["7", "ada"]),
        ("2", ["7", "ada"]),
    ],
)
def test_names_with_commas_and_digits_can_be_chosen(tmp_path, text, classes):
    put(tmp_path, "7/1.jpg", "7/2.jpg", "ada/1.jpg", "ada/2.jpg", "Burns, Mr./1.jpg")
    assert list(find(tmp_path, parse_characters(text)).classes) == classes


@pytest.mark.parametrize("names", [["a", "Burns, Mr."], ["7"], ["all"], ['the "cat"', "b"]])
def test_names_as_the_option_takes_them(names):
    assert parse_characters(characters_text(names)) == names


# ---- what systems leave in folders ---------------------------------------------------------


def test_what_a_system_left_is_no_picture_and_listed(tmp_path):
    put(tmp_path, "ada/1.jpg", "bob/1.jpg", "ada/@eaDir/1.jpg/THUMB.jpg", "ada/._1.jpg")
    put(tmp_path, "#recycle/1.jpg", "lost+found/1.jpg", "bob/.ipynb_checkpoints/1.jpg")
    listing = find(tmp_path)
    assert listing.counts() == {"ada": 1, "bob": 1}
    assert listing.problems == (
        Problem("#recycle", layout.SYSTEM_FOLDER),
        Problem("ada/._1.jpg", layout.HIDDEN_FILE),
        Problem("ada/@eaDir", layout.SYSTEM_FOLDER),
        Problem("bob/.ipynb_checkpoints", layout.SYSTEM_FOLDER),
        Problem("lost+found", layout.SYSTEM_FOLDER),
    )


def test_hidden_files_name_nobody_in_a_flat_folder(tmp_path):
    put(tmp_path, "bob_1.jpg", "._bob_1.jpg", "@eaDir/bob_1.jpg/thumb.jpg")
    listing = find(tmp_path / ".")
    assert listing.counts() == {"bob": 1}
    assert [problem.path for problem in listing.problems] == ["._bob_1.jpg", "@eaDir"]


def test_a_system_folder_is_not_opened(tmp_path, monkeypatch):
    put(tmp_path, "a/1.jpg", "b/1.jpg", "lost+found/x")
    real = os.scandir

    def scandir(path):
        if Path(path).name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert find(tmp_path).problems == (Problem("lost+found", layout.SYSTEM_FOLDER),)


def test_any_folder_of_pictures_can_be_read_without_labels(tmp_path, paint):
    names = ["x.png", "one/homer_simpson_3.png", "one/two/y.jpg"]
    for number, path in enumerate(names):
        paint(tmp_path / path, number)
    (tmp_path / "notes.txt").write_text("no picture")
    listing = find_any(tmp_path)
    assert sorted(paths(listing)) == sorted(names)
    assert "unknown" in listing.classes
    assert [problem.path for problem in listing.problems] == ["notes.txt"]


def test_classes_of_a_folder_are_kept_where_it_has_them(tmp_path, paint):
    for number in range(4):
        paint(tmp_path / "ab"[number % 2] / f"{number}.png", number)
    assert find_any(tmp_path) == find(tmp_path)


def test_a_folder_that_is_missing_or_has_no_picture_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(DataError):
            find_any(folder)
