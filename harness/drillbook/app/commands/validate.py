"""``drillbook validate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from drillbook.app.command import AS_JSON, CHANGES, DrillbookCommand, print_json
from drillbook.core.errors import Exit


@click.command(cls=DrillbookCommand, short_help="Check scenario files; starts nothing.")
@click.argument("scenarios", nargs=-1, type=click.Path(exists=True, path_type=Path))
@CHANGES
@AS_JSON
def command(scenarios: tuple[Path, ...], changes: tuple[str, ...], as_json: bool) -> None:
    """Check scenario files without starting anything; says every problem at once, and the steps that faults may name.

    \b
    Example:
      drillbook validate scenarios/
    """
    from drillbook.core.errors import UsageError
    from drillbook.playbook.steps import all_step_names
    from drillbook.validation.changes import parse_changes
    from drillbook.validation.discovery import find
    from drillbook.validation.loader import ScenarioError, load

    files = find(list(scenarios) or [Path("scenarios")])
    if not files:
        raise UsageError("no scenario file found there.", "A scenario file has the keys title and invariants; drillbook init writes one.")
    found: list[dict[str, Any]] = []
    changed = parse_changes(changes)
    for path in files:
        try:
            scenario = load(path, changed)
            programs = {"deployment": scenario.deployment, "playbook": scenario.playbook}
            steps = {
                name: all_step_names(part.command, path.parent, name, part.named_steps)
                for name, part in programs.items()
                if part is not None
            }
            found.append({"file": str(path), "problems": [], "steps": steps})
        except ScenarioError as error:
            found.append({"file": str(path), "problems": [vars(problem) for problem in error.problems], "steps": {}})
            if not as_json:
                click.echo(str(error), err=True)
            continue
        if not as_json:
            click.echo(f"{path}: ok")
            for program, names in steps.items():
                click.echo(f"  {program}: {', '.join(names) or 'no step can be read from its text'}")
    if as_json:
        print_json(found)
    sys.exit(int(Exit.USAGE) if any(one["problems"] for one in found) else 0)
