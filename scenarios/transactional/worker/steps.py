"""What is done for an order, a step a message.

    reserve -> charge -> ship                 an order that can be delivered: completed
    reserve -> charge -> ship -> undo         one that cannot: refunded and released, compensated
    reserve -> charge -> insure -> ship       as v2 does it

What v1 cannot do it can undo: it was taught to cancel insurances before v2 came, or v2 could not be taken back.
A step calls services first, if it must: a call cannot be in a transaction, so it carries an idempotency key and may be made again. What a
step then changes is given back as an Outcome, which the worker writes in one transaction. Nothing here touches broker or database.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

OUTSIDE = ("charge", "insure", "undo")
"""Steps that call someone: no transaction can hold them, so the order's row says that they have begun before the call is made."""


@dataclass(frozen=True)
class Order:
    """What a step knows of its order."""

    task: str
    kind: str
    insured: bool = False
    """An insurance was begun for it, by v2, and not cancelled."""


@dataclass(frozen=True)
class Outcome:
    """What one step changes, all of it in one transaction."""

    effects: tuple[str, ...] = ()
    then: str | None = None
    """The next step: one row in the outbox."""
    ends: Literal["completed", "compensated"] | None = None
    """How the order ended, if this was its last step."""
    policy: Literal["confirmed", "cancelled"] | None = None
    """What became of its insurance."""


Call = Callable[[str], None]
"""Calls a service for this order, again and again until it has answered."""


class UnknownStepError(Exception):
    """A step that this version was never taught: its message goes to the dead-letter queue, where a person looks at it."""


@dataclass(frozen=True)
class Steps:
    """The steps of one version.

    Args:
        after_charge: where v2 differs: it insures what v1 ships at once.
        underwrite: how long it takes the insurer to make up its mind.
    """

    after_charge: str
    underwrite: Callable[[], None]

    def do(self, step: str, order: Order, call: Call) -> Outcome:
        """Do a step; a second time, with the same keys, changes nothing outside.

        Raises:
            UnknownStepError: this version has no such step.
        """
        match step:
            case "reserve":
                return Outcome(effects=("reserve",), then="charge")
            case "charge":
                call("payments")
                return Outcome(effects=("charge",), then=self.after_charge)
            case "insure" if self.after_charge == "insure":
                self.underwrite()
                call("insurances")
                return Outcome(effects=("insure",), then="ship", policy="confirmed")
            case "ship" if order.kind == "undeliverable":
                return Outcome(then="undo")
            case "ship":
                return Outcome(effects=("ship",), ends="completed")
            case "undo":
                call("refunds")
                if not order.insured:
                    return Outcome(effects=("release",), ends="compensated")
                call("cancellations")
                return Outcome(effects=("release",), ends="compensated", policy="cancelled")
        raise UnknownStepError(step)
