"""What the person at the terminal sees while a drill runs."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest
from rich.console import Console

from drillbook.core.progress import Progress


class Screen:
    """Where it is shown."""

    def __init__(self, terminal: bool = False, quiet: bool = False) -> None:
        self._text = StringIO()
        self.progress = Progress(Console(file=self._text, force_terminal=terminal, width=200), quiet)

    @property
    def lines(self) -> list[str]:
        """Without the time before each."""
        return [line.partition("s ")[2] for line in self._text.getvalue().splitlines()]


def test_elsewhere_than_on_a_terminal_each_line_is_printed_once() -> None:
    screen = Screen()
    screen.progress.phase("drive", "60 tasks/s")
    screen.progress.note("alert")
    screen.progress.elapsed(5.0)
    screen.progress.close()
    assert screen.lines == ["drive    60 tasks/s", "  alert"]


def test_a_phase_without_more_to_say_is_its_name() -> None:
    screen = Screen()
    screen.progress.phase("judge")
    assert screen.lines == ["judge"]


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    screen = Screen()
    screen.progress.note("[bold] of the playbook")
    assert screen.lines == ["  [bold] of the playbook"]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_quiet_one_says_nothing(terminal: bool) -> None:
    screen = Screen(terminal, quiet=True)
    screen.progress.phase("drive")
    screen.progress.note("alert")
    screen.progress.elapsed(5.0)
    assert screen._text.getvalue() == ""


def test_a_drill_goes_on_when_nobody_reads_its_progress() -> None:
    probe = "from drillbook.core.progress import Progress\nprogress = Progress()\n"
    probe += "progress.phase('drive')\nprogress.note('alert')\nprint('went on')\n"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", probe], stdout=subprocess.PIPE, stderr=write, text=True, timeout=60)
    os.close(write)
    assert (done.returncode, done.stdout) == (0, "went on\n")


def test_on_a_terminal_the_phase_goes_on_with_its_time_until_it_is_closed() -> None:
    screen = Screen(terminal=True)
    screen.progress.phase("drive")
    status = screen.progress._status
    assert status is not None
    screen.progress.elapsed(-1.0)
    assert str(status.status) == "drive  [dim]0 s[/dim]"
    screen.progress.elapsed(5.4)
    assert str(status.status) == "drive  [dim]5 s[/dim]"
    screen.progress.phase("settle")
    assert screen.progress._status is status
    screen.progress.close()
    assert screen.progress._status is None
    screen.progress.close()


HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


def test_the_spinner_turns_from_the_first_phase_until_it_is_closed() -> None:
    screen = Screen(terminal=True)
    screen.progress.phase("drive")
    assert HIDE_CURSOR in screen._text.getvalue()
    assert SHOW_CURSOR not in screen._text.getvalue()
    screen.progress.close()
    assert SHOW_CURSOR in screen._text.getvalue()


def test_by_default_it_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    Progress().note("a word")
    out, err = capsys.readouterr()
    assert out == ""
    assert "a word" in err
