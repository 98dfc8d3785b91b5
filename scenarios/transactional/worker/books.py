"""The shop's tables: each function is one transaction of a worker."""

from __future__ import annotations

from outside import Database
from settings import Settings
from steps import Order, Outcome, UnknownStepError


class Books:
    """Inbox, orders, effects and outbox, as one worker writes them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._mine = {"worker": settings.worker, "version": settings.version}

    def begin(self, message: str, order: Order, step: str) -> bool:
        """Say that a step begins which no transaction can hold; False if the message was handled before.

        Whoever finds the order later, `executing`, knows that a service may have been called for it.
        """
        given = {**self._mine, "message": message, "task": order.task, "step": step}
        with self._database.transaction() as rows:
            rows.execute("select 1 from orders where task = %(task)s for update", given)  # or another could finish it between these two
            if self._settings.inbox and rows.execute("select 1 from inbox where message = %(message)s", given).rowcount:
                return False
            rows.execute(
                "update orders set state = 'executing', step = %(step)s, version = %(version)s, worker = %(worker)s,"
                " updated_at = clock_timestamp() where task = %(task)s",
                given,
            )
            if step == "insure":
                rows.execute(
                    "insert into policies (task, state, version, worker) values (%(task)s, 'begun', %(version)s, %(worker)s)"
                    " on conflict do nothing",
                    given,
                )
        return True

    def finish(self, message: str, order: Order, step: str, outcome: Outcome) -> bool:
        """Write inbox, effects, state and outbox in one transaction: all of it or nothing; False if the message was handled before."""
        given = {**self._mine, "message": message, "task": order.task, "kind": order.kind}
        with self._database.transaction() as rows:
            fresh = rows.execute("insert into inbox (message, worker) values (%(message)s, %(worker)s) on conflict do nothing", given)
            if self._settings.inbox and not fresh.rowcount:
                return False
            for effect in outcome.effects:
                rows.execute(
                    "insert into effects (task, step, key, version, worker)"
                    " values (%(task)s, %(effect)s, %(task)s || '/' || %(effect)s, %(version)s, %(worker)s)",
                    {**given, "effect": effect},
                )
            if outcome.policy:
                rows.execute(
                    "update policies set state = %(policy)s, updated_at = clock_timestamp() where task = %(task)s",
                    {**given, "policy": outcome.policy},
                )
            rows.execute(
                "insert into orders (task, kind, state, step, version, worker)"
                " values (%(task)s, %(kind)s, %(state)s, %(step)s, %(version)s, %(worker)s)"
                " on conflict (task) do update set state = excluded.state, step = excluded.step, version = excluded.version,"
                " worker = excluded.worker, updated_at = clock_timestamp()",
                {**given, "state": outcome.ends or "queued", "step": outcome.then or step},
            )
            if outcome.then and self._settings.outbox:
                rows.execute("insert into outbox (task, step) values (%(task)s, %(then)s)", {**given, "then": outcome.then})
        return True

    def order(self, task: str, kind: str | None) -> Order:
        """What is known of an order.

        Args:
            task: its id.
            kind: as its first message says it, which is all that is known then; later messages do not say.
        """
        if kind:
            return Order(task, kind)
        with self._database.transaction() as rows:
            row = rows.execute(
                "select kind, exists (select 1 from policies where policies.task = orders.task and policies.state <> 'cancelled')"
                " from orders where task = %s",
                [task],
            ).fetchone()
        if row is None:
            raise UnknownStepError(f"there is no order {task}")
        return Order(task, *row)

    def close(self) -> None:
        self._database.close()
