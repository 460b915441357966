"""`simpsons models`."""

import click

from simpsons import models as networks
from simpsons.cli import options
from simpsons.models.summary import Layer, count, layers, statistics


@click.command()
@click.option("--model", type=click.Choice(networks.NETWORKS), help="Only this one.")
@options.as_json
def models(model: str | None, as_json: bool) -> None:
    """Show both networks layer by layer: output shape, parameters, multiply-adds.

    \b
    simpsons models
    simpsons models --model xception --json
    """
    for name in [model] if model else networks.NETWORKS:
        network = networks.build(name)
        rows = layers(network)
        total, fixed = count(network), statistics(network)
        if as_json:
            options.print_json(
                {
                    "network": name,
                    "parameters": total,
                    "batch_norm_statistics": fixed,
                    "multiply_adds": sum(row.multiply_adds for row in rows),
                    "layers": [row._asdict() for row in rows],
                }
            )
        else:
            _print_table(name, rows, total, fixed)


def _print_table(name: str, rows: list[Layer], total: int, fixed: int) -> None:
    click.echo(f"{name}: {total:,} parameters, {fixed:,} of them batch-norm statistics")
    line = "{:<22} {:<18} {:>14} {:>12} {:>14}"
    click.echo(line.format("layer", "kind", "output", "parameters", "multiply-adds"))
    for row in rows:
        shape = "x".join(str(side) for side in row.shape)
        figures = f"{row.parameters:,}", f"{row.multiply_adds:,}"
        click.echo(line.format(row.name, row.kind, shape, *figures))
    sums = f"{total:,}", f"{sum(row.multiply_adds for row in rows):,}"
    click.echo(line.format("all", "", "", *sums) + "\n")
