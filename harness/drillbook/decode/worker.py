"""Asks a version's worker, dry, what it can decode, and keeps what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pika.spec import BasicProperties

from drillbook.core.errors import HarnessError
from drillbook.decode.answers import Answers
from drillbook.decode.messages import CAPTURED, NAME, Captured, Messages, SeenMessage, captured
from drillbook.engine import one_shot
from drillbook.engine.labels import labels
from drillbook.evidence.kinds.decoded import Decoded
from drillbook.evidence.kinds.leftovers import Leftover
from drillbook.evidence.run_directory import RunDirectory, now
from drillbook.scenario import Decode, Scenario

CHUNK = 500
"""Lines of ``decoded.jsonl`` that are written at once."""


class Decoding:
    """The end of a drill: what remains and what was captured becomes ``messages.jsonl``, and its answers ``decoded.jsonl``.

    Args:
        run: where evidence goes.
        spec: whom to ask, and how.
    """

    def __init__(self, run: RunDirectory, spec: Decode) -> None:
        self._run, self._spec = run, spec
        self._messages = Messages(run.path / NAME, spec.most)

    @property
    def by(self) -> str:
        """The version that is asked."""
        return self._spec.by

    def remains(self, found: Leftover, properties: BasicProperties, body: bytes) -> None:
        """A message was found remaining."""
        self._messages.add(SeenMessage("remaining", now(), found.task, found.queue, properties, body))

    def ask(self, scenario: Scenario, image: str, run_id: str) -> None:
        """Add what the tap captured, ask the worker, and say in the timeline why answers may be missing.

        Args:
            scenario: its workers' environment is the command's.
            image: of the version that is asked.
            run_id: on the container's label.
        """
        found = Captured()
        for message in captured(self._run.path / CAPTURED, found):
            self._messages.add(message)
        self._messages.close()
        self._run.touch("decoded")
        problems = [found.problem(), "the bound of decode.most was reached" if self._messages.full else ""]
        if self._messages.about:
            problems.append(self._answered(scenario, image, run_id))
        if problem := next(filter(None, problems), ""):
            self._run.event("incomplete", "decoded", "from", detail=problem)

    def _answered(self, scenario: Scenario, image: str, run_id: str) -> str:
        answers = Answers(self._spec.by, self._messages.about)
        with _written_in_chunks(self._run) as keep:
            try:
                return asked(answers, scenario, self._spec, image, self._messages.path, run_id, keep)
            except HarnessError as error:
                return f"the {self._spec.by} worker could not be asked: {error}"


def asked(
    answers: Answers, scenario: Scenario, spec: Decode, image: str, messages: Path, run_id: str, keep: Callable[[Decoded], object]
) -> str:
    """Have a worker decode a file of messages.

    Args:
        answers: knows the messages.
        scenario: its workers' environment is the command's, without any address.
        spec: whom to ask, and how.
        image: the worker's.
        messages: the file.
        run_id: on the container's label.
        keep: called with each answer.

    Returns:
        Why answers are missing, as a sentence's end; empty where none are.

    Raises:
        HarnessError: the command could not be run.
    """
    workers = scenario.stage.workers.get(spec.by) if scenario.stage else None
    environment = {"WORKER": f"workers.{spec.by}.decode", "VERSION": spec.by} | (workers.env if workers else {})

    def take(line: str) -> None:
        answer = answers.take(line)
        if answer is not None:
            keep(answer)

    ended = one_shot.run(image, spec.command, messages, take, within=spec.within, environment=environment, labels=labels(run_id, "decode"))
    problem = answers.problem()
    if problem and ended.exit_code is None:
        return f"{problem} within {spec.within:g} s"
    last_words = ended.errors.splitlines()[-1:] or answers.said[-1:]
    return f"{problem} and ended with exit code {ended.exit_code}{f': {last_words[0]}' if last_words else ''}" if problem else ""


@contextmanager
def _written_in_chunks(run: RunDirectory) -> Iterator[Callable[[Decoded], None]]:
    chunk: list[Decoded] = []

    def keep(answer: Decoded) -> None:
        chunk.append(answer)
        if len(chunk) == CHUNK:
            run.append(*chunk)
            chunk.clear()

    try:
        yield keep
    finally:
        run.append(*chunk)
