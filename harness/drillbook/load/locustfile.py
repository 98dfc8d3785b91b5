"""What Locust runs, in a process of its own: one user, whose one task is the whole load.

Locust brings the process, its life and its statistics; every outcome is one request to it, with the response time counted from the
*intended* time. Never import this: importing Locust patches the interpreter.
"""

from __future__ import annotations

import gc
import logging
import os
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import User, events, task
from locust.exception import StopUser

from drillbook.load.control import Control
from drillbook.load.feature_flag import FeatureFlag
from drillbook.load.ledger import Ledger
from drillbook.load.publisher import Publisher, PublishResult
from drillbook.load.settings import LoadSettings

LOG = logging.getLogger("load")
FAILED = 3
"""Exit code of a load that could not go on."""

logging.getLogger("pika").setLevel(logging.CRITICAL + 1)  # it logs every lost connection with a traceback; the session says it in a line
settings, url = LoadSettings.take()
control = Control(settings.control, settings.parent)


class UnconfirmedError(Exception):
    """A publish that Locust counts as failed."""


def stop(**_: Any) -> None:
    """Locust was told to end, by a signal."""
    control.stop(0)


events.test_stopping.add_listener(stop)  # type: ignore[no-untyped-call]


class LoadUser(User):
    """The publishers of the drill, all of them."""

    @task
    def publish(self) -> None:
        """Connect, say so, wait for the start, send everything, and end the process."""
        try:
            gate = FeatureFlag(settings.load.gate, settings.flags) if settings.load.gate and settings.flags else None
            ledger = Ledger(Path(settings.ledger), settings.load)
            publisher = Publisher(settings.load, settings.seed, url, ledger, control, self.observe, settings.id_from, gate)
            if publisher.connect():
                os.write(settings.report, b"ready\n")
                gc.freeze()
            publisher.run()
            ledger.close()
            os.write(settings.report, b"done\n")
        except BrokenPipeError:
            LOG.warning("the harness is gone")
        except Exception:
            LOG.exception("the load cannot go on")
            self.environment.process_exit_code = FAILED
        gevent.spawn(self.environment.runner.quit)
        raise StopUser

    def observe(self, result: PublishResult) -> None:
        """Give one outcome to Locust's statistics."""
        self.environment.events.request.fire(
            request_type="publish",
            name=result.type,
            response_time=result.milliseconds,
            response_length=settings.load.size,
            exception=None if result.outcome == "ok" else UnconfirmedError(f"{result.outcome}: {result.reason}"),
            context={},
        )
