"""A command that is run once in an image, in a container without a network: lines to its stdin, lines from its stdout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import SHUT_RDWR, SHUT_WR
from typing import Any

import requests
from docker.errors import DockerException, NotFound
from docker.utils.socket import frames_iter

from drillbook.core.errors import HarnessError
from drillbook.engine.engine import connect

_STDOUT = 1
_PIECE = 1 << 16
LONGEST_LINE = 1 << 20
"""Characters of a line of the command's that are looked at; what is longer is cut there."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int | None
    """None where it was killed, as its time was over."""
    errors: str
    """The last that it wrote to stderr."""


def run(
    image: str,
    command: Sequence[str],
    questions: Path,
    take: Callable[[str], object],
    *,
    within: float,
    environment: Mapping[str, str],
    labels: Mapping[str, str],
) -> Ended:
    """Run a command, give it a file on stdin, and wait until it ends; its container is removed.

    Args:
        image: a reference that is on the machine.
        command: in place of the image's own; its entry point stays.
        questions: the file.
        take: called with each line that it writes to stdout.
        within: seconds until it is killed.
        environment: of the command.
        labels: of the container, so that `drillbook clean` finds it.

    Raises:
        HarnessError: the engine refuses, or there is no such program in the image.
    """
    with _told(image), closing(connect()) as client:
        api: Any = client.api
        host = api.create_host_config(network_mode="none")
        made = api.create_container(
            image, list(command), environment=dict(environment), labels=dict(labels), host_config=host, stdin_open=True
        )["Id"]
        try:
            return _talk(api, made, questions, take, within)
        finally:
            with suppress(NotFound):
                api.remove_container(made, force=True, v=True)


def _talk(api: Any, container: str, questions: Path, take: Callable[[str], object], within: float) -> Ended:
    attached = api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    api.start(container)
    over = threading.Event()

    def kill() -> None:
        over.set()
        with suppress(DockerException, requests.RequestException):
            api.kill(container)

    limit = threading.Timer(within, kill)
    asking = threading.Thread(target=_ask, args=(attached, questions), daemon=True)
    limit.start()
    asking.start()
    try:
        frames: Iterator[tuple[int, bytes]] = frames_iter(attached, tty=False)  # type: ignore[no-untyped-call]
        errors = _hear(frames, take)
        exit_code = api.wait(container)["StatusCode"]
    finally:
        limit.cancel()
        with suppress(OSError):
            _socket(attached).shutdown(SHUT_RDWR)  # a close alone would not wake a send that waits for a command that has ended
        attached.close()
        asking.join()
    return Ended(None if over.is_set() else exit_code, errors)


def _ask(attached: Any, questions: Path) -> None:
    """Write the file to the container's stdin, and end it; a command that ends before it has read all of it is no error here."""
    connection = _socket(attached)
    with suppress(OSError), questions.open("rb") as lines:
        while piece := lines.read(_PIECE):
            connection.sendall(piece)
        connection.shutdown(SHUT_WR)


def _socket(attached: Any) -> Any:
    """The socket itself, which docker-py may wrap in a file."""
    return getattr(attached, "_sock", attached)


def _hear(frames: Iterator[tuple[int, bytes]], take: Callable[[str], object]) -> str:
    """Hand out each line of stdout; what came last on stderr."""
    rest, errors = b"", b""
    for stream, piece in frames:
        if stream != _STDOUT:
            errors = (errors + piece)[-2000:]
            continue
        *lines, rest = (rest + piece).split(b"\n")
        rest = rest[:LONGEST_LINE]
        for line in lines:
            take(line[:LONGEST_LINE].decode("utf-8", "replace"))
    if rest:
        take(rest.decode("utf-8", "replace"))
    return errors.decode("utf-8", "replace").strip()


@contextmanager
def _told(image: str) -> Iterator[None]:
    """The engine's refusal as a sentence."""
    try:
        yield
    except DockerException as error:
        raise HarnessError(f"the engine did not run the command in {image}: {getattr(error, 'explanation', None) or error}.") from error
    except requests.RequestException as error:
        raise HarnessError(f"the Docker engine does not answer, and did not run the command in {image}.") from error
