"""What the person at the terminal sees while a drill runs: live by phase on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from drillbook.core.unread import hush


class ProgressConsole(Console):
    """Falls silent when nobody reads it any more: the drill goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        hush()


class Progress:
    """Tells of phases and what happens in them.

    Args:
        console: where to; on a terminal a spinner shows the phase and its time, elsewhere each line is printed once.
        quiet: tell nothing.
    """

    def __init__(self, console: Console | None = None, quiet: bool = False) -> None:
        self._console = console or ProgressConsole(stderr=True, highlight=False, soft_wrap=True)
        self._quiet = quiet
        self._begun = time.monotonic()
        self._phase = ""
        self._status: Status | None = None

    def phase(self, name: str, detail: str = "") -> None:
        """A phase begins: images, stage, drive, settle, collect, judge."""
        self._phase = f"{name:<8} {detail}".rstrip()
        self._line(f"[bold]{escape(self._phase)}[/bold]")
        if self._console.is_terminal and not self._quiet:
            self._status = self._status or self._console.status("")
            self._status.start()
            self._status.update(escape(self._phase))

    def note(self, text: str) -> None:
        """Something happened."""
        self._line(f"  {escape(text)}")

    def elapsed(self, seconds: float) -> None:
        """The drive's own clock, shown beside the phase on a terminal."""
        if self._status is not None:
            self._status.update(f"{escape(self._phase)}  [dim]{max(0.0, seconds):.0f} s[/dim]")

    def close(self) -> None:
        """Stop the spinner."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, markup: str) -> None:
        if not self._quiet:
            self._console.print(f"[dim]{time.monotonic() - self._begun:6.1f}s[/dim] {markup}")
