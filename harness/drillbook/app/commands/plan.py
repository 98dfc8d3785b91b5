"""``drillbook plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from drillbook.app.command import AS_JSON, CHANGES, SCENARIO, DrillbookCommand, option, print_json, print_table
from drillbook.app.settings import SEED

if TYPE_CHECKING:
    from drillbook.plan import PlannedFault


@click.command(cls=DrillbookCommand, short_help="Show the plan for a seed; starts nothing.")
@SCENARIO
@option(SEED, "Random seed for arrivals and fault targets; generated if omitted.", type=int)
@CHANGES
@AS_JSON
def command(scenario: Path, seed: int | None, changes: tuple[str, ...], as_json: bool) -> None:
    """Show what `drillbook run` would do with a seed: how many tasks come, and which faults hit whom and when.

    \b
    Example:
      drillbook plan scenarios/versioned_workers --seed 7
    """
    from drillbook.drill import new_seed
    from drillbook.plan import make_plan
    from drillbook.playbook.steps import all_step_names
    from drillbook.validation.changes import parse_changes
    from drillbook.validation.discovery import file
    from drillbook.validation.loader import load

    path = file(scenario)
    drill = load(path, parse_changes(changes))
    plan = make_plan(drill, new_seed() if seed is None else seed)
    steps = all_step_names(drill.playbook.command, path.parent, "playbook", drill.playbook.named_steps)
    if as_json:
        print_json(plan.document(steps).model_dump(mode="json"))
        return
    click.echo(f"seed {plan.seed}: {plan.tasks:,} tasks in the first {drill.load.duration:g} s")
    click.echo(f"steps of the playbook: {', '.join(steps) or 'none can be read from its text'}")
    rows = [
        (fault.name, fault.fault.kind, fault.when, "" if fault.seconds is None else f"{fault.seconds:g} s", _hits(fault))
        for fault in plan.faults
    ]
    if rows:
        print_table(["fault", "kind", "begins", "for", "hits"], rows)


def _hits(fault: PlannedFault) -> str:
    """Its victims; of several only one, where it is known when its message has come."""
    return f"one of {', '.join(fault.victims)}" if fault.victim_by_wire else ", ".join(fault.victims)
