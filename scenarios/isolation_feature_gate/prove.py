"""Asks the database whether every task that was handed back has been done; waits for those that are still to be done.

The database's address comes from DATABASE_URL.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import psycopg

WITHIN_SECONDS = 180.0
POLL_SECONDS = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ledger", type=Path, required=True)
    tasks = [json.loads(line)["task"] for line in parser.parse_args().ledger.read_text().splitlines()]
    give_up_at = time.monotonic() + WITHIN_SECONDS
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        while True:
            done = {row[0] for row in database.execute("select task from task_state where state = 'completed' and task = any(%s)", [tasks])}
            if len(done) == len(set(tasks)):
                print(f"all {len(done)} tasks that were handed back are done")
                return
            if time.monotonic() >= give_up_at:
                raise SystemExit(f"not done after {WITHIN_SECONDS:g} s: {', '.join(sorted(set(tasks) - done)[:10])}")
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
