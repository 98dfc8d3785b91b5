"""Run the tap: ``python3 -m tap --config FILE``. Exit codes: 0 stopped in order, 2 bad settings, 3 evidence could not be kept."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from .capture import Capture
from .config import TapSettings, read
from .gathering import GatheringSelector
from .proxy import BACKLOG, Proxy
from .wire_file import WireFile

FLUSH_SECONDS = 0.02
ALIVE_SECONDS = 1.0


def main() -> int:
    """Read the settings, run until SIGTERM or SIGINT, and give the exit code."""
    parser = argparse.ArgumentParser(prog="tap", description="A proxy before an AMQP broker that writes what passes to wire.jsonl.")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings, as JSON")
    path = parser.parse_args().config
    try:
        settings = read(path)
    except (OSError, ValueError) as error:
        print(f"tap: cannot use the settings in {path}: {error}.", file=sys.stderr)
        return 2
    selector = GatheringSelector()
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
            return runner.run(run(settings, selector.passed))
    except OSError as error:
        print(f"tap: cannot start: {error}.", file=sys.stderr)
        return 3


async def run(settings: TapSettings, passed: Callable[[int], None]) -> int:
    """Serve until a signal asks to stop; SIGHUP has it read its rules again.

    Args:
        passed: told of each batch of lines how many it has.

    Raises:
        OSError: a port is taken or the output cannot be opened.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)  # what it would read is read in a moment
    sockets = [socket.create_server((settings.address, link.listen), backlog=BACKLOG) for link in settings.links]
    lines = WireFile(settings.output, lambda: loop.call_later(FLUSH_SECONDS, flush), _say_broken)

    def flush() -> None:
        passed(lines.flush())

    lines.own("start")
    lines.flush()
    kept = settings.capture
    capture = Capture(kept.output, kept.begin, kept.most) if kept else None
    proxy = Proxy(settings, lines, capture)
    loop.add_signal_handler(signal.SIGHUP, _read_again, proxy, capture)
    proxy.rules.read_first()
    if capture is not None:
        capture.look()
    await proxy.serve(sockets)
    for link, listening in zip(settings.links, sockets, strict=True):
        print(f"{link.name} listens on {listening.getsockname()[1]}", flush=True)
    alive = loop.create_task(_alive(lines, capture))
    await stopped.wait()
    alive.cancel()
    proxy.stop()
    if capture is not None:
        capture.end()
    lines.end()
    return 3 if lines.broken else 0


async def _alive(lines: WireFile, capture: Capture | None) -> None:
    while True:
        await asyncio.sleep(ALIVE_SECONDS)
        lines.own("alive")
        if capture is not None:
            capture.flush()


def _read_again(proxy: Proxy, capture: Capture | None) -> None:
    proxy.rules.read()
    if capture is not None:
        capture.look()


def _say_broken(error: OSError) -> None:
    print(f"tap: cannot write evidence: {error}. Connections are still carried, unrecorded.", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
