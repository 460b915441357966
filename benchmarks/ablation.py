"""What each part of our recipe buys: the recipe without it. Writes docs/leaderboard.md.

One row adds a teacher, one mixes pictures. Short trainings of `xception`, judged by the best
epoch on leak-free validation pictures, as a training of any length is. The runs stay in
`runs/ablation`, and a second call goes on with them: `--seeds 0` and `--seeds 1` may run side by
side, and one call for both then prints the table. `--only` compares one part with the whole recipe,
and writes nothing.
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
from simpsons.pixels.images import SIZE
from simpsons.progress import bar
from simpsons.runs.pretrained import Pretrained
from simpsons.training import loop
from simpsons.training.device import choose_device, describe
from simpsons.training.display import Display
from simpsons.training.recipe import NOTEBOOK, Network, Recipe

NETWORK: Network = "xception"
TEACHER: Network = "cnn"
EPOCHS = 6
FOLDER = Path("runs", "ablation")


def _plain_picture(recipe: Recipe) -> Recipe:
    plain = replace(recipe.augmentation, brightness=0.0, contrast=0.0, saturation=0.0, erase=0.0)
    return replace(recipe, augmentation=plain)


WHOLE = "all of it"
TAUGHT = f"with a teacher, the shipped {TEACHER}"

CHANGED: dict[str, Callable[[Recipe], Recipe]] = {
    WHOLE: lambda recipe: recipe,
    "without small pictures first": lambda recipe: replace(recipe, sizes=((0.0, SIZE),)),
    "a constant 1e-3, not one cycle": lambda recipe: replace(
        recipe, schedule="constant", learning_rate=1e-3
    ),
    "without the moving average": lambda recipe: replace(recipe, average=0.0),
    "without label smoothing": lambda recipe: replace(recipe, label_smoothing=0.0),
    "without weight decay": lambda recipe: replace(recipe, weight_decay=0.0),
    "without colour and erasing": _plain_picture,
    "the notebook's augmentation": lambda recipe: replace(
        recipe, augmentation=NOTEBOOK.augmentation
    ),
    "the notebook's dropout, 0.5": lambda recipe: replace(recipe, dropout=NOTEBOOK.dropout),
    "Keras's first weights": lambda recipe: replace(recipe, first_weights="keras"),
    TAUGHT: lambda recipe: replace(recipe, distillation=0.7),
    "with squares of other pictures, --mix 0.5": lambda recipe: replace(
        recipe, augmentation=replace(recipe.augmentation, mix=0.5)
    ),
}


def main() -> None:
    """Train, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    data_option(parser)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1], metavar="SEED")
    parser.add_argument("--only", choices=CHANGED, metavar="PART", help="a row of the table")
    arguments = parser.parse_args()
    dataset = cache.load(folder(arguments), track=bar)
    split = splits.make(dataset, "shipped")
    teacher = Pretrained(TEACHER)
    teacher.require_unseen(dataset, split)
    base = replace(RECIPE[NETWORK], name="ablation", epochs=EPOCHS)
    lines = []
    whole: Spread | None = None
    parts = (WHOLE, arguments.only) if arguments.only else tuple(CHANGED)
    for part in parts:
        recipe = CHANGED[part](base)
        best = []
        for seed in arguments.seeds:
            run = FOLDER / f"{part.replace(' ', '-')}-{seed}"
            run.mkdir(parents=True, exist_ok=True)
            print(f"{part}, seed {seed}", flush=True)
            with Display(recipe.epochs) as display:
                history = loop.train(
                    dataset,
                    split,
                    NETWORK,
                    recipe,
                    run,
                    teachers=[teacher.network] if part == TAUGHT else (),
                    seed=seed,
                    observer=display,
                )
            best.append(100 * max(epoch.validation_accuracy for epoch in history))
        accuracy = Spread.of(best)
        whole = whole or accuracy
        change = "-" if part == WHOLE else f"{accuracy.median - whole.median:+.1f}"
        spread = f"{accuracy.median:.1f} ({accuracy.low:.1f} to {accuracy.high:.1f})"
        lines.append([part, spread, change])
        print(" | ".join(lines[-1]), flush=True)
    command = "python -m benchmarks.ablation"
    command += f' --only "{arguments.only}"' if arguments.only else ""
    headers = ["recipe", "validation accuracy, %", "change"]
    seeds = ", ".join(map(str, arguments.seeds))
    text = (
        f"{table(headers, lines)}\n\n`{command}`: `{NETWORK}`, {EPOCHS} "
        f"epochs, seeds {seeds}, median (lowest to highest), split `shipped`, "
        f"{len(split.rows('validation')):,} validation pictures; {describe(choose_device())}."
    )
    print(text)
    if not arguments.only:
        write_section(DOCUMENT, "ablation", text)


if __name__ == "__main__":
    main()
