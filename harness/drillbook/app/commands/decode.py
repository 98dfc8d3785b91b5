"""``drillbook decode``."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook.app.command import RUN_DIR, VERDICTS, DrillbookCommand, console, exits_with
from drillbook.core.errors import Exit


@click.command(cls=DrillbookCommand, epilog=VERDICTS, short_help="Show which remaining messages the old version can decode.")
@RUN_DIR
@click.option("--image", metavar="REFERENCE", help="Decode with this image now instead of using the recorded answers; needs Docker.")
def command(run_dir: Path, image: str | None) -> None:
    """Show, by task type, which of the messages that a run left the old version can decode. Nothing is done with them.

    The scenario's key decode names the worker that tries to decode them. Exits with 1 where a message is left for that version which it
    cannot decode, else with 4 where not every message was tried, else with 0.

    \b
    Example:
      drillbook decode reports/versioned_workers/20261121T101500Z-7
      drillbook decode reports/versioned_workers/20261121T101500Z-7 --image registry.example/worker:1.8.1
    """
    from drillbook.api import open_run
    from drillbook.decode.compatibility import as_answered, asked_again
    from drillbook.report import terminal
    from drillbook.report.sentences import decodable
    from drillbook.validation.loader import load_run

    if image:
        found = asked_again(run_dir, load_run(run_dir), image)
    else:
        with open_run(run_dir) as run:
            found = as_answered(run)
    reached = any(row.reached for row in found.rows)
    with exits_with(Exit.BROKEN if reached else Exit.INCONCLUSIVE if found.problem else Exit.HELD):
        shown = console()
        if found.rows:
            shown.print(decodable(found.rows), soft_wrap=True)
            terminal.compatibility(shown, found.rows)
        elif not found.problem:
            click.echo("No message was left.")
        if found.problem:
            click.echo(f"Not everything was answered: {found.problem}.", err=True)
