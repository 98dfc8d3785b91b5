"""Read a single value of a JSON body."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

BODY_KEPT = 1 << 20
"""The largest body, in octets, in which an id is looked for."""


def body_reader(steps: Sequence[str | int]) -> Callable[[bytes], str | None]:
    """Reads the text, or the whole number, at the end of a way through a JSON body, a key or a place in a list each."""

    def read(body: bytes) -> str | None:
        try:
            found: Any = json.loads(body)
            for step in steps:
                if not isinstance(found, dict if isinstance(step, str) else list):
                    return None
                found = found[step]  # type: ignore[index]
        except (ValueError, LookupError, RecursionError):
            return None
        return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None

    return read
