"""Plays: their steps read from their YAML, and the play waiting at each of them while it runs.

Ansible is only ever called as a program: the one file here that imports it, ``callback/drillbook_gate.py``, is loaded by
``ansible-playbook`` in its own process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from drillbook.playbook.here import Here, own_file
from drillbook.playbook.runner import ProgramReading, Runner, Wrong
from drillbook.playbook.runners.ansible.environment import environment
from drillbook.playbook.runners.ansible.play_gate import PlayGate
from drillbook.playbook.runners.ansible.reading import play_steps

PROGRAM = "ansible-playbook"
_OPTIONS_WITH_A_WORD = (
    *("-i", "-e", "-l", "-t", "-f", "-u", "-c", "-T", "-M", "--inventory", "--inventory-file", "--extra-vars", "--limit", "--tags"),
    *("--skip-tags", "--forks", "--user", "--connection", "--timeout", "--module-path", "--start-at-task", "--vault-id"),
    *("--vault-password-file", "--vault-pass-file", "--private-key", "--key-file", "--become-user", "--become-method"),
)


class Ansible(Runner[str]):
    """A play, and options of ansible-playbook after it."""

    key: ClassVar[str] = "ansible"
    about: ClassVar[str] = "A play for ansible-playbook, relative to the scenario file; its options may follow it."
    steps: ClassVar[str] = "the play's tasks, with handlers, rescue and always"
    brought_by: ClassVar[Mapping[str, str]] = {PROGRAM: "pip install 'drillbook[ansible]' brings it"}

    def command(self, value: str) -> str:
        """``ansible-playbook`` before it."""
        return f"{PROGRAM} {value}"

    def wrong(self, value: str, here: Here) -> Wrong | None:
        """A play that is not there."""
        words = self.words(value, "line")
        if isinstance(words, Wrong):
            return words
        if not words[0].endswith((".yml", ".yaml")):
            return Wrong(f"{words[0]} is no play: name its file first, such as rollback.yml")
        message = here.no_file(words[0], "play")
        return Wrong(message) if message else None

    def takes(self, words: tuple[str, ...]) -> bool:
        """``ansible-playbook``, wherever it is."""
        return Path(words[0]).name == PROGRAM

    def read(self, words: tuple[str, ...], folder: Path) -> ProgramReading:
        """The tasks of the play."""
        play = _play(words, folder)
        return ProgramReading(tuple(dict.fromkeys(play_steps(play))), gate=PlayGate) if play else ProgramReading()

    def environment(self, folder: Path, told: Mapping[str, str]) -> dict[str, str]:
        """The stage as an inventory, and a folder for what Ansible writes for itself."""
        return environment(folder, told)


def _play(words: tuple[str, ...], folder: Path) -> Path | None:
    """The first play among the arguments."""
    options = [number for number, word in enumerate(words) if word in _OPTIONS_WITH_A_WORD]
    plays = (word for number, word in enumerate(words) if number and not word.startswith("-") and number - 1 not in options)
    return next((file for word in plays if (file := own_file(word, folder))), None)
