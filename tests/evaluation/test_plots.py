import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.special import softmax

from simpsons.characters import SLUGS
from simpsons.evaluation import plots
from simpsons.evaluation.metrics import evaluate

HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 2 / epoch,
        "train_accuracy": 1 - 0.5 / epoch,
        "validation_loss": 2.2 / epoch,
        "validation_accuracy": accuracy,
        "learning_rate": 0.01 / epoch,
    }
    for epoch, accuracy in enumerate([0.4, 0.6, 0.8, 0.75, 0.8], start=1)
]


def evaluation(classes=SLUGS, n=200, present=None):
    generator = np.random.default_rng(0)
    labels = generator.choice(present or np.arange(len(classes)), n)
    logits = generator.normal(size=(n, len(classes)))
    logits[np.arange(n), labels] += 2.5
    return evaluate(softmax(logits, axis=1), labels, classes)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


EVALUATIONS = {
    "18 classes": evaluation(),
    "3 of 18 classes": evaluation(present=[2, 7, 10]),
    "one picture": evaluation(n=1),
    "strange names": evaluation(["$x_", "<b>&", "\\frac{1}"]),
}


@pytest.mark.parametrize("case", EVALUATIONS.values(), ids=EVALUATIONS)
@pytest.mark.parametrize("draw", [plots.confusion_matrix, plots.reliability_diagram])
def test_every_evaluation_can_be_drawn(draw, case):
    figure = draw(case)
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()


def test_confusion_matrix_shows_the_counts_and_display_names():
    result = evaluate(np.eye(18)[[2, 2, 7, 15]], [2, 2, 7, 7], SLUGS)
    figure = plots.confusion_matrix(result)
    axes = figure.axes[0]
    assert texts(figure) == ["2", "1", "1"]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["Bart Simpson", "Homer Simpson", "Nelson Muntz"]
    assert [label.get_text() for label in axes.get_yticklabels()] == names[:2]


def test_sixty_classes_give_a_larger_confusion_matrix():
    many = evaluation([f"class_{i}" for i in range(60)], n=600)
    width = plots.confusion_matrix(many).get_size_inches()[0]
    assert width > plots.confusion_matrix(evaluation()).get_size_inches()[0] * 1.5


def test_best_epoch_is_the_first_of_the_highest_validation_accuracy():
    assert plots.best_epoch(HISTORY) == 2
    assert plots.best_epoch([{"validation_accuracy": None}, {"validation_accuracy": 0.1}]) == 1
    with pytest.raises(ValueError, match="no validation_accuracy"):
        plots.best_epoch([])


@pytest.mark.parametrize(
    "history",
    [
        HISTORY,
        HISTORY[:1],
        [{"epoch": 1, "validation_accuracy": 0.5, "learning_rate": 0.0}, {"epoch": 2}],
    ],
)
def test_training_curves(history):
    figure = plots.training_curves(history)
    figure.draw_without_rendering()
    assert figure.axes[1].get_title(loc="left").startswith("Accuracy: best")


def test_class_counts_puts_the_most_first():
    figure = plots.class_counts({"bart_simpson": 20, "moe_szyslak": 1452, "none": 0})
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["Moe Szyslak", "Bart Simpson", "none"]
    assert texts(figure) == ["1,452", "20", "0"]
    with pytest.raises(ValueError, match="no counts"):
        plots.class_counts({})


def test_picture_grid_keeps_the_pictures():
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 16, 3), dtype=np.uint8)
    figure = plots.picture_grid(images, ["a $ b", "", "x" * 60, "two\nlines", "e"], columns=2)
    shown = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert (np.stack(shown) == images).all()
    assert len(texts(figure)[2].splitlines()) == 3
    figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("shape", "titles", "columns", "message"),
    [
        ((0, 8, 8, 3), [], 2, "N > 0"),
        ((1, 8, 8), ["a"], 2, r"\[N, H, W, 3\]"),
        ((2, 8, 8, 3), ["a"], 2, "2 pictures need as many titles, not 1"),
        ((1, 8, 8, 3), ["a"], 0, "columns"),
    ],
)
def test_picture_grid_refuses(shape, titles, columns, message):
    with pytest.raises(ValueError, match=message):
        plots.picture_grid(np.zeros(shape, np.uint8), titles, columns)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_data_gives_the_same_bytes(kind):
    counts = {"bart_simpson": 3, "moe_szyslak": 2}
    first, second = (plots.encode(plots.class_counts(counts), kind) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", ["new/folder/figure.png", "figure.PNG"])
def test_save_png(tmp_path, name):
    plots.save(plots.class_counts({"a": 1}), tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.format == "PNG"
        assert image.width > 300


def test_save_svg(tmp_path):
    plots.save(plots.class_counts({"a": 1}), tmp_path / "figure.svg")
    assert "<svg" in (tmp_path / "figure.svg").read_text()
    assert "<dc:date>" not in (tmp_path / "figure.svg").read_text()


@pytest.mark.parametrize("name", ["figure.jpg", "figure"])
def test_save_knows_two_formats(tmp_path, name):
    with pytest.raises(ValueError, match=r"\.png or \.svg"):
        plots.save(Figure(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        plots.save(Figure(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_callers_matplotlib_settings_stay_as_they_were():
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.encode(plots.class_counts({"a": 1}), "png")
    assert dict(matplotlib.rcParams) == before


def test_neither_pyplot_nor_torch_is_imported():
    code = "import simpsons.evaluation.report, sys; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    ).stdout.split()
    assert not {"matplotlib.pyplot", "torch"} & set(modules)


def test_figures_show_on_a_page_without_a_font_of_its_own():
    """Text in an SVG is drawn as shapes, so it looks the same everywhere."""
    svg = plots.encode(plots.class_counts({"a": 1}), "svg")
    assert b"<text" not in svg
    assert Image.open(io.BytesIO(plots.encode(Figure(), "png"))).format == "PNG"
