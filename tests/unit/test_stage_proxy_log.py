"""Connections by the log of the proxies: its lines as Toxiproxy 2.12 writes them."""

from __future__ import annotations

import json

import pytest

from drillbook.core.errors import HarnessError
from drillbook.stage.proxy_log import connections


def line(message: str, name: str = "", **more: str) -> str:
    return json.dumps({"level": "info", **({"name": name} if name else {}), **more, "message": message}, separators=(",", ":"))


START = line("Starting Toxiproxy", version="2.12.0")
SERVER = line("Starting Toxiproxy HTTP server", address="0.0.0.0:8474")
LAST = line("Started proxy", "last")


def taken(name: str, client: str = "172.28.0.6:42976") -> str:
    return line("Accepted client", name, listen="0.0.0.0:20001", upstream="tap:5701", client=client)


def test_each_connection_is_counted_for_the_proxy_that_took_it() -> None:
    log = [START, SERVER, line("Started proxy", "a"), taken("a"), taken("b"), line("Setup connection", "a"), taken("a"), LAST]
    assert connections(log, "last") == {"a": 2, "b": 1}


@pytest.mark.parametrize("ended", ["Source terminated", "Terminated proxy", "Unable to open connection to upstream"])
def test_what_else_becomes_of_a_connection_is_not_counted(ended: str) -> None:
    assert connections([START, taken("a"), line(ended, "a"), LAST], "last") == {"a": 1}


def test_what_is_no_line_of_theirs_is_passed_over_where_it_says_nothing_of_connections() -> None:
    assert connections([START, "goroutine 7 [running]:", "", LAST], "last") == {}


NOT_WHOLE = {
    "empty": ([], "the log of the proxies tells of 0 starts."),
    "its beginning rotated away": ([taken("a"), LAST], "the log of the proxies does not begin with their start."),
    "its beginning rotated away, and started again": ([taken("a"), START, LAST], "the log of the proxies does not begin with their start."),
    "started again": ([START, taken("a"), START, LAST], "the log of the proxies tells of 2 starts."),
    "not yet written to the end": ([START, taken("a")], "the log of the proxies does not reach to the end."),
    "of another end": ([START, line("Started proxy", "a"), line("Terminated proxy", "last")],
                       "the log of the proxies does not reach to the end."),
    "broken": ([START, taken("a")[:-9] + '"Accepted client"', LAST], "a line of the proxies' log is none of theirs: {"),
}  # fmt: skip


@pytest.mark.parametrize(("log", "why"), NOT_WHOLE.values(), ids=NOT_WHOLE)
def test_a_log_that_is_not_whole_tells_nothing(log: list[str], why: str) -> None:
    with pytest.raises(HarnessError) as raised:
        connections(log, "last")
    assert raised.value.message.startswith(why)
