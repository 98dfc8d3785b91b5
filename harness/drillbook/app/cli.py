"""The command line: verbs of a few lines each. The result goes to stdout, progress to stderr."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from drillbook import __version__
from drillbook.core.errors import DrillbookError, Exit

if TYPE_CHECKING:
    from rich.console import Console

EXITS = """\b
Exit codes:
  0 held   1 broken   2 usage or bad file   3 harness or fault error   4 unknown
  70 a defect of Drillbook   130 interrupted   143 terminated
"""


class Verb(click.Command):
    """A verb whose errors are sentences and whose help ends with the exit codes."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"epilog": EXITS} | more)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except DrillbookError as error:
            click.echo(str(error), err=True)
            context.exit(int(error.exit_code))
        except OSError as error:
            click.echo(f"{error.filename or 'a file'}: {error.strerror or error}.", err=True)
            context.exit(int(Exit.HARNESS))
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            context.exit(int(Exit.INTERRUPTED))
        except Exception as defect:  # ours: a traceback is for those who mend it, and exit code 1 is a verdict
            click.echo(f"Drillbook has a defect: {defect!r}. What it was doing is in {_log(defect)}; please report it.", err=True)
            context.exit(int(Exit.DEFECT))


def _log(defect: Exception) -> str:
    """Where the traceback is."""
    with tempfile.NamedTemporaryFile("w", prefix="drillbook-defect-", suffix=".log", encoding="utf-8", delete=False) as file:
        file.write("".join(traceback.format_exception(defect)))
    return file.name


@click.group(epilog=EXITS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="drillbook")
def main() -> None:
    """Drill the rollback playbook of your worker queues, and prove what became of every task.

    \b
    Example:
      drillbook run scenarios/versioned_workers
    """


SCENARIO = click.argument("scenario", type=click.Path(exists=True, path_type=Path))
RUN_DIR = click.argument("run_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")


@main.command(cls=Verb)
@SCENARIO
@click.option("--seed", type=int, help="Decides arrivals and victims; without it one is drawn and printed.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("reports"), show_default=True, help="Where runs land."
)
@click.option("--keep", is_flag=True, help="Leave the stage standing afterwards, for a look; `drillbook clean` removes it.")
@click.option("--junit-xml", type=click.Path(dir_okay=False, path_type=Path), help="Copy the JUnit report there.")
def run(scenario: Path, seed: int | None, output: Path, keep: bool, junit_xml: Path | None) -> None:
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
    console, progress = _console(), Progress()
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
        terminal.show(drilled.judgement, drilled.report, console)
    if junit_xml is not None and drilled.report is not None:
        junit_xml.parent.mkdir(parents=True, exist_ok=True)
        junit_xml.write_bytes((drilled.run_directory / "junit.xml").read_bytes())
    elif junit_xml is not None:
        write_failure(junit_xml, name(path), str(drilled.error or "The drill was interrupted, and its evidence could not be judged."))
    progress.note(f"seed {drilled.seed}; again: {drilled.replay}")
    sys.exit(drilled.exit_code)


@main.command(cls=Verb)
@RUN_DIR
@AS_JSON
def judge(run_dir: Path, as_json: bool) -> None:
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
        written = report.write(run, judgement)
    if as_json:
        click.echo(written["verdict.json"].read_text(encoding="utf-8"), nl=False)
    else:
        terminal.show(judgement, written["report.html"], _console())
    sys.exit(judgement.verdict.exit_code)


@main.command(cls=Verb, hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1)
def check(arguments: tuple[str, ...]) -> None:
    """Say what it is called now."""
    from drillbook.core.errors import UsageError

    raise UsageError("check is called judge now.", f"drillbook judge {' '.join(arguments) or 'RUN_DIR'}")


@main.command(name="report", cls=Verb)
@RUN_DIR
def report_(run_dir: Path) -> None:
    """Make report.html, junit.xml and verdict.json again from a run directory.

    \b
    Example:
      drillbook report reports/versioned_workers/20261121T101500Z-7
    """
    from drillbook import report
    from drillbook.api import open_run
    from drillbook.judge.judge import judge as judged

    with open_run(run_dir) as run:
        written = report.write(run, judged(run))
    for path in written.values():
        click.echo(path)


@main.command(cls=Verb)
@click.argument("what", metavar="RUN_DIR|INVARIANT")
@click.argument("task", metavar="[TASK_ID]", required=False)
@click.option("--in", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where your own invariants are.")
@AS_JSON
def explain(what: str, task: str | None, folder: Path | None, as_json: bool) -> None:
    """Tell the whole story of one task of a run, or what an invariant means; needs no Docker.

    INVARIANT is a name, of a built-in one or of one of your own beside the scenario in the folder of --in, or the path of its .sql file.

    \b
    Example:
      drillbook explain reports/versioned_workers/20261121T101500Z-7 charge-003448
      drillbook explain no_lost_tasks
    """
    from drillbook.api import open_run
    from drillbook.core.errors import UsageError
    from drillbook.report import explained

    if as_json and task is None:
        raise UsageError("--json tells one task of a run.", "drillbook explain RUN_DIR TASK_ID --json")
    if Path(what).is_dir() or task is not None:
        if not Path(what).is_dir():
            raise UsageError(f"there is no run directory {what}.", "`drillbook list runs` lists those under reports/.")
        with open_run(Path(what)) as run:
            if as_json and task is not None:
                _json(explained.as_json(run, task))
            else:
                explained.run(run, task, _console())
    else:
        explained.invariant(what, folder, _console())


@main.command(cls=Verb)
@RUN_DIR
@click.option("--image", metavar="REFERENCE", help="Ask this image's worker now, instead of what was answered in the drill; needs Docker.")
def decode(run_dir: Path, image: str | None) -> None:
    """Show by task type what the old version can decode of the messages that a run left, dry.

    The drill's scenario says whom to ask, with the key decode. Exits with 1 where something is left for that version that it cannot decode,
    else with 4 where not everything was answered, else with 0.

    \b
    Example:
      drillbook decode reports/versioned_workers/20261121T101500Z-7
      drillbook decode reports/versioned_workers/20261121T101500Z-7 --image registry.example/worker:1.8.1
    """
    from drillbook.api import open_run
    from drillbook.decode.again import as_answered, asked_again
    from drillbook.report import terminal
    from drillbook.report.wording import decodable
    from drillbook.validation.loader import load_run

    if image:
        found = asked_again(run_dir, load_run(run_dir), image)
    else:
        with open_run(run_dir) as run:
            found = as_answered(run)
    console = _console()
    if found.rows:
        console.print(decodable(found.rows), soft_wrap=True)
        terminal.compatibility(console, found.rows)
    elif not found.problem:
        click.echo("No message was left.")
    if found.problem:
        click.echo(f"Not everything was answered: {found.problem}.", err=True)
    reached = any(row.reached for row in found.rows)
    sys.exit(int(Exit.BROKEN if reached else Exit.UNKNOWN if found.problem else Exit.HELD))


@main.command(cls=Verb)
@click.argument("scenarios", nargs=-1, type=click.Path(exists=True, path_type=Path))
@AS_JSON
def validate(scenarios: tuple[Path, ...], as_json: bool) -> None:
    """Check scenario files without starting anything; says every problem at once, and the steps that faults may name.

    \b
    Example:
      drillbook validate scenarios/
    """
    from drillbook.core.errors import UsageError
    from drillbook.playbook.steps import step_names
    from drillbook.validation.find import find
    from drillbook.validation.loader import ScenarioError, load

    files = find(list(scenarios) or [Path("scenarios")])
    if not files:
        raise UsageError("no scenario file found there.", "A scenario file has the keys title and invariants; drillbook init writes one.")
    found: list[dict[str, Any]] = []
    for path in files:
        try:
            scenario = load(path)
            programs = {"deployment": scenario.deployment, "playbook": scenario.playbook}
            steps = {name: list(step_names(part.command, path.parent)) for name, part in programs.items() if part is not None}
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
        _json(found)
    sys.exit(int(Exit.USAGE) if any(one["problems"] for one in found) else 0)


@main.command(cls=Verb)
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--method", metavar="NAME", help="A rollback method, as `drillbook list` names them; without it a small drill is written.")
def init(folder: Path | None, method: str | None) -> None:
    """Write a starting folder for a drill of your own workers and playbook.

    With a method, it is the shipped drill of that method, and FOLDER may be left out: scenarios/<method>.

    \b
    Example:
      drillbook init scenarios/my_service
      drillbook init --method versioned-workers scenarios/my_canary
    """
    from drillbook.core.errors import UsageError
    from drillbook.validation.init import write

    if folder is None and method is None:
        raise UsageError("say which folder to write, or a method.", "drillbook init --help has an example of each.")
    for path in write(folder or Path("scenarios") / str(method).replace("-", "_"), method=method):
        click.echo(path)


@main.command(name="list", cls=Verb)
@click.argument("what", type=click.Choice(["scenarios", "runs"]), default="scenarios")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@AS_JSON
def list_(what: str, folder: Path | None, as_json: bool) -> None:
    """List the drills of a folder (scenarios/), each with what it proves; or the runs (reports/) and their verdicts.

    \b
    Example:
      drillbook list scenarios scenarios/celery
      drillbook list runs
    """
    if what == "scenarios":
        from drillbook.validation.find import rows

        heads, found = ["method", "expected", "file", "proves"], rows([folder or Path("scenarios")])
    else:
        from drillbook.evidence.runs import rows as run_rows

        heads, found = ["scenario", "time", "seed", "verdict"], run_rows(folder or Path("reports"))
    if as_json:
        _json([dict(zip(heads, row, strict=True)) for row in found])
    else:
        _table(heads, found)


@main.command(cls=Verb)
@click.argument("run_id", required=False)
def clean(run_id: str | None) -> None:
    """Remove what dead runs left: their containers, networks and processes; runs that still go on are left alone.

    With RUN_ID (a run's id, its beginning, or its run directory) just that run, even if it still goes on.

    \b
    Example:
      drillbook clean
    """
    from drillbook.engine.clean import clean as clean_up

    for line in clean_up(run_id):
        click.echo(line)


@main.command(cls=Verb)
@click.option("--install", is_flag=True, help="Install and start the Docker engine (needs root on Debian).")
def doctor(install: bool) -> None:
    """Say what this machine has and lacks for drills.

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
        click.echo(f"{'ok ' if check.ok else 'NO '} {check.name}: {check.detail}{'' if check.ok else f'  -> {check.hint}'}")
    sys.exit(int(Exit.HARNESS) if bad else 0)


@main.command(cls=Verb)
@click.option("--ensure", is_flag=True, help="Get those that are missing: pull, or build.")
def images(ensure: bool) -> None:
    """List the images a stage is made of, and where each came from.

    \b
    Example:
      drillbook images --ensure
    """
    from drillbook.engine import image_store

    if ensure:
        image_store.ensure(image_store.NAMES, lambda text: click.echo(text, err=True))
    _table(["name", "reference", "from", "size"], image_store.rows())


@main.command(cls=Verb)
def schema() -> None:
    """Print the JSON schema of scenario files, for editors.

    \b
    Example:
      drillbook schema > scenario.schema.json
    """
    import json

    from drillbook.validation.schema import schema as scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=2))


def _json(document: object) -> None:
    import json

    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _table(heads: list[str], rows: Iterable[Iterable[str]]) -> None:
    """Print rows in columns on stdout, whole names whatever the width, so that other programs can read them."""
    lines = [heads, *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)
