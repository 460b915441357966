"""`simpsons demo`."""

import shlex
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
@click.option(
    "--film",
    type=options.OUTPUT,
    metavar="FILE.mp4",
    help="Draw a film instead, and do no more: to try collect, label and timeline on.",
)
@click.option(
    "--minutes",
    type=options.Finite(0.1, 240),
    default=10.0,
    show_default=True,
    metavar="M",
    help="How long the film lasts.",
)
@options.seed
@options.as_json
def demo(out: Path, film: Path | None, minutes: float, seed: int, as_json: bool) -> None:
    """Run the whole path without any data: draw, split, train, evaluate, report, find everyone.

    \b
    simpsons demo
    simpsons predict demo/drawings/ada_thimble --model demo/run
    simpsons demo --film episode.mp4 --minutes 10

    Draws pictures of 18 paper dolls, some of them hard, and trains xception on them in about two
    minutes on two cores. Then it draws several in one picture, a stranger among them, and finds and
    names their faces.

    With --film it draws a film of six of the dolls, 640x360 pixels without sound, and writes who is
    where in it to NAME-faces.csv beside it. Another --seed is another film of the same six.
    """
    if film and options.given("out"):
        raise click.UsageError("--out is the folder of the whole path; with --film give none")
    if options.given("minutes") and not film:
        raise click.UsageError("--minutes goes with --film")
    if film:
        _film(film, minutes, seed, as_json)
    else:
        _walk(out, seed, as_json)


def _film(path: Path, minutes: float, seed: int, as_json: bool) -> None:
    from simpsons.demo.film import write_film

    made = write_film(path, minutes=minutes, seed=seed, track=bar)
    if as_json:
        options.print_json(made.to_json())
        return
    say(f"film      {made.path}: {made.seconds:.0f} s, {made.shots} shots in {made.scenes} scenes")
    say(f"faces     {made.faces}: who is where when")
    say(f"try it    simpsons collect {shlex.quote(str(made.path))} --out springfield")


def _walk(out: Path, seed: int, as_json: bool) -> None:
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
    command = ("simpsons", "predict", str(out / path.DRAWINGS), "--model", str(out / path.RUN))
    say(f"try it    {shlex.join(command)}")
