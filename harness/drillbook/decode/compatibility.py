"""What a version can decode of a run's messages: as its worker answered in the drill, or as another image answers now."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drillbook.core.errors import HarnessError, UsageError
from drillbook.decode.answers import Answers
from drillbook.decode.messages import NAME, about
from drillbook.decode.worker import asked
from drillbook.evidence.kinds.decoded import Decoded
from drillbook.evidence.run_directory import line
from drillbook.judge.judge import judge
from drillbook.judge.run import Run, open_run
from drillbook.judge.verdict import Compatibility
from drillbook.scenario import Scenario

_STEM = "decoded"


@dataclass(frozen=True)
class Found:
    """What was answered."""

    rows: tuple[Compatibility, ...]
    problem: str
    """Why answers are missing, as a sentence's end; empty where none are."""


def as_answered(run: Run) -> Found:
    """What the worker answered in the drill; needs no Docker.

    Raises:
        UsageError: its drill asked nobody.
    """
    if not run.has(_STEM):
        raise UsageError(
            f"nobody was asked in {run.path}: it has no {_STEM}.jsonl.", "A scenario with the key decode has its messages kept."
        )
    problems = [reason for name, state, reason in run.evidence if name == _STEM and state != "complete"]
    return Found(judge(run).compatibility, "".join(problems))


def asked_again(run_directory: Path, scenario: Scenario, image: str) -> Found:
    """What another image answers to the run's messages now. The run's own evidence stays as it is.

    Raises:
        UsageError: its drill kept no messages.
        HarnessError: the image cannot be asked.
    """
    messages = run_directory / NAME
    if not messages.exists():
        raise UsageError(f"{run_directory} has no {NAME}: its drill kept no messages.", "A scenario with the key decode has them kept.")
    if scenario.decode is None:
        raise UsageError(f"{run_directory / 'scenario.yaml'} does not say how a worker is asked.", "That is its key decode.")
    with messages.open(encoding="utf-8") as lines:
        answers = Answers(scenario.decode.by, {content["message"]: about(content) for content in map(json.loads, lines)})
    found: list[Decoded] = []
    problem = asked(answers, scenario, scenario.decode, image, messages, f"decode-{run_directory.name.lower()}", found.append)
    if not found and problem:
        raise HarnessError(f"{problem}.", f"It was asked with {' '.join(scenario.decode.command)}, in {image}.")
    with _beside(run_directory, found) as copy, open_run(copy, scenario) as run:
        return Found(judge(run).compatibility, problem)


@contextmanager
def _beside(run_directory: Path, answers: list[Decoded]) -> Iterator[Path]:
    """The run directory with other answers, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="drillbook-decode-") as folder:
        copy = Path(folder)
        for path in run_directory.resolve().iterdir():
            if path.name != f"{_STEM}.jsonl":
                (copy / path.name).symlink_to(path)
        (copy / f"{_STEM}.jsonl").write_text("".join(line(answer) + "\n" for answer in answers), encoding="utf-8")
        yield copy
