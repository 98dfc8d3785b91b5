"""``drillbook judge``."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook.app.command import AS_JSON, REPORTS_INTO, RUN_DIR, VERDICTS, DrillbookCommand, console, exits_with


@click.command(cls=DrillbookCommand, epilog=VERDICTS, short_help="Judge a run directory and write its reports.")
@RUN_DIR
@REPORTS_INTO
@AS_JSON
def command(run_dir: Path, into: Path | None, as_json: bool) -> None:
    """Judge a run directory, a stored or a hand-made one, and write its reports; needs no Docker.

    \b
    Example:
      drillbook judge reports/versioned_workers/20261121T101500Z-7
    """
    from drillbook import report
    from drillbook.api import open_run
    from drillbook.judge.judge import judge as judged
    from drillbook.report import terminal

    with open_run(run_dir) as run:
        judgement = judged(run)
        written = report.write(run, judgement, into)
    with exits_with(judgement.verdict.exit_code):
        if as_json:
            click.echo(written["verdict.json"].read_text(encoding="utf-8"), nl=False)
        else:
            terminal.show(judgement, written["report.html"], console(), run_dir)
