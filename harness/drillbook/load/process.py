"""The load as the harness sees it: a child process that publishes, and that it starts, lets go and stops.

The child ends by itself when its work is done or when the harness dies. When *it* dies, the harness completes its ledger: a task that
was due has a line, whatever happened.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from drillbook.core.errors import HarnessError
from drillbook.load.ledger import complete
from drillbook.load.settings import LoadSettings
from drillbook.scenario import Load

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
ENDS_WITHIN = 10.0
"""Seconds beyond the grace that the child has for its goodbye and Locust's summary, before it is killed."""


class LoadProcess:
    """One load.

    Args:
        load: what is sent.
        seed: of the drill; the same seed sends the same tasks.
        amqp_url: where to, with the password; it reaches the child through its environment only.
        run_directory: ``published.jsonl`` and ``logs/load.log`` are written there.
        environment: variables for the child, besides those of this process.
        id_from: where messages carry their task's id, besides ``message_id``.
        flags: ``host:port`` of the flag service that ``load.gate`` asks.
    """

    def __init__(
        self,
        load: Load,
        seed: int,
        amqp_url: str,
        run_directory: Path,
        environment: dict[str, str] | None = None,
        id_from: str = "message_id",
        flags: str | None = None,
    ) -> None:
        self._load, self._seed, self._url, self._run_directory = load, seed, amqp_url, run_directory
        self._environment, self._id_from, self._flags = environment or {}, id_from, flags
        self._ledger = run_directory / "published.jsonl"
        self._log = run_directory / "logs" / "load.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._commands = self._reports = -1
        self._reported = b""
        self._start_at: int | None = None
        self._finished = False

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the child; None before its end, negative for a signal. 0: the ledger is complete by its own hand."""
        return self._child.poll() if self._child else None

    @property
    def pid(self) -> int | None:
        """Process id of the child."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the child, which connects and waits.

        Raises:
            HarnessError: its log cannot be written, or no process can be started.
        """
        theirs_control, self._commands = os.pipe()
        self._reports, theirs_report = os.pipe()
        ledger = str(self._ledger.absolute())
        settings = LoadSettings(self._load, self._seed, ledger, theirs_control, theirs_report, os.getpid(), self._id_from, self._flags)
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                self._child = subprocess.Popen(
                    _command(),
                    cwd=self._run_directory,
                    env={**_inherited(), **self._environment, **settings.as_environment(self._url)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(theirs_control, theirs_report),
                    start_new_session=True,
                )
        except OSError as error:
            raise HarnessError(f"the load cannot be started: {error}.") from error
        finally:
            os.close(theirs_control)
            os.close(theirs_report)

    def wait_ready(self, timeout: float) -> None:
        """Wait until the child is connected and its channel confirms, and it has heard of its flag.

        Args:
            timeout: seconds.

        Raises:
            HarnessError: it died, or did not reach the broker in time.
        """
        if not self._hears(b"ready\n", timeout):
            away = "the broker" if self._load.gate is None else f"the broker and {self._load.gate.service}"
            died = f"ended with exit code {self.exit_code}" if not self.alive else f"did not reach {away} within {timeout:g} s"
            raise HarnessError(f"the load {died}.", f"Its log is {self._log}.")

    def go(self, start_at_ns: int) -> None:
        """Let the arrivals start.

        Args:
            start_at_ns: nanoseconds since the epoch; what is due already is sent at once.
        """
        self._start_at = start_at_ns
        self._say(f"go {start_at_ns}\n")

    def wait(self, timeout: float) -> bool:
        """Wait until the child has ended by itself, all tasks resolved; False: it still runs after `timeout` seconds."""
        if self._child is None:
            return True
        try:
            self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self._finish()
        return True

    def stop(self, grace_seconds: float) -> None:
        """Stop the arrivals, wait for confirms, end the child. Safe to call again, and when the child is dead.

        Args:
            grace_seconds: how long confirms may still come; what is unconfirmed then is ``unknown``.

        Raises:
            HarnessError: the child died and its ledger cannot be completed.
        """
        if self._child is None:
            return
        self._say(f"stop {grace_seconds}\n")
        if not self.wait(grace_seconds + ENDS_WITHIN):
            self._child.send_signal(signal.SIGKILL)
            self._child.wait()
        self._finish()

    def __enter__(self) -> LoadProcess:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop(0)

    def _say(self, command: str) -> None:
        if self._commands >= 0:
            try:
                os.write(self._commands, command.encode())
            except BrokenPipeError:
                return  # it is dead; the ledger is completed when it is stopped

    def _hears(self, word: bytes, timeout: float) -> bool:
        """Whether the child has said a word, waiting for it up to `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while word not in self._reported:
            if not select.select([self._reports], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return False
            chunk = os.read(self._reports, 64)
            if not chunk:  # it has closed its end: it is ending
                if self._child is not None:
                    self._child.wait()
                return False
            self._reported += chunk
        return True

    def _finish(self) -> None:
        """After the child's end, once: complete the ledger if it could not, and close the pipes."""
        if self._finished:
            return
        self._finished = True
        until = time.time_ns()
        done = self._hears(b"done\n", 0)
        os.close(self._commands)
        os.close(self._reports)
        self._commands = self._reports = -1
        if done or self._start_at is None:
            return
        try:
            complete(self._ledger, self._load, self._seed, self._start_at, until)
        except OSError as error:
            raise HarnessError(f"the load died, and {self._ledger} cannot be completed: {error.strerror}.") from error


def _command() -> list[str]:
    """Locust without its web server, deaf to its configuration files and variables; -P keeps the working directory off the path."""
    return [
        *(sys.executable, "-P", "-m", "locust", "-f", str(LOCUSTFILE)),
        *("--headless", "--only-summary", "--users", "1", "--spawn-rate", "1"),
        *("--stop-timeout", "5", "--exit-code-on-error", "0", "--loglevel", "INFO", "--web-host", "127.0.0.1"),
    ]


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
