"""``drillbook run``."""

from __future__ import annotations

from pathlib import Path

import click

from drillbook.app.command import CHANGES, SCENARIO, VERDICTS, DrillbookCommand, console, exits_with, option
from drillbook.app.settings import JUNIT_XML, OUTPUT, SEED


@click.command(cls=DrillbookCommand, epilog=VERDICTS, short_help="Run a drill.")
@SCENARIO
@option(SEED, "Random seed for arrivals and fault targets; generated if omitted.", type=int)
@option(OUTPUT, "Directory for results.", type=click.Path(file_okay=False, path_type=Path))
@CHANGES
@click.option("--keep", is_flag=True, help="Keep the containers afterwards; `drillbook clean` removes them.")
@option(JUNIT_XML, "Also write the JUnit report to this file.", type=click.Path(dir_okay=False, path_type=Path))
def command(scenario: Path, seed: int | None, output: Path, changes: tuple[str, ...], keep: bool, junit_xml: Path | None) -> None:
    """Run one drill: stage, load, deployment, faults, playbook, verdict, report.

    \b
    Example:
      drillbook run scenarios/versioned_workers --seed 7
      drillbook run drills/my_service --set stage.workers.v2.image=my-service:1.9 --set load.rate=80/s
    """
    from drillbook.core.errors import HarnessError
    from drillbook.core.progress import Progress
    from drillbook.drill import new_seed, run_drill
    from drillbook.report import terminal
    from drillbook.report.junit import write_failure
    from drillbook.validation.changes import parse_changes
    from drillbook.validation.discovery import file, name

    path, seed = file(scenario), new_seed() if seed is None else seed
    progress = Progress()
    progress.note(f"seed {seed}")
    try:
        drilled = run_drill(path, seed, output, keep, progress, parse_changes(changes))
    except HarnessError as error:
        if junit_xml is not None:
            write_failure(junit_xml, name(path), str(error))
        raise
    finally:
        progress.close()
    if junit_xml is not None and drilled.report is not None:
        junit_xml.parent.mkdir(parents=True, exist_ok=True)
        junit_xml.write_bytes((drilled.run_directory / "junit.xml").read_bytes())
    elif junit_xml is not None:
        write_failure(junit_xml, name(path), str(drilled.error or "The drill was interrupted, and its evidence could not be judged."))
    with exits_with(drilled.exit_code):
        if drilled.error is not None:
            click.echo(str(drilled.error), err=True)
        if drilled.judgement is not None:
            terminal.show(drilled.judgement, drilled.report, console())
        progress.note(f"seed {drilled.seed}; again: {drilled.replay}")
