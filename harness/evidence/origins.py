"""Whose a task is: the ledger's, caused by one of those, or a scheduler's own.

*Of the ledger*: published by the load or the operator. *Caused*: first published by a worker while it had a task in hand, or after it was
given one of the ledger's or one caused by them, as it may have acknowledged it before. *Scheduled*: first published by a worker's container
that was never given such a task, as Celery's beat does on its own; or by one that had only scheduled tasks in hand. Where it is not clear a
task is taken for caused. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

OfLedger = Callable[[str], bool]
"""Whether an id is one that the load gives."""


def ids_of_load(types: Iterable[str]) -> OfLedger:
    """Knows the ids of the load's tasks by their form: the type and a number of six digits or more.

    Args:
        types: the load's task types.
    """
    known = frozenset(types)

    def of_load(task: str) -> bool:
        kind, _, number = task.rpartition("-")
        return kind in known and len(number) >= 6 and number.isdecimal()

    return of_load


class Origins:
    """Told of publishes and deliveries in their order, it knows which tasks are a scheduler's own.

    Args:
        of_ledger: whether an id is the ledger's; its publishes need not be told.
    """

    def __init__(self, of_ledger: OfLedger) -> None:
        self._of_ledger = of_ledger
        self.scheduled: set[str] = set()
        self._caused: set[str] = set()
        self._served: set[str] = set()
        """Clients that were given a task that is not scheduled."""

    def published(self, peer: str, task: str, in_hand: Iterable[str]) -> None:
        """A client publishes a task.

        Args:
            peer: the client.
            task: the task's id.
            in_hand: the tasks that this client has not settled yet; read only where they matter.
        """
        if task not in self.scheduled and task not in self._caused and not self._of_ledger(task):
            (self.scheduled if self._by_itself(peer, in_hand) else self._caused).add(task)

    def given(self, peer: str, task: str) -> None:
        """A client is given a task."""
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
