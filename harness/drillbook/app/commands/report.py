"""``drillbook report``."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook.app.command import REPORTS_INTO, RUN_DIR, DrillbookCommand


@click.command(cls=DrillbookCommand, short_help="Regenerate the reports of a run.")
@RUN_DIR
@REPORTS_INTO
def command(run_dir: Path, into: Path | None) -> None:
    """Make report.html, junit.xml and verdict.json again from a run directory.

    \b
    Example:
      drillbook report reports/versioned_workers/20261121T101500Z-7
    """
    from drillbook import report
    from drillbook.api import open_run
    from drillbook.judge.judge import judge as judged

    with open_run(run_dir) as run:
        written = report.write(run, judged(run), into)
    for path in written.values():
        click.echo(path)
