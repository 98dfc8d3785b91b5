"""``drillbook clean``."""

from __future__ import annotations

import click

from drillbook.app.command import DrillbookCommand


@click.command(cls=DrillbookCommand, short_help="Clean up after runs that crashed or were killed.")
@click.argument("run_id", required=False)
def command(run_id: str | None) -> None:
    """Remove containers, networks and processes of runs that crashed or were killed; active runs are not touched.

    With RUN_ID (a run's id, its beginning, or its run directory) just that run, even if it is active.

    \b
    Example:
      drillbook clean
    """
    from drillbook.engine.clean import clean as clean_up

    for line in clean_up(run_id):
        click.echo(line)
