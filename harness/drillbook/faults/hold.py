"""Hold messages back on their way, and what comes behind them, as a congested network does."""

from dataclasses import replace

from pydantic import Field

from drillbook.core.units import Duration
from drillbook.faults.wire_fault import WireFault
from drillbook.tap.rules import Rule


class Hold(WireFault):
    """Hold messages back for a time, each with all that comes behind it in that direction of its connection; then they go on in order.

    A connection that ends meanwhile takes along what is kept back of it.
    """

    kind = "hold"
    action = "hold"
    delay: Duration = Field(description="How long each is kept back.", gt=0)

    def asks(self, rule: Rule) -> Rule:
        return replace(super().asks(rule), seconds=self.delay)
