"""The page in a real Chromium."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
import uvicorn

from simpsons.labelling.app import create_app
from simpsons.labelling.session import Session
from simpsons.project import LATER, NOBODY, Project
from simpsons.service import server

pytestmark = pytest.mark.slow

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

WAIT = 20_000
"""Milliseconds that the page may take on a busy machine."""


@pytest.fixture(scope="module")
def pictured(make_project) -> Project:
    """A project with crops, for all tests of this module, whose answers each test removes."""
    return make_project(70, 40, 20, known=(0,), crops=True)


@pytest.fixture
def project(pictured) -> Project:
    for path in pictured.root.glob("answers.jsonl*"):
        path.unlink()
    return Project.open(pictured.root)


@contextmanager
def served(project):
    with server.listen("127.0.0.1", 0) as listener:
        app = create_app(project, server.LOOPBACK)
        service = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=service.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            service.should_exit = True
            thread.join()


@pytest.fixture
def url(project):
    with served(project) as url:
        yield url


@pytest.fixture
def open_page(new_page, url):
    def open_at(path="", title="look alike", **settings):
        page = new_page(url + path, **settings)
        shows(page, "#title", re.compile(title))
        return page

    return open_at


def shows(page, selector, text):
    api.expect(page.locator(selector)).to_have_text(text, timeout=WAIT)


def strike(page, number):
    """Click on a face, wherever it is on the screen."""
    page.locator("#faces input").nth(number).evaluate("box => box.click()")


def drag(page, what, onto):
    """As a hand does: nothing is scrolled between the two."""
    for element, button in ((what, page.mouse.down), (onto, page.mouse.up)):
        box = element.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
        button()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def type_name(page, name):
    settled(page)
    press(page, "n")
    page.keyboard.type(name)
    press(page, "Enter")


def settled(page):
    page.wait_for_function("() => document.body.ariaBusy !== 'true'", timeout=WAIT)


def labels(project):
    return Project.open(project.root).labels()


def of(project, number):
    return [face.id for face in project.faces if face.id.startswith(f"film_{number}_")]


def test_a_group_is_named_by_keyboard(open_page, project):
    page = open_page()
    group = Session(project).clusters()[0]
    shows(page, "#title", f"{len(group.faces)} faces that look alike")
    type_name(page, "Maggie")
    shows(page, "#status", f"{len(group.faces)} faces: Maggie")
    shows(page, ".chip >> nth=0", f"1 Maggie {len(group.faces)}")
    shows(page, "#done", f"{len(group.faces)} of 130 faces answered, {130 - len(group.faces)} left")
    assert labels(project) == dict.fromkeys(group.faces, "Maggie")
    api.expect(page.locator("#title")).to_be_focused()
    group = Session(project).clusters()[0]
    press(page, "1")
    shows(page, ".chip >> nth=0", re.compile(rf"{len(labels(project)) + len(group.faces)}$|Maggie"))
    shows(page, "#status", f"{len(group.faces)} faces: Maggie")
    press(page, "0")
    api.expect(page.locator("[data-id='!nobody'] .count")).not_to_have_text("0")
    press(page, "l")
    api.expect(page.locator("[data-id='!later'] .count")).not_to_have_text("0")
    assert set(labels(project).values()) == {"Maggie", NOBODY, LATER}


def test_struck_faces_are_left_out_and_undo_brings_all_back(open_page, project):
    page = open_page()
    group = Session(project).clusters()[0]
    page.locator("#faces input").first.focus()
    press(page, "ArrowRight", "Space", "ArrowRight", "x", "ArrowLeft", "ArrowLeft")
    api.expect(page.locator("#faces input:not(:checked)")).to_have_count(2)
    shows(page, "#give", f"Name {len(group.faces) - 2}")
    type_name(page, "Maggie")
    shows(page, "#status", f"{len(group.faces) - 2} faces: Maggie")
    assert set(labels(project)) == {group.faces[0], *group.faces[3:]}
    rejected = project.answers.folded().rejected
    assert rejected == dict.fromkeys(group.faces[1:3], frozenset({"Maggie"}))
    press(page, "u")
    shows(page, "#status", f"Undone: {len(group.faces) - 2} faces, Maggie")
    shows(page, "#title", f"{len(group.faces)} faces that look alike")
    assert labels(project) == {}
    press(page, "r")
    shows(page, "#status", f"Done again: {len(group.faces) - 2} faces, Maggie")
    press(page, "Control+z")
    shows(page, "#done", "0 of 130 faces answered, 130 left")
    press(page, "u")
    shows(page, "#status", "There is nothing of yours to take back.")


def test_the_network_s_suggestion_is_one_key(open_page, project):
    page = open_page()
    page.locator(".group[aria-label*='Homer Simpson?']").first.click()
    shows(page, "#main", "Homer SimpsonEnter")
    press(page, "Enter")
    shows(page, "#status", re.compile(r"^\d+ faces: Homer Simpson$"))
    assert set(labels(project).values()) == {"homer_simpson"}


def test_a_page_is_accepted_until_it_is_not_worth_it(open_page, project):
    maggie, otto = of(project, 0), of(project, 1)
    session = Session(project)
    session.name(maggie[:4], "Maggie")
    session.name(otto[:4], "Otto")
    page = open_page()
    press(page, "p")
    shows(page, "#title", "60 faces most like Maggie")
    strike(page, 36)
    shows(page, "#main", "Accept 59 as MaggieEnter")
    press(page, "i")
    shows(page, "#main", "Accept 1 as MaggieEnter")
    press(page, "i", "Enter")
    shows(page, "#status", "59 faces: Maggie")
    press(page, "u")
    shows(page, "#done", "8 of 130 faces answered, 122 left")
    shows(page, "#title", "60 faces most like Maggie")
    for number in range(24):
        strike(page, number)
    press(page, "i")  # of 60, 36 are struck
    press(page, "Enter")
    shows(page, "#title", "Maggie: enough for now")
    shows(page, "#hint", re.compile("36 of the last 60 faces"))
    press(page, "Enter")
    shows(page, "#title", re.compile("faces most like Otto"))


def test_doubtful_names_are_changed_or_kept(open_page, project):
    session = Session(project)
    for number, name in enumerate(("Maggie", "Otto", "Selma")):
        session.name(of(project, number), name)
    wrong = [*of(project, 0)[:2], of(project, 1)[0]]
    session.name(wrong[:2], "Otto")
    session.name(wrong[2:], "Maggie")
    page = open_page("#doubtful", title="named Otto: Maggie")
    shows(page, "#title", "2 faces named Otto: Maggie?")
    strike(page, 0)
    kept = project.faces[int(page.locator("#faces input").first.get_attribute("data-row"))].id
    shows(page, "#main", "1 is MaggieEnter")
    press(page, "Enter")
    shows(page, "#title", "1 face named Maggie: Otto?")
    press(page, "Enter")
    shows(page, "#title", "No doubtful names")
    found = labels(project)
    assert [found[face] for face in wrong] == [
        "Otto" if face == kept else name
        for face, name in zip(wrong, ("Maggie", "Maggie", "Otto"), strict=True)
    ]


def test_one_face_is_dragged_onto_a_name(open_page, project):
    Session(project).name(of(project, 0)[:3], "Maggie")
    page = open_page()
    face = page.locator("#faces .one").nth(1)
    row = int(face.get_attribute("data-row"))
    count = page.locator("#faces .one").count()
    drag(page, face, page.locator(".chip").first)
    shows(page, "#status", "1 face: Maggie")
    api.expect(page.locator("#faces .one")).to_have_count(count - 1)
    assert labels(project)[project.faces[row].id] == "Maggie"
    page.locator("#faces input").nth(2).focus()
    row = int(page.locator("#faces input").nth(2).get_attribute("data-row"))
    press(page, "Shift+1")
    api.expect(page.locator("#faces .one")).to_have_count(count - 2)
    assert labels(project)[project.faces[row].id] == "Maggie"
    assert page.evaluate("() => document.activeElement.matches('#faces input')")


def test_reloading_comes_back_to_the_same_place(open_page, project):
    page = open_page()
    type_name(page, "Maggie")
    shows(page, ".chip >> nth=0", re.compile("Maggie"))
    press(page, "j")
    title = page.locator("#title").text_content()
    current = page.locator(".group[aria-current]").get_attribute("data-number")
    page.reload()
    shows(page, "#title", title)
    assert page.locator(".group[aria-current]").get_attribute("data-number") == current
    press(page, "u")  # one's own answer, over the reload
    shows(page, "#done", "0 of 130 faces answered, 130 left")
    press(page, "r", "p")
    shows(page, "#title", re.compile("most like Maggie"))
    page.reload()
    shows(page, "#title", re.compile("most like Maggie"))
    api.expect(page.locator("#views [aria-current]")).to_have_text("Pages")


def test_two_browsers_see_each_other(open_page, project):
    one, two = open_page(), open_page()
    faces = two.locator("#faces .one").count()
    type_name(one, "Maggie")
    shows(one, "#status", f"{faces} faces: Maggie")
    two.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    shows(two, "#status", "Somebody else has answered too.")
    shows(two, ".chip >> nth=0", f"1 Maggie {faces}")
    type_name(two, "Otto")
    shows(two, ".chip >> nth=1", re.compile("^2 Otto"))
    press(one, "u")
    shows(one, "#status", f"Undone: {faces} faces, Maggie")
    assert set(labels(project).values()) == {"Otto"}


def test_a_name_typed_while_the_page_changes_is_kept(open_page, project):
    page = open_page()
    settled(page)
    waiting = []
    page.route("**/clusters?*", lambda route: waiting.append(route))
    press(page, "w")
    page.wait_for_function("() => document.body.ariaBusy === 'true'", timeout=WAIT)
    press(page, "n")
    page.keyboard.type("Otto")
    press(page, "Enter")
    shows(page, "#status", re.compile("^The page was changing"))
    assert page.input_value("#name") == "Otto"
    assert not labels(project)
    [route] = waiting
    route.continue_()
    settled(page)
    press(page, "Enter")
    shows(page, "#status", re.compile("faces: Otto"))
    assert set(labels(project).values()) == {"Otto"}


def test_a_service_that_is_killed_loses_nothing(new_page, project):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "simpsons", "label", project.root, "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}

    def start():
        service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        return service, service.stdout.readline().split()[0]

    service, url = start()
    try:
        page = new_page(url)
        shows(page, "#title", re.compile("look alike"))
        type_name(page, "Maggie")
        shows(page, ".chip >> nth=0", re.compile("Maggie"))
        kept = labels(project)
        service.send_signal(signal.SIGKILL)
        service.communicate()
        assert kept
        assert labels(project) == kept
        press(page, "1")
        shows(page, "#status", re.compile("The service does not answer"))
        service, _ = start()
        press(page, "1")
        shows(page, "#status", re.compile("faces: Maggie"))
        assert len(labels(project)) > len(kept)
        press(page, "u", "u")
        shows(page, "#done", "0 of 130 faces answered, 130 left")
    finally:
        service.kill()
        service.communicate()


def test_looking_closer_at_the_whole_frame(open_page, project):
    page = open_page()
    page.locator("#faces input").nth(1).focus()
    press(page, "v")
    shows(page, "#frame-title", re.compile(r"^Face 2 of \d+, film at \d:\d\d$"))
    press(page, "ArrowRight", "x")
    shows(page, "#frame-title", re.compile("^Face 3 of"))
    api.expect(page.locator("#frame-strike")).to_have_attribute("aria-pressed", "true")
    press(page, "Escape")
    api.expect(page.locator("#frame")).to_be_hidden()
    api.expect(page.locator("#faces input").nth(2)).to_be_focused()
    api.expect(page.locator("#faces input").nth(2)).not_to_be_checked()


def test_a_phone(open_page, project):
    page = open_page(width=360, has_touch=True, is_mobile=True)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360
    page.locator("#faces .one").nth(1).tap()
    api.expect(page.locator("#faces input").nth(1)).not_to_be_checked()
    page.get_by_label("Name", exact=True).fill("Maggie")
    page.locator("#give").tap()
    shows(page, "#status", re.compile("faces: Maggie"))
    page.get_by_role("button", name="Pages").tap()
    shows(page, "#title", re.compile("most like Maggie"))
    page.get_by_role("button", name="Accept").tap()
    shows(page, "#status", re.compile("faces: Maggie"))
    page.get_by_role("button", name="Undo").tap()
    shows(page, "#status", re.compile("^Undone"))
    api.expect(page.locator("#done")).to_be_in_viewport()
    api.expect(page.locator("#chips")).to_be_in_viewport()
    targets = page.locator("button:visible, #faces .one, #name").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map((at) => [at.width, at.height])"
    )
    assert min(min(target) for target in targets) >= 24
    assert page.evaluate("() => document.documentElement.scrollWidth") == 360


def test_a_face_in_focus_is_not_behind_the_answers(open_page, project):
    page = open_page("#pages=homer_simpson", title="most like")
    page.locator("#faces input").first.focus()
    for _ in range(3):
        press(page, "ArrowDown")
        face, dock = page.evaluate(
            """() => [document.activeElement.parentElement, document.querySelector("#dock")]
              .map((each) => each.getBoundingClientRect().toJSON())"""
        )
        assert face["bottom"] <= dock["top"]


def test_thousands_of_faces_are_drawn_as_they_are_scrolled_to(new_page, make_project):
    with served(make_project(900, 500, noise=1.5)) as url:
        page = new_page(url)
        shows(page, "#title", re.compile("look alike"))
        groups = page.locator("#groups .group")
        assert groups.count() == 60
        page.locator("#more").scroll_into_view_if_needed()
        api.expect(page.locator("#more")).to_be_hidden()
        assert groups.count() == 93


@pytest.mark.parametrize("settings", [{}, {"width": 360, "color_scheme": "dark"}])
def test_axe_finds_nothing(open_page, project, settings):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    session = Session(project)
    session.name(of(project, 0)[:4], "Maggie")
    session.name(of(project, 1)[:4], LATER)
    page = open_page(**settings)

    def check():
        found = axe.Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    strike(page, 1)
    check()
    press(page, "?")
    check()
    press(page, "Escape", "v")
    shows(page, "#frame-title", re.compile("Face"))
    check()
    press(page, "Escape", "p")
    shows(page, "#title", re.compile("most like Maggie"))
    check()


def test_a_screen_reader_hears_what_there_is(open_page, project):
    page = open_page()
    count = page.locator("#faces input").count()
    faces = page.get_by_role("group", name=f"{count} faces that look alike")
    api.expect(faces.get_by_role("checkbox")).to_have_count(count)
    first = Session(project).clusters()[0].faces[0]
    time = next(face.time for face in project.faces if face.id == first)
    api.expect(faces.get_by_role("checkbox").first).to_have_accessible_name(
        f"Face 1, film at 0:{time:02.0f}" if time < 60 else f"Face 1, film at 1:{time - 60:02.0f}"
    )
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    in_tab_order = page.locator("#faces input[tabindex='0']")
    api.expect(in_tab_order).to_have_count(1)
    press(page, "?")
    switch = page.get_by_role("switch", name="Keys without Ctrl or Alt")
    switch.uncheck()
    press(page, "Escape", "0")
    press(page, "Control+z")
    shows(page, "#status", "There is nothing of yours to take back.")
    assert labels(project) == {}


def test_colours_of_the_system_and_no_motion(open_page, project):
    page = open_page(forced_colors="active", reduced_motion="reduce")
    struck = page.locator("#faces .one").nth(1)
    strike(page, 1)
    line = "(face) => getComputedStyle(face, '::after').backgroundImage"
    assert struck.evaluate(line).startswith("linear-gradient")
    assert page.locator("#faces .one").first.evaluate(line) == "none"
    page.locator("#faces input").first.focus()
    press(page, "ArrowRight")
    outline = "(face) => parseFloat(getComputedStyle(face).outlineWidth)"
    assert struck.evaluate(outline) >= 2
    moving = page.evaluate(
        """() => [...document.querySelectorAll("*")].filter(
          (element) => parseFloat(getComputedStyle(element).transitionDuration) > 0
        ).length"""
    )
    assert moving == 0
