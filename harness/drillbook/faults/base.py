"""What a fault is: typed parameters, and four short methods called once for each victim."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from drillbook.core.refs import ContainerRef, LinkRef
from drillbook.tap.rules import Rule, RuleEvent

Pick = Literal["one", "all"] | int
Stream = Literal["upstream", "downstream"]
Knock = Literal["answered", "ended", "reset", "silent"]
Hits = Literal["link", "container", "message"]


@dataclass(frozen=True)
class Toxic:
    """What a proxy is to do to all that passes it, as Toxiproxy names it.

    Args:
        kind: ``latency``.
        attributes: just those that the kind has.
        streams: upstream: what the client sends; downstream: what it is sent.
        anew: connections that are open end, and new ones meet it from their beginning on.
    """

    kind: str
    attributes: Mapping[str, int]
    streams: Sequence[Stream] = ("upstream", "downstream")
    anew: bool = False


@dataclass(frozen=True)
class Use:
    """Where a scenario has a fault."""

    links: Sequence[str]
    """Those that it aims at; none for a container."""
    message: RuleEvent | None
    """What passes on the wire when it begins; None: it comes at another moment."""


@dataclass(frozen=True)
class Objection:
    """Why a fault cannot be as the file has it.

    Args:
        key: the parameter that is wrong.
        why: for the person who wrote it.
    """

    key: str
    why: str


class FaultContainer(Protocol):
    """A container of the stage, as a fault may touch it."""

    name: str

    @property
    def status(self) -> str:
        """``running``, ``paused``, ``exited``, ``created`` or ``gone``."""

    @property
    def started_at(self) -> str:
        """When its main process was last started, as the engine says it."""

    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def unpause(self) -> None: ...
    def start(self) -> None: ...
    def restart(self) -> None: ...
    def answers(self) -> bool:
        """Whether the service inside answers its readiness question now."""


class OpenConnection(Protocol):
    """An open connection through a link."""

    def ended(self) -> bool:
        """Whether the other side has ended it, by now."""

    def close(self) -> None: ...


class FaultLink(Protocol):
    """One network path of the stage, with a Toxiproxy proxy of its own."""

    name: str

    def poison(self, owner: object, toxic: Toxic) -> None:
        """Put a toxic on it, until the owner heals it."""

    def refuse(self, owner: object) -> None:
        """Close every connection and refuse new ones, until the owner heals it."""

    def heal(self, owner: object) -> None:
        """Take back what this owner did; what others did to the link stays."""

    def round_trip_seconds(self, within: float) -> float | None:
        """Time of one question and answer through the link by a connection of its own; None when none came ``within`` seconds."""

    def echo_seconds(self, size: int, within: float) -> float | None:
        """Time of so many bytes there and, once all have come, back, by a connection of its own; None when they did not come back."""

    def knock(self, within: float) -> Knock:
        """What comes of a hello by a connection of its own, as clients in containers see it."""

    def stand(self, within: float) -> OpenConnection | None:
        """Open a connection that says nothing after its hello; None when nothing answered."""


class RuleAction(Protocol):
    """What the tap said of a message that it acted on."""

    @property
    def what(self) -> str:
        """``ack dropped``, ``deliver held``, ``channel closed`` …"""

    @property
    def link(self) -> str | None: ...
    @property
    def peer(self) -> str | None:
        """Whose message it was: the container or program at the client's end."""

    @property
    def task(self) -> str | None: ...


class FaultTap(Protocol):
    """The wire tap, which does what a rule says to messages that pass. A tap that is dead holds nothing and says nothing."""

    def arm(self, rule: Rule) -> None:
        """Have it count from now on, and act on the messages of the rule; arming an armed one again changes nothing."""

    def armed(self, rule: Rule) -> bool:
        """Whether it has said that it counts; true of a rule that was disarmed since, too."""

    def acts(self, rule: Rule) -> Sequence[RuleAction]:
        """What it has said of the rule's messages, in order."""

    def acted(self, rule: Rule) -> int:
        """How many messages it has acted on, by what it said."""

    def passed(self, rule: Rule) -> int | None:
        """Once it is disarmed: how many messages of the rule's kind passed while it was armed; None where it has not said so."""

    def finished(self, rule: Rule) -> bool:
        """Whether it has acted on all the rule's messages, and holds none of them any more."""

    def disarm(self, rule: Rule) -> None:
        """Have it forget the rule, and let go at once what it holds for it."""

    def disarmed(self, rule: Rule) -> bool:
        """Whether it has said so, or is dead."""


class FaultStage(Protocol):
    """The part of the stage that faults act on."""

    @property
    def tap(self) -> FaultTap: ...

    def container(self, name: str) -> FaultContainer: ...
    def link(self, name: str) -> FaultLink: ...


class Fault(BaseModel, ABC):
    """One kind of fault. A subclass in a file of its own in this folder is found by its ``kind``.

    ``begin``, ``took_effect``, ``end`` and ``cleared`` are called once a victim: the name of one link or one container, drawn from the seed
    by the plan. ``end`` and ``cleared`` must work when the victim is dead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str]
    hits: ClassVar[Hits]
    undo: ClassVar[str]
    """What undoes it, for a person who finds it on disk after the harness died."""
    momentary: ClassVar[bool] = False
    """True where the fault has no duration of its own: ``for`` is refused."""
    stays: ClassVar[bool] = False
    """True where the fault is not undone unless ``for`` says when."""
    blocks: ClassVar[bool] = False
    """True where nothing passes its link while it is in effect, so that the wire cannot show who meets it."""
    examples: ClassVar[Sequence[Mapping[str, str]]] = ({},)
    """Parameters worth a try, beside what it aims at, as a scenario file has them: what the fault soak and tests of every fault take."""
    pick: Pick = Field(
        default="all", description="How many of the named victims it hits: one, all, or a number; which ones is drawn from the seed."
    )

    @property
    @abstractmethod
    def aim(self) -> str:
        """The link or container reference this fault aims at."""

    @property
    def severs(self) -> bool:
        """Whether it ends the connections of what it hits, so that a message which the tap holds for one of them is never sent."""
        return False

    def objections(self, _use: Use) -> Iterable[Objection]:
        """Why it cannot be as the file has it, where its parameters alone do not show it."""
        return ()

    @abstractmethod
    def begin(self, stage: FaultStage, victim: str) -> None:
        """Make it happen."""

    @abstractmethod
    def took_effect(self, stage: FaultStage, victim: str) -> bool:
        """Proof, from outside, that it took hold; asked until true or a deadline."""

    @abstractmethod
    def end(self, stage: FaultStage, victim: str) -> None:
        """Undo it."""

    @abstractmethod
    def cleared(self, stage: FaultStage, victim: str) -> bool:
        """Proof, from outside, that it is gone; asked until true or a deadline."""


class LinkFault(Fault):
    """A fault that does something to all that passes a link; healing the link undoes it."""

    hits: ClassVar[Hits] = "link"
    undo: ClassVar[str] = "delete the link's proxy and make it again"
    link: LinkRef

    @property
    def aim(self) -> str:
        return self.link

    def end(self, stage: FaultStage, victim: str) -> None:
        stage.link(victim).heal(self)


class ContainerFault(Fault):
    """A fault that does something to a container."""

    hits: ClassVar[Hits] = "container"
    target: ContainerRef

    @property
    def aim(self) -> str:
        return self.target
