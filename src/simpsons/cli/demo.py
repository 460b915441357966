"""`simpsons demo`."""

import sys
import time
from pathlib import Path

import click

from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.demo import path
from simpsons.progress import bar
from simpsons.runs import run
from simpsons.training.display import Display


@click.command()
@click.option("--out", type=options.OUTPUT, default=Path("demo"), show_default=True)
@options.seed
@options.as_json
def demo(out: Path, seed: int, as_json: bool) -> None:
    """Run the whole path without any data: draw, split, train, evaluate, report, find everyone.

    \b
    simpsons demo
    simpsons predict demo/drawings/ada_thimble --model demo/run

    Draws pictures of 18 paper dolls, some of them hard, and trains xception on them in about two
    minutes on two cores. Then it draws several in one picture, a stranger among them, and finds and
    names their faces.
    """
    start = time.perf_counter()
    try:
        with Display(path.RECIPE.epochs) as display:
            test, everyone = path.play(
                out,
                seed=seed,
                observer=display,
                say=lambda text: say(text, err=True),
                track=bar,
            )
    except KeyboardInterrupt:
        say(f"\nStopped. Before you start again, remove {out}", err=True)
        sys.exit(130)
    seconds = time.perf_counter() - start
    if as_json:
        evaluation = test.evaluation.to_json()
        options.print_json(
            {
                "out": str(out),
                "seconds": seconds,
                "test": evaluation,
                "everyone": everyone.to_json()["faces"],
            }
        )
        return
    say(f"\ntest      {test.evaluation.headline}, after {seconds:.0f} s")
    say(f"report    {out / path.REPORT}")
    say(f"curves    {out / path.RUN / run.CURVES}")
    say(f"counts    {out / path.COUNTS}")
    say(f"everyone  {out / path.EVERYONE}: {len(everyone.faces)} faces")
    say(f"try it    simpsons predict {out / path.DRAWINGS} --model {out / path.RUN}")
