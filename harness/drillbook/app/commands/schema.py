"""``drillbook schema``."""

from __future__ import annotations

import click

from drillbook.app.command import DrillbookCommand


@click.command(cls=DrillbookCommand, short_help="Print the JSON schema of scenario files.")
def command() -> None:
    """Print the JSON schema of scenario files, for editors.

    \b
    Example:
      drillbook schema > scenario.schema.json
    """
    import json

    from drillbook.validation.schema import schema as scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=2))
