"""What other programs use of Drillbook; the rest is private by convention."""

from __future__ import annotations

from pathlib import Path

from drillbook.judge.judge import Look
from drillbook.judge.judge import judge as judge_as
from drillbook.judge.verdict import Judgement
from drillbook.validation.loader import load_run


def judge(run_directory: Path, look: Look | None = None) -> Judgement:
    """Judge a run, a stored one or one made by hand.

    Args:
        run_directory: holds ``scenario.yaml`` and the evidence; the user's own invariants in ``invariants/``.
        look: called once, to ask the loaded evidence for more.

    Raises:
        UsageError: there is no such run, its scenario or an invariant cannot be used, or a file holds something that is no evidence.
    """
    return judge_as(run_directory, load_run(run_directory), look)
