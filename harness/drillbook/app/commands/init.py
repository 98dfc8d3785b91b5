"""``drillbook init``."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook.app.command import DrillbookCommand


@click.command(cls=DrillbookCommand, short_help="Create a new drill from a template.")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--method", metavar="NAME", help="A rollback method, as `drillbook list` names them; without it a small drill is written.")
def command(folder: Path | None, method: str | None) -> None:
    """Write a starting folder for a drill of your own workers and playbook.

    With a method, it is the shipped drill of that method, and FOLDER may be left out: scenarios/<method>.

    \b
    Example:
      drillbook init scenarios/my_service
      drillbook init --method versioned-workers scenarios/my_canary
    """
    from drillbook.core.errors import UsageError
    from drillbook.validation.init import write

    if folder is None and method is None:
        raise UsageError("say which folder to write, or a method.", "drillbook init --help has an example of each.")
    for path in write(folder or Path("scenarios") / str(method).replace("-", "_"), method=method):
        click.echo(path)
