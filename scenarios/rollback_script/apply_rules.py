"""Carries out the rules of a rollback on the tasks of one version: on their states in the database and on their messages in the queue.

    apply_rules.py --dry-run …   shows what each rule would do, and changes nothing
    apply_rules.py --apply …     does it, and says how much it had to change
    apply_rules.py --verify …    asks whether every task has ended as it was decided

Nobody may be at work on these tasks: the version's workers are stopped, and those that get the rescheduled tasks are not started yet. It
refuses to run while one of the two queues has a consumer.

It can be killed anywhere and run again from the top. What is decided is written to the ledger before anything is done, all of it in one
transaction, and is never decided again. Then, a batch at a time: the tasks' new states and the ledger's `done_at` are one transaction; only
after it are their messages taken off the queue. A message that is sent cannot be in a transaction with the database, so the ledger says
`sending_at` first; where a run finds that and no `done_at`, it looks into the queue whether the message has arrived.

Addresses: AMQP_URL, DATABASE_URL.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import psycopg
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError
from psycopg.rows import dict_row
from rules import Rule, RulesError, Task, decide, load

OF_ITS_LAST_QUEUE = ("x-death", "x-delivery-count", "x-acquired-count", "x-first-death-", "x-last-death-")
"""Headers that tell of the old queue: with them a task would arrive with its deliveries already counted."""
ME = "rollback"
BATCH = 20
"""Tasks of one transaction: the most whose messages may have to be looked for after a death."""

ROWS = """
select task, type, body, state, version, attempts, sent_at from task_state
where (version = %(version)s and state <> 'completed') or task = any(%(messages)s)
"""
DECIDED = "select * from rollback_ledger where rollback = %s order by sent_at, task"
DECIDE = """
insert into rollback_ledger (rollback, task, rule, decision, state, version, attempts, sent_at)
values (%(rollback)s, %(task)s, %(rule)s, %(decision)s, %(state)s, %(version)s, %(attempts)s, %(sent_at)s)
"""
SENDING = "update rollback_ledger set sending_at = clock_timestamp() where rollback = %(rollback)s and task = %(task)s"
DONE = "update rollback_ledger set done_at = clock_timestamp() where rollback = %(rollback)s and task = %(task)s"
NEW_STATE = """
insert into task_state (task, type, body, state, version, worker, attempts, sent_at)
values (%(task)s, %(type)s, %(body)s, %(to)s, %(of)s, %(me)s, 0, %(sent_at)s)
on conflict (task) do update set state = excluded.state, worker = excluded.worker, updated_at = now(),
                                 attempts = case when excluded.state = 'queued' then 0 else task_state.attempts end
where task_state.state = %(state)s
"""
NEW_STATES = {"failed": "failed", "rescheduled": "queued"}
ENDED = """
select ledger.task, decision, done_at, coalesce(task_state.state, 'unknown') as state
from rollback_ledger as ledger left join task_state using (task) where rollback = %s
"""


@dataclass
class Found:
    """One task as it was found: its row, its messages, or both."""

    task: Task
    body: bytes
    headers: dict[str, Any]
    tags: list[int] = field(default_factory=list)
    """Of its messages, unacknowledged until the task is done with."""


class Rollback:
    """One run over the tasks of one version."""

    def __init__(self, given: argparse.Namespace, database: psycopg.Connection[dict[str, Any]], broker: pika.BlockingConnection) -> None:
        self._given, self._database, self._broker = given, database, broker
        self._channel = broker.channel()
        self._channel.confirm_delivery()
        for queue in (given.queue, given.to):
            consumers = self._channel.queue_declare(queue, passive=True).method.consumer_count
            if consumers and not given.force:
                raise SystemExit(f"{queue} has {consumers} consumers: stop them first, or they work on what is decided here")
        self._found = self._find()
        self._ledger = {row["task"]: row for row in database.execute(DECIDED, [given.rollback])}

    def decide(self) -> dict[str, Rule]:
        """The rule for each task that the ledger does not know yet."""
        new = [found.task for name, found in self._found.items() if name not in self._ledger]
        return decide(load(self._given.rules), new, self._given.as_of)

    def show(self, decided: dict[str, Rule]) -> None:
        """Print the table: a line a rule, with a few of its tasks."""
        known = [(row["rule"], row["decision"], task) for task, row in self._ledger.items()]
        lines: dict[tuple[str, str], list[str]] = {}
        for rule, decision, task in known + [(rule.name, rule.decision, task) for task, rule in decided.items()]:
            lines.setdefault((rule, decision), []).append(task)
        print(f"{'rule':<52} {'its tasks are':<13} {'tasks':>5}  such as")
        for (rule, decision), tasks in lines.items():
            print(f"{rule:<52} {decision:<13} {len(tasks):>5}  {', '.join(tasks[:3])}")

    def apply(self, decided: dict[str, Rule]) -> int:
        """Write down what is decided, do what is not done yet, and take away the messages; give the number of changes."""
        self._write_down(decided)
        open_rows = [row for row in self._ledger.values() if row["done_at"] is None]
        arrived = self._arrived() if any(row["sending_at"] for row in open_rows) else set()
        for start in range(0, len(open_rows), BATCH):
            self._carry_out(open_rows[start : start + BATCH], arrived)
        stale = [tag for found in self._found.values() for tag in found.tags]
        for found in self._found.values():
            self._take_away(found)
        self._set_aside()
        return len(decided) + len(open_rows) + len(stale)

    def _find(self) -> dict[str, Found]:
        """Every task of the version: what waits in its queue, and what the table says was not completed."""
        messages: dict[str, Found] = {}
        for tag, properties, body in _all_of(self._channel, self._given.queue):
            sent_at = datetime.fromtimestamp(properties.headers["intended_at"] / 1e9, UTC)
            task = Task(properties.message_id, properties.type, "queued", None, 0, sent_at)
            headers = {name: value for name, value in properties.headers.items() if not name.startswith(OF_ITS_LAST_QUEUE)}
            messages.setdefault(task.id, Found(task, body, headers)).tags.append(tag)
        found = dict(messages)
        for row in self._database.execute(ROWS, {"version": self._given.version, "messages": list(messages)}):
            task = Task(row["task"], row["type"], row["state"], row["version"], row["attempts"], row["sent_at"])
            headers = {"intended_at": int(row["sent_at"].timestamp() * 1e6) * 1000}
            message = messages.get(task.id)
            found[task.id] = Found(task, row["body"], message.headers if message else headers, message.tags if message else [])
        return dict(sorted(found.items(), key=lambda one: (one[1].task.sent_at, one[0])))

    def _write_down(self, decided: dict[str, Rule]) -> None:
        rows = [
            {"rollback": self._given.rollback, "task": name, "rule": rule.name, "decision": rule.decision} | _as_found(self._found[name])
            for name, rule in decided.items()
        ]
        with self._database.transaction(), self._database.cursor() as cursor:
            cursor.executemany(DECIDE, rows)
        self._ledger = {row["task"]: row for row in self._database.execute(DECIDED, [self._given.rollback])}

    def _arrived(self) -> set[str]:
        """What waits in the queue that the tasks are sent to; looked at, and given back when the channel closes."""
        with self._broker.channel() as channel:
            return {properties.message_id for _, properties, _ in _all_of(channel, self._given.to)}

    def _carry_out(self, rows: list[dict[str, Any]], arrived: set[str]) -> None:
        to_send = [row for row in rows if row["decision"] == "rescheduled" and row["task"] not in arrived]
        with self._database.transaction(), self._database.cursor() as cursor:
            cursor.executemany(SENDING, to_send)
        for row in to_send:
            self._send(self._found[row["task"]])
        with self._database.transaction(), self._database.cursor() as cursor:
            for row in rows:
                if row["decision"] in NEW_STATES:
                    self._change_state(cursor, row)
            cursor.executemany(DONE, rows)
        for row in rows:
            self._take_away(self._found[row["task"]])

    def _change_state(self, cursor: psycopg.Cursor[dict[str, Any]], row: dict[str, Any]) -> None:
        found = self._found[row["task"]]
        new = {"to": NEW_STATES[row["decision"]], "of": row["version"] or self._given.version, "me": ME}
        cursor.execute(NEW_STATE, {**row, **new, "type": found.task.type, "body": found.body})
        if not cursor.rowcount:
            raise SystemExit(f"{row['task']} is not {row['state']} any more, as it was when it was decided: who is at work on it?")

    def _send(self, found: Found) -> None:
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            message_id=found.task.id,
            type=found.task.type,
            headers=found.headers,
        )
        self._channel.basic_publish("", self._given.to, found.body, properties, mandatory=True)  # confirmed, or an exception

    def _take_away(self, found: Found) -> None:
        while found.tags:
            self._channel.basic_ack(found.tags.pop())

    def _set_aside(self) -> None:
        """List the failed tasks for the people who look at them; whole or not at all."""
        failed = [f"{task}\n" for task, row in self._ledger.items() if row["decision"] == "failed"]
        new = self._given.set_aside.with_suffix(".new")
        new.write_text("".join(failed))
        new.replace(self._given.set_aside)


def verify(given: argparse.Namespace, database: psycopg.Connection[dict[str, Any]]) -> None:
    """Wait until every task has ended as the ledger says, and leave with an error when that does not come."""
    give_up_at = time.monotonic() + given.within
    while True:
        rows = database.execute(ENDED, [given.rollback]).fetchall()
        wrong = [
            row for row in rows if row["done_at"] is None or row["state"] != ("failed" if row["decision"] == "failed" else "completed")
        ]
        if not wrong:
            print(f"all {len(rows)} tasks in the ledger have ended as they were decided")
            return
        if time.monotonic() > give_up_at:
            told = "\n".join(f"  {row['task']} was to be {row['decision']}, and is {row['state']}" for row in wrong[:10])
            raise SystemExit(f"{len(wrong)} of {len(rows)} tasks have not ended as they were decided:\n{told}")
        time.sleep(0.2)


def _has_ended(row: dict[str, Any]) -> bool:
    return row["done_at"] is not None and row["state"] == ("failed" if row["decision"] == "failed" else "completed")


def _as_found(found: Found) -> dict[str, Any]:
    task = found.task
    return {"state": task.state, "version": task.version, "attempts": task.attempts, "sent_at": task.sent_at}


def _all_of(channel: BlockingChannel, queue: str) -> Iterator[tuple[int, Any, bytes]]:
    """Every message that waits in a queue nobody else consumes; they stay the channel's until they are acknowledged or it closes."""
    waiting = channel.queue_declare(queue, passive=True).method.message_count
    if not waiting:
        return
    for number, (method, properties, body) in enumerate(channel.consume(queue), start=1):
        if method is None or method.delivery_tag is None or body is None:
            raise SystemExit(f"{queue} went away while it was read")
        yield method.delivery_tag, properties, body
        if number == waiting:
            return


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verb = parser.add_mutually_exclusive_group(required=True)
    for name in ("dry-run", "apply", "verify"):
        verb.add_argument(f"--{name}", action="store_const", dest="verb", const=name)
    parser.add_argument("--rollback", required=True, help="the name of this rollback in the ledger")
    parser.add_argument("--version", required=True, help="whose tasks these are")
    parser.add_argument("--rules", type=Path, required=True)
    parser.add_argument("--queue", required=True, help="the queue of that version")
    parser.add_argument("--to", required=True, metavar="QUEUE", help="where rescheduled tasks are sent")
    parser.add_argument("--set-aside", type=Path, required=True, metavar="FILE", help="gets the ids of failed tasks")
    parser.add_argument(
        "--force", action="store_true", help="run although somebody consumes: their work is not seen, and may be undone or done twice"
    )
    parser.add_argument("--as-of", type=datetime.fromisoformat, default=datetime.now(UTC), help="the moment from which ages count")
    parser.add_argument("--within", type=float, default=20.0, help="of --verify: the longest wait in seconds")
    return parser.parse_args()


def main() -> None:
    given = _arguments()
    try:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row, connect_timeout=5) as database:
            if given.verb == "verify":
                return verify(given, database)
            with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as broker:
                rollback = Rollback(given, database, broker)
                decided = rollback.decide()
                rollback.show(decided)
                print(f"changes: {rollback.apply(decided)}" if given.verb == "apply" else "dry run: nothing has been changed")
    except RulesError as error:
        raise SystemExit(str(error)) from error
    except (AMQPError, AMQPConnectorException, psycopg.OperationalError, OSError) as error:
        raise SystemExit(f"stopped half-way, run it again: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    main()
