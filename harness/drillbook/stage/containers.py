"""The containers of one run: made under the run's name and labels, found by their role, asked until they are ready."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until
from drillbook.engine.containers import Handle, StageContainer, last_words
from drillbook.engine.engine import Say
from drillbook.engine.labels import labels

ASKED_EVERY_SECONDS = 0.15
"""Between two questions whether a part is ready: each takes milliseconds of processor from the part that starts."""
LOOKS_A_LIFE = 10
"""Questions to a service for each one to the engine, whether its container lives."""
IsReady = Callable[[], bool]


class RunContainers:
    """Makes and keeps the containers of a stage.

    Args:
        run_id: of the run, on every label.
        network: name of the run's network.
        say: told what is ready, for the person who waits.
        redact: takes the run's secrets out of a text.
        ready_within: seconds a part may take until it is ready.
    """

    def __init__(self, run_id: str, network: str, say: Say, redact: Callable[[str], str], ready_within: float) -> None:
        self._run_id, self._network, self._say, self._redact = run_id, network, say, redact
        self._ready_within = ready_within
        self._handles: dict[str, Handle] = {}

    def __getitem__(self, role: str) -> Handle:
        return self._handles[role]

    def __contains__(self, role: str) -> bool:
        return role in self._handles

    def __iter__(self) -> Iterator[Handle]:
        return iter(self._handles.values())

    def make(self, role: str, image: str, answers: IsReady = lambda: True, **more: object) -> StageContainer:
        """A container, not yet created.

        Args:
            role: its name on the stage: ``broker``, ``workers.v2.1``.
            image: a reference that is on the machine.
            answers: asks the service inside whether it is ready.
            more: as ``StageContainer`` takes it.
        """
        name = f"{self._network}-{role}"
        container = StageContainer(image, role, name, self._network, labels(self._run_id, role), **more)  # type: ignore[arg-type]
        self._handles[role] = Handle(container, answers)
        return container

    def ready(self, role: str) -> None:
        """Ask until a part answers; a part that ended meanwhile is not waited for.

        Raises:
            HarnessError: it does not answer; with its last words.
        """
        handle = self._handles[role]
        looks = count(1)

        def answered_or_dead() -> bool:
            # The engine is asked now and then only: it works as hard for an answer as the service that starts.
            return handle.service_answers() or (next(looks) % LOOKS_A_LIFE == 0 and handle.status in ("exited", "gone"))

        until(answered_or_dead, self._ready_within, every=ASKED_EVERY_SECONDS)
        if not handle.answers():
            fate = "ended while it started" if handle.status in ("exited", "gone") else f"was not ready within {self._ready_within:g} s"
            hint = "Its image, command and environment are in stage of the scenario file; ready_within there gives it more time."
            raise HarnessError(f"{role} {fate}: {self.last_words(role)}", hint)
        self._say(f"{role} ready")

    def last_words(self, role: str) -> str:
        """The last lines a container logged, without secrets."""
        return self._redact(last_words(self._handles[role].container))
