"""Short real trainings from boxes on drawn scenes: finding faces, naming them, and strangers."""

import json
import math
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from simpsons.classifier import Classifier, Prediction
from simpsons.dataset import boxed_pictures, boxes, cache, crops, sources
from simpsons.dataset import split as splits
from simpsons.dataset.boxes import Box
from simpsons.demo.groups import BOXES, write_scenes
from simpsons.detector import Detector, Face
from simpsons.errors import SimpsonsError
from simpsons.evaluation.detection import Outcome
from simpsons.formats.onnx_import import read_faces
from simpsons.models import familiarity
from simpsons.models.faces import boxes as boxes_of
from simpsons.models.faces import peaks
from simpsons.network import ModelError
from simpsons.run_files import CONFIG
from simpsons.runs import exporting_faces, pretrained, run
from simpsons.runs.config import Config
from simpsons.suppression import suppress
from simpsons.training import loop, recipe
from simpsons.training.device import choose_device
from simpsons.training.observer import Silent

pytestmark = pytest.mark.slow

SHORT = replace(
    recipe.DEFAULT["faces"], name="short", epochs=2, batch=4, average=0.5, sizes=((0.0, 64),)
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """24 drawings of one to six dolls, strangers among them, every face boxed."""
    folder = tmp_path_factory.mktemp("scenes") / "scenes"
    write_scenes(folder, 24, size=96)
    return folder


@pytest.fixture(scope="module")
def listed(scenes):
    return boxes.read(scenes / BOXES, scenes)


@pytest.fixture(scope="module")
def found(scenes, listed, tmp_path_factory):
    """A run of two epochs that learns to find faces."""
    folder = tmp_path_factory.mktemp("runs") / "faces"
    run.start(folder, scenes, "faces", SHORT, boxes=scenes / BOXES, device="cpu", observer=Silent())
    return folder


# ---- a detector ----------------------------------------------------------------------------


def test_a_run_of_faces_has_everything_to_repeat_and_use_it(found, scenes):
    files = {path.name for path in found.iterdir()}
    assert files == {
        "config.json",
        "split.csv",
        "metrics.csv",
        "best.safetensors",
        "last.safetensors",
        "curves.png",
        "model.onnx",
        "report",
    }
    config = Config.read(found)
    assert (config.network, config.pictures) == ("faces", 24)
    assert config.boxes == str((scenes / BOXES).resolve())
    page = (found / "report" / "index.html").read_text(encoding="utf-8")
    assert "average precision of faces" in page
    assert "Wrong names" not in page
    detector = Detector(found)
    assert detector.metadata["recipe"]["name"] == "short"
    assert detector.metadata["split"]["kind"] == "leak-free"
    assert detector.minimum == detector.metadata["threshold"]
    assert 0 <= detector.metadata["figures"]["validation_ap_50"] <= 1
    assert "data_licence" not in detector.metadata  # the drawings are our own


def test_scenes_that_look_alike_are_in_one_part(found, scenes):
    dataset = boxed_pictures.load(scenes, boxes.read(scenes / BOXES, scenes))
    split = splits.read(found / "split.csv", dataset)
    for group in np.unique(split.group):
        assert len(set(split.part[split.group == group])) == 1
    assert all(split.counts().values())


@pytest.mark.parametrize(("count", "height", "width"), [(1, 32, 32), (2, 33, 47), (1, 240, 320)])
def test_the_file_finds_what_the_network_does(found, count, height, width):
    network, _ = pretrained.load_best(found)
    rng = np.random.default_rng(height)
    patches = rng.integers(0, 256, (count, 6, 8, 3), np.uint8)
    pixels = patches.repeat(height // 6 + 1, 1).repeat(width // 8 + 1, 2)[:, :height, :width]
    session = Detector(found)._network.on_one_core
    ours = session.run(["boxes", "scores", "picture"], {"pixels": np.ascontiguousarray(pixels)})
    with torch.inference_mode():
        scaled = torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).float() / 255
        log_odds, sides = network.eval()(scaled)
    expected = []
    for scores, corners in zip(peaks(log_odds), boxes_of(sides), strict=True):
        scores, corners = scores.flatten().numpy(), corners.flatten(1).T.numpy()
        likely = np.flatnonzero(scores > 0.05)
        kept = likely[suppress(corners[likely], scores[likely])]
        expected.append((corners[kept], scores[kept]))
    assert ours[2].tolist() == np.repeat(range(count), [len(s) for _, s in expected]).tolist()
    # weights are stored in half the bits
    np.testing.assert_allclose(ours[1], np.concatenate([s for _, s in expected]), atol=3e-3)
    np.testing.assert_allclose(ours[0], np.concatenate([b for b, _ in expected]), atol=0.5)


class Press(Silent):
    """Presses Ctrl-C in the second epoch."""

    def on_step(self, epoch, done, total, loss, accuracy):
        if epoch == 2:
            signal.raise_signal(signal.SIGINT)


def test_a_stopped_run_of_faces_ends_with_the_same_weights(
    found, scenes, tmp_path, monkeypatch, unfinished
):
    monkeypatch.setattr(loop, "_CHECK_EVERY", 2)  # so that it stops inside the epoch
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run.start(
            folder, scenes, "faces", SHORT, boxes=scenes / BOXES, device="cpu", observer=Press()
        )
    assert len(run.history(folder)) == 1
    run.resume(folder, observer=Silent())
    for name in (loop.BEST, loop.LAST):
        first, second = load_file(folder / name), load_file(found / name)
        for key, tensor in first.items():
            torch.testing.assert_close(tensor, second[key], atol=1e-6, rtol=0, msg=key)


def test_a_file_is_read_back_and_learns_on(found, scenes, listed, tmp_path, unfinished):
    pixels = torch.rand(2, 3, 64, 64)
    expected = pretrained.load_best(found)[0].eval()(pixels)
    again = read_faces(found / "model.onnx")
    torch.testing.assert_close(again(pixels), expected, atol=2e-2, rtol=2e-2)
    folder = tmp_path / "run"
    run.start(
        folder,
        scenes,
        "faces",
        replace(SHORT, epochs=1, learning_rate=1e-9),
        boxes=listed,
        split=str(found / "split.csv"),
        initial=found / "model.onnx",
        device="cpu",
        observer=Silent(),
    )
    best = pretrained.load_best(folder)[0].eval()
    torch.testing.assert_close(best(pixels)[0], expected[0], atol=1.0, rtol=0.2)
    with pytest.raises(SimpsonsError, match="another architecture than xception"):
        run.start(
            tmp_path / "other",
            scenes,
            "xception",
            SHORT,
            boxes=listed,
            split=str(found / "split.csv"),
            initial=found,
            device="cpu",
            observer=Silent(),
        )


def test_only_a_detector_is_read_as_one(onnx_model):
    with pytest.raises(ModelError, match="is not a face detector"):
        read_faces(onnx_model)


def test_the_threshold_is_that_of_the_best_f1():
    box = Box("a.png", 0, 0, 9, 9, "moe")
    nobody = Prediction(None, (("moe", 1.0),))

    def outcome(score, hit):
        face = None if score is None else Face((0, 0, 9, 9), score, nobody)
        return Outcome("a.png", box if hit else None, face)

    few = [outcome(0.9, True), outcome(0.7, True), outcome(0.5, False), outcome(0.3, False)]
    assert exporting_faces.best_threshold(few) == pytest.approx(0.6)
    assert exporting_faces.best_threshold([*few, outcome(0.2, True)]) == pytest.approx(0.6)
    assert exporting_faces.best_threshold([outcome(None, True)]) == 0.5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"network": "faces"}, "give their file with --boxes"),
        ({"network": "faces", "boxes": "x.csv", "characters": 2}, "omit --characters"),
        ({"network": "xception", "boxes": "x.csv", "exclude": "e.csv"}, "correct the box file"),
    ],
)
def test_what_can_not_be_asked_for_together(scenes, tmp_path, options, says):
    network = options.pop("network")
    with pytest.raises(SimpsonsError, match=says):
        run.start(tmp_path / "run", scenes, network, SHORT, observer=Silent(), **options)
    assert not (tmp_path / "run" / CONFIG).exists()


def test_pictures_without_a_face_are_not_enough(scenes, tmp_path):
    empty = {f"{number:04d}.jpg": () for number in range(24)}
    boxes.write(tmp_path / "none.csv", empty)
    with pytest.raises(SimpsonsError, match="show no face"):
        run.start(
            tmp_path / "run",
            scenes,
            "faces",
            SHORT,
            boxes=tmp_path / "none.csv",
            device="cpu",
            observer=Silent(),
        )


def test_the_card_says_what_was_measured(found, scenes, listed, tmp_path):
    model = tmp_path / "faces.onnx"
    model.write_bytes((found / "model.onnx").read_bytes())
    config, dataset, split = run.load(found)
    text = exporting_faces.write_card(model, dataset, split).read_text(encoding="utf-8")
    assert text.startswith("# faces.onnx\n")
    assert f"24 pictures with {dataset.faces(np.arange(24))} faces" in text
    assert "| test (" in text
    assert "a face counts from a score of" in text
    assert config.boxes == str(listed.file.resolve())
    with pytest.raises(SimpsonsError, match="omit --int8"):
        run.export_run(found, tmp_path / "small.onnx", dataset, split, int8=True)


# ---- names ---------------------------------------------------------------------------------


def test_names_are_learnt_from_the_faces_of_a_flat_folder(cli, scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(familiarity, "ENOUGH_STRANGERS", 5)
    file, folder = tmp_path / "boxes.csv", tmp_path / "run"
    text = (scenes / BOXES).read_text()
    file.write_text(text + "0000.jpg,9,9,9,9,ada_thimble\nlost.jpg,1,1,9,9,ada_thimble\n")
    result = cli(
        *("train", scenes, "--model", "cnn", "--boxes", file, "--epochs", 1, "--device", "cpu"),
        *("--out", folder, "--characters", 4, "--json"),
    )
    assert result.exit_code == 0, result.stderr
    assert "2 bad rows; 1 pictures with one are left out" in result.stderr
    assert "lost.jpg is not a picture" in result.stderr
    assert "faces of 4 characters" in result.stderr
    assert json.loads(result.stdout)["validation"]["n"] > 0
    classifier = Classifier(folder)
    assert len(classifier.labels) == 4
    figures = classifier.metadata["figures"]
    assert figures["validation_accuracy_faces"] == figures["validation_accuracy"]
    assert 0 <= figures["validation_strangers_named"] <= 1
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "lost.jpg is not a picture" in page
    pictures = {line.split(",")[0] for line in (folder / "split.csv").read_text().splitlines()[1:]}
    assert "0000.jpg" not in pictures
    assert pictures <= {f"{number:04d}.jpg" for number in range(24)}


def named(folder, faces):
    """Box files for pictures that are painted, and what there is to learn from them."""
    boxes.write(folder.parent / "faces.csv", faces)
    return boxes.read(folder.parent / "faces.csv", folder)


@pytest.fixture
def cartoon(tmp_path):
    """Folders cat, dog and unknown of two pictures each, with a box for each."""
    rng = np.random.default_rng(0)
    root, faces = tmp_path / "cartoon", {}
    for name in ("cat", "dog", "unknown"):
        for number in range(2):
            path = f"{name}/{number}.png"
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            boxes_file_picture = rng.integers(0, 256, (48, 64, 3), np.uint8)
            _save(root / path, boxes_file_picture)
            faces[path] = (Box(path, 4, 4, 30, 40, name),)
    return root, faces


def _save(path, pixels):
    from PIL import Image

    Image.fromarray(pixels).save(path)


def test_whole_pictures_are_learnt_too_where_folders_are_characters(cartoon):
    root, faces = cartoon
    faces["cat/0.png"] += (Box("cat/0.png", 33, 4, 60, 40, "bird"),)
    chosen = sources.choose(root, named(root, faces))
    assert chosen.classes == ("bird", "cat", "dog")
    assert chosen.summary == "5 faces of 3 characters, 2 of strangers, 4 whole pictures"
    assert len(chosen) == 4 + 7
    dataset = sources.load(chosen)
    assert dataset.labels.tolist() == [1, 1, 2, 2, 1, 0, 1, 2, 2, -1, -1]
    assert dataset.wholes.is_face.tolist() == [False] * 4 + [True] * 7
    assert dataset.wholes.row[:4].tolist() == [0, 1, 2, 3]
    assert dataset.wholes.row[4:].tolist() == [0, 0, 1, 2, 3, 4, 5]


def test_folders_that_no_box_is_named_by_are_not_characters(cartoon):
    root, faces = cartoon
    renamed = {
        path: tuple(box._replace(name=f"the {box.name}") for box in each)
        for path, each in faces.items()
    }
    chosen = sources.choose(root, named(root, renamed), ["the cat", "the dog"])
    assert chosen.pictures == {}
    assert sources.load(chosen).labels.tolist() == [0, 0, 1, 1, -1, -1]


def test_one_name_is_not_enough(cartoon):
    root, faces = cartoon
    with pytest.raises(SimpsonsError, match="only cat is learnt"):
        sources.choose(root, named(root, faces), ["cat"])
    strangers = {"unknown/0.png": faces["unknown/0.png"]}
    with pytest.raises(SimpsonsError, match="names nobody"):
        sources.choose(root, named(root, strangers))


# ---- strangers -----------------------------------------------------------------------------


@pytest.fixture
def training(cartoon):
    """One of the faces of a cat, a dog and two strangers, on all of them."""
    root, faces = cartoon
    dataset = crops.load(root, named(root, faces))
    part = np.array(["train", "validation", "train", "train", "train", "validation"])
    split = splits.Split("own", None, part, np.arange(6))
    short = replace(recipe.DEFAULT["xception"], batch=4, label_smoothing=0, sizes=((0.0, 32),))
    return loop.Classification(dataset, split, "xception", short, None, (), 0, choose_device("cpu"))


def test_a_stranger_is_learnt_as_nobody(training):
    sure = torch.tensor([[9.0, 0.0]])
    training.begin_epoch()
    training.forward = lambda pixels: sure.expand(len(pixels), 2)
    assert training.loss(torch.tensor([0])).item() == pytest.approx(0, abs=1e-3)
    assert training.loss(torch.tensor([4])).item() == pytest.approx(4.5, abs=1e-3)
    training.forward = lambda pixels: torch.zeros(len(pixels), 2)
    assert training.loss(torch.tensor([4])).item() == pytest.approx(math.log(2))


def test_strangers_count_in_no_accuracy(training):
    training.begin_epoch()
    training.forward = lambda pixels: torch.tensor([[9.0, 0.0]]).expand(len(pixels), 2)
    training.loss(torch.tensor([0, 4]))  # a cat, and a stranger
    _, right, pictures = training.tally.add_up()
    assert right / pictures == 1
    assert training.validation_rows.tolist() == [1]


class Knowing(torch.nn.Module):
    """A teacher that is sure of the first class."""

    def forward(self, pixels):
        return torch.tensor([[9.0, 0.0]]).expand(len(pixels), 2)


def test_what_teachers_say_of_strangers_is_not_learnt(cartoon):
    root, faces = cartoon
    dataset = crops.load(root, named(root, faces))
    split = splits.Split("own", None, np.array(["train"] * 5 + ["validation"]), np.arange(6))
    split.part[0] = "validation"
    short = replace(recipe.DEFAULT["xception"], batch=4, distillation=1.0, views=0)
    training = loop.Classification(
        dataset, split, "xception", short, None, [Knowing()], 0, choose_device("cpu")
    )
    training.begin_epoch()
    training.forward = Knowing()
    assert training.loss(torch.tensor([2])).item() == pytest.approx(0, abs=2e-3)
    assert training.loss(torch.tensor([4])).item() == pytest.approx(4.5, abs=1e-3)


def test_real_strangers_teach_who_is_unknown():
    rng = np.random.default_rng(0)
    known, strangers, new = (rng.normal(size=(400, 24)) for _ in range(3))
    strangers[:, 3:7] += 2
    new[:, 3:7] += 2
    energy = rng.normal(size=(400, 3))
    labels = np.arange(400) % 3

    def score(fitted, means):
        scores = fitted.scores(
            torch.from_numpy(energy.astype(np.float32)), torch.from_numpy(means.astype(np.float32))
        )
        return familiarity.combined(scores).numpy()

    without = familiarity.fit_features(energy, known, -known, labels, 8)
    taught = familiarity.fit_features(energy, known, -known, labels, 8, (energy, strangers))
    assert without.scores(torch.zeros(1, 3), torch.zeros(1, 24)).shape == (1, 3)
    assert taught.scores(torch.zeros(1, 3), torch.zeros(1, 24)).shape == (1, 4)

    def named_share(fitted):
        least = familiarity.threshold(score(fitted, known))
        return (score(fitted, new) >= least).mean()

    assert named_share(taught) < 0.6 * named_share(without)
    assert np.abs(score(taught, known).mean()) < 0.5


def test_a_cache_of_scenes_is_used_again(scenes, listed, monkeypatch):
    boxed_pictures.load(scenes, listed)
    monkeypatch.setattr("simpsons.pixels.images.decode", lambda _: pytest.fail("decoded again"))
    dataset = boxed_pictures.load(scenes, listed)
    assert len(dataset.larger) == 24
    for pixels, found, each, size in zip(
        dataset.larger, dataset.boxes, dataset.listed, dataset.sizes, strict=True
    ):
        assert max(pixels.shape[:2]) == boxed_pictures.LONGEST
        scale = boxed_pictures.LONGEST / max(size)
        expected = np.array([box.corners for box in each]) * scale
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (cache.cache_folder() / "boxed").is_dir()
