"""Runners: one file or folder each, found by its ``key``; other distributions add theirs by the entry point group ``drillbook.runners``.

In: what a scenario says of a program. Out: its command line, its steps as far as they can be read, its gate. ``runner`` says what a runner
is. A runner starts nothing, and knows neither the drill nor its stage.
"""

from __future__ import annotations

from typing import Any

from drillbook.core.additions import by_name, import_all
from drillbook.playbook.runner import Runner

GROUP = "drillbook.runners"
"""Entry points of this group name a class, a subclass of `Runner`."""
ANY = "run"
"""The key of the runner of any command line, which comes first where keys are listed and last where one is asked for."""


def _found() -> dict[str, Runner[Any]]:
    """One of each, by key.

    Raises:
        UsageError: what another distribution adds cannot be imported, or two have the same key.
    """
    import_all(__name__, __path__, GROUP, "runner")
    found = by_name(Runner.__subclasses__(), "key", "runner")
    return {key: found[key]() for key in sorted(found, key=lambda key: key != ANY)}


RUNNERS: dict[str, Runner[Any]] = _found()
"""By key."""
BROUGHT_BY: dict[str, str] = {program: how for runner in RUNNERS.values() for program, how in runner.brought_by.items()}
"""Programs that drills need and not every machine has."""


def runner_of(words: tuple[str, ...]) -> Runner[Any]:
    """Whose a command line is."""
    return next((runner for key, runner in RUNNERS.items() if key != ANY and runner.takes(words)), RUNNERS[ANY])
