"""The figures are those of OpenCV and Pillow, by tests/fixtures/make_keras_home.py."""

import asyncio
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simpsons.bulk.tasks import Classify
from simpsons.classifier import Classifier, Prediction, model_path
from simpsons.detector import FACES, Detector
from simpsons.formats.onnx_export import add_metadata
from simpsons.pixels import images
from simpsons.pixels.plain_resize import WAYS, Resize, resized
from simpsons.service.inference import Inference
from simpsons.service.uploads import Upload

FIGURES = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "keras_home.json").read_text(encoding="utf-8")
)["resized"]


def picture(height: int, width: int) -> np.ndarray:
    """The same as in make_keras_home.py."""
    y, x, channel = np.ogrid[:height, :width, :3]
    values = (x * x * (channel + 1) // 7 + y * y // 5 + 60 * ((x + y * (channel + 2)) % 3)) % 256
    return np.asarray(values, np.uint8)


@pytest.mark.parametrize("figures", FIGURES, ids=lambda figures: str(figures["shape"]))
def test_pixels_are_those_of_opencv_and_pillow(figures: dict[str, list[int]]) -> None:
    pixels = picture(*figures["shape"])
    assert resized(pixels, 8, "bilinear").ravel().tolist() == figures["bilinear"]
    assert resized(pixels, 8, "nearest").ravel().tolist() == figures["nearest"]


def test_between_four_pixels() -> None:
    """By hand: at a fourth of the size a point lies in the middle of pixels 1 and 2."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[1, 2], pixels[5, 5] = 200, 100
    halved = resized(pixels, 2, "bilinear")
    assert halved[..., 0].tolist() == [[50, 0], [0, 25]]
    assert resized(pixels, 2, "nearest")[..., 0].tolist() == [[0, 0], [0, 0]]
    pixels[2, 6] = 7
    assert resized(pixels, 2, "nearest")[..., 0].tolist() == [[0, 7], [0, 0]]


@pytest.mark.parametrize("how", ["bilinear", "nearest"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (64, 64), (63, 5)])
def test_any_size(how: Resize, shape: tuple[int, int]) -> None:
    pixels = picture(*shape)
    made = resized(pixels, 64, how)
    assert made.shape == (64, 64, 3)
    assert made.dtype == np.uint8
    if shape == (64, 64):
        assert np.array_equal(made, pixels)
    if shape == (1, 1):
        assert (made == pixels).all()


def test_one_colour_stays_as_it_is() -> None:
    pixels = np.full((300, 411, 3), (255, 128, 3), np.uint8)
    for how in WAYS[1:]:
        assert (images.fit(pixels, resize=how) == (255, 128, 3)).all()


@pytest.fixture(scope="module")
def nearest(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    """A network whose file asks for another way of fitting."""
    path = tmp_path_factory.mktemp("nearest") / "nearest.onnx"
    shutil.copy(model_path("cnn"), path)
    add_metadata(path, {"resize": "nearest"})
    return Classifier(path)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_pictures_are_fitted_as_the_file_says(
    suffix: str, nearest: Classifier, tmp_path: Path
) -> None:
    """By every way in: one, many, and in bulk."""
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(picture(480, 640)).save(path)
    pixels = images.decode(path)
    fitted = resized(pixels, 64, "nearest")
    assert not np.array_equal(fitted, images.fit(pixels))
    expected = nearest.probabilities(fitted[None])[0]

    def given(answer: object) -> np.ndarray:
        assert isinstance(answer, Prediction)
        by_label = dict(answer.top)
        return np.array([by_label[label] for label in nearest.labels])

    content = path.read_bytes()
    assert np.array_equal(given(nearest.predict(path, 18)), expected)
    assert np.array_equal(given(nearest.predict(content, 18)), expected)
    assert np.array_equal(given(nearest.predict(pixels, 18)), expected)
    mixed: list[list[images.Source]] = [[path, path], [content, pixels]]
    for sources in mixed:
        for answer in nearest.predict_all(sources, 18):
            assert np.allclose(given(answer), expected, atol=1e-6)
    loaded = Classify(nearest, 18).load(io.BytesIO(content))
    assert np.array_equal(loaded, fitted)


def test_the_service_fits_a_picture_for_each_network(nearest: Classifier) -> None:
    file = io.BytesIO()
    Image.fromarray(picture(480, 640)).save(file, "JPEG")
    content = file.getvalue()
    usual = Classifier("cnn")
    both = {"nearest": nearest, "usual": usual}
    service = Inference(both, Detector(FACES, usual))
    upload = [Upload(content, "picture.jpg")]
    answered = asyncio.run(service.predict(upload, list(both), 1, heat=False, by_faces=False))
    service.close()
    for answer, network in zip(answered, both.values(), strict=True):
        expected = network.predict(content)
        assert answer["pictures"][0]["label"] == expected.label
        assert answer["pictures"][0]["probability"] == pytest.approx(expected.probability, abs=1e-6)
    assert nearest.predict(content).probability != pytest.approx(
        usual.predict(content).probability, abs=1e-3
    )


def test_files_without_a_way_are_fitted_as_ever() -> None:
    assert Classifier("cnn").resize == "antialias"


def test_a_turned_picture(nearest: Classifier, tmp_path: Path) -> None:
    """EXIF orientation is applied before the picture is sampled."""
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture(200, 300)).save(path, exif=exif)
    loaded = images.load_file(path, resize=nearest.resize)
    assert (loaded.width, loaded.height, loaded.content) == (200, 300, images.WHOLE)
    assert np.array_equal(loaded.pixels, resized(images.decode(path), 64, "nearest"))
