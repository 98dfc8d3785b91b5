"""Standard streams that nobody reads any more, as of `drillbook … | head`."""

from __future__ import annotations

import os
import select
import sys
from typing import IO, Any


def is_unread(stream: IO[Any]) -> bool:
    """Whether a stream is a pipe whose reader has gone; False of one that is none, or no file."""
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):
        return False
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def hush() -> bool:
    """Have standard streams that nobody reads lead nowhere, so that what is still said does not fail, at the interpreter's end either.

    Returns:
        Whether there is one.
    """
    unread = [stream for stream in (sys.stdout, sys.stderr) if is_unread(stream)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in unread:
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return bool(unread)
