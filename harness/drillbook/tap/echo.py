"""A question to the tap itself, in place of a client's first word: so many bytes come, and as many go back.

It measures the way to the tap, over the very proxy that clients use. The broker hears nothing of it, and no line is written of it.
"""

from __future__ import annotations

HELLO = b"DRILLBOOK-ECHO\r\n"
MOST = 1 << 24
"""Bytes that are given back."""
_HEAD = len(HELLO) + 8


def question(size: int) -> bytes:
    """What is sent first, in one piece; ``size`` bytes of any content follow."""
    return HELLO + size.to_bytes(8, "big")


class EchoRequest:
    """One such question.

    Args:
        size: how many bytes come after its head, and go back after the last of them.
    """

    def __init__(self, size: int) -> None:
        self._size, self._left = size, size + _HEAD

    def read(self, data: bytes) -> bytes:
        """Take what came, its head too.

        Returns:
            The answer when all is there, until then nothing.
        """
        self._left -= len(data)
        return bytes(self._size) if self._left <= 0 else b""


def asked(first: bytes) -> EchoRequest | None:
    """The question that a connection begins with, if it does.

    Args:
        first: what came first; the question's own bytes and, maybe, some of those that follow.
    """
    size = int.from_bytes(first[len(HELLO) : _HEAD], "big")
    return EchoRequest(size) if len(first) >= _HEAD and first.startswith(HELLO) and size <= MOST else None
