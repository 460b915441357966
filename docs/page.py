"""Writes docs/page.png: the page of `simpsons serve` with an example that is found and named.

python docs/page.py
"""

import shutil
import threading
from pathlib import Path

import uvicorn
from playwright.sync_api import ViewportSize, expect, sync_playwright

from simpsons import Classifier
from simpsons.service import examples, server
from simpsons.service.app import create_app

PICTURE = Path(__file__).with_name("page.png")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

SIZE: ViewportSize = {"width": 1040, "height": 680}
"""Of the window, in pixels; the page scrolls to what it has found."""


def photograph(url: str, out: Path) -> None:
    """Try the first example on the page, and write what the window shows then."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        page.goto(url)
        expect(page.locator("#examples img")).to_have_count(examples.COUNT)
        page.locator("#examples button").first.click()
        expect(page.locator(".face")).not_to_have_count(0, timeout=60_000)
        page.mouse.move(0, 0)
        page.evaluate("() => document.activeElement.blur()")
        page.screenshot(path=out)
        browser.close()


def main() -> None:
    """Serve the page, and write the picture."""
    classifiers = server.load("both")
    detector = server.load_detector(classifiers)
    app = create_app(classifiers, detector, dolls=Classifier(examples.NETWORK))
    with server.listen("127.0.0.1", 0) as listener:
        service = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=service.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            photograph(f"http://127.0.0.1:{listener.getsockname()[1]}/", PICTURE)
        finally:
            service.should_exit = True
            thread.join()


if __name__ == "__main__":
    main()
