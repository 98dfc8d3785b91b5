"""``drillbook clean``."""

from __future__ import annotations

import click

from drillbook.app.command import DrillbookCommand


@click.command(cls=DrillbookCommand, short_help="Remove what dead runs left behind.")
@click.argument("run_id", required=False)
def command(run_id: str | None) -> None:
    """Remove what dead runs left: their containers, networks and processes; runs that still go on are left alone.

    With RUN_ID (a run's id, its beginning, or its run directory) just that run, even if it still goes on.

    \b
    Example:
      drillbook clean
    """
    from drillbook.engine.clean import clean as clean_up

    for line in clean_up(run_id):
        click.echo(line)
