"""Run the sink: ``python3 -m sink --output FILE --source NAME``. Exit codes: 0 stopped in order, 3 calls could not be kept."""

from __future__ import annotations

import argparse
import signal
import sys
from threading import Event, Thread

from . import PORT
from .record import Record
from .server import Server


def main() -> int:
    """Serve until SIGTERM or SIGINT, and give the exit code."""
    parser = argparse.ArgumentParser(prog="sink", description="An HTTP server that records one effect a call.")
    parser.add_argument("--output", required=True, metavar="FILE", help="where calls are written, a line of JSON each")
    parser.add_argument("--source", required=True, action="append", metavar="NAME", help="a name that calls may go by; may be repeated")
    parser.add_argument("--port", type=int, default=PORT, help="TCP port; 0: any free one, printed")
    parser.add_argument("--address", default="0.0.0.0", help="where to listen")  # noqa: S104  in a container of its own
    asked = parser.parse_args()
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        record = Record(asked.output)
        server = Server((asked.address, asked.port), record, tuple(asked.source))
        record.begin()
    except OSError as error:
        print(f"sink: cannot start: {error}.", file=sys.stderr)
        return 3
    Thread(target=server.serve_forever, daemon=True).start()
    print(f"the sink listens on {server.server_port}", flush=True)
    stopped.wait()
    server.shutdown()
    return 0 if record.end() else 3


if __name__ == "__main__":
    sys.exit(main())
