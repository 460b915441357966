"""The page in a real Chromium; each test fails on an error that the page itself reports."""

import base64
import csv
import io
import re
import threading
import zipfile
from contextlib import contextmanager

import pytest
import uvicorn
from PIL import Image

from simpsons.classifier import Classifier
from simpsons.detector import Detector
from simpsons.service import examples, server
from simpsons.service.app import create_app

pytestmark = pytest.mark.slow

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

WAIT = 20_000
"""Milliseconds that the page may take on a busy machine."""


@contextmanager
def serving(app):
    """The URL of an application, while it is served."""
    with server.listen("127.0.0.1", 0) as listener:
        service = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=service.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        service.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def url(classifiers, detector):
    app = create_app(classifiers, detector, hosts=server.LOOPBACK, root_path="/simpsons")
    with serving(app) as url:
        yield url


@pytest.fixture(scope="module")
def url_with_dolls(classifiers):
    """Of a service with the real detector and the network that knows the examples."""
    detector = Detector(names=classifiers["cnn"], threads=1)
    dolls = Classifier(examples.NETWORK, threads=1)
    with serving(create_app(classifiers, detector, dolls=dolls)) as url:
        yield url


@pytest.fixture
def open_page(new_page, url):
    """Open the page in a window of that width."""

    def open_at(width=1100, path="", **settings):
        page = new_page(url + path, width, **settings)
        api.expect(page.locator("#examples img")).to_have_count(6, timeout=WAIT)
        return page

    return open_at


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
    expect(page, ".verdict").to_have_text(name(classifiers, "cnn", file))
    expect(page, ".hint").to_have_text("No face found: this is the picture as a whole.")
    expect(page, ".face").to_have_count(0)
    expect(page, ".bars li").to_have_count(5)
    top = classifiers["cnn"].predict(file["buffer"]).top
    expect(page, ".bars li >> nth=0").to_contain_text(f"{top[0][1]:.1%}".replace("%", " %"))
    expect(page, "#status").to_contain_text("1 picture. ")
    assert page.locator(".shown").evaluate("image => image.naturalWidth") > 0


def test_the_other_network_and_both(open_page, pictures, classifiers):
    page = open_page()
    file = pictures[0]
    page.set_input_files("#pick", [file])
    answered(page, 1)
    page.get_by_label("xception").check(force=True)
    expect(page, ".network").to_have_text("xception")
    expect(page, ".verdict").to_have_text(name(classifiers, "xception", file))
    page.get_by_label("side by side").check(force=True)
    expect(page, ".network").to_have_text(["xception", "cnn"])
    one, other = page.locator(".panel").evaluate_all(  # at once: the page may be scrolling
        "panels => panels.map(panel => panel.getBoundingClientRect().toJSON())"
    )
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


def test_six_pictures_at_once(open_page, pictures):
    page = open_page()
    page.set_input_files("#pick", pictures[:6])
    answered(page, 6)
    names = page.locator(".file").all_text_contents()
    assert names == [f"doll {number}.png" for number in range(6)]
    expect(page, ".verdict").to_have_count(6)
    expect(page, ".tile:visible").to_have_count(0)
    page.get_by_label("Remove doll 3.png").click()
    expect(page, ".card").to_have_count(5)
    page.get_by_role("button", name="Clear").click()
    expect(page, ".card").to_have_count(0)
    expect(page, "#found-title").to_be_hidden()
    assert page.evaluate("() => document.activeElement.id") == "pick"


@pytest.fixture
def open_many(open_page, pictures, row_file):
    """A page with 22 pictures: dolls that are Bart, Lisa or unknown in turn, three of one name; one
    of three people, and a text."""
    said = ("bart_simpson", "lisa_simpson", "unknown")
    text = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not a picture"}

    def named(route):
        answer = route.fetch().json()
        for result in answer["results"]:
            for picture in result["pictures"]:
                if "error" not in picture:
                    number = int(re.sub(r"\D", "", picture["path"]) or 2)
                    picture |= {"verdict": said[number % 3], "label": said[number % 3]}
        route.fulfill(json=answer)

    def everyone(route):
        answer = route.fetch().json()
        for result in answer["results"]:
            for picture in result["pictures"]:
                faces = sorted(picture.get("faces", []), key=lambda face: face["box"][0])
                for face, verdict in zip(faces, VERDICTS, strict=False):
                    face |= {"verdict": verdict, "label": verdict, "probability": 0.5}
        route.fulfill(json=answer)

    def open_it(**settings):
        page = open_page(**settings)
        page.route("**/predict?*", named)
        page.route("**/detect?*", everyone)
        files = [*pictures[:18], pictures[0], pictures[0] | {"name": "../DOLL 0.PNG"}]
        page.set_input_files("#pick", [*files, row_file, text])
        expect(page, ".card").to_have_count(22, timeout=WAIT)
        expect(page, "#status").to_have_text(
            "22 pictures: 4 characters, 6 unknown, 1 could not be read", timeout=3 * WAIT
        )
        return page

    return open_it


def test_many_pictures_are_counted_filtered_and_opened(open_many):
    page = open_many()
    assert page.evaluate("() => document.documentElement.scrollHeight") < 1800
    buttons = page.get_by_role("group", name="Show only").get_by_role("button")
    said = ["All 22", "Bart Simpson 8", "Lisa Simpson 6", "Homer Simpson 1", "Marge Simpson 1"]
    api.expect(buttons).to_have_text([*said, "Unknown 6", "Failed 1"])
    buttons.nth(5).click()
    expect(page, ".card:visible").to_have_count(6)
    expect(page, ".said:visible").to_have_text(["Unknown"] * 6)
    expect(page, "#status").to_have_text("Unknown: 6")
    api.expect(buttons.nth(5)).to_have_attribute("aria-pressed", "true")
    api.expect(buttons.nth(5)).to_be_focused()
    buttons.nth(6).click()
    tile = page.locator(".tile:visible")
    api.expect(tile).to_have_text(re.compile(r"Failed\s*notes.txt"))
    tile.press("Enter")
    expect(page, ".error:visible").to_contain_text("notes.txt: not a picture")
    buttons.nth(3).click()
    tile.click()
    api.expect(tile).to_have_attribute("aria-expanded", "true")
    expect(page, ".verdict:visible").to_have_text("Homer Simpson, Marge Simpson and 1 unknown")
    expect(page, ".face:visible").to_have_count(3)
    page.get_by_label("Heat map").check()
    expect(page, ".heat[src]").to_have_count(1, timeout=WAIT)  # of what is open alone
    page.keyboard.press("Tab")
    page.locator(".face:visible").first.focus()
    page.keyboard.press("Escape")
    api.expect(tile).to_have_attribute("aria-expanded", "false")
    api.expect(tile).to_be_focused()
    tile.press("Enter")
    page.get_by_label("Remove row.png").click()
    api.expect(buttons.first).to_have_text("All 21")
    expect(page, ".card:visible").to_have_count(21)


def test_many_pictures_are_saved_as_a_table_and_sorted(open_many, pictures, row_file):
    page = open_many()
    with page.expect_download() as table:
        page.get_by_role("button", name="Save CSV").click()
    header, *rows = csv.reader(io.StringIO(table.value.path().read_text("utf-8")))
    assert table.value.suggested_filename == "simpsons.csv"
    assert header[:3] == ["path", "label", "probability"]
    assert header[-4:] == ["error", "verdict", "network", "faces"]
    assert len(rows) == 22
    found = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert found["doll 1.png"]["verdict"] == "lisa_simpson"
    assert found["row.png"]["verdict"] == "homer_simpson"  # its face is surer than Marge's
    assert found["row.png"]["faces"] == "homer_simpson unknown marge_simpson"
    assert found["row.png"]["network"] == "cnn"
    assert found["notes.txt"]["error"].startswith("notes.txt: not a picture")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save sorted").click()
    expect(page, "#status").to_have_text(
        "sorted.zip: 21 pictures in 4 folders, by cnn; 1 picture without an answer left out"
    )
    with zipfile.ZipFile(saved.value.path()) as file:
        assert file.testzip() is None
        there = {name: file.read(name) for name in file.namelist()}
    folders = [name.split("/")[0] for name in there]
    assert {name: folders.count(name) for name in folders} == {
        "bart_simpson": 8,
        "lisa_simpson": 6,
        "homer_simpson": 1,
        "unknown": 6,
    }
    assert there["homer_simpson/row.png"] == row_file["buffer"]
    assert there["unknown/doll 17.png"] == pictures[17]["buffer"]
    same = [name for name, content in there.items() if content == pictures[0]["buffer"]]
    assert sorted(same) == sorted(
        ["bart_simpson/doll 0.png", "bart_simpson/doll 0 (2).png", "bart_simpson/__DOLL 0.PNG"]
    )


def test_the_results_come_into_sight_on_a_phone(open_many, open_page, pictures):
    page = open_many(width=360, has_touch=True, is_mobile=True, reduced_motion="no-preference")
    top = "() => document.querySelector('#found-title').getBoundingClientRect().top"
    page.wait_for_timeout(500)  # it scrolls smoothly
    assert 0 <= page.evaluate(top) < 40
    assert page.evaluate("() => document.activeElement.id") == "found-title"
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    assert page.evaluate("() => document.documentElement.scrollHeight") < 3500
    targets = page.locator("#found button:visible").evaluate_all(
        "buttons => buttons.map((button) => button.getBoundingClientRect().height)"
    )
    assert min(targets) >= 24
    still = open_page(width=360, reduced_motion="reduce")
    still.evaluate(
        """() => {
          const real = Element.prototype.scrollIntoView;
          Element.prototype.scrollIntoView = function (how) {
            document.body.dataset.scrolled = how.behavior;
            real.call(this, how);
          };
        }"""
    )
    still.set_input_files("#pick", pictures[:1])
    api.expect(still.locator("body")).to_have_attribute("data-scrolled", "instant")
    answered(still, 1)


def test_below_a_path(open_page, pictures):
    page = open_page(path="simpsons/")
    expect(page, "#origin").to_have_text(page.url.rstrip("/"))
    page.locator("#examples button").first.click()
    answered(page, 1)
    expect(page, ".verdict").to_have_count(1)


def test_the_examples_are_answered_by_the_network_that_knows_them(
    new_page, url_with_dolls, pictures
):
    page = new_page(url_with_dolls)
    expect(page, "#known").to_have_text("18 characters of The Simpsons")
    expect(page, "#networks").not_to_contain_text("dolls")
    page.get_by_label("side by side").check(force=True)
    page.get_by_role("button", name="Ada Thimble").click()
    answered(page, 1)
    expect(page, ".network").to_have_text("dolls, a network that knows these paper dolls")
    expect(page, ".verdict").to_have_text("Ada Thimble")
    expect(page, ".face .tag").to_have_text("Ada Thimble")
    expect(page, "#status").to_have_text("1 picture. Ada Thimble")
    page.locator(".face").click()
    expect(page, ".glow[src]").to_have_count(1, timeout=WAIT)
    page.set_input_files("#pick", pictures[:1])
    answered(page, 2)
    expect(page, ".network").to_have_text(
        ["xception", "cnn", "dolls, a network that knows these paper dolls"]
    )
    page.get_by_label("Heat map").check()  # of pictures that different networks answer
    expect(page, ".heat[src]").to_have_count(3, timeout=WAIT)
    with page.expect_download() as table:
        page.get_by_role("button", name="Save CSV").click()
    rows = list(csv.DictReader(table.value.path().open(newline="", encoding="utf-8")))
    assert [row["network"] for row in rows] == ["xception", "cnn", "dolls"]
    assert rows[2]["verdict"] == "ada_thimble"
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save sorted").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert "ada_thimble/Ada Thimble.jpg" in archive.namelist()


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


# Everyone in a picture

VERDICTS = ("homer_simpson", "unknown", "marge_simpson")
"""Whom the faces of `row` are said to be, from left to right."""

NAMES = ["Homer Simpson", "unknown", "Marge Simpson"]


@pytest.fixture(scope="module")
def row_file(row):
    return {"name": "row.png", "mimeType": "image/png", "buffer": row}


def play(page, *verdicts):
    """Whom the service knows is not the page's to say, so the names in its answers are played."""

    def answer(route):
        said = route.fetch().json()
        for result in said["results"]:
            for picture in result["pictures"]:
                faces = sorted(picture["faces"], key=lambda face: face["box"][0])
                for face, verdict in zip(faces, verdicts, strict=True):
                    label = "moe_szyslak" if verdict == "unknown" else verdict
                    face |= {"verdict": verdict, "label": label, "probability": 0.875}
        route.fulfill(json=said)

    page.route("**/detect?*", answer)


def show(page, file, *verdicts):
    play(page, *(verdicts or VERDICTS))
    page.set_input_files("#pick", [file])
    answered(page, 1)


def shares(page, number):
    """Where a frame is, x1, y1, x2, y2 in parts of the picture."""
    frame = (
        page.locator(".frame")
        .nth(number)
        .evaluate(
            """(frame) => {
          const { left, top, width, height } = frame.getBoundingClientRect();
          const edge = parseFloat(getComputedStyle(frame).borderLeftWidth);
          const around = document.querySelector(".picture").getBoundingClientRect();
          return [
            (left + edge - around.left) / around.width, (top + edge - around.top) / around.height,
            (left + width - edge - around.left) / around.width,
            (top + height - edge - around.top) / around.height,
          ];
        }"""
        )
    )
    return pytest.approx(frame, abs=0.006)


def test_each_face_has_a_box_with_its_name(open_page, row_file):
    page = open_page()
    show(page, row_file)
    expect(page, ".tag").to_have_text(NAMES)
    expect(page, ".verdict").to_have_text("Homer Simpson, Marge Simpson and 1 unknown")
    expect(page, "#status").to_have_text("1 picture. Homer Simpson, Marge Simpson and 1 unknown")
    expect(page, ".whole .bars li").to_have_count(5)
    expect(page, ".stranger .tag").to_have_text("unknown")
    styles = [
        page.locator(".frame").nth(number).evaluate("frame => getComputedStyle(frame).borderStyle")
        for number in range(3)
    ]
    assert styles == ["solid", "dashed", "solid"]
    for width in (1100, 500):
        page.set_viewport_size({"width": width, "height": 800})
        assert shares(page, 0) == (0.1, 0.2, 0.3, 0.7)
        assert shares(page, 1) == (0.4, 0.2, 0.6, 0.7)
        assert shares(page, 2) == (0.95, 0.5, 1.0, 0.62)


def test_a_face_is_chosen_for_its_bars_and_its_heat_map(open_page, row_file):
    page = open_page()
    show(page, row_file)
    expect(page, ".chosen").to_be_hidden()
    face = page.locator(".face").first
    face.click()
    expect(page, ".who").to_have_text("Homer Simpson")
    expect(page, ".sure").to_have_text("87.5 % sure")
    expect(page, ".chosen .bars li").to_have_count(5)
    expect(page, ".glow[src]").to_be_visible(timeout=WAIT)
    expect(page, "#status").to_have_text("Homer Simpson, 87.5 % sure")
    crop, near = (page.locator(one).bounding_box() for one in (".crop", ".near"))
    assert near["width"] / crop["width"] == pytest.approx(240 / 114, rel=0.02)  # 1.9 times 60
    assert crop["x"] - near["x"] == pytest.approx(0, abs=1)
    page.locator(".face").nth(1).click()
    expect(page, ".who").to_have_text("Unknown")
    expect(page, ".sure").to_have_text("unlike the pictures it learnt from; nearest is Moe Szyslak")
    page.locator(".face").nth(1).click()
    expect(page, ".chosen").to_be_hidden()


def test_both_networks_say_who_a_face_is(open_page, row_file):
    page = open_page()
    page.get_by_label("side by side").check(force=True)
    show(page, row_file)
    expect(page, ".face").to_have_count(6)
    page.locator(".face").nth(2).click()
    expect(page, ".who").to_have_text(["Marge Simpson", "Marge Simpson"])
    expect(page, ".glow[src]").to_have_count(2, timeout=WAIT)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 1100


def test_faces_by_keyboard(open_page, row_file):
    page = open_page()
    show(page, row_file)
    page.get_by_role("button", name="Remove row.png").focus()
    labels = []
    for key in ("Tab", "ArrowRight", "ArrowDown", "ArrowRight", "ArrowLeft", "Home", "End"):
        page.keyboard.press(key)
        labels.append(page.evaluate("() => document.activeElement.ariaLabel"))
    homer, marge = "Homer Simpson, 87.5 % sure", "Marge Simpson, 87.5 % sure"
    stranger = "unknown, unlike the pictures it learnt from; nearest is Moe Szyslak"
    assert labels == [homer, stranger, marge, marge, stranger, homer, marge]
    focused = page.locator(".face:focus")
    assert focused.evaluate("face => parseFloat(getComputedStyle(face).outlineWidth)") >= 2
    page.keyboard.press("Enter")
    expect(page, ".who").to_have_text("Marge Simpson")
    api.expect(focused).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.ariaLabel") == "Back to the faces"
    page.keyboard.press("Escape")
    expect(page, ".chosen").to_be_hidden()
    api.expect(focused).to_have_attribute("aria-label", marge)
    page.keyboard.press("Tab")
    assert not page.evaluate("() => document.activeElement.matches('.face')")
    group = page.get_by_role("group", name="Faces in row.png")
    api.expect(group.get_by_role("button")).to_have_count(3)


def test_faces_are_touched_on_a_phone(open_page, row_file):
    page = open_page(width=390, has_touch=True, is_mobile=True)
    show(page, row_file)
    api.expect(page.locator(".picture")).to_be_in_viewport(ratio=1)
    for number in range(3):
        target = page.locator(".face").nth(number).bounding_box()
        assert min(target["width"], target["height"]) >= 24
    assert page.locator(".frame").nth(2).bounding_box()["width"] < 24
    page.locator(".face").nth(2).tap()
    expect(page, ".who").to_have_text("Marge Simpson")
    api.expect(page.locator(".chosen")).to_be_in_viewport(ratio=0.9)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="Back to the faces").tap()
    expect(page, ".chosen").to_be_hidden()


def test_a_crowd_shows_the_names_that_there_is_room_for(open_page, row_file):
    page = open_page()

    def crowd(route):
        said = route.fetch().json()
        for result in said["results"]:
            face = result["pictures"][0]["faces"][0] | {"verdict": "bart_simpson"}
            result["pictures"][0]["faces"] = [
                face | {"box": [x * 12 + 2, y * 12 + 2, x * 12 + 9, y * 12 + 10]}
                for y in range(10)
                for x in range(20)
            ]
        route.fulfill(json=said)

    page.route("**/detect?*", crowd)
    page.set_input_files("#pick", [row_file])
    answered(page, 1)
    expect(page, ".verdict").to_have_text("Bart Simpson (200 times)")
    expect(page, ".face").to_have_count(200)
    last = page.locator(".face").last
    last.focus()
    api.expect(last.locator(".tag")).to_be_visible()
    covered = page.evaluate(
        """() => {
          const tags = [...document.querySelectorAll(".face:not(.crowded) .tag")];
          const boxes = tags.map((tag) => tag.getBoundingClientRect());
          return boxes.filter((one, number) => boxes.slice(0, number).some((other) => (
            one.left < other.right && other.left < one.right
            && one.top < other.bottom && other.top < one.bottom
          ))).length;
        }"""
    )
    assert covered == 0


def test_a_face_without_a_name_does_not_hide_what_the_whole_says(open_page, row_file):
    page = open_page()

    def lone(route):
        said = route.fetch().json()
        for result in said["results"]:
            for picture in result["pictures"]:
                picture["faces"] = picture["faces"][:1]
                picture["faces"][0]["verdict"] = "unknown"
        route.fulfill(json=said)

    def known(route):
        said = route.fetch().json()
        for result in said["results"]:
            result["pictures"][0] |= {"verdict": "bart_simpson", "label": "bart_simpson"}
        route.fulfill(json=said)

    page.route("**/detect?*", lone)
    page.route("**/predict?*", known)
    page.set_input_files("#pick", [row_file])
    answered(page, 1)
    expect(page, ".verdict").to_have_text("Bart Simpson")
    expect(page, ".hint").to_have_text(
        "So says the picture as a whole; by the face alone it is nobody known."
    )
    expect(page, ".tag").to_have_text("unknown")


def test_a_heat_map_that_does_not_come(open_page, row_file):
    page = open_page()
    show(page, row_file)
    page.route("**/predict?*", lambda route: route.fulfill(status=503, json=BUSY))
    page.locator(".face").first.click()
    expect(page, "#status").to_have_text("No heat map: busy; try again in a moment", timeout=WAIT)
    expect(page, ".chosen .bars li").to_have_count(5)
    page.unroute("**/predict?*")
    page.locator(".face").nth(1).click()
    page.locator(".face").first.click()
    expect(page, ".glow[src]").to_be_visible(timeout=WAIT)


def test_colours_of_the_system_and_no_motion(open_page, row_file):
    page = open_page(forced_colors="active", reduced_motion="reduce")
    show(page, row_file)
    edges = page.locator(".frame").evaluate_all(
        "frames => frames.map((frame) => getComputedStyle(frame).borderTopStyle)"
    )
    assert edges == ["solid", "dashed", "solid"]
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(
          (element) => parseFloat(getComputedStyle(element).transitionDuration) > 0
        ).length"""
    )
    assert moving == 0
    switch = page.get_by_label("Heat map")
    colours = """(input) => {
      const knob = getComputedStyle(input, "::before").backgroundColor;
      return [getComputedStyle(input).backgroundColor, knob];
    }"""
    off = switch.evaluate(colours)
    switch.check()
    on = switch.evaluate(colours)
    assert off[0] != off[1]
    assert on[0] != on[1]
    assert on != off
    lengths = page.locator(".bars li").evaluate_all(
        "rows => rows.map((row) => getComputedStyle(row).backgroundImage)"
    )
    assert all(length.startswith("linear-gradient") for length in lengths)
    assert len(set(lengths)) > 1


def test_a_format_that_the_browser_can_t_show(open_page, row):
    file = io.BytesIO()
    Image.open(io.BytesIO(row)).save(file, "TIFF")
    page = open_page()
    show(page, {"name": "row.tif", "mimeType": "image/tiff", "buffer": file.getvalue()})
    expect(page, ".shown").to_be_hidden()
    assert shares(page, 0) == (0.1, 0.2, 0.3, 0.7)


def test_a_service_that_is_gone(open_page, pictures):
    page = open_page()
    page.route("**/predict?*", lambda route: route.fulfill(status=503, json=BUSY))
    page.set_input_files("#pick", pictures[:1])
    expect(page, ".error:visible").to_have_text("busy; try again in a moment", timeout=WAIT)


BUSY = {"error": "busy", "remedy": "try again in a moment"}
