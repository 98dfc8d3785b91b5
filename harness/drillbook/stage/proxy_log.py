"""What Toxiproxy's log tells of the connections that its proxies took. Pure.

Its counters of bytes (``-proxy-metrics``) would not do: they know nothing of a connection that still stands, or on which nothing was said,
and begin anew with the server. The log has a line for each connection as it is taken; all 400 of 400 quick ones, too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from drillbook.core.errors import HarnessError

_STARTED, _TAKEN, _MADE = "Starting Toxiproxy", "Accepted client", "Started proxy"


def connections(lines: Iterable[str], last: str) -> Counter[str]:
    """How many connections each proxy took, by its name.

    Args:
        lines: of the log.
        last: a proxy that was made when the log was to be read: one that tells of it has all that was before.

    Raises:
        HarnessError: it is not the whole log of one server.
    """
    found: Counter[str] = Counter()
    starts, ended = 0, False
    for number, line in enumerate(lines):
        told = _told(line)
        starts += told.get("message") == _STARTED
        if number == 0 and not starts:
            raise HarnessError("the log of the proxies does not begin with their start.")
        if told.get("message") == _TAKEN:
            found[told["name"]] += 1
        ended = ended or (told.get("message") == _MADE and told["name"] == last)
    if starts != 1:
        raise HarnessError(f"the log of the proxies tells of {starts} starts.")
    if not ended:
        raise HarnessError("the log of the proxies does not reach to the end.")
    return found


def _told(line: str) -> dict[str, str]:
    """The line where it is one that counts, else nothing."""
    if not any(f'"{message}"' in line for message in (_STARTED, _TAKEN, _MADE)):
        return {}
    try:
        told: dict[str, str] = json.loads(line)
    except ValueError as error:
        raise HarnessError(f"a line of the proxies' log is none of theirs: {line[:60]}.") from error
    return told
