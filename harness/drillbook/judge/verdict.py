"""What the judge says, as plain data: what ``verdict.json`` holds and every report is made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from drillbook.core.errors import Exit


class Verdict(StrEnum):
    """Of an invariant and of a drill; ordered broken over inconclusive over held."""

    HELD = "held"
    INCONCLUSIVE = "inconclusive"
    BROKEN = "broken"

    @property
    def exit_code(self) -> int:
        """What a command exits with that says this verdict."""
        return int({Verdict.HELD: Exit.HELD, Verdict.BROKEN: Exit.BROKEN, Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE}[self])


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict of the whole: broken if any is, else inconclusive if any is, else held; of nothing: inconclusive."""
    order = [Verdict.HELD, Verdict.INCONCLUSIVE, Verdict.BROKEN]
    return max(verdicts, key=order.index, default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True)
class StoryMoment:
    """One line of a task's story."""

    at: int
    """Nanoseconds since the epoch."""
    what: str
    """``published, confirmed``, ``delivered to workers.v2.1 from tasks.v2`` …"""
    holder: str | None = None
    """Who has the task from then on: ``load``, ``tasks.v2``, ``workers.v2.1``, ``tasks.v1 + operator``, ``nobody``; None: not told."""
    evidence: str | None = None
    """The stem of the file that tells it."""


@dataclass(frozen=True)
class Finding:
    """One counterexample to an invariant."""

    task: str | None
    """None where it is not about one task."""
    why: str
    """One sentence: why a correct run cannot show this."""
    step: str | None = None
    """The playbook's step in which it went wrong, where the evidence shows it."""
    story: tuple[StoryMoment, ...] = ()


@dataclass(frozen=True)
class Result:
    """One invariant, judged."""

    name: str
    sentence: str
    """What must hold."""
    verdict: Verdict
    count: int
    """Counterexamples in all; ``findings`` holds the first of them."""
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    """Of inconclusive: what is missing or incomplete."""
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Equation:
    """Where every task ended: published = done + dead-lettered + queued + cancelled + missing, and the outcomes of publishing."""

    planned: int
    """Tasks that were due: those of the ledger, and those of the plan where it has more."""
    ok: int
    failed: int
    unknown: int
    skipped: int
    done: int
    """Confirmed tasks with at least one effect."""
    dead: int
    queued: int
    cancelled: int
    missing: int
    """Confirmed tasks found nowhere."""
    doubled: int
    """Tasks with more than one effect."""


@dataclass(frozen=True)
class Compatibility:
    """What one version can decode of the messages of one kind that were left since the rollback began."""

    by: str
    """The version that was asked."""
    type: str | None
    version: str | None
    """Of the messages: their version header."""
    messages: int
    """Tasks, and messages without an id; one that was seen in several places counts once."""
    decoded: int
    failed: int
    reached: int
    """Of the failed: those that the version got, or that remain where it consumes."""
    reasons: tuple[str, ...] = ()
    """The first of them."""


@dataclass(frozen=True)
class Judgement:
    """A run, judged: the content of ``verdict.json``."""

    title: str
    verdict: Verdict
    sentence: str
    """The verdict in one sentence for a person."""
    results: tuple[Result, ...]
    equation: Equation | None
    preconditions: tuple[str, ...] = ()
    """Sentences about what kept the drill from proving anything: no load, a fault that never took effect, a playbook that never ran …"""
    expected_broken: tuple[str, ...] | None = None
    seed: int | None = None
    replay: str | None = None
    compatibility: tuple[Compatibility, ...] = ()
    """Empty where no version was asked what it can decode, or nothing was left."""
    notes: tuple[str, ...] = ()
    """Sentences that change no verdict: what a reader should know of how the drill went."""

    def __getitem__(self, name: str) -> Result:
        """The result of one invariant."""
        return next(result for result in self.results if result.name == name)

    def as_json(self) -> dict[str, Any]:
        """The judgement as JSON can hold it."""
        return asdict(self)
