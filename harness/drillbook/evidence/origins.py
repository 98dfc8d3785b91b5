"""Whose a task is: the ledger's, caused by one of those, or a scheduler's own.

*Of the ledger*: published by the load or the operator. *Caused*: first published by a worker while it had a task in hand, or after it was
given one of the ledger's or one caused by them, as it may have acknowledged it before. *Scheduled*: first published by a worker's container
that was never given such a task, as Celery's beat does on its own; or by one that had only scheduled tasks in hand. Where it is not clear a
task is taken for caused. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

OfLedger = Callable[[str], bool]
"""Whether an id is one that the load gives."""


def ids_of_ledger(types: Collection[str], outbox: bool) -> OfLedger:
    """Knows the ids of the load's tasks by their form: the type and a number of six digits or more.

    Args:
        types: of the load's tasks.
        outbox: what a client publishes by itself may be an outbox's, and so the ledger's: then all ids are taken for its.
    """

    def of_load(task: str) -> bool:
        kind, _, number = task.rpartition("-")
        return kind in types and len(number) >= 6 and number.isdecimal()

    return of_load if not outbox else lambda _: True


class Origins:
    """Told of publishes and deliveries in their order, it knows which tasks are a scheduler's own.

    Args:
        of_ledger: whether an id is the ledger's; its publishes need not be told.
    """

    def __init__(self, of_ledger: OfLedger) -> None:
        self._of_ledger = of_ledger
        self.scheduled: set[str] = set()
        self._caused: set[str] = set()
        self._given: set[str] = set()
        """Clients that were given a task."""
        self._served: set[str] = set()
        """Those that were given one that is not scheduled."""
        self._makers: set[str] = set()
        """Clients that made a scheduled task."""

    @property
    def schedulers(self) -> set[str]:
        """Clients that made scheduled tasks, and were never given any task."""
        return self._makers - self._given

    def published(self, peer: str, task: str, in_hand: Iterable[str]) -> None:
        """A client publishes a task.

        Args:
            peer: the client.
            task: the task's id.
            in_hand: the tasks that this client has not settled yet; read only where they matter.
        """
        if task in self.scheduled or task in self._caused or self._of_ledger(task):
            return
        if self._by_itself(peer, in_hand):
            self.scheduled.add(task)
            self._makers.add(peer)
        else:
            self._caused.add(task)

    def given(self, peer: str, task: str) -> None:
        """A client is given a task."""
        self._given.add(peer)
        if task not in self.scheduled:
            self._served.add(peer)

    def _by_itself(self, peer: str, in_hand: Iterable[str]) -> bool:
        if not peer.startswith("workers."):
            return False
        empty = True
        for task in in_hand:
            if task not in self.scheduled:
                return False
            empty = False
        return not empty or peer not in self._served
