"""``drillbook explain``."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook.app.command import AS_JSON, DrillbookCommand, console, print_json


@click.command(cls=DrillbookCommand, short_help="Explain what happened to a task, or what an invariant checks.")
@click.argument("what", metavar="RUN_DIR|INVARIANT")
@click.argument("task", metavar="[TASK_ID]", required=False)
@click.option("--in", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Directory of your own invariants.")
@AS_JSON
def command(what: str, task: str | None, folder: Path | None, as_json: bool) -> None:
    """Tell the whole story of one task of a run, or what an invariant means; needs no Docker.

    INVARIANT is a name, of a built-in one or of one of your own beside the scenario in the folder of --in, or the path of its .sql file.

    \b
    Example:
      drillbook explain reports/versioned_workers/20261121T101500Z-7 charge-003448
      drillbook explain no_lost_tasks
    """
    from drillbook.api import open_run
    from drillbook.core.errors import UsageError
    from drillbook.report import explanation

    if as_json and task is None:
        raise UsageError("--json needs a task of a run.", "drillbook explain RUN_DIR TASK_ID --json")
    if Path(what).is_dir() or task is not None:
        if not Path(what).is_dir():
            raise UsageError(f"there is no run directory {what}.", "`drillbook list runs` lists those under reports/.")
        with open_run(Path(what)) as run:
            if as_json and task is not None:
                print_json(explanation.as_json(run, task))
            else:
                explanation.run(run, task, console())
    else:
        explanation.invariant(what, folder, console())
