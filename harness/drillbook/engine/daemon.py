"""A Docker engine that the harness started itself, because none answered: recorded, so that exactly this one can be ended again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import docker
import psutil
from docker.errors import DockerException

from drillbook.core.errors import HarnessError
from drillbook.core.wait import until

READY_WITHIN = 60.0
"""Seconds that a fresh engine may take until it answers; 3 to 5 were measured."""
END_WITHIN = 60.0
"""Seconds that an engine may take to end its containers and itself."""


def state_directory() -> Path:
    """Where the harness keeps what must outlive a run on this machine: ``$XDG_STATE_HOME/drillbook``, made if it is missing."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(base) / "drillbook"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass(frozen=True)
class Daemon:
    """A dockerd of ours: where it listens, and where it keeps its record and its log.

    Args:
        socket: the Unix socket it answers on.
        pid_file: where dockerd writes its process id, and refuses to start while that number is taken by anything.
        state: folder of the record and the log.
        options: further options of dockerd.
        within: a command that dockerd is started by, such as one that gives it a network of its own.
    """

    socket: Path = Path("/var/run/docker.sock")
    pid_file: Path = Path("/var/run/docker.pid")
    state: Path = field(default_factory=state_directory)
    options: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """What dockerd says."""
        return self.state / "dockerd.log"

    @property
    def record(self) -> Path:
        """Process id and start time of the engine that we started."""
        return self.state / "engine.json"

    def answers(self) -> bool:
        """Whether an engine answers on the socket, whoever started it."""
        try:
            client = docker.DockerClient(base_url=f"unix://{self.socket}", timeout=5)
        except DockerException:
            return False
        try:
            return bool(client.ping())
        except (DockerException, OSError):
            return False
        finally:
            client.close()

    def start(self) -> None:
        """Start dockerd apart from this process and wait until it answers.

        Raises:
            HarnessError: dockerd is not installed, ended, or did not answer in time.
        """
        if shutil.which("dockerd") is None:
            raise HarnessError("dockerd is not installed.", "Install the Debian package docker.io.")
        self._remove_stale_pid_file()
        command = [*self.within, "dockerd", "--host", f"unix://{self.socket}", "--pidfile", str(self.pid_file), *self.options]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
        self.record.write_text(json.dumps({"pid": process.pid, "started": psutil.Process(process.pid).create_time()}))
        self._wait(process)

    def stop(self) -> bool:
        """End the engine that we started; False where there is none of ours. A foreign engine is never touched.

        Raises:
            HarnessError: it did not end in time.
        """
        process = self._ours()
        if process is None:
            self.record.unlink(missing_ok=True)
            return False
        process.terminate()
        try:
            process.wait(END_WITHIN)
        except psutil.TimeoutExpired:
            raise HarnessError(
                f"The Docker engine (process {process.pid}) did not end within {END_WITHIN:g} s.", f"See {self.log}."
            ) from None
        self.record.unlink(missing_ok=True)
        return True

    def _ours(self) -> psutil.Process | None:
        """The recorded process, if that number still belongs to it."""
        try:
            record = json.loads(self.record.read_text())
            process = psutil.Process(record["pid"])
            same = abs(process.create_time() - record["started"]) < 0.05 and process.name() == "dockerd"
        except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
            return None
        return process if same else None

    def _remove_stale_pid_file(self) -> None:
        try:
            pid = int(self.pid_file.read_text())
            alive = psutil.Process(pid).name() == "dockerd"
        except (OSError, ValueError, psutil.NoSuchProcess):
            alive = False
        if not alive:
            self.pid_file.unlink(missing_ok=True)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        until(lambda: self.answers() or process.poll() is not None, READY_WITHIN)
        if process.poll() is not None:
            raise HarnessError(f"The Docker engine ended while it started: {self._last_words()}", f"Its log is {self.log}.")
        if not self.answers():
            raise HarnessError(f"The Docker engine did not answer within {READY_WITHIN:g} s.", f"Its log is {self.log}.")

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
