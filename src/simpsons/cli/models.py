"""`simpsons models`."""

import click

from simpsons import models as networks
from simpsons.cli import options
from simpsons.cli.terminal import say
from simpsons.models.summary import Layer, count, layers, statistics
from simpsons.pixels.images import SIZE

_SEEN = {**dict.fromkeys(networks.NETWORKS, (SIZE, SIZE)), networks.DETECTOR: (320, 240)}
"""Width and height of the picture whose multiply-adds are shown, by network."""


@click.command()
@click.option("--model", type=click.Choice(list(_SEEN)), help="Only this one.")
@options.as_json
def models(model: str | None, as_json: bool) -> None:
    """Show the networks layer by layer: output shape, parameters, multiply-adds.

    \b
    simpsons models
    simpsons models --model xception --json

    faces takes pictures of any size; its figures are of one of 320x240 pixels.
    """
    for name in [model] if model else _SEEN:
        network = networks.build(name)
        width, height = _SEEN[name]
        rows = layers(network, width, height)
        total, fixed = count(network), statistics(network)
        if as_json:
            options.print_json(
                {
                    "network": name,
                    "width": width,
                    "height": height,
                    "parameters": total,
                    "batch_norm_statistics": fixed,
                    "multiply_adds": sum(row.multiply_adds for row in rows),
                    "layers": [row._asdict() for row in rows],
                }
            )
        else:
            _print_table(f"{name} at {width}x{height}", rows, total, fixed)


def _print_table(title: str, rows: list[Layer], total: int, fixed: int) -> None:
    say(f"{title}: {total:,} parameters, {fixed:,} of them batch-norm statistics")
    line = "{:<22} {:<18} {:>14} {:>12} {:>14}"
    say(line.format("layer", "kind", "output", "parameters", "multiply-adds"))
    for row in rows:
        shape = "x".join(str(side) for side in row.shape)
        figures = f"{row.parameters:,}", f"{row.multiply_adds:,}"
        say(line.format(row.name, row.kind, shape, *figures))
    sums = f"{total:,}", f"{sum(row.multiply_adds for row in rows):,}"
    say(line.format("all", "", "", *sums) + "\n")
