"""The sink's HTTP: what a call must look like, and what it is answered."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .record import BrokenError, Call, Record

LARGEST_BODY = 1 << 20
"""Bytes. A body is read to its end and not kept."""
SILENT_SECONDS = 600.0
"""A connection that says nothing for so long is closed; a client may keep one open between two effects."""


class RefusalError(Exception):
    """A call that is not taken.

    Args:
        status: how HTTP says it.
        why: how it is said to a person.
    """

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Server(ThreadingHTTPServer):
    """Serves calls, each connection in a thread of its own.

    Args:
        address: host and port to listen on.
        record: takes the calls.
        sources: names of the sources; with one, the path does not matter.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], record: Record, sources: tuple[str, ...]) -> None:
        super().__init__(address, Handler)
        self.record, self.sources = record, sources

    def handle_error(self, _: Any, client_address: Any) -> None:
        """A client that went away in mid-sentence is told in a line."""
        print(f"sink: a call of {client_address[0]} was cut short: {sys.exc_info()[1]!r}", file=sys.stderr, flush=True)


class Handler(BaseHTTPRequestHandler):
    """One connection, which may carry many calls."""

    protocol_version = "HTTP/1.1"
    timeout = SILENT_SECONDS
    wbufsize = 1 << 16  # an answer leaves in one piece, and waits for no acknowledgement of its first half
    disable_nagle_algorithm = True
    server: Server

    def do_POST(self) -> None:
        """Take one call."""
        try:
            self._read_body()
            call = self._call()
            answer = self.server.record.take(call)
        except RefusalError as refusal:
            self._answer(refusal.status, {"error": refusal.why})
        except BrokenError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": f"{error}."})
        else:
            status = HTTPStatus.OK if answer.repeated else HTTPStatus.CREATED
            self._answer(status, {"number": answer.number, "repeated": answer.repeated})

    def do_GET(self) -> None:
        """Say that the sink is there, and how it is called."""
        self._answer(HTTPStatus.OK, {"sink": "POST one effect a call, with the headers Task-Id and Idempotency-Key"})

    def do_PUT(self) -> None:
        """Give as many bytes as came to ``/echo``: how the way to the sink is measured. Nothing is recorded."""
        try:
            body = bytes(self._read_body())
            if self.path != "/echo":
                raise RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, "An effect is POSTed, and not PUT.")
        except RefusalError as refusal:
            self._answer(refusal.status, {"error": refusal.why})
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_expect_100(self) -> bool:
        """Ask for the body of a client that waits to be asked."""
        asked = super().handle_expect_100()
        self.wfile.flush()
        return asked

    def log_message(self, format: str, *arguments: Any) -> None:
        """Only refusals are logged, by themselves: the file holds the calls."""

    def _read_body(self) -> int:
        """Its length."""
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise RefusalError(HTTPStatus.LENGTH_REQUIRED, "A body needs a Content-Length: the sink reads no chunked bodies.")
        told = self.headers.get("Content-Length", "0").strip()
        if not (told.isascii() and told.isdigit()):
            self.close_connection = True
            raise RefusalError(HTTPStatus.BAD_REQUEST, f"Content-Length must be a whole number, not {told!r}.")
        if int(told) > LARGEST_BODY:
            self.close_connection = True
            raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body may have {LARGEST_BODY} bytes, and this one has {told}.")
        if len(self.rfile.read(int(told))) < int(told):
            raise ConnectionResetError("the body was shorter than its Content-Length")
        return int(told)

    def _call(self) -> Call:
        task = self._header("Task-Id")
        if not task:
            raise RefusalError(HTTPStatus.BAD_REQUEST, "A call needs the header Task-Id, the id of the task whose effect it is.")
        return Call(self._source(), task, self._header("Idempotency-Key"), self._header("Version"), self._header("Worker"))

    def _source(self) -> str:
        sources = self.server.sources
        name = self.path.partition("?")[0].strip("/")
        if len(sources) == 1:
            return sources[0]
        if name not in sources:
            raise RefusalError(
                HTTPStatus.NOT_FOUND, f"There is no source {name!r} here: POST to {' or '.join(f'/{one}' for one in sources)}."
            )
        return name

    def _header(self, name: str) -> str | None:
        """A header's text; http.server reads octets as Latin-1, and clients mean UTF-8."""
        value = self.headers.get(name)
        return value.strip().encode("latin-1").decode("utf-8", "backslashreplace") or None if value is not None else None

    def _answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode() + b"\n"
        if status >= HTTPStatus.BAD_REQUEST:
            print(f"sink: {status.value} {content['error']}", file=sys.stderr, flush=True)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
