"""What may not answer: the database, and the services that are called (payments, refunds, insurances)."""

from __future__ import annotations

import http.client
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

ANSWER_SECONDS = 2.0
"""Longest wait for one transaction or one call; what is silent for longer counts as away, and whether it did anything is not known."""


ABANDONED = "-c idle_in_transaction_session_timeout=3000"
"""A transaction whose worker was cut off keeps its locks, and others wait for them, until the server gives it up."""


class AwayError(Exception):
    """Database or service do not answer; the message in hand is tried again, and its keys make that harmless."""


class Database:
    """One connection, dialled when it is needed and again after it failed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection[Any]]:
        """A transaction: committed at the end of the block, rolled back by any error in it.

        Raises:
            AwayError: no answer, or the connection broke. During COMMIT that means: it may have been committed.
        """
        doing = "connecting"
        try:
            with _at_most(ANSWER_SECONDS):
                if self._connection is None:
                    self._connection = psycopg.connect(self._url, autocommit=True, options=ABANDONED)
                with self._connection.transaction():
                    doing = "a statement"
                    yield self._connection
                    doing = "COMMIT"
        except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
            self.close()
            raise AwayError(f"database: {type(error).__name__} in {doing}") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Services:
    """What no transaction can hold: calls to others. Each carries an idempotency key, so that it can be made again until it is answered."""

    def __init__(self, url: str, worker: str, version: str) -> None:
        self._host = url.removeprefix("http://").rstrip("/")
        self._from = {"Worker": worker, "Version": version}

    def call(self, service: str, task: str, key: str) -> None:
        """Call a service once more with this key; it does nothing for a key that it knows.

        Raises:
            AwayError: no answer, or a refusal; whether the call was received is not known.
        """
        connection = http.client.HTTPConnection(self._host)
        try:
            with _at_most(ANSWER_SECONDS):
                connection.request("POST", f"/{service}", b"", {"Task-Id": task, "Idempotency-Key": key, **self._from})
                status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise AwayError(f"{service}: {type(error).__name__}") from error
        finally:
            connection.close()
        if status >= 300:
            raise AwayError(f"{service}: {status}")


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after that time: a cut link answers nothing, and the client would wait for ever."""
    signal.signal(signal.SIGALRM, _timed_out)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)  # once more for a rollback that waits for the same silence
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _timed_out(*_: object) -> None:
    raise TimeoutError
