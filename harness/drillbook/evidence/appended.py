"""Follows a file that another process appends to."""

from __future__ import annotations

from pathlib import Path


class Appended:
    """What has come to a file since it was last asked; not shared by threads.

    Args:
        path: the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._offset, self._rest = path, 0, b""

    def lines(self) -> list[bytes]:
        """The lines that have become whole, without their ends."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            chunk = file.read()
        self._offset += len(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return whole
