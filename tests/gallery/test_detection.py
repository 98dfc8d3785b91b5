"""Planted bugs turn exactly their invariants red and their known-good controls stay green, on real containers.

A few are run with every `pytest tests`; the whole gallery takes minutes: ``pytest tests/gallery -m gallery -n 2 --dist load``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .bug import Bug, bases, bugs
from .drill import complaint, remove_images, run_known_good, run_planted

ALWAYS = ("F2", "F20")
"""Bugs that every run of the tests plants, with their base: the fast ones."""
ALWAYS_BASES = tuple({bug.base for bug in bugs() if bug.id in ALWAYS})


def parameters(names: list[str], always: tuple[str, ...]) -> list[object]:
    """The names as parameters, those not always run with the mark that leaves them out by default."""
    return [pytest.param(name, marks=() if name in always else pytest.mark.gallery) for name in names]


@pytest.mark.parametrize("base", parameters(bases(), ALWAYS_BASES))
def test_the_sound_drill_holds(base: str, tmp_path: Path) -> None:
    assert complaint(run_known_good(base, tmp_path), ()) == ""


@pytest.mark.parametrize("number", parameters([bug.id for bug in bugs()], ALWAYS))
def test_a_planted_bug_turns_exactly_its_invariants_red(number: str, tmp_path: Path) -> None:
    bug: Bug = next(bug for bug in bugs() if bug.id == number)
    outcome = run_planted(bug, tmp_path)
    remove_images(bug, [outcome])
    assert complaint(outcome, bug.red) == ""
