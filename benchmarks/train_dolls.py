"""How the network that knows the paper dolls was trained, on drawings of this package alone.

It draws the dolls, trains `xception` on whole pictures and on the faces in them, and writes the
best weights in int8, with a card measured on drawings that nothing was learnt from or chosen by.
`simpsons demo` draws others, unless it is given this seed. The run goes on where it was stopped.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from simpsons.demo.drawings import BOXES, write_drawings
from simpsons.files import write_text
from simpsons.formats import facts
from simpsons.formats.onnx_export import add_metadata
from simpsons.progress import bar
from simpsons.run_files import CONFIG
from simpsons.runs import run
from simpsons.runs.card import write_card
from simpsons.training.display import Display
from simpsons.training.recipe import DEFAULT, Recipe

PER_CHARACTER = 200
"""Drawings of each doll."""

DIFFICULTY = 0.15
"""Of the drawings, as `write_drawings` takes it."""

SEED = 18

RECIPE: Recipe = replace(DEFAULT["xception"], epochs=20)

LICENCE = "MIT, drawings made by simpsons.demo"

_SAID = "- **Data:** "
_DRAWN = (
    f"`python -m benchmarks.train_dolls`: {{count}} drawings of each paper doll, difficulty "
    f"{DIFFICULTY}, seed {SEED}; "
)


def dolls(out: Path, per_character: int = PER_CHARACTER, recipe: Recipe = RECIPE) -> Path:
    """Draw, train, export and measure in a folder; returns the path of the ONNX file."""
    drawings, trained, model = out / "drawings", out / "run", out / "dolls.onnx"
    if not drawings.exists():
        write_drawings(drawings, per_character, SEED, track=bar, boxed=True, difficulty=DIFFICULTY)
    with Display(recipe.epochs) as display:
        if (trained / CONFIG).exists():
            run.resume(trained, observer=display, track=bar)
        else:
            run.start(
                trained,
                drawings,
                "xception",
                recipe,
                boxes=drawings / BOXES,
                seed=SEED,
                observer=display,
                track=bar,
            )
    _, dataset, split = run.load(trained, bar)
    run.export_run(trained, model, dataset, split, int8=True, track=bar)
    add_metadata(model, {"data_licence": LICENCE})
    facts.write(model)
    card = write_card(model, dataset, split, bar)
    said = card.read_text(encoding="utf-8")
    write_text(card, said.replace(_SAID, _SAID + _DRAWN.format(count=per_character), 1))
    return model


def main() -> None:
    """Train, and print the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    model = dolls(parser.parse_args().out)
    print(model.with_suffix(".md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
