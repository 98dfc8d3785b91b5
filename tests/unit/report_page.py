"""A report's page, taken apart for the tests."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """A page taken apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._cells: list[list[str]] = []
        self._in_cell = False
        self._in: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self._cells.append([])
        if tag in ("th", "td"):
            self._cells[-1].append("")
            self._in_cell = True
        if tag in ("script", "style"):
            self._in.append(tag)
            self.scripts += [""] * (tag == "script")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._in.pop()
        self._in_cell = self._in_cell and tag not in ("th", "td")

    def handle_data(self, data: str) -> None:
        if self._in == ["script"]:
            self.scripts[-1] += data
        elif not self._in:
            self.text += data
            if self._in_cell:
                self._cells[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def rows(self) -> list[list[str]]:
        """Of every table, cell by cell."""
        return [[" ".join(cell.split()) for cell in row] for row in self._cells]

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", self.text)

    @property
    def chart(self) -> dict[str, object]:
        data = json.loads(self.scripts[0])
        assert isinstance(data, dict)
        return data
