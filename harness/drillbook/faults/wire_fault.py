"""What the faults have in common that the wire tap makes: they hit messages, which their entry's ``on`` counts."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from pydantic import PrivateAttr

from drillbook.core.refs import LinkRef
from drillbook.faults.base import Fault, FaultStage, Hits
from drillbook.tap.rules import Action, Rule


class WireFault(Fault):
    """A fault that the tap makes by a rule, over all its links together; its victims are links, whichever of them the messages pass."""

    hits: ClassVar[Hits] = "message"
    undo: ClassVar[str] = "empty the run's tap/rules.json and send the container of the tap SIGHUP"
    momentary: ClassVar[bool] = True
    action: ClassVar[Action]
    link: LinkRef
    _rule: Rule | None = PrivateAttr(default=None)

    @property
    def aim(self) -> str:
        return self.link

    @property
    def rule(self) -> Rule:
        """What the tap is asked to do."""
        assert self._rule is not None, "a fault of the plan has its rule"
        return self._rule

    def planned(self, rule: Rule) -> Self:
        """This fault with its rule, which the plan made of the entry's ``on``.

        Args:
            rule: of its moment; what is done to the messages is for the fault to say.
        """
        copy = self.model_copy()
        copy._rule = self.asks(rule)
        return copy

    def asks(self, rule: Rule) -> Rule:
        """The rule with what this fault does to the messages."""
        return replace(rule, action=self.action)

    def begin(self, stage: FaultStage, _: str) -> None:
        stage.tap.arm(self.rule)

    def took_effect(self, stage: FaultStage, _: str) -> bool:
        return stage.tap.acted(self.rule) > 0

    def end(self, stage: FaultStage, _: str) -> None:
        stage.tap.disarm(self.rule)

    def cleared(self, stage: FaultStage, _: str) -> bool:
        return stage.tap.disarmed(self.rule)
