"""What commands have in common: errors as sentences, exit codes, arguments that several take, and how they print."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from drillbook.app.settings import Setting
from drillbook.core.errors import DrillbookError, Exit
from drillbook.core.unread import hush

if TYPE_CHECKING:
    from rich.console import Console

_Function = TypeVar("_Function", bound=Callable[..., Any])
EXITS = """\b
Exit codes:
  0 ok   2 usage error or invalid file   3 environment or engine error
  70 internal error   130 interrupted   141 nobody read the output   143 terminated
"""
VERDICTS = """\b
Exit codes:
  0 held   1 broken   2 usage error or invalid file   3 the drill could not be run   4 inconclusive
  70 internal error   130 interrupted   141 nobody read the output   143 terminated
"""
"""Of commands that say a verdict."""
SCENARIO = click.argument("scenario", type=click.Path(exists=True, path_type=Path))
RUN_DIR = click.argument("run_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
REPORTS_INTO = click.option(
    "--output", "into", type=click.Path(file_okay=False, path_type=Path), help="Directory for the reports (default: the run directory)."
)
CHANGES = click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Override a scenario value; repeatable.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class DrillbookCommand(click.Command):
    """A command whose help ends with the exit codes."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"epilog": EXITS} | more)


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Say what went wrong and exit with its code; a traceback is only for those who mend a defect."""
    try:
        with unread_exits():
            yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except DrillbookError as error:
        with exits_with(error.exit_code):
            click.echo(str(error), err=True)
    except OSError as error:
        with exits_with(Exit.HARNESS):
            click.echo(f"{error.filename or 'a file'}: {error.strerror or error}.", err=True)
    except KeyboardInterrupt:
        with exits_with(Exit.INTERRUPTED):
            click.echo("interrupted", err=True)
    except Exception as defect:  # exit code 1 is a verdict
        with exits_with(Exit.DEFECT):
            click.echo(f"internal error: {defect!r}. What it was doing is in {_log(defect)}; please report it.", err=True)


@contextmanager
def exits_with(code: int) -> Iterator[None]:
    """Say what came of work that is done, and exit with its code, whether or not anybody reads to the end."""
    try:
        yield
    except BrokenPipeError:
        hush()
    sys.exit(int(code))


@contextmanager
def unread_exits() -> Iterator[None]:
    """Exit where nobody reads what is said; a pipe of another kind that breaks is an error as any."""
    try:
        yield
    except BrokenPipeError:
        if not hush():
            raise
        sys.exit(int(Exit.UNREAD))


def option(setting: Setting, help: str, **more: Any) -> Callable[[_Function], _Function]:
    """An option whose default a project can change."""
    told = f"{help} [{setting.variable}, or {setting.name} in pyproject.toml]"
    return click.option(f"--{setting.name}", default=setting.value, help=told, **more)


def print_json(document: object) -> None:
    """Print a document on stdout, for programs."""
    import json

    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(heads: list[str], rows: Iterable[Iterable[str]]) -> None:
    """Print rows in columns on stdout, whole names whatever the width, so that other programs can read them."""
    lines = [heads, *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def console() -> Console:
    """Where results are shown; one that nobody reads is an error, as of anything that prints."""
    from rich.console import Console

    class Results(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    return Results(highlight=False)


def _log(defect: Exception) -> str:
    """Where the traceback is."""
    with tempfile.NamedTemporaryFile("w", prefix="drillbook-defect-", suffix=".log", encoding="utf-8", delete=False) as file:
        file.write("".join(traceback.format_exception(defect)))
    return file.name
