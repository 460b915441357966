"""The page in a real Chromium, opened as a file; what it says is what Python says of the files."""

import base64
import functools
import http.server
import io
import re
import shutil
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from simpsons import Classifier
from simpsons.characters import display_name
from simpsons.demo.drawings import DOLLS, draw
from simpsons.web import page as pages

pytestmark = pytest.mark.slow

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
WAIT = 30_000
"""Milliseconds that the page may take on a busy machine."""


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser found: none of {', '.join(BROWSERS)} is installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory, runtime_folder):
    """The page of `xception`."""
    return pages.write(tmp_path_factory.mktemp("site"), "xception", runtime_folder)


@pytest.fixture(scope="module")
def own_site(tmp_path_factory, runtime_folder, doll_model):
    """The page of a network of one's own, which calls nobody unknown."""
    return pages.write(tmp_path_factory.mktemp("own"), doll_model, runtime_folder)


@pytest.fixture
def open_page(browser):
    """Open a page in a window of that width; it asks for nothing that does not lie beside it.

    before: a script that runs before the page's own; then nobody waits for the network.
    """
    contexts, asked, errors = [], [], []

    def open_at(url, width=1100, before=None, **settings):
        settings = {"reduced_motion": "reduce", **settings}
        context = browser.new_context(viewport={"width": width, "height": 800}, **settings)
        contexts.append(context)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        beside = url.rpartition("/")[0]
        page.on("request", lambda request: asked.append((beside, request.url)))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        if before:
            page.add_init_script(before)
        page.goto(url)
        if not before:
            page.wait_for_selector("body[data-ready]", state="attached")
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert asked
    elsewhere = [url for beside, url in asked if not url.startswith((f"{beside}/", "blob:"))]
    assert elsewhere == []
    assert errors == []


def saved(picture, kind="PNG", **settings):
    file = io.BytesIO()
    picture.save(file, kind, **settings)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.fixture(scope="module")
def pictures():
    """Files of every sort that both sides read, by name."""
    rng = np.random.default_rng(0)
    dolls = [draw(DOLLS[number], rng, 240).convert("RGB") for number in range(6)]
    letterboxed = Image.new("RGB", (320, 400), (8, 8, 8))
    letterboxed.paste(dolls[3].resize((320, 240)), (0, 80))
    clear = dolls[4].convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    return {
        "small.png": saved(dolls[0].resize((50, 40))),
        "wide.jpg": saved(dolls[1].resize((700, 210)), "JPEG", quality=90),
        "large.jpg": saved(dolls[1].resize((1500, 1300)), "JPEG", quality=90),
        "turned.jpg": saved(dolls[2], "JPEG", quality=95, exif=turned(6)),
        "mirrored.jpg": saved(dolls[2], "JPEG", quality=95, exif=turned(5)),
        "bars.png": saved(letterboxed),
        "clear.png": saved(clear),
        "grey.png": saved(dolls[5].convert("L")),
        "palette.gif": saved(dolls[5].quantize(64), "GIF"),
        "lossy.webp": saved(dolls[0], "WEBP", quality=90),
    }


KINDS = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


def upload(name, content):
    kind = KINDS.get(name.rpartition(".")[2], "text/plain")
    return {"name": name, "mimeType": kind, "buffer": content}


def expect(page, selector):
    return api.expect(page.locator(selector))


def answered(page, count):
    expect(page, ".card").to_have_count(count, timeout=WAIT)
    expect(page, "#status").to_have_text(re.compile(rf"^{count} picture"), timeout=WAIT)


SEEN = """async (files) => {
  const network = await opening;
  const answers = [];
  for (const { name, content } of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const pixels = await seen(new File([bytes], name), FACTS.resize);
    answers.push(await network(pixels));
  }
  return answers;
}"""


def test_answers_are_those_of_python(open_page, site, pictures):
    page = open_page(site.as_uri())
    files = [
        {"name": name, "content": base64.b64encode(content).decode()}
        for name, content in pictures.items()
    ]
    classifier = Classifier("xception")
    for (name, content), said in zip(pictures.items(), page.evaluate(SEEN, files), strict=True):
        expected = classifier.predict(content)
        assert (said["label"], said["verdict"]) == (expected.label, expected.verdict), name
        tolerance = 0.002 if name.endswith(("png", "gif")) else 0.05
        assert said["probability"] == pytest.approx(expected.probability, abs=tolerance), name
        assert said["familiarity"] == pytest.approx(expected.familiarity, abs=20 * tolerance), name
        assert len(said["top"]) == 5


def test_strangers_and_what_is_no_picture(open_page, site, pictures):
    page = open_page(site.as_uri())
    bad = [
        upload("notes.txt", b"not a picture"),
        upload("empty.png", b""),
        upload("<i>cut</i>.png", pictures["bars.png"][:60]),
    ]
    page.set_input_files("#pick", [upload("bars.png", pictures["bars.png"]), *bad])
    answered(page, 4)
    expected = Classifier("xception").predict(pictures["bars.png"])
    assert expected.verdict == "unknown"
    expect(page, ".verdict:visible").to_have_text("Unknown")
    expect(page, ".nearest:visible").to_have_text(
        f"unlike the pictures it learnt from; nearest is {expected.name}"
    )
    expect(page, ".bars:visible li").to_have_count(5)
    expect(page, ".bars:visible li >> nth=0").to_contain_text(expected.name)
    expect(page, ".error:visible").to_have_text(
        [
            "notes.txt: not a picture in a format that this browser knows; convert it to JPEG or "
            "PNG",
            "empty.png: the file is empty; fetch it again",
            "<i>cut</i>.png: the picture is damaged, or too large for this browser; fetch it "
            "again, or make it smaller",
        ]
    )
    expect(page, "#status").to_have_text("4 pictures. unknown. 3 pictures could not be read")
    expect(page, "#licence").to_contain_text("CC BY-NC-SA 4.0")


def test_a_picture_of_too_many_pixels(open_page, own_site):
    page = open_page(own_site.as_uri())
    page.evaluate("() => { MOST.pixels = 1000; }")
    page.set_input_files("#pick", [upload("large.png", saved(Image.new("RGB", (50, 30))))])
    answered(page, 1)
    expect(page, ".error").to_have_text("large.png: has more than 1,000 pixels; make it smaller")


def test_a_canvas_in_bands_gives_the_same_pixels(open_page, own_site, pictures):
    page = open_page(own_site.as_uri())
    content = base64.b64encode(pictures["wide.jpg"]).decode()
    file = [{"name": "wide.jpg", "content": content}]
    [whole] = page.evaluate(SEEN, file)
    page.evaluate("() => { MOST.inCanvas = 700 * 13; }")
    assert page.evaluate(SEEN, file) == [whole]


def test_a_browser_that_can_not_run_the_network(open_page, own_site, pictures):
    page = open_page(own_site.as_uri(), before="delete globalThis.DecompressionStream;")
    said = "The network can't run here (DecompressionStream is not defined); use a current browser"
    expect(page, "#status").to_have_text(said)
    page.set_input_files("#pick", [upload("grey.png", pictures["grey.png"])])
    expect(page, ".error").to_have_text(said)


HAND_OVER = """([event, name, content]) => {
  const carried = new DataTransfer();
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  carried.items.add(new File([bytes], name, { type: "image/png" }));
  const options = { bubbles: true, cancelable: true };
  document.querySelector("#drop").dispatchEvent(event === "paste"
    ? new ClipboardEvent("paste", { ...options, clipboardData: carried })
    : new DragEvent(event, { ...options, dataTransfer: carried }));
}"""


def test_dropped_pasted_and_removed_by_the_keyboard(open_page, own_site, film):
    page = open_page(own_site.as_uri())
    expect(page, "#known").to_have_text(f"{len(DOLLS)} characters")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "pick"
    outline = page.locator(".button.main").evaluate("one => getComputedStyle(one).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2
    for number, event in enumerate(("drop", "paste")):
        content = saved(Image.fromarray(film.frames[11 + 53 * number]))
        content = base64.b64encode(content).decode()
        page.evaluate(HAND_OVER, ["dragover", "doll.png", content])
        expect(page, "#drop").to_have_class("over")
        page.evaluate(HAND_OVER, [event, f"{event}.png", content])
        expect(page, ".card").to_have_count(number + 1)
        expect(page, "#status").to_have_text(re.compile("^1 picture. [A-Z]"), timeout=WAIT)
    names = [display_name(DOLLS[number].slug) for number in (1, 0)]
    expect(page, ".verdict").to_have_text(names)
    expect(page, ".file").to_have_text(["paste.png", "drop.png"])
    assert page.evaluate("() => document.activeElement.id") == "found-title"
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "clear"
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.ariaLabel") == "Remove paste.png"
    page.keyboard.press("Enter")
    expect(page, "#status").to_have_text("paste.png removed")
    assert page.evaluate("() => document.activeElement.ariaLabel") == "Remove drop.png"
    page.keyboard.press("Enter")
    expect(page, ".card").to_have_count(0)
    assert page.evaluate("() => document.activeElement.id") == "pick"


def test_on_a_phone(open_page, own_site, pictures):
    page = open_page(own_site.as_uri(), width=390, has_touch=True, is_mobile=True)
    name = "a name without any place to break it at, " + 60 * "x" + ".png"
    page.set_input_files("#pick", [upload(name, pictures["small.png"]), upload("b", b"text")])
    answered(page, 2)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    for button in page.locator(".button:visible, .remove:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 24
    page.get_by_role("button", name="Clear").tap()
    expect(page, ".card").to_have_count(0)


def test_from_a_web_space(open_page, site, pictures):
    handler = functools.partial(QuietHandler, directory=site.parent.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            place = f"http://127.0.0.1:{server.server_port}/{site.parent.name}/index.html"
            assert urlsplit(place).path.count("/") == 2  # not at the root
            page = open_page(place)
            page.context.set_offline(True)
            page.set_input_files("#pick", [upload("grey.png", pictures["grey.png"])])
            answered(page, 1)
            expect(page, ".verdict").to_have_text("Unknown")
        finally:
            server.shutdown()
            thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *_):
        """Say nothing."""
