"""``drillbook run``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from drillbook.app.command import SCENARIO, Command, console


@click.command(cls=Command, short_help="Run a drill.")
@SCENARIO
@click.option("--seed", type=int, help="Decides arrivals and victims; without it one is drawn and printed.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("reports"), show_default=True, help="Where runs land."
)
@click.option("--keep", is_flag=True, help="Leave the stage standing afterwards, for a look; `drillbook clean` removes it.")
@click.option("--junit-xml", type=click.Path(dir_okay=False, path_type=Path), help="Copy the JUnit report there.")
def command(scenario: Path, seed: int | None, output: Path, keep: bool, junit_xml: Path | None) -> None:
    """Run one drill: stage, load, deployment, faults, playbook, verdict, report.

    \b
    Example:
      drillbook run scenarios/versioned_workers --seed 7
    """
    from drillbook.app.drill import new_seed, run_drill
    from drillbook.core.errors import HarnessError
    from drillbook.core.progress import Progress
    from drillbook.report import terminal
    from drillbook.report.junit import write_failure
    from drillbook.validation.find import file, name

    path, seed = file(scenario), new_seed() if seed is None else seed
    progress = Progress()
    progress.note(f"seed {seed}")
    try:
        drilled = run_drill(path, seed, output, keep, progress)
    except HarnessError as error:
        if junit_xml is not None:
            write_failure(junit_xml, name(path), str(error))
        raise
    finally:
        progress.close()
    if drilled.error is not None:
        click.echo(str(drilled.error), err=True)
    if drilled.judgement is not None:
        terminal.show(drilled.judgement, drilled.report, console())
    if junit_xml is not None and drilled.report is not None:
        junit_xml.parent.mkdir(parents=True, exist_ok=True)
        junit_xml.write_bytes((drilled.run_directory / "junit.xml").read_bytes())
    elif junit_xml is not None:
        write_failure(junit_xml, name(path), str(drilled.error or "The drill was interrupted, and its evidence could not be judged."))
    progress.note(f"seed {drilled.seed}; again: {drilled.replay}")
    sys.exit(drilled.exit_code)
