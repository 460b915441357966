import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from simpsons.errors import SimpsonsError
from simpsons.films.film import FilmError
from simpsons.pixels import images
from simpsons.project import Project, ProjectError, collecting
from simpsons.project.journal import Journal

from .conftest import HEIGHT, MAGENTA, WIDTH, held, room, write_film


def content(folder):
    """All of a project but what tells when and where it was made."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.name not in ("project.json", "collect.lock")
    }


@pytest.fixture
def film(tmp_path):
    """Three shots of two poses each; in the second nobody is there."""
    frames = held(
        *(room(1, (x, 40)) for x in (40, 110)),
        *(room(2), room(2)),
        *(room(3, (x, 50), (130, 30)) for x in (30, 90)),
    )
    return write_film(tmp_path / "episode.mp4", frames)


def test_faces_of_each_shot_are_found_and_cut_out(collect, film):
    project = collect(film).project
    assert [(face.shot, face.film) for face in project.faces] == [
        (0, "episode"),
        (0, "episode"),
        *[(2, "episode")] * 4,
    ]
    first = project.faces[0]
    assert first.box == pytest.approx((28, 28, 52, 52), abs=2)
    assert first.time < 0.32
    name = f"episode_s00000_00h00m{first.time:06.3f}"
    assert first.frame == f"frames/episode/{name}.jpg"
    assert first.crop == f"faces/episode/{name}_f0.jpg"
    assert first.id == f"{name}_f0"
    assert images.decode(project.root / first.frame).shape == (HEIGHT, WIDTH, 3)
    assert project.embeddings.shape == (6, 512)
    [source] = project.sources
    assert (source.shots, source.frames, source.faces) == (3, 4, 6)
    assert source.left_out == {"no_face": 1}
    assert source.is_finished
    assert source.problem is None


def test_a_crop_is_what_the_network_that_names_faces_sees(collect, film, embedder):
    project = collect(film).project
    for face, vector in zip(project.faces, project.embeddings, strict=True):
        frame = images.decode(project.root / face.frame)
        expected = images.crop_around(frame, face.box)
        crop = images.load(project.root / face.crop)
        assert np.abs(expected.astype(int) - crop).mean() < 12
        assert vector @ embedder.embed(project.root / face.crop) > 0.9


def test_several_runs_give_the_same(collect, film, tmp_path):
    collect(film)
    collect(film, out=tmp_path / "again")
    assert content(tmp_path / "project") == content(tmp_path / "again")


def test_a_collected_film_is_not_read_again(collect, film, tmp_path, monkeypatch):
    collect(film)
    before = content(tmp_path / "project")
    monkeypatch.setattr(collecting.selection, "shots", None)
    again = collect(film)
    assert [source.name for source in again.sources] == ["episode"]
    assert content(tmp_path / "project") == before


@pytest.mark.parametrize("per_shot", [1, 2, 5])
def test_a_shot_gives_so_many_frames_at_most(collect, tmp_path, per_shot):
    poses = [room(1, (x, 40)) for x in (30, 60, 90, 120)]
    film = write_film(tmp_path / "film.mp4", held(*poses, frames=6))
    found = collect(film, per_shot=per_shot).project.faces
    assert len({face.frame for face in found}) == min(per_shot, 4)
    assert len({face.box[0] for face in found}) == min(per_shot, 4)


def test_a_number_a_shot_that_can_not_be_is_refused(collect, film):
    with pytest.raises(SimpsonsError, match="give 1 to 100"):
        collect(film, per_shot=0)


def test_an_intro_is_kept_once_over_all_films(collect, tmp_path):
    intro = held(room(1, (40, 40)), room(1, (110, 40)))
    one = write_film(tmp_path / "one.mp4", intro + held(room(2, (60, 50))))
    two = write_film(tmp_path / "two.mp4", held(room(3, (60, 50))) + intro)
    first, second = collect(one, two).sources
    assert (first.faces, second.faces) == (3, 1)
    assert second.left_out == {"near_duplicate": 2}


def test_shots_that_are_cut_between_are_one_group(collect, tmp_path):
    frames = held(room(1, (40, 40)), room(2, (60, 60)), room(1, (46, 40)), frames=15)
    project = collect(write_film(tmp_path / "talk.mp4", frames)).project
    groups = {face.shot: face.group for face in project.faces}
    assert groups[0] == groups[2] != groups[1]


def test_a_killed_collection_goes_on_where_it_was(collect, film, tmp_path, monkeypatch):
    collect(film, out=tmp_path / "whole")
    for lines in (1, 3, 4):
        with monkeypatch.context() as patch:
            _break_after(patch, lines)
            with pytest.raises(KeyboardInterrupt):
                collect(film)
        Project.open(tmp_path / "project")
    collect(film)
    assert content(tmp_path / "project") == content(tmp_path / "whole")


def _break_after(patch, lines):
    add = Journal.add

    def adding(journal, line):
        if journal.path.read_bytes().count(b"\n") >= lines:
            raise KeyboardInterrupt
        add(journal, line)

    patch.setattr(Journal, "add", adding)


KILLED = """
import os, signal, sys
from simpsons.project import collecting
film, out, tests = sys.argv[1:]
sys.path.insert(0, tests)
from conftest import Magenta
write = collecting.write_bytes
def writing(path, data, **how):
    if "_s00002_" in path.name and "_f1" in path.name:
        write(path.with_suffix(".cut"), data[:100])
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, data, **how)
collecting.write_bytes = writing
collecting.collect(film, out, detector=Magenta())
"""


def test_kill_9_in_the_middle_of_a_shot(collect, film, tmp_path):
    collect(film, out=tmp_path / "whole")
    project = tmp_path / "project"
    command = [sys.executable, "-c", KILLED, film, project, Path(__file__).parent]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (project / "faces.csv").read_text(encoding="utf-8").count("\nframes")
    collect(film)
    next(project.rglob("*.cut")).unlink()
    assert content(project) == content(tmp_path / "whole")


@pytest.mark.parametrize("written", [0, 1, 4])
def test_a_full_disk_is_said_and_nothing_is_lost(collect, film, tmp_path, monkeypatch, written):
    collect(film, out=tmp_path / "whole")
    count = 0
    write = collecting.write_bytes

    def writing(path, data, **how):
        nonlocal count
        count += 1
        if count > written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, data, **how)

    with monkeypatch.context() as patch:
        patch.setattr(collecting, "write_bytes", writing)
        with pytest.raises(OSError, match="No space left") as raised:
            collect(film)
    assert raised.value.filename.endswith(".jpg")
    collect(film)
    assert content(tmp_path / "project") == content(tmp_path / "whole")


def test_a_film_that_breaks_off_gives_what_it_had(collect, tmp_path):
    frames = [
        pixels for seed in range(8) for pixels in held(room(seed, (40, 40)), room(seed, (110, 50)))
    ]
    whole = write_film(tmp_path / "whole.mp4", frames, movflags="+faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    [source] = collect(cut).sources
    assert "truncated" in source.problem
    assert 0 < source.faces < 16
    assert Project.open(tmp_path / "project").sources == (source,)


def test_a_bad_film_is_reported_and_the_rest_goes_on(collect, film, tmp_path):
    (tmp_path / "notes.mp4").write_text("no film", encoding="utf-8")
    collected = collect(tmp_path / "notes.mp4", tmp_path / "nix.mp4", film)
    assert [source.name for source in collected.sources] == ["episode"]
    assert [failure.split(": ")[0] for failure in collected.failures] == [
        str(tmp_path / "notes.mp4"),
        str(tmp_path / "nix.mp4"),
    ]
    assert len(collected.project.sources) == 1


def test_films_of_one_name_and_one_film_of_two_names(collect, film, tmp_path):
    other = tmp_path / "other" / "Episode.mp4"
    other.parent.mkdir()
    write_film(other, held(room(7, (60, 40))))
    copy = shutil.copy(film, tmp_path / "copy.mp4")
    first, second, third = collect(film, other, copy).sources
    assert (first.name, second.name) == ("episode", "Episode-2")
    assert third == first


@pytest.mark.parametrize("name", ["faces.csv", "embeddings.npy"])
@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_what_can_be_made_again_of_a_damaged_project_is(collect, film, tmp_path, name, damage):
    first = collect(film).project
    vectors = np.array(first.embeddings)
    path = first.root / name
    path.unlink() if damage == "lost" else path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ProjectError, match=f"{name}: is missing, damaged .* one of the project's"):
        _ = Project.open(first.root).embeddings
    project = collect(film).project
    assert project.faces == first.faces
    assert ((project.embeddings * vectors).sum(axis=1) > 0.9).all()


def test_of_another_project_the_frames_are_taken_and_not_the_crops(collect, film, tmp_path):
    first = collect(film).project
    second = collect(first.root, out=tmp_path / "second").project
    assert len(second.faces) == len(first.faces)
    [source] = second.sources
    assert (source.kind, source.frames) == ("folder", 4)
    for face, its in zip(second.faces, first.faces, strict=True):
        assert face.box == pytest.approx(its.box, abs=1)
    assert len({face.shot for face in second.faces}) == 2
    film_again, both_projects = collect(tmp_path, out=tmp_path / "third").sources
    assert (film_again.faces, both_projects.faces) == (6, 0)
    (first.root / "faces.csv").write_text("nothing", encoding="utf-8")
    [failure] = collect(first.root, out=tmp_path / "fourth").failures
    assert failure.startswith(f"{first.root / 'faces.csv'}: is missing, damaged")


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_film_that_was_moved_is_not_read_again_and_is_known_to_be_there(
    collect, film, tmp_path, monkeypatch, interrupted
):
    collect(film, out=tmp_path / "whole")
    if interrupted:
        with monkeypatch.context() as patch:
            _break_after(patch, 3)
            with pytest.raises(KeyboardInterrupt):
                collect(film)
    else:
        collect(film)
    moved = film.rename(tmp_path / "renamed.mkv")
    [source] = collect(moved).sources
    assert (source.name, source.path) == ("episode", str(moved))
    project = Project.open(tmp_path / "project")
    assert project.sources == (source,)
    assert project.faces == Project.open(tmp_path / "whole").faces
    assert collect(moved).sources == (source,)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("Köln 1: Zoë", "Köln_1_Zoë"),
        ("日本", "日本"),
        ("...", "film"),
        ("con", "film_con"),
        ("x" * 200, "x" * 80),
        ("日" * 80, "日" * 26),
    ],
)
def test_any_name_of_a_film_becomes_one_of_files(collect, tmp_path, stem, name):
    film = write_film(tmp_path / f"{stem}.mp4", held(room(1, (40, 40))))
    project = collect(film).project
    assert project.sources[0].name == name
    assert (project.root / project.faces[0].crop).is_file()


def test_a_name_that_is_no_unicode(collect, tmp_path):
    film = write_film(tmp_path / "a.mp4", held(room(1, (40, 40))))
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.mp4")
    try:
        film.rename(odd)
    except OSError:
        pytest.skip("this file system has no such names")
    project = collect(odd).project
    assert project.sources[0].name == "film"
    assert project.sources[0].path == odd


def test_a_film_without_a_face(collect, tmp_path):
    project = collect(write_film(tmp_path / "empty.mp4", held(room(1), room(2)))).project
    assert project.faces == ()
    assert project.embeddings.shape == (0, 512)
    assert project.sources[0].left_out == {"no_face": 2}


def test_a_film_of_one_frame(collect, tmp_path):
    project = collect(write_film(tmp_path / "one.mp4", [room(1, (40, 40))])).project
    assert [face.time for face in project.faces] == [0]


def test_a_film_with_a_variable_frame_rate(collect, tmp_path):
    frames = [room(1, (40, 40)), room(1, (110, 40)), room(2, (60, 50)), room(2, (60, 50))]
    film = write_film(tmp_path / "vfr.mp4", frames, stamps=[0, 50, 53, 150])
    times = [face.time for face in collect(film).project.faces]
    assert times == pytest.approx([0, 2, 2.12])


def test_a_turned_film_gives_upright_frames(collect, tmp_path):
    film = write_film(tmp_path / "turned.mp4", held(room(1, (40, 40))), rotation=90)
    project = collect(film).project
    assert images.decode(project.root / project.faces[0].frame).shape == (WIDTH, HEIGHT, 3)


def test_crops_and_boxes_know_of_black_bars(collect, tmp_path):
    frame = np.zeros((HEIGHT + 64, WIDTH, 3), np.uint8)
    frame[32:-32] = room(1, (40, 20))
    project = collect(write_film(tmp_path / "bars.mp4", held(frame))).project
    [face] = project.faces
    assert face.box == pytest.approx((28, 40, 52, 64), abs=2)
    crop = images.decode(project.root / face.crop)
    assert crop[:2].mean() > 40


def test_pictures_of_folders_are_taken(collect, tmp_path):
    folder = tmp_path / "drawings"
    (folder / "below").mkdir(parents=True)
    for number, name in enumerate(("a.png", "below/a.jpg", "empty.png")):
        picture = room(number, *[(60, 40)] * (number < 2))
        Image.fromarray(picture).save(folder / name)
    Image.new("RGB", (90, 60), "white").save(folder / "white.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    collected = collect(folder)
    [source] = collected.sources
    assert (source.kind, source.faces) == ("folder", 2)
    assert source.left_out == {"flat": 1, "no_face": 1}
    assert "1 of 5 pictures" in source.problem
    assert "broken.jpg" in source.problem
    faces = collected.project.faces
    assert [face.frame for face in faces] == [
        "frames/drawings/drawings_s00000_a.jpg",
        "frames/drawings/drawings_s00004_a.jpg",
    ]
    taken = (collected.project.root / faces[1].frame).read_bytes()
    assert taken == (folder / "below/a.jpg").read_bytes()


def test_a_folder_below_that_can_not_be_read_is_said(collect, tmp_path):
    folder = tmp_path / "pictures"
    (folder / "old").mkdir(parents=True)
    Image.fromarray(room(1, (40, 40))).save(folder / "one.png")
    (folder / "old" / "project.json").write_text("{")
    (folder / "old" / "faces.csv").write_text("")
    [source] = collect(folder).sources
    assert source.frames == 1
    assert f"{folder / 'old' / 'project.json'}: is missing, damaged" in source.problem


def test_a_folder_of_pictures_grows_and_goes_on(collect, tmp_path, monkeypatch):
    folder = tmp_path / "drawings"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(room(number, (60, 40))).save(folder / f"{number}.png")
    (folder / "1.png").write_bytes(b"broken")
    collect(folder, out=tmp_path / "whole")
    for lines in (3, 5):
        with monkeypatch.context() as patch:
            _break_after(patch, lines)
            with pytest.raises(KeyboardInterrupt):
                collect(folder)
    collect(folder)
    whole, project = (Project.open(tmp_path / name) for name in ("whole", "project"))
    assert project.faces == whole.faces
    Image.fromarray(room(9, (60, 40))).save(folder / "9.png")
    grown = collect(folder).project.faces
    assert grown[:3] == whole.faces
    assert [face.shot for face in grown] == [0, 2, 3, 4]


def test_names_that_say_film_and_shot_keep_shots_together(collect, film, tmp_path):
    first = collect(film).project
    again = collect(first.root / "frames", out=tmp_path / "again").project
    assert [face.shot for face in again.faces] == [0, 0, 1, 1, 1, 1]
    assert [face.time for face in again.faces] == [face.time for face in first.faces]


def test_pictures_that_repeat_one_another_are_kept_once(collect, tmp_path):
    folder = tmp_path / "drawings"
    folder.mkdir()
    large = Image.fromarray(room(1, (60, 40))).resize((480, 288))
    large.save(folder / "a.png")
    large.resize((320, 192)).save(folder / "b.jpg", quality=80)
    [source] = collect(folder).sources
    assert source.faces == 1
    assert source.left_out == {"near_duplicate": 1}


def test_folders_of_films_stand_for_the_films(collect, film, tmp_path):
    season = tmp_path / "season"
    season.mkdir()
    film.rename(season / "e1.mp4")
    write_film(season / "e2.mp4", held(room(8, (60, 40))))
    assert [source.name for source in collect(season).sources] == ["e1", "e2"]


def test_a_film_in_the_project_itself(collect, film, tmp_path):
    collect(film)
    write_film(tmp_path / "project" / "x.mp4", held(room(8, (60, 40))))
    collected = collect(tmp_path / "project")
    assert [source.name for source in collected.sources] == ["x"]
    assert len(collected.project.faces) == 7


def test_a_folder_around_the_project_gives_none_of_its_pictures(collect, tmp_path):
    Image.fromarray(room(1, (60, 40))).save(tmp_path / "a.png")
    for _ in range(2):
        [source] = collect(tmp_path).sources
        assert source.faces == 1
    refused = collect(tmp_path / "project" / "frames").failures
    assert "belongs to the project" in refused[0]


def test_what_is_no_project_is_left_as_it_is(collect, film, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.txt").write_text("cat", encoding="utf-8")
    with pytest.raises(ProjectError, match="is not a project and not empty"):
        collect(film, out=folder)
    assert [path.name for path in folder.iterdir()] == ["cat.txt"]
    with pytest.raises(ProjectError, match="is a file"):
        collect(film, out=folder / "cat.txt")


def test_a_damaged_project_is_said(collect, film, tmp_path):
    root = collect(film).project.root
    whole = (root / "collected.jsonl").read_bytes()
    (root / "collected.jsonl").write_bytes(whole.replace(b'"shot"', b'"sh', 1))
    with pytest.raises(ProjectError, match="line 3 can't be read"):
        collect(film)
    (root / "collected.jsonl").write_bytes(whole)
    thumbnails = (root / "thumbnails.npy").read_bytes()
    (root / "thumbnails.npy").write_bytes(thumbnails[:-2000])
    with pytest.raises(ProjectError, match="fewer than 4 rows"):
        collect(film)
    (root / "thumbnails.npy").write_bytes(thumbnails)
    (root / "collected.jsonl").unlink()
    with pytest.raises(ProjectError, match=r"without its collected\.jsonl"):
        collect(film)


def test_two_at_a_time_are_refused(collect, film, tmp_path):
    root = collect(film).project.root
    with FileLock(root / "collect.lock"), pytest.raises(ProjectError, match="at work there"):
        collect(film)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may write anywhere")
def test_a_folder_that_may_not_be_written_to(collect, film, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    with pytest.raises(PermissionError):
        collect(film, out=locked / "project")


def test_another_network_for_embeddings_makes_all_anew(collect, film, tmp_path, embedder):
    root = collect(film).project.root
    path = root / "collected.jsonl"
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    other = json.loads(first)
    other["networks"]["embedding"] = "0" * 64
    path.write_text("\n".join([json.dumps(other), *rest, ""]), encoding="utf-8")
    np.save(root / "embeddings.npy", np.zeros((6, 512), np.float32))
    project = collect(film).project
    assert project.embedding == embedder.fingerprint
    np.testing.assert_allclose(np.linalg.norm(project.embeddings, axis=1), 1, atol=1e-4)


def test_a_link_and_a_url_are_no_films(collect):
    failures = collect("https://example.org/film.mp4", out=None).failures
    assert "example.org" in failures[0]
    with pytest.raises(FilmError):
        raise FilmError(failures[0])


def test_the_color_of_a_face_survives(collect, film):
    project = collect(film).project
    x1, y1, x2, y2 = project.faces[0].box
    pixels = images.decode(project.root / project.faces[0].frame)
    middle = pixels[(y1 + y2) // 2, (x1 + x2) // 2]
    assert np.abs(middle.astype(int) - MAGENTA).max() < 40
