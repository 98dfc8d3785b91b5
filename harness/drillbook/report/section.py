"""A section of the page: a file in ``sections/`` that declares it, and the template of the same name beside it.

Pure: a run and its judgement in, plain data out. A fact whose evidence is absent is None or an empty list, and the template says so.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from drillbook.judge.verdict import Judgement
from drillbook.report import sections
from drillbook.report.series import Axis
from drillbook.report.source import ReportSource

Facts = Mapping[str, object]
"""What a template is given, by name."""


@dataclass(frozen=True)
class Reported:
    """What every section is made from."""

    source: ReportSource
    judgement: Judgement
    time: Axis | None
    """None where the run has no moment at all."""


@dataclass(frozen=True)
class Section:
    """What a section says of itself; its anchor is the name of its file."""

    title: str
    """Its heading; ``{name}`` in it stands for a fact."""
    place: int
    """Sections stand in the order of their places."""
    facts: Callable[[Reported], Facts | None]
    """What its template is given beside ``source``, ``scenario``, ``judgement``, ``time`` and ``scripts``; None: it is not shown."""
    about: str
    """What the page about reports says of it, after its heading."""
    link: str | None = None
    """What it is called in the list at the head of the page; None: it is not in it."""
    look: str | None = None
    """Its class in the style sheet."""


def found() -> dict[str, Section]:
    """Every section that there is a file of, by its anchor, in the order of the page."""
    names = [module.name for module in pkgutil.iter_modules(sections.__path__)]
    declared: dict[str, Section] = {name: import_module(f"{sections.__name__}.{name}").section for name in names}
    return dict(sorted(declared.items(), key=lambda one: (one[1].place, one[0])))
