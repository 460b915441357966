"""The page without a server beside Python, on the same files, and a canvas's scaling beside ours.

Pictures of the shipped split's validation part are named by the page of `simpsons export --web`, in
Chromium, and by `simpsons.Classifier`. Then the page's network names them as a canvas scales them,
with each `imageSmoothingQuality`, plain bars taken off as the page does. Writes docs/web.md.
"""

import argparse
import base64
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import data_option, folder
from benchmarks.report import machine, table, write_section
from simpsons.classifier import UNKNOWN, Classifier
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.progress import bar
from simpsons.web import page

DOCUMENT = "docs/web.md"
BROWSER = "chromium"
NETWORKS = ("xception", "cnn")
AT_ONCE = 50
QUALITIES = ("low", "medium", "high")
"""Of a canvas's `imageSmoothingQuality`; low is what it does unless told otherwise."""

ANSWERS = """async ([files, qualities]) => {
  const network = await opening;
  const answers = [];
  for (const { name, bytes: text } of files) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const file = new File([bytes], name);
    const ways = [await network(await seen(file, FACTS.resize))];
    const image = await decoded(file, bytes.subarray(0, 4));
    const part = cropped(image, content(image));
    const whole = document.createElement("canvas");
    Object.assign(whole, { width: part.width, height: part.height });
    const data = new ImageData(new Uint8ClampedArray(opaque(part)), part.width, part.height);
    whole.getContext("2d", { willReadFrequently: true }).putImageData(data, 0, 0);
    for (const quality of qualities) {
      const small = Object.assign(document.createElement("canvas"), { width: SIZE, height: SIZE });
      const context = small.getContext("2d", { willReadFrequently: true });
      context.imageSmoothingQuality = quality;
      context.drawImage(whole, 0, 0, SIZE, SIZE);
      const { data: scaled } = context.getImageData(0, 0, SIZE, SIZE);
      ways.push(await network(withoutFourth({ width: SIZE, height: SIZE, data: scaled })));
    }
    answers.push(ways.map(({ label, verdict, probability }) => [label, verdict, probability]));
  }
  return answers;

  function opaque({ data }) {
    return data.map((value, place) => (place % 4 === 3 ? 255 : value));
  }
}"""

Answer = tuple[str, str, float]
"""Label, verdict, probability."""


def in_the_browser(site: Path, files: list[Path]) -> tuple[str, list[list[Answer]]]:
    """The browser's version; what the page says of each file, and what of it as each quality scales
    it."""
    from playwright.sync_api import sync_playwright

    answers: list[list[Any]] = []
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        path = shutil.which(BROWSER)
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        tab = browser.new_page()
        tab.set_default_timeout(600_000)
        tab.goto(site.as_uri())
        tab.wait_for_selector("body[data-ready]", state="attached")
        starts = range(0, len(files), AT_ONCE)
        for start in bar(starts, len(starts), "in the browser"):
            some = [
                {"name": file.name, "bytes": base64.b64encode(file.read_bytes()).decode()}
                for file in files[start : start + AT_ONCE]
            ]
            answers += tab.evaluate(ANSWERS, [some, list(QUALITIES)])
        version = browser.version
        browser.close()
    said = [[(label, verdict, value) for label, verdict, value in ways] for ways in answers]
    return version, said


def in_python(classifier: Classifier, files: list[Path]) -> list[Answer]:
    """What `simpsons predict` says of the pictures as a whole."""
    said = [classifier.predict(file, 1) for file in bar(files, len(files), "in Python")]
    return [(one.label, one.verdict, one.probability) for one in said]


def row(name: str, answers: list[Answer], truth: list[str], python: list[Answer]) -> list[str]:
    """Right labels and verdicts, `unknown`, and how many of both differ from Python's."""
    right = np.mean([label == true for (label, *_), true in zip(answers, truth, strict=True)])
    named = np.mean([one[1] == true for one, true in zip(answers, truth, strict=True)])
    unknown = np.mean([verdict == UNKNOWN for _, verdict, _ in answers])
    pairs = list(zip(answers, python, strict=True))
    differ = [sum(one[place] != other[place] for one, other in pairs) for place in (0, 1)]
    far = max(abs(one[2] - other[2]) for one, other in pairs if one[0] == other[0])
    return [
        name,
        f"{right:.1%}",
        f"{named:.1%}",
        f"{unknown:.1%}",
        *(f"{count:,}" for count in differ),
        f"{far:.6f}",
    ]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--runtime", type=Path, help="of `simpsons export --web`")
    parser.add_argument("--pictures", type=int, help="only so many, at equal distances")
    arguments = parser.parse_args()
    dataset = cache.load(folder(arguments), track=bar)
    rows = splits.shipped_rows(dataset, "validation")
    if arguments.pictures:
        rows = rows[np.linspace(0, len(rows) - 1, arguments.pictures).astype(int)]
    files = [dataset.root / dataset.paths[place] for place in rows]
    truth = [dataset.classes[label] for label in dataset.labels[rows]]
    names = ["the page", *(f"a canvas, {quality}" for quality in QUALITIES)]
    lines = []
    for network in NETWORKS:
        with tempfile.TemporaryDirectory() as site:
            index = page.write(site, network, arguments.runtime)
            version, answers = in_the_browser(index, files)
        python = in_python(Classifier(network), files)
        ways = dict(zip(names, zip(*answers, strict=True), strict=True))
        for name, way in ({"Python": python} | ways).items():
            lines.append([f"`{network}`", *row(name, list(way), truth, python)])
            print(lines[-1], flush=True)
    headers = [
        *("network", "scaled by", "right label", "right verdict", "`unknown`"),
        *("other label than Python", "other verdict", "probability differs by at most"),
    ]
    text = (
        f"{table(headers, lines)}\n\n"
        f"`python -m benchmarks.web`, {len(files):,} pictures of the "
        f"validation part of the shipped split, in Chromium {version}; {machine()}."
    )
    print(text)
    write_section(DOCUMENT, "web", text)


if __name__ == "__main__":
    main()
