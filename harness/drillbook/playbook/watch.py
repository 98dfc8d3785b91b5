"""The watch over one running program: its output, its gate and its exit, all in one thread."""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO

from drillbook.playbook.gate import Edge, Gate
from drillbook.playbook.listener import Steps
from drillbook.playbook.transcript import LineBuffer, Transcript

_READ_BYTES = 1024 * 1024
_LAST_OUTPUT_SECONDS = 0.5
"""How long output is still read after the exit, when a process left behind keeps the pipe open."""


class Watch:
    """One running program, watched by the thread that calls.

    Args:
        process: started with a pipe for its output.
        gate: where it waits at its steps; None for a program whose output tells of them.
        step_told: the step that begins with a line of its output; empty where one ends; None: the line tells of none.
        steps: told of its steps.
        transcript: takes its lines.
        lines: makes lines of its bytes.
        output: told of every line that the transcript took.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        gate: Gate | None,
        step_told: Callable[[str], str | None],
        steps: Steps,
        transcript: Transcript,
        lines: LineBuffer,
        output: Callable[[str], None] | None,
    ) -> None:
        assert process.stdout is not None
        self._pipe = process.stdout
        self._gate, self._step_told, self._steps, self._transcript, self._lines, self._output = (
            gate,
            step_told,
            steps,
            transcript,
            lines,
            output,
        )
        self._held = 0.0
        self._open: set[IO[bytes] | Gate] = {self._pipe, *([gate] if gate else [])}
        self._began = time.monotonic()
        self._ended: float | None = None
        self._exited, exited = socket.socketpair()
        threading.Thread(target=_tell_exit, args=(process, exited), daemon=True).start()
        os.set_blocking(self._pipe.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)
        self._selector.register(self._exited, selectors.EVENT_READ)
        if gate:
            self._selector.register(gate, selectors.EVENT_READ)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        self._exited.close()
        self._pipe.close()

    @property
    def seconds(self) -> float:
        """Since the start, or from start to exit, without the time it waited."""
        return (self._ended or time.monotonic()) - self._began - self._held

    def until_exit(self, timeout: float, stopping: Callable[[], bool]) -> bool:
        """Watch until the program exits; False where it runs longer than the timeout.

        Args:
            timeout: seconds, without the time it waited.
            stopping: when true, steps are no longer told of and nothing waits.
        """
        while (left := timeout - self.seconds) > 0:
            ready = [key.fileobj for key, _ in self._selector.select(left)]
            if self._pipe in ready:
                self._read_output()  # first: what it said before it came to an edge
            if self._gate and self._gate in ready:
                for edge in self._edges():
                    self._edge(self._gate, edge, stopping)
            if self._exited in ready:
                self._ended = time.monotonic()
                return True
        return False

    def last_output(self) -> None:
        """After the exit: what was said last, while the pipe is open, but not for long."""
        self._ended = self._ended or time.monotonic()
        self._selector.unregister(self._exited)
        last_edges = self._edges()
        if self._gate:
            self._forget(self._gate)
        until = time.monotonic() + _LAST_OUTPUT_SECONDS
        while self._open and (left := until - time.monotonic()) > 0:
            for _ in self._selector.select(left):
                self._read_output()
        for line in self._lines.rest():
            self._say(line)
        for edge in last_edges:
            if not edge.begins:
                self._steps.ended(edge.step, edge.exit_code, edge.skipped)

    def _read_output(self) -> None:
        if self._pipe not in self._open:
            return
        try:
            data = os.read(self._pipe.fileno(), _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._forget(self._pipe)
        if self._gate and self._transcript.full:
            return
        for line in self._lines.feed(data):
            self._say(line)

    def _say(self, line: str) -> None:
        told = self._step_told(line) if self._gate is None else None
        if told is not None:
            self._steps.all_ended(None)
            if told:
                self._steps.begins(told)
                self._steps.runs(told)
        elif self._transcript.line(line, self._steps.current) and self._output:
            self._output(line)

    def _edges(self) -> list[Edge]:
        if self._gate is None or self._gate not in self._open:
            return []
        edges = self._gate.edges()
        if edges is None:
            self._forget(self._gate)
        return edges or []

    def _forget(self, file: IO[bytes] | Gate) -> None:
        if file in self._open:
            self._open.remove(file)
            self._selector.unregister(file)

    def _edge(self, gate: Gate, edge: Edge, stopping: Callable[[], bool]) -> None:
        began = time.monotonic()
        if edge.begins and not stopping():
            self._steps.begins(edge.step)
        elif not edge.begins:
            self._steps.ended(edge.step, edge.exit_code, edge.skipped)
        self._held += time.monotonic() - began
        gate.let_go()
        if edge.begins and not stopping():
            self._steps.runs(edge.step)


def _tell_exit(process: subprocess.Popen[bytes], exited: socket.socket) -> None:
    process.wait()
    exited.close()
