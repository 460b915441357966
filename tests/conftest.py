"""What all tests share. Session fixtures are to be read, never written to."""

import json
import mmap
import os
import re
import shutil
import sys

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # the tests run in as many processes as there are cores

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from numpy.typing import NDArray

from simpsons.characters import SLUGS
from simpsons.cli import main
from simpsons.dataset import cache
from simpsons.demo.drawings import DOLLS, draw, write_drawings
from simpsons.pixels import images

REAL_DATA = os.environ.get("SIMPSONS_DATA") or Path(__file__).parents[2] / "shared/data/simpsons"
"""Where the real pictures are, if they are on this machine at all."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
WAIT = 20_000
"""Milliseconds that a page may take on a busy machine."""


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory):
    """A cache of our own, and no data set but what a test names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPSONS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("SIMPSONS_DATA", raising=False)
        yield


@pytest.fixture(scope="session")
def traces(tmp_path_factory) -> Path:
    """Where what was traced is kept, once for all processes of this test run."""
    return _shared_folder(tmp_path_factory)


@pytest.fixture(scope="session", autouse=True)
def traced_once(traces):
    """Networks of one structure are traced once, if a test that was collected exports any."""
    if "simpsons.formats.onnx_export" in sys.modules:
        from tests.traces import share

        share(traces)


@pytest.fixture
def mapped() -> Callable[[Path], int]:
    """A function that says how many bytes of a mapped file are in the memory of this process."""
    maps = Path("/proc/self/smaps")
    if not maps.exists() or not hasattr(mmap, "MADV_DONTNEED"):
        pytest.skip("needs Linux's memory figures")

    def resident(path: Path) -> int:
        mapping = re.compile(
            rf" {re.escape(str(path))}$.*?^Rss:\s+(\d+) kB", re.MULTILINE | re.DOTALL
        )
        return 1024 * sum(map(int, mapping.findall(maps.read_text(encoding="utf-8"))))

    return resident


@pytest.fixture(scope="session")
def drawings(tmp_path_factory) -> Path:
    """18 class folders of 4 paper dolls each, up to 80 pixels a side."""
    folder = tmp_path_factory.mktemp("data") / "drawings"
    write_drawings(folder, per_character=4, size=80)
    return folder


@pytest.fixture(scope="session")
def many_drawings(tmp_path_factory) -> Path:
    """18 class folders of 12 paper dolls each: enough to split and to train on.

    Drawn once for all processes of this test run.
    """
    folder = _shared_folder(tmp_path_factory) / "many_drawings"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            write_drawings(folder, per_character=12, size=80)
    return folder


@pytest.fixture(scope="session")
def onnx_model(tmp_path_factory) -> Path:
    """An exported `xception` that has learnt nothing; it answers each picture differently.

    Made once for all processes of this test run.
    """
    import torch

    from simpsons import models
    from simpsons.formats.onnx_export import export

    path = _shared_folder(tmp_path_factory) / "untrained.onnx"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                network = models.build("xception")
            export(network, path, SLUGS, {"network": "xception"}, temperature=0.05)
    return path


@pytest.fixture
def unreported(monkeypatch):
    """Trainings end with their ONNX file: no report, no curves."""
    from simpsons.runs import run

    monkeypatch.setattr(run, "write_report", lambda *_, **__: None)
    monkeypatch.setattr(run._Curves, "draw", lambda *_: None)


@pytest.fixture
def unfinished(monkeypatch):
    """Trainings end with their weights: no export, no report."""
    from simpsons.runs import run

    monkeypatch.setattr(run, "finish", lambda *_: None)


SHOTS = ((0, 53), (1, 40), (0, 45), (0, 34), (2, 31), (3, 47), (1, 22))
"""The shots of `film`: which doll, and how many frames."""


@dataclass(frozen=True)
class DollFilm:
    """A film at 24 frames a second whose truth is known: who is on screen from when to when."""

    path: Path
    frames: NDArray[np.uint8]
    truth: list[tuple[float, float, str]]

    def write(self, path: Path, *, stamps=None, rotation: int = 0, **options: str) -> Path:
        """The same frames as another file; stamps: their times in 1/24 s."""
        import av

        with av.open(path, "w", options=options) as container:
            stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
            stream.height, stream.width = self.frames.shape[1:3]
            if rotation:
                stream.set_display_rotation(rotation)
            for number, pixels in enumerate(self.frames):
                picture = av.VideoFrame.from_ndarray(pixels)
                picture.pts = number if stamps is None else stamps[number]
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
        return path


@pytest.fixture(scope="session")
def film(tmp_path_factory) -> DollFilm:
    """11.3 s of paper dolls in seven shots, with camera movement and a flash of somebody else."""
    frames, truth = [], []
    for number, (doll, length) in enumerate(SHOTS):
        drawing = draw(DOLLS[doll], np.random.default_rng(number), 180).resize((172, 128))
        start = len(frames) / 24
        for step in range(length):
            x, y = 12 * step // length, 8 * step // length
            frames.append(np.asarray(drawing.crop((x, y, x + 160, y + 120))))
        truth.append((start, len(frames) / 24, DOLLS[doll].slug))
    frames[25:27] = frames[-2:]
    made = DollFilm(tmp_path_factory.mktemp("film") / "dolls.mp4", np.stack(frames), truth)
    made.write(made.path, movflags="+faststart")
    return made


@pytest.fixture(scope="session")
def doll_model(tmp_path_factory, film) -> Path:
    """A network that knows the dolls of `film`: the nearest of one frame a shot."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    middles = np.cumsum([0, *(length for _, length in SHOTS)])[:-1] + 11
    known = np.stack([images.fit(film.frames[middle]) for middle in middles])
    templates = known.reshape(len(SHOTS), -1).astype(np.float32)
    shows = np.zeros((len(SHOTS), len(DOLLS)), np.float32)
    shows[np.arange(len(SHOTS)), [doll for doll, _ in SHOTS]] = 1
    softness = np.float32(50 * 255**2)
    constants = {
        "flat": np.array([-1, templates.shape[1]]),
        "weights": 2 * templates.T / softness,
        "bias": -(templates**2).sum(axis=1) / softness,
        "shows": shows,
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["values"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["values", "flat"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weights"], ["products"]),
        helper.make_node("Add", ["products", "bias"], ["nearness"]),
        helper.make_node("Softmax", ["nearness"], ["shots"], axis=1),
        helper.make_node("MatMul", ["shots", "shows"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "dolls",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 64, 64, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(DOLLS)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    labels = json.dumps([doll.slug for doll in DOLLS])
    helper.set_model_props(model, {"labels": labels, "network": json.dumps("dolls")})
    path = tmp_path_factory.mktemp("model") / "dolls.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def doll_faces(tmp_path_factory) -> Path:
    """A face detector for `doll_model`: every picture is one face, as large as the picture."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "width_height": np.array([2, 1]),
        "corner": np.zeros(2, np.float32),
        "row": np.array([1, 4]),
        "sure": np.array([0.9], np.float32),
        "first": np.array([0]),
    }
    nodes = [
        helper.make_node("Shape", ["pixels"], ["shape"]),
        helper.make_node("Gather", ["shape", "width_height"], ["lengths"]),
        helper.make_node("Cast", ["lengths"], ["opposite"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["corner", "opposite"], ["flat"], axis=0),
        helper.make_node("Reshape", ["flat", "row"], ["boxes"]),
        helper.make_node("Identity", ["sure"], ["scores"]),
        helper.make_node("Identity", ["first"], ["picture"]),
    ]
    graph = helper.make_graph(
        nodes,
        "faces",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", "H", "W", 3])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["M", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["M"]),
            helper.make_tensor_value_info("picture", TensorProto.INT64, ["M"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    metadata = {"task": "faces", "threshold": 0.5, "longest_side": 160}
    helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    path = tmp_path_factory.mktemp("model") / "faces.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def write_spots(tmp_path_factory) -> Callable[..., Path]:
    """A function that writes a face detector which anyone can check; metadata: of the file.

    A face is a rectangle that is red and not green; its score is how blue its middle is, 0 to 1.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], {}

    def add(kind, *inputs, outputs=1, **attributes):
        names = [f"{kind}_{len(nodes)}_{number}" for number in range(outputs)]
        given = [each if isinstance(each, str) else constant(each) for each in inputs]
        nodes.append(helper.make_node(kind, given, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(value):
        name = f"constant_{len(constants)}"
        constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def neighbours(mask):
        """The mask moved to the right, left, down and up: what is beside, above and below."""
        padded = add("Pad", add("Cast", mask, to=TensorProto.FLOAT), [1] * 4, np.float32(0))
        parts = (
            ([1, 0], [-1, -2]),
            ([1, 2], [-1, 2**31]),
            ([0, 1], [-2, -1]),
            ([2, 1], [2**31, -1]),
        )
        cut = [add("Slice", padded, start, end, [0, 1]) for start, end in parts]
        return [add("Cast", part, to=TensorProto.BOOL) for part in cut]

    def corners(mask, side, upper):
        outside = add("Not", add("Or", side, upper))
        return add("And", mask, outside)

    def places(mask):
        return add("Split", add("NonZero", mask), axis=0, num_outputs=2, outputs=2)

    picture = add("Squeeze", add("Cast", "pixels", to=TensorProto.FLOAT), [0])
    red, green, blue = (add("Gather", picture, np.int64(colour), axis=2) for colour in range(3))
    half = np.float32(128)
    mask = add("And", add("Greater", red, half), add("Less", green, half))
    left, right, above, below = neighbours(mask)
    cut_corner = add("And", add("Or", left, right), add("Or", above, below))
    mask = add("Or", mask, cut_corner)  # that resizing has made less red
    left, right, above, below = neighbours(mask)
    first = corners(mask, left, above)
    y1, x1 = places(first)
    _, x2 = places(corners(mask, right, above))
    by_column_x1, by_column_y1 = places(add("Transpose", first))
    _, by_column_y2 = places(add("Transpose", corners(mask, left, below)))
    place = add("Add", add("Mul", by_column_y1, np.int64(2**31)), by_column_x1)
    count = add("Slice", add("Shape", place), [1], [2])
    _, by_row = add("TopK", place, count, axis=1, largest=0, outputs=2)
    y2 = add("GatherElements", by_column_y2, by_row, axis=1)
    opposite = [add("Add", edge, np.int64(1)) for edge in (x2, y2)]
    rows = add("Transpose", add("Concat", x1, y1, *opposite, axis=0))
    middle_y, middle_x = (
        add("Div", add("Add", *pair), np.int64(2)) for pair in ((y1, y2), (x1, x2))
    )
    middles = add("Transpose", add("Concat", middle_y, middle_x, axis=0))
    nodes += [
        helper.make_node("Cast", [rows], ["boxes"], to=TensorProto.FLOAT),
        helper.make_node(
            "Div", [add("GatherND", blue, middles), constant(np.float32(255))], ["scores"]
        ),
        helper.make_node("Sub", [add("Squeeze", x1, [0])] * 2, ["picture"]),
    ]
    graph = helper.make_graph(
        nodes,
        "spots",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", "H", "W", 3])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["M", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["M"]),
            helper.make_tensor_value_info("picture", TensorProto.INT64, ["M"]),
        ],
        list(constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)

    def write(**metadata):
        said = {"task": "faces", "threshold": 0.5, "longest_side": 320} | metadata
        said = {key: json.dumps(value) for key, value in said.items() if value is not None}
        helper.set_model_props(model, said)
        path = tmp_path_factory.mktemp("spots") / "model.onnx"
        onnx.save(model, path)
        return path

    return write


@pytest.fixture(scope="session")
def spots(write_spots) -> Path:
    """A face detector that finds red spots, in pictures made 320 pixels long."""
    return write_spots()


@pytest.fixture(scope="session")
def spot_names(tmp_path_factory) -> Path:
    """A classifier that names a spot for what is around it: of red, green and blue the strongest.

    Little colour is nobody.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "sides": np.array([1, 2]),
        "colours": np.array([1]),
        "scale": np.float32(20),
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "sides"], ["means"], keepdims=0),
        helper.make_node("Div", ["means", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ReduceMax", ["means", "colours"], ["most"], keepdims=0),
        helper.make_node("ReduceMin", ["means", "colours"], ["fewest"], keepdims=0),
        helper.make_node("Sub", ["most", "fewest"], ["familiarity"]),
    ]
    graph = helper.make_graph(
        nodes,
        "spot names",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 64, 64, 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3]),
            helper.make_tensor_value_info("familiarity", TensorProto.FLOAT, ["N"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    labels = ("bart_simpson", "homer_simpson", "marge_simpson")
    metadata = {"labels": labels, "network": "spots", "familiarity_threshold": 90}
    helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    path = tmp_path_factory.mktemp("spots") / "model.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """Run `simpsons` with these arguments; an exception that a user would see as a traceback
    fails the test."""

    def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(main, words, input=stdin, catch_exceptions=False)

    return run


@pytest.fixture(scope="module")
def browser():
    """A Chromium of this machine."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser found: none of {', '.join(BROWSERS)} is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser):
    """Open a page in a window of that width; all it asks for must be where it is itself, and it
    must report no error.

    It scrolls at once unless told otherwise: a click may miss what moves.
    """
    contexts, homes, addresses, errors = [], set(), [], []

    def fault(said):
        return said.type == "error" and not said.text.startswith("Failed to load resource")

    def open_at(url, width=1100, **settings):
        settings = {"reduced_motion": "reduce", **settings}
        context = browser.new_context(viewport={"width": width, "height": 800}, **settings)
        contexts.append(context)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("request", lambda request: addresses.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if fault(said) else None)
        homes.add(urlsplit(url).netloc)
        page.goto(url)
        return page

    yield open_at
    for context in contexts:
        context.close()
    asked = [address for address in addresses if not address.startswith(("blob:", "data:"))]
    assert {urlsplit(address).netloc for address in asked} == homes
    assert errors == []


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of the real pictures; a test that asks for it is skipped where it is missing."""
    folder = Path(REAL_DATA)
    if not folder.is_dir():
        pytest.skip(f"no real pictures in {folder}; set SIMPSONS_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory) -> Path:
    """Where the real pictures are decoded to, once for all processes of this test run."""
    return _shared_folder(tmp_path_factory) / "real_cache"


@pytest.fixture(scope="session")
def real_dataset(real_data, real_cache) -> cache.Dataset:
    """The real pictures, decoded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMPSONS_CACHE", str(real_cache))
        return cache.load(real_data)


def _shared_folder(tmp_path_factory) -> Path:
    """A folder for all processes of this test run."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
