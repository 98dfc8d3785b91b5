"""``drillbook list``."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook.app.command import AS_JSON, DrillbookCommand, print_json, print_table
from drillbook.app.settings import OUTPUT
from drillbook.core.errors import UsageError


@click.command(cls=DrillbookCommand, short_help="List drills, or runs and their verdicts.")
@click.argument("what", type=click.Choice(["scenarios", "runs"]), default="scenarios")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@AS_JSON
def command(what: str, folder: Path | None, as_json: bool) -> None:
    """List the drills of a folder (scenarios/), each with what it proves; or the runs (reports/) and their verdicts.

    \b
    Example:
      drillbook list scenarios scenarios/celery
      drillbook list runs
    """
    if what == "scenarios":
        from drillbook.validation.discovery import rows

        heads, found = ["method", "expected", "file", "proves"], rows([folder or Path("scenarios")])
    else:
        from drillbook.evidence.runs import rows as run_rows

        if folder is not None and not folder.is_dir():
            raise UsageError(f"there is no folder {folder}.")
        heads, found = ["scenario", "time", "seed", "verdict"], run_rows(folder or OUTPUT.value())
    if as_json:
        print_json([dict(zip(heads, row, strict=True)) for row in found])
    else:
        print_table(heads, found)
