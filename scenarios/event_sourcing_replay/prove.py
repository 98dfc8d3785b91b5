"""Asks from outside whether the rollback left all as it should; exits 1 and says what is not so.

No dead letter is left or came back; every replayed message is booked, once; the statement shows what the events say, line by line.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from queues import POLL_SECONDS, found

COLUMNS = "account, line, payment, cents, balance"
DIFFERENT = f"""
select count(*) from (
    (select {COLUMNS} from booked except all select {COLUMNS} from statement)
    union all
    (select {COLUMNS} from statement except all select {COLUMNS} from booked)
) as lines
"""  # noqa: S608 - no value of others is in it
NOT_ONCE = "select message from unnest(%s::text[]) as message where (select count(*) from booked where payment = message) <> 1"


def wrong(database: psycopg.Connection, dead: str, replayed: list[str]) -> Iterator[str]:
    """What is not as it should be at this moment, as sentences."""
    waiting = found(dead)[0]
    if waiting:
        yield f"{dead} has {waiting} messages: a person must look at them."
    not_once = [message for (message,) in database.execute(NOT_ONCE, [replayed])]
    if not_once:
        yield f"{len(not_once)} replayed messages are not booked once: {', '.join(not_once[:5])} …"
    row = database.execute(DIFFERENT).fetchone()
    if row is None or row[0]:
        yield f"The statement has {row and row[0]} lines that are not as the events say."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dead", required=True, metavar="QUEUE", help="the dead-letter queue")
    parser.add_argument("--ledger", required=True, type=Path, help="what replay.py wrote")
    parser.add_argument("--within", type=float, default=180.0, help="seconds the replayed messages may take")
    given = parser.parse_args()
    replayed = [json.loads(line)["message"] for line in given.ledger.read_text().splitlines()]
    give_up_at = time.monotonic() + given.within
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        while problems := list(wrong(database, given.dead, replayed)):
            if time.monotonic() >= give_up_at:
                raise SystemExit("\n".join(problems))
            time.sleep(POLL_SECONDS)
    print(f"{given.dead} is empty, all {len(replayed)} replayed messages are booked once, the statement is as the events say")


if __name__ == "__main__":
    main()
