"""``drillbook doctor``."""

from __future__ import annotations

import sys

import click

from drillbook.app.command import DrillbookCommand
from drillbook.core.errors import Exit


@click.command(cls=DrillbookCommand, short_help="Check this machine for what drills need.")
@click.option("--install", is_flag=True, help="Install and start the Docker engine (needs root on Debian).")
def command(install: bool) -> None:
    """Check that this machine can run drills.

    Each answer is ok, a note (drills can run; read what follows the arrow), or NO. Exits with 3 where one is NO.

    \b
    Example:
      drillbook doctor
    """
    from drillbook.engine import engine
    from drillbook.engine.doctor import checks

    if install:
        engine.install(lambda text: click.echo(text, err=True))
    bad = 0
    for check in checks():
        bad += not check.ok
        click.echo(f"{check.mark:4} {check.name}: {check.detail}{f'  -> {check.hint}' if check.hint else ''}")
    sys.exit(int(Exit.HARNESS) if bad else 0)
