"""``drillbook check``, as ``judge`` was called once."""

from __future__ import annotations

import click

from drillbook.app.command import DrillbookCommand


@click.command(cls=DrillbookCommand, hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def command(arguments: tuple[str, ...]) -> None:
    """Renamed: use `drillbook judge`."""
    from drillbook.core.errors import UsageError

    raise UsageError("check is called judge now.", f"drillbook judge {' '.join(arguments) or 'RUN_DIR'}")
