"""What other programs use of Drillbook; the rest is private by convention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drillbook.judge import judge as judging
from drillbook.judge import run
from drillbook.judge.verdict import Judgement
from drillbook.validation.loader import load_run


@contextmanager
def open_run(run_directory: Path) -> Iterator[run.Run]:
    """Read a run directory, a stored one or one made by hand, for as long as the block lasts.

    Args:
        run_directory: holds ``scenario.yaml`` and the evidence.

    Raises:
        UsageError: there is no such run, its scenario cannot be used, or a file holds something that is no evidence.
    """
    with run.open_run(run_directory, load_run(run_directory)) as opened:
        yield opened


def judge(run_directory: Path) -> Judgement:
    """Judge a run.

    Args:
        run_directory: holds ``scenario.yaml`` and the evidence; the user's own invariants in ``invariants/``, or in it.

    Raises:
        UsageError: there is no such run, its scenario or an invariant cannot be used, or a file holds something that is no evidence.
    """
    with open_run(run_directory) as opened:
        return judging.judge(opened)
