"""Lose messages on their way, as a connection that breaks does with what it carries."""

from collections.abc import Iterable
from dataclasses import replace

from pydantic import Field

from drillbook.faults.base import Objection, Use
from drillbook.faults.wire_fault import WireFault
from drillbook.tap.rules import Rule

NUMBERED = ("publish", "deliver")
"""What confirms and acknowledgements name by its number; those of several at once would cover the one that was lost."""


class Drop(WireFault):
    """Let messages vanish on their way: an acknowledgement that never reaches the broker, a confirm that never reaches the publisher."""

    kind = "drop"
    action = "drop"
    sever: bool = Field(
        default=True,
        description="The connection ends right after, as it does when a message really gets lost. false: it stays open, and neither end "
        "learns of the loss; not for publish and deliver, which both ends number.",
    )

    def asks(self, rule: Rule) -> Rule:
        return replace(super().asks(rule), sever=self.sever)

    def objections(self, use: Use) -> Iterable[Objection]:
        if not self.sever and use.message in NUMBERED:
            yield Objection(
                "sever",
                f"no connection loses a {use.message} and goes on: both its ends number them, and would mistake each other from there on",
            )
