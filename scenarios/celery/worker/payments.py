"""The application: two tasks as any Celery application has them. Nothing in here knows of a drill."""

import os
import time

import psycopg
from celery import Celery

app = Celery("payments")
app.config_from_object("celeryconfig")

WORKER, VERSION = os.environ["WORKER"], os.environ["VERSION"]
WORK_SECONDS = float(os.environ.get("WORK_MS", "50")) / 1000
IDEMPOTENT = os.environ.get("IDEMPOTENT", "on") == "on"

BOOKED_ONCE = """
with fresh as (insert into booked (task) values (%(task)s) on conflict do nothing returning task)
insert into effects (task, key, version, worker, ms, shop_order, cents)
select task, task, %(version)s, %(worker)s, %(ms)s, %(shop_order)s, %(cents)s from fresh
"""
BOOKED = """
insert into effects (task, key, version, worker, ms, shop_order, cents)
values (%(task)s, %(task)s, %(version)s, %(worker)s, %(ms)s, %(shop_order)s, %(cents)s)
"""


@app.task(bind=True, name="payments.charge", autoretry_for=(psycopg.OperationalError,), retry_backoff=True)
def charge(self, shop_order: str, cents: int) -> None:
    """Charge what an order costs."""
    _book(self.request.id, shop_order, cents)


@app.task(bind=True, name="payments.refund", autoretry_for=(psycopg.OperationalError,), retry_backoff=True)
def refund(self, shop_order: str, cents: int) -> None:
    """Give the money for an order back."""
    _book(self.request.id, shop_order, -cents)


def _book(task: str, shop_order: str, cents: int) -> None:
    """The task's work, and its effect: once, however often the task is delivered, because Celery keeps a task's id when it comes again."""
    started = time.monotonic()
    time.sleep(WORK_SECONDS)  # asks the bank
    values = {"task": task, "shop_order": shop_order, "cents": cents, "version": VERSION, "worker": WORKER}
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as database:
        database.execute(BOOKED_ONCE if IDEMPOTENT else BOOKED, values | {"ms": (time.monotonic() - started) * 1000})
