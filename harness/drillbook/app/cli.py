"""The command line. The result goes to stdout, progress to stderr; each command is a file in ``commands/``."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

import click

from drillbook import __version__
from drillbook.app import commands
from drillbook.app.command import VERDICTS, errors_as_sentences, unread_exits


def names() -> list[str]:
    """The names of all commands."""
    return sorted(module.name for module in pkgutil.iter_modules(commands.__path__))


class Commands(click.Group):
    """The commands that there are files of; each is imported when it is called for."""

    def list_commands(self, _: click.Context) -> list[str]:
        return names()

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in names():
            return None
        command: click.Command = import_module(f"{commands.__name__}.{name}").command
        command.name = name
        return command

    def main(self, *arguments: Any, **more: Any) -> Any:
        with unread_exits():  # what click says of a wrong command line
            return super().main(*arguments, **more)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with unread_exits():  # --help and --version; click's own exit code would be a verdict
            return super().make_context(*arguments, **more)

    def invoke(self, context: click.Context) -> Any:
        with errors_as_sentences():
            return super().invoke(context)


@click.command(cls=Commands, epilog=VERDICTS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="drillbook")
def main() -> None:
    """Drill the rollback playbook of your worker queues, and prove what became of every task.

    \b
    Example:
      drillbook run scenarios/versioned_workers
    """
