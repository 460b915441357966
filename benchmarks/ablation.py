"""What each part of our recipe buys: the recipe without it. Writes docs/leaderboard.md.

Short trainings of `xception`, judged by the best epoch on leak-free validation pictures, as a
training of any length is. The runs stay in `runs/ablation`, and a second call goes on with them.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.data import data_option, folder
from benchmarks.report import table, write_section
from benchmarks.speedrun import DOCUMENT, RECIPE
from benchmarks.spread import Spread
from simpsons.dataset import cache
from simpsons.dataset import split as splits
from simpsons.images import SIZE
from simpsons.progress import bar
from simpsons.training import loop
from simpsons.training.device import choose_device, describe
from simpsons.training.display import Display
from simpsons.training.recipe import NOTEBOOK, Recipe

NETWORK = "xception"
EPOCHS = 8
FOLDER = Path("runs", "ablation")


def _plain_picture(recipe: Recipe) -> Recipe:
    changes = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "erase": 0.0}
    return replace(recipe, augmentation=replace(recipe.augmentation, **changes))


WITHOUT: dict[str, Callable[[Recipe], Recipe]] = {
    "nothing": lambda recipe: recipe,
    "small pictures first": lambda recipe: replace(recipe, sizes=((0.0, SIZE),)),
    "one cycle (constant 1e-3)": lambda recipe: replace(
        recipe, schedule="constant", learning_rate=1e-3
    ),
    "moving average": lambda recipe: replace(recipe, average=0.0),
    "label smoothing": lambda recipe: replace(recipe, label_smoothing=0.0),
    "weight decay": lambda recipe: replace(recipe, weight_decay=0.0),
    "colour and erasing": _plain_picture,
    "our augmentation (the notebook's)": lambda recipe: replace(
        recipe, augmentation=NOTEBOOK.augmentation
    ),
    "low dropout (the notebook's 0.5)": lambda recipe: replace(recipe, dropout=NOTEBOOK.dropout),
}


def _pixels(recipe: Recipe) -> float:
    """What the network sees, relative to pictures of the full size: the cost of training."""
    starts, sizes = zip(*recipe.sizes, strict=True)
    shares = [end - start for start, end in zip(starts, (*starts[1:], 1.0), strict=True)]
    return sum(share * (size / SIZE) ** 2 for share, size in zip(shares, sizes, strict=True))


def main() -> None:
    """Train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1], metavar="SEED")
    arguments = parser.parse_args()
    dataset = cache.load(folder(arguments), track=bar)
    split = splits.make(dataset, "shipped")
    base = replace(RECIPE[NETWORK], name="ablation", epochs=EPOCHS)
    lines = []
    whole: Spread | None = None
    for part, take_out in WITHOUT.items():
        recipe = take_out(base)
        best = []
        for seed in arguments.seeds:
            run = FOLDER / f"{part.replace(' ', '-')}-{seed}"
            run.mkdir(parents=True, exist_ok=True)
            print(f"without {part}, seed {seed}", flush=True)
            with Display(recipe.epochs) as display:
                history = loop.train(
                    dataset, split, NETWORK, recipe, run, seed=seed, observer=display
                )
            best.append(100 * max(epoch.validation_accuracy for epoch in history))
        accuracy = Spread.of(best)
        whole = whole or accuracy
        change = f"{accuracy.median - whole.median:+.1f}" if accuracy is not whole else "-"
        lines.append([part, f"{accuracy.median:.1f} ({accuracy.low:.1f} to {accuracy.high:.1f})"])
        lines[-1] += [change, f"{_pixels(recipe) / _pixels(base):.2f}"]
        print(" | ".join(lines[-1]), flush=True)
    headers = ["without", "validation accuracy, %", "change", "pixels"]
    seeds = ", ".join(map(str, arguments.seeds))
    text = (
        f"{table(headers, lines)}\n\n`python -m benchmarks.ablation`: `{NETWORK}`, {EPOCHS} "
        f"epochs, seeds {seeds}, median (lowest to highest), split `shipped`, "
        f"{len(split.rows('validation')):,} validation pictures; {describe(choose_device())}."
    )
    print(text)
    write_section(DOCUMENT, "ablation", text)


if __name__ == "__main__":
    main()
