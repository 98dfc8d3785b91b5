"""The moment of a fault that is a message on the wire: the tap counts, and tells when it has come; and what to say where it never did."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from threading import Event

from drillbook.core.wait import until
from drillbook.faults import FaultStage
from drillbook.faults.base import RuleAction
from drillbook.tap.rules import Rule

ARMED_WITHIN_SECONDS = 60.0
"""The tap reads its rules at once; a machine under load takes its time."""
DROPPED_WITHIN_SECONDS = 60.0
"""Between a client's end and the tap's hearing of it lie a proxy and two sockets."""
_ANY_TIME = float("inf")


class WireMoment:
    """One rule of the tap, awaited.

    Args:
        rule: what the tap counts, and what it does to it.
        stage: the stage of the tap.
        settle: set when the drill settles: the message is not waited for any longer.
    """

    def __init__(self, rule: Rule, stage: FaultStage, settle: Event) -> None:
        self.rule = rule
        self._tap, self._settle = stage.tap, settle

    def arm(self) -> None:
        """Have the tap count."""
        self._tap.arm(self.rule)

    def is_armed(self) -> bool:
        """Wait until the tap counts; False where it did not take the rule in time."""
        return until(partial(self._tap.armed, self.rule), ARMED_WITHIN_SECONDS, stop=self._settle)

    def comes(self) -> bool:
        """Wait for the first message that the tap acts on; False when the drill settles before."""
        until(self.has_come, _ANY_TIME, stop=self._settle)
        return self.has_come()

    def has_come(self) -> bool:
        """Whether the tap has acted on a message."""
        return self._tap.acted(self.rule) > 0

    def first(self) -> RuleAction:
        """What the tap said of the first message."""
        return self._tap.acts(self.rule)[0]

    def told(self) -> str:
        """What the tap did to the first message: ``ack held: charge-000103 of workers.v1.1``."""
        act = self.first()
        return f"{act.what}: {act.task or 'a message without an id'} of {act.peer}"

    def ends(self) -> None:
        """Wait until the tap has done all that the rule asks, or the drill settles."""
        until(partial(self._tap.finished, self.rule), _ANY_TIME, stop=self._settle)

    def is_dropped(self, victims: Collection[str]) -> bool:
        """Wait until the tap has dropped what it holds, since a fault has ended its connection.

        Args:
            victims: of the fault; False at once where the message was none of theirs.
        """
        act = self.first()
        if not {act.peer, act.link, "broker"} & set(victims):
            return False
        return until(partial(self._tap.finished, self.rule), DROPPED_WITHIN_SECONDS)

    def let_go(self) -> bool:
        """Have the tap forget the rule; False where it did not say so in time."""
        self._tap.disarm(self.rule)
        return until(partial(self._tap.disarmed, self.rule), ARMED_WITHIN_SECONDS)

    def shortfall(self) -> str | None:
        """Once it is disarmed: what the rule asked and the tap did not do, as a sentence's end; None where nothing is missing."""
        acted, passed = self._tap.acted(self.rule), self._tap.passed(self.rule)
        if acted >= self.rule.count:
            return None
        if not self._tap.armed(self.rule):
            return "the tap did not take its rule"
        many = "the tap does not say how many such messages passed" if passed is None else f"{passed} such messages passed"
        return f"{acted} of {self.rule.count} were hit: {many}" if acted else f"{self} never passed: {many}"

    def __str__(self) -> str:
        """``the 100th ack on workers.v1.1 -> broker``."""
        rule = self.rule
        ending = "th" if rule.nth % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(rule.nth % 10, "th")
        task = f" of {rule.task}" if rule.task else ""
        return f"the {rule.nth}{ending} {rule.event}{task} on {' or '.join(rule.links)}"
