"""One drill, from its file to its verdict: load, plan, stage, drive, settle, collect, judge, report; and clean up, whatever happens."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import SystemRandom
from types import FrameType
from typing import Any

from drillbook import report
from drillbook.core.errors import DefectError, DrillbookError, Exit, HarnessError
from drillbook.core.progress import Progress
from drillbook.drive.conductor import Conductor
from drillbook.drive.environment import environment
from drillbook.evidence import RunDirectory
from drillbook.judge.judge import judge
from drillbook.judge.run import open_run
from drillbook.judge.verdict import Judgement
from drillbook.plan import make_plan
from drillbook.playbook.steps import all_step_names
from drillbook.scenario import RunnableScenario
from drillbook.stage.components import components_of
from drillbook.stage.images import StageImages, ensure_images
from drillbook.stage.stage import Stage
from drillbook.validation.changes import ScenarioChange, changed_text
from drillbook.validation.discovery import name
from drillbook.validation.loader import load, load_run

REPORTS = Path("reports")


@dataclass(frozen=True)
class Drilled:
    """A drill that was run."""

    run_directory: Path
    judgement: Judgement | None
    """None where not even the evidence so far could be judged."""
    report: Path | None
    error: DrillbookError | None
    """What kept the harness from finishing."""
    interrupted_by: int | None
    """The signal that ended it early."""
    seed: int
    replay: str

    @property
    def exit_code(self) -> int:
        """By the verdict, unless the harness failed or was interrupted."""
        if self.interrupted_by is not None:
            return int(Exit.TERMINATED if self.interrupted_by == signal.SIGTERM else Exit.INTERRUPTED)
        if self.error is not None:
            return int(self.error.exit_code)
        return self.judgement.verdict.exit_code if self.judgement else int(Exit.INCONCLUSIVE)


class Interrupted(BaseException):
    """Raised in the main thread by the first SIGINT or SIGTERM."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def new_seed() -> int:
    """A seed for a drill that was given none."""
    return SystemRandom().randrange(1_000_000)


def run_drill(
    path: Path,
    seed: int,
    output: Path | None = None,
    keep: bool = False,
    progress: Progress | None = None,
    changes: Sequence[ScenarioChange] = (),
) -> Drilled:
    """Run one scenario file.

    Args:
        path: the scenario file.
        seed: decides arrivals and victims.
        output: the directory for results; ``<output>/<scenario>/<time>-<seed>/``.
        keep: keep the containers afterwards, its workers stopped.
        progress: told what happens.
        changes: values of the scenario that are other than in the file.

    Raises:
        ScenarioError: the file is bad; nothing was started.
        HarnessError: no engine, no image, no room: nothing was started.
    """
    progress = progress or Progress()
    scenario = load(path, changes)
    scenario_name = name(path)
    replay = shlex.join(["drillbook", "run", os.path.relpath(path), "--seed", str(seed), *(f"--set={change.text}" for change in changes)])
    images = stage_images(scenario, path.parent, progress)
    run = RunDirectory(_new_directory((output or REPORTS) / scenario_name, seed))
    run_id = f"{run.path.name.lower()}-{secrets.token_hex(3)}"
    _write_head(run, path, scenario, seed, replay, run_id, images, changes)
    return _Drill(scenario, path, seed, run, run_id, replay, keep, progress).run(images)


class _Drill:
    """The run itself, so that each phase is a method."""

    def __init__(
        self, scenario: RunnableScenario, path: Path, seed: int, run: RunDirectory, run_id: str, replay: str, keep: bool, progress: Progress
    ) -> None:
        self._scenario, self._path, self._seed = scenario, path, seed
        self._run, self._run_id, self._replay = run, run_id, replay
        self._keep, self._progress = keep, progress

    def run(self, images: StageImages) -> Drilled:
        error: DrillbookError | None = None
        stage = Stage(self._scenario, self._path.parent, self._run, self._run_id, images, self._progress.note)
        conductor: Conductor | None = None
        with _Signals() as signals:
            try:
                self._progress.phase("stage", "starting broker, database, tap, proxies, workers")
                self._run.event("phase", "stage", "begin")
                stage.start()
                self._run.event("phase", "stage", "end")
                conductor = Conductor(self._scenario, make_plan(self._scenario, self._seed), stage, self._run, self._progress)
                conductor.drive()
                conductor.rest()
            except DrillbookError as failure:
                error = failure
            except Exception as defect:
                error = self._defect(defect, stage.redact)
            except Interrupted:
                self._progress.note(
                    "interrupted: stopping the load, clearing faults, saving evidence; press Ctrl-C again to quit immediately"
                )
            signals.raising = False
            for finish in (conductor.collect if conductor else None, stage.save_logs, None if self._keep else stage.close):
                error = self._attempt(finish, error, stage.redact)
            if self._keep:
                self._progress.note(f"containers kept; remove them with drillbook clean {self._run_id}")
            error = self._attempt(lambda: self._epilogue(stage.redact(str(error)) if error else None), error, stage.redact)
            judgement, report = self._judge(error, signals.first)
            if error is not None:
                error.message, error.hint = stage.redact(error.message), stage.redact(error.hint)
        return Drilled(self._run.path, judgement, report, error, signals.first, self._seed, self._replay)

    def _attempt(
        self, act: Callable[[], object] | None, error: DrillbookError | None, redact: Callable[[str], str]
    ) -> DrillbookError | None:
        """Do one part of finishing; what goes wrong in it does not keep the next part from being done, and the first error is told."""
        try:
            if act is not None:
                act()
            return error
        except DrillbookError as failure:
            told = failure
        except Exception as defect:
            told = self._defect(defect, redact)
        if error is not None:
            self._progress.note(redact(str(told)))
        return error or told

    def _defect(self, defect: Exception, redact: Callable[[str], str]) -> DefectError:
        """An error that is no sentence, kept for whoever mends the harness; the stage is cleaned up all the same."""
        log = self._run.path / "logs" / "harness.log"
        with suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(redact("".join(traceback.format_exception(defect))))
        return DefectError(redact(f"internal error: {defect!r}."), f"What it was doing is in {log}; please report it.")

    def _epilogue(self, said: str | None) -> None:
        """The last line of the timeline, where the harness failed."""
        if said is not None:
            self._run.event("note", "harness", "said", detail=said)
        self._run.close()

    def _judge(self, error: DrillbookError | None, interrupted_by: int | None) -> tuple[Judgement | None, Path | None]:
        self._progress.phase("judge")
        try:
            with open_run(self._run.path, load_run(self._run.path)) as run:
                judgement = judge(run)
                return judgement, report.write(run, judgement)["report.html"]
        except (DrillbookError, OSError) as failure:
            if error is None and interrupted_by is None:
                raise
            self._progress.note(f"not judged: {failure}")
            return None, None


class _Signals:
    """While open, the first SIGINT or SIGTERM raises `Interrupted` in the main thread, or is only noted; the second leaves at once."""

    def __init__(self) -> None:
        self.raising = True
        self.first: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.first is not None:
            os._exit(Exit.TERMINATED if number == signal.SIGTERM else Exit.INTERRUPTED)
        self.first = number
        if self.raising:
            raise Interrupted(number)


def stage_images(scenario: RunnableScenario, folder: Path, progress: Progress) -> StageImages:
    """Every image of the stage, on this machine."""
    progress.phase("images", "already here, pulled, or built")
    return ensure_images([component.image for component in components_of(scenario)], folder, progress.note)


def _new_directory(parent: Path, seed: int) -> Path:
    """A directory that was not there, even if another drill starts in the same second.

    Raises:
        HarnessError: it cannot be made.
    """
    stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{seed}"
    for number in count(1):
        path = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            if not path.is_dir():
                raise HarnessError(f"cannot make the run directory {path}: a file is in its way.") from None
        except OSError as error:
            raise HarnessError(f"cannot make the run directory {path}: {error.strerror}.", "Choose another --output.") from error
        else:
            return path
    raise AssertionError


def _write_head(
    run: RunDirectory,
    path: Path,
    scenario: RunnableScenario,
    seed: int,
    replay: str,
    run_id: str,
    images: StageImages,
    changes: Sequence[ScenarioChange],
) -> None:
    """What is known before anything starts: the scenario as it is, the user's invariants, the plan, the environment."""
    steps = all_step_names(scenario.playbook.command, path.parent, "playbook", scenario.playbook.named_steps)
    if changes:
        run.keep("scenario.yaml", changed_text(path, changes).encode())
    else:
        run.copy(path, "scenario.yaml")
    for own in scenario.invariants:
        if (path.parent / f"{own}.sql").exists():
            run.copy(path.parent / f"{own}.sql", f"invariants/{own}.sql")
    run.write(make_plan(scenario, seed).document(steps))
    run.write(environment(path, seed, replay, run_id, images))
