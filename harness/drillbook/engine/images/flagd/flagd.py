"""A stand-in for flagd, where its image cannot be pulled: what a drill asks of it, made of OpenFeature's own Python packages.

It serves one flags file: over gRPC as flagd's sync service (``flagd.sync.v1``, port 8015), which the providers' in-process mode follows,
and over HTTP as OFREP (port 8016), which a person asks with curl. Evaluation is OpenFeature's ``openfeature-flagd-core``, and the messages
are those that the provider's package ships. The command line is flagd's: ``start --uri file:/etc/flagd/flags.json``. Not here: the RPC
mode (port 8013), sources other than one file, metrics, TLS.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, OpenFeatureError
from openfeature.schemas.protobuf.flagd.sync.v1 import sync_pb2, sync_pb2_grpc

LOOK_EVERY_SECONDS = 0.1
FOLLOWERS = 64
"""Streams that can be open at once; each holds a thread."""


class FlagsFile:
    """The file as it was last read whole; a version that is no flags file is told and not taken."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._path, self._seen = Path(uri.removeprefix("file:")), b""
        self.core, self.text, self.version = FlagdCore(), "", 0
        self.changed = threading.Condition()

    def look(self) -> None:
        """Take the file if it changed."""
        content = self._path.read_bytes()
        if content == self._seen:
            return
        self._seen = content
        text = content.decode()
        self.core.set_flags(text)
        with self.changed:
            self.text, self.version = text, self.version + 1
            self.changed.notify_all()
        say(f"read {self._path}, version {self.version}")

    def after(self, version: int) -> tuple[str, int]:
        """The text and its version, once it is newer than the one given, or after a second."""
        with self.changed:
            self.changed.wait_for(lambda: self.version > version, timeout=1)
            return self.text, self.version

    def follow(self) -> None:
        """Look again and again."""
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            try:
                self.look()
            except (OSError, ValueError, OpenFeatureError) as error:
                say(f"{self._path} is not taken: {error}")


class Sync(sync_pb2_grpc.FlagSyncServiceServicer):
    """flagd.sync.v1: the whole configuration at once, and again after each change."""

    def __init__(self, flags: FlagsFile) -> None:
        self._flags = flags

    def SyncFlags(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ARG002, N802 - the protocol's name
        sent = 0
        while context.is_active():
            text, version = self._flags.after(sent)
            if version > sent:
                sent = version
                yield sync_pb2.SyncFlagsResponse(flag_configuration=text)

    def FetchAllFlags(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ARG002, N802
        return sync_pb2.FetchAllFlagsResponse(flag_configuration=self._flags.text)

    def GetMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ARG002, N802
        answer = sync_pb2.GetMetadataResponse()
        answer.metadata.update({"sources": self._flags.uri})
        return answer


class Ofrep(BaseHTTPRequestHandler):
    """OFREP 0.1: ``POST /ofrep/v1/evaluate/flags/{key}`` with ``{"context": {…}}``."""

    flags: FlagsFile
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        before, _, key = self.path.rpartition("/")
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if before != "/ofrep/v1/evaluate/flags":
            self._answer(404, {"errorDetails": "POST /ofrep/v1/evaluate/flags/{key}"})
            return
        try:
            given = json.loads(body or b"{}").get("context", {})
            found = self._value(key, EvaluationContext(given.pop("targetingKey", None), given))
        except FlagNotFoundError as error:
            self._answer(404, {"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": str(error)})
        except (ValueError, AttributeError, OpenFeatureError) as error:
            self._answer(400, {"key": key, "errorCode": "GENERAL", "errorDetails": str(error)})
        else:
            self._answer(200, {"key": key, "value": found.value, "variant": found.variant, "reason": str(found.reason), "metadata": {}})

    def do_GET(self) -> None:
        self._answer(404, {"errorDetails": "POST /ofrep/v1/evaluate/flags/{key}"})

    def _value(self, key: str, context: EvaluationContext) -> Any:
        """OFREP does not say the type that is wanted: the flag's own is its variants'."""
        variants = json.loads(self.flags.text).get("flags", {}).get(key, {}).get("variants", {})
        kind = type(next(iter(variants.values()), None))
        core = self.flags.core
        if kind is str:
            return core.resolve_string_value(key, "", context)
        if kind in (int, float):
            return core.resolve_float_value(key, 0.0, context)
        if kind in (dict, list):
            return core.resolve_object_value(key, {}, context)
        return core.resolve_boolean_value(key, False, context)

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line a question would be all there is to read."""


def say(text: str) -> None:
    """One line of JSON on stdout."""
    print(json.dumps({"at": round(time.time(), 3), "said": text}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="flagd", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("verb", choices=["start"])
    parser.add_argument("--uri", "-f", required=True, help="file:/path/of/flags.json")
    parser.add_argument("--sync-port", type=int, default=8015)
    parser.add_argument("--ofrep-port", type=int, default=8016)
    arguments = parser.parse_args()
    if not arguments.uri.startswith("file:"):
        parser.error("this stand-in reads flags from one file: --uri file:/path/of/flags.json")
    flags = FlagsFile(arguments.uri)
    flags.look()
    threading.Thread(target=flags.follow, daemon=True).start()
    server = grpc.server(ThreadPoolExecutor(FOLLOWERS))
    sync_pb2_grpc.add_FlagSyncServiceServicer_to_server(Sync(flags), server)
    server.add_insecure_port(f"0.0.0.0:{arguments.sync_port}")
    server.start()
    Ofrep.flags = flags
    http = ThreadingHTTPServer(("0.0.0.0", arguments.ofrep_port), Ofrep)  # noqa: S104 - reached from the run's network
    threading.Thread(target=http.serve_forever, daemon=True).start()
    say(f"sync on {arguments.sync_port}, OFREP on {arguments.ofrep_port}")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop(0)


if __name__ == "__main__":
    main()
