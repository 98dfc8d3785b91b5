"""What a fault is: typed parameters, and four short methods called once for each victim."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

Pick = Literal["one", "all"] | int


class Container(Protocol):
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


class Link(Protocol):
    """One network path of the stage, with a Toxiproxy proxy of its own."""

    name: str

    def delay(self, owner: object, delay_seconds: float, jitter_seconds: float) -> None:
        """Delay every chunk of bytes, in each direction, until the owner heals it."""

    def drop(self, owner: object) -> None:
        """Let connections stand and swallow every byte, both ways, until the owner heals it."""

    def refuse(self, owner: object) -> None:
        """Close every connection and refuse new ones, until the owner heals it."""

    def heal(self, owner: object) -> None:
        """Take back what this owner did; what others did to the link stays."""

    def round_trip_seconds(self, within: float) -> float | None:
        """Time of one question and answer through the link by a connection of its own; None when none came ``within`` seconds."""


class Stage(Protocol):
    """The part of the stage that faults act on."""

    def container(self, name: str) -> Container: ...
    def link(self, name: str) -> Link: ...


class Fault(BaseModel, ABC):
    """One kind of fault. A subclass in a file of its own in this folder is found by its ``kind``.

    Every method is called once a victim: the name of one link or one container, drawn from the seed by the plan.
    ``end`` and ``lifted`` must work when the victim is dead.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str]
    undo: ClassVar[str]
    """What undoes it, for a person who finds it on disk after the harness died."""
    momentary: ClassVar[bool] = False
    """True where the fault has no duration of its own: ``for`` is refused."""
    stays: ClassVar[bool] = False
    """True where the fault is not undone unless ``for`` says when."""
    pick: Pick = Field(
        default="all", description="How many of the named victims it hits: one, all, or a number; which ones is drawn from the seed."
    )

    @property
    @abstractmethod
    def aim(self) -> str:
        """The link or container reference this fault aims at."""

    @abstractmethod
    def begin(self, stage: Stage, victim: str) -> None:
        """Make it happen."""

    @abstractmethod
    def bit(self, stage: Stage, victim: str) -> bool:
        """Proof, from outside, that it took hold; asked until true or a deadline."""

    @abstractmethod
    def end(self, stage: Stage, victim: str) -> None:
        """Undo it."""

    @abstractmethod
    def lifted(self, stage: Stage, victim: str) -> bool:
        """Proof, from outside, that it is gone; asked until true or a deadline."""
