"""``drillbook images``."""

from __future__ import annotations

import click

from drillbook.app.command import DrillbookCommand, print_table


@click.command(cls=DrillbookCommand, short_help="List the container images that drills use.")
@click.option("--ensure", is_flag=True, help="Pull or build missing images.")
def command(ensure: bool) -> None:
    """List the images a stage is made of, and where each came from.

    \b
    Example:
      drillbook images --ensure
    """
    from drillbook.engine import image_store

    if ensure:
        image_store.ensure(image_store.NAMES, lambda text: click.echo(text, err=True))
    print_table(["name", "reference", "from", "size"], image_store.rows())
