"""The page in a real Chromium; each test fails on an error that the page itself reports."""

import base64
import re
import shutil
import threading
from urllib.parse import urlsplit

import pytest
import uvicorn

from simpsons.serve import server
from simpsons.serve.app import create_app

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

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
def url(classifiers, detector):
    with server.listen("127.0.0.1", 0) as listener:
        app = create_app(classifiers, detector, hosts=server.LOOPBACK)
        service = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=service.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        service.should_exit = True
        thread.join()


@pytest.fixture
def open_page(browser, url):
    """Open the page in a window of that width; all it asks for must be on this machine."""
    contexts, addresses, errors = [], [], []

    def open_at(width=1100, **settings):
        context = browser.new_context(viewport={"width": width, "height": 800}, **settings)
        contexts.append(context)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("request", lambda request: addresses.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if fault(said) else None)
        page.goto(url)
        api.expect(page.locator("#examples img")).to_have_count(6, timeout=WAIT)
        return page

    yield open_at
    for context in contexts:
        context.close()
    hosts = {urlsplit(address).netloc for address in addresses if not local(address)}
    assert hosts == {urlsplit(url).netloc}
    assert errors == []


def fault(said):
    """Whether the browser says of the page that it is wrong; a refused request is not that."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")


def local(address):
    """Whether an address is that of something in the page itself."""
    return address.startswith(("blob:", "data:"))


@pytest.fixture(scope="module")
def pictures(dolls):
    """Twenty files as a browser has them."""
    return [
        {"name": f"doll {number}.png", "mimeType": "image/png", "buffer": content}
        for number, content in enumerate(dolls(20))
    ]


HAND_OVER = """([event, files]) => {
  const carried = new DataTransfer();
  for (const { name, type, content } of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    carried.items.add(new File([bytes], name, { type }));
  }
  const options = { bubbles: true, cancelable: true };
  document.querySelector("#drop").dispatchEvent(event === "paste"
    ? new ClipboardEvent("paste", { ...options, clipboardData: carried })
    : new DragEvent(event, { ...options, dataTransfer: carried }));
}"""


def hand_over(page, event, files):
    """Drop or paste files on the page."""
    carried = [
        {
            "name": file["name"],
            "type": file["mimeType"],
            "content": base64.b64encode(file["buffer"]).decode(),
        }
        for file in files
    ]
    page.evaluate(HAND_OVER, [event, carried])


def expect(page, selector):
    return api.expect(page.locator(selector))


def answered(page, count):
    """Wait until that many pictures are answered."""
    expect(page, ".card").to_have_count(count, timeout=WAIT)
    expect(page, ".waiting:visible").to_have_count(0, timeout=WAIT)
    expect(page, "#status").to_contain_text(re.compile(r"^\d+ picture"), timeout=WAIT)


def name(classifiers, network, file):
    """What the page has to say of a picture."""
    said = classifiers[network].predict(file["buffer"])
    return "Unknown" if said.verdict == "unknown" else said.name


def test_a_dropped_picture_gets_its_name_and_bars(open_page, pictures, classifiers):
    page = open_page()
    file = pictures[0]
    hand_over(page, "dragover", [file])
    expect(page, "#drop").to_have_class("over")
    hand_over(page, "drop", [file])
    answered(page, 1)
    expect(page, ".verdict").to_have_text(name(classifiers, "xception", file))
    expect(page, ".bars li").to_have_count(5)
    top = classifiers["xception"].predict(file["buffer"]).top
    expect(page, ".bars li >> nth=0").to_contain_text(f"{top[0][1]:.1%}".replace("%", " %"))
    expect(page, "#status").to_contain_text("1 picture. ")
    assert page.locator(".shown").evaluate("image => image.naturalWidth") > 0


def test_the_other_network_and_both(open_page, pictures, classifiers):
    page = open_page()
    file = pictures[0]
    page.set_input_files("#pick", [file])
    answered(page, 1)
    page.get_by_label("cnn").check(force=True)
    expect(page, ".network").to_have_text("cnn")
    expect(page, ".verdict").to_have_text(name(classifiers, "cnn", file))
    page.get_by_label("side by side").check(force=True)
    expect(page, ".network").to_have_text(["xception", "cnn"])
    one, other = (page.locator(".panel").nth(number).bounding_box() for number in (0, 1))
    assert one["y"] == other["y"]
    assert one["x"] + one["width"] <= other["x"]


def test_the_heat_map_lies_over_the_picture(open_page, pictures):
    page = open_page()
    page.set_input_files("#pick", pictures[:1])
    answered(page, 1)
    assert page.locator(".heat[src]").count() == 0
    page.get_by_label("Heat map").check()
    expect(page, ".heat[src]").to_have_css("opacity", "1", timeout=WAIT)
    assert page.locator(".heat").bounding_box() == page.locator(".shown").bounding_box()
    page.locator("#examples button").first.click()  # one that comes while it is on has one too
    expect(page, ".heat[src]").to_have_count(2, timeout=WAIT)
    answered(page, 2)
    page.get_by_label("Heat map").uncheck()
    expect(page, ".heat >> nth=0").to_have_css("opacity", "0")


def test_a_stranger_is_unknown_and_the_nearest_is_named(open_page, pictures):
    """The service's answer is played, since whom a network knows is not the page's to say."""
    page = open_page()

    def unknown(route):
        answer = route.fetch().json()
        for result in answer["results"]:
            for picture in result["pictures"]:
                picture |= {"verdict": "unknown", "label": "moe_szyslak"}
        route.fulfill(json=answer)

    page.route("**/predict?*", unknown)
    page.locator("#examples button").first.click()
    answered(page, 1)
    expect(page, ".verdict").to_have_text("Unknown")
    expect(page, ".nearest").to_have_text(
        "unlike the pictures it learnt from; nearest is Moe Szyslak"
    )
    expect(page, "#status").to_have_text("1 picture. unknown")


def test_a_file_that_is_no_picture(open_page, pictures):
    page = open_page()
    text = {"name": "<b>notes</b>.txt", "mimeType": "text/plain", "buffer": b"not a picture"}
    page.set_input_files("#pick", [*pictures[:1], text])
    answered(page, 2)
    expect(page, ".error:visible").to_have_text(
        "<b>notes</b>.txt: not a picture in a format known here; convert it to JPEG or PNG"
    )
    expect(page, ".verdict").to_have_count(1)
    expect(page, "#status").to_contain_text("1 picture could not be read")


def test_twenty_pictures_at_once(open_page, pictures):
    page = open_page()
    page.set_input_files("#pick", pictures)
    answered(page, 20)
    names = page.locator(".file").all_text_contents()
    assert names == [f"doll {number}.png" for number in range(20)]
    expect(page, ".verdict").to_have_count(20)
    page.get_by_label("Remove doll 3.png").click()
    expect(page, ".card").to_have_count(19)
    page.get_by_role("button", name="Clear").click()
    expect(page, ".card").to_have_count(0)


def test_pasting(open_page, pictures):
    page = open_page()
    hand_over(page, "paste", pictures[:2])
    answered(page, 2)
    expect(page, ".verdict").to_have_count(2)


def test_the_camera(open_page):
    page = open_page(permissions=["camera"])
    page.get_by_role("button", name="Take a picture").click()
    video = page.locator("#viewfinder video")
    api.expect(video).to_be_visible(timeout=WAIT)
    page.wait_for_timeout(300)  # the first frame
    page.get_by_role("button", name="Take the picture").click()
    answered(page, 1)
    expect(page, ".file").to_have_text("camera 1.jpg")
    expect(page, ".verdict").to_have_count(1)
    assert video.evaluate("video => video.srcObject") is None


def test_without_a_camera_the_phone_s_own_is_asked(open_page, pictures):
    page = open_page()
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(); }")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take a picture").click()
    chooser.value.set_files(pictures[:1])
    answered(page, 1)


def test_a_phone_needs_no_scrolling_to_the_side(open_page, pictures):
    page = open_page(width=360)
    page.get_by_label("side by side").check(force=True)
    long_name = {"name": "long" * 40 + ".txt", "mimeType": "text/plain", "buffer": b"text"}
    page.set_input_files("#pick", [*pictures[:2], long_name])
    answered(page, 3)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360


def test_the_keyboard_and_a_screen_reader(open_page, pictures):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "pick"
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    for control in ("Choose pictures", "xception", "side by side", "Heat map", "Ada Thimble"):
        api.expect(
            page.get_by_label(control).or_(page.get_by_role("button", name=control))
        ).to_have_count(1)
    page.locator("#examples button").first.focus()
    page.keyboard.press("Enter")
    answered(page, 1)


def test_a_service_that_is_gone(open_page, pictures):
    page = open_page()
    page.route("**/predict?*", lambda route: route.fulfill(status=503, json=BUSY))
    page.set_input_files("#pick", pictures[:1])
    expect(page, ".error:visible").to_have_text("busy; try again in a moment", timeout=WAIT)


BUSY = {"error": "busy", "remedy": "try again in a moment"}
