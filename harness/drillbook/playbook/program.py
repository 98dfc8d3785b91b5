"""One program under test, from its start to its last process: run in a session of its own, its output kept, its steps told and waited at.

A program that has a gate, as its runner says, waits at the begin and the end of its steps; any other names its steps by lines that it
prints, which are seen, and it waits at none. The time a program waits at a step is not its own: neither its seconds nor its timeout count
it.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from drillbook.core.errors import HarnessError
from drillbook.playbook.command import CommandLine, problem, take_apart
from drillbook.playbook.gate import Gate
from drillbook.playbook.listener import StepListener, StepOutcome, Steps
from drillbook.playbook.processes import MARK, Tree
from drillbook.playbook.transcript import LineBuffer, Transcript
from drillbook.playbook.watch import Watch

__all__ = ["Program", "ProgramEnd", "StepListener", "StepOutcome"]


@dataclass(frozen=True)
class ProgramEnd:
    """How a program ended."""

    exit_code: int | None
    """As a shell gives it (128 + signal for one that died of a signal); None where the timeout killed it, or it was stopped unstarted."""
    seconds: float
    """Without the time it waited."""
    timed_out: bool
    steps: tuple[StepOutcome, ...]


class Program:
    """A program, to be run once.

    Args:
        command: the command line, split as a shell would, not run by one; paths in it are relative to the folder.
        folder: the scenario's folder, in which it runs.
        environment: its whole environment.
        transcript: the file its output is appended to, line by line.
        timeout: seconds after which every process of it is killed.
        steps: told of its steps.
        redact: replaces the secrets in a line.
        output: told of every line, redacted, as long as the transcript takes them.
        called: what it is in the drill, ``deployment`` or ``playbook``.
        named: the steps that the scenario names.
    """

    def __init__(
        self,
        command: str,
        folder: Path,
        environment: Mapping[str, str],
        transcript: Path,
        timeout: float,
        steps: StepListener,
        redact: Callable[[str], str],
        output: Callable[[str], None] | None = None,
        called: str = "playbook",
        named: Sequence[str] = (),
    ) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._path = transcript
        self._timeout = timeout
        self._listener = steps
        self._redact = redact
        self._output = output
        self._called = called
        self._named = named
        self._tree: Tree | None = None
        self._kill_at: float | None = None
        self._killers: list[threading.Timer] = []

    def run(self) -> ProgramEnd:
        """Run it to its end, in the caller's thread.

        Raises:
            HarnessError: it cannot be started, or its transcript cannot be written.
            BaseException: what the listener raised; nothing of the program is left then.
        """
        if trouble := problem(self._command, self._folder, self._environment):
            raise HarnessError(trouble)
        transcript = Transcript(self._path, self._redact)
        try:
            transcript.note(self._command)
            return self._run(transcript) if self._kill_at is None else ProgramEnd(None, 0.0, False, ())
        finally:
            transcript.close()

    def stop(self, grace_seconds: float) -> None:
        """Ask every process of it to end, and kill what is left after the grace; ``run`` returns when all are gone.

        May be called from another thread or a signal handler, before the start and after the end too, and does not wait.
        """
        kill_at = time.monotonic() + grace_seconds
        self._kill_at = kill_at if self._kill_at is None else min(kill_at, self._kill_at)
        if self._tree:
            self._end(self._tree)

    def _end(self, tree: Tree) -> None:
        assert self._kill_at is not None
        tree.terminate()
        killer = threading.Timer(max(self._kill_at - time.monotonic(), 0), tree.kill)
        killer.daemon = True
        self._killers.append(killer)
        killer.start()

    def _run(self, transcript: Transcript) -> ProgramEnd:
        command = take_apart(self._command, self._folder)
        reading = command.read()
        steps = Steps(self._listener, transcript, reading.whole_step(self._called, self._named))
        steps.program_begins()
        if self._kill_at is not None:
            return ProgramEnd(None, 0.0, False, ())
        gate = reading.gate(self._environment) if reading.gate else None
        mark = uuid4().hex
        environment = {"PYTHONUNBUFFERED": "1", **self._environment, **(gate.environment if gate else {}), MARK: mark}
        try:
            process = subprocess.Popen(
                command.words,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[gate.theirs] if gate else [],
            )
        except OSError as error:
            if gate:
                gate.close()
            raise HarnessError(f"cannot start {self._command}: {error.strerror}.") from error
        if gate:
            gate.started()
        self._tree = Tree(process, mark)
        try:
            if self._kill_at is not None:
                self._end(self._tree)
            return self._watch(process, self._tree, command, gate, steps, transcript)
        except BaseException:
            self._tree.kill()
            raise
        finally:
            if gate:
                gate.close()
            process.wait()
            for killer in self._killers:
                killer.cancel()

    def _watch(
        self,
        process: subprocess.Popen[bytes],
        tree: Tree,
        command: CommandLine,
        gate: Gate | None,
        steps: Steps,
        transcript: Transcript,
    ) -> ProgramEnd:
        with Watch(process, gate, command.runner.step_told, steps, transcript, LineBuffer(self._redact), self._output) as run:
            steps.program_runs()
            timed_out = not run.until_exit(self._timeout, stopping=lambda: self._kill_at is not None)
            if timed_out:
                transcript.note(f"killed: it ran longer than {self._timeout:g} s")
                tree.kill()
            elif self._kill_at is not None:
                transcript.note("stopped by the drill")
                tree.end(max(self._kill_at - time.monotonic(), 0))
            code = process.wait()
            run.last_output()
            exit_code = None if timed_out else code if code >= 0 else 128 - code
            steps.program_ended(exit_code)
            transcript.note(f"ended after {run.seconds:.3f} s" + ("" if exit_code is None else f", exit code {exit_code}"))
            return ProgramEnd(exit_code, run.seconds, timed_out, steps.outcomes)
