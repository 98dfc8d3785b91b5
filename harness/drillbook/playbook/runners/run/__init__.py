"""Any command line: a bash script waits at its functions; any other program prints a line for each step, which is only seen.

Text that prints ``::step name`` names its steps by those lines alone, whatever language it is in, bash too. A program with neither is one
step as a whole: dash and sh, which take no gate, a binary, a script from top to bottom.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from drillbook.playbook.here import Here, first_line, own_file
from drillbook.playbook.runner import ProgramReading, Runner, Wrong
from drillbook.playbook.runners.run.script import functions, plain_text
from drillbook.playbook.runners.run.script_gate import ScriptGate

INTERPRETERS = ("bash", "sh", "dash", "zsh", "python", "python3", "perl", "ruby", "node")
STEP_LINE = re.compile(r"""::step +(?P<name>[^"'`\\$%{}<>|;&()\s][^"'`\\$%{}<>|;&()\n]*?)\s*(?:["'`\\<>|;&()]|$)""")
_WRAPPERS = ("env", "timeout", "nice", "stdbuf", "setsid")
_SHELL_OPTIONS_WITH_A_WORD = ("-o", "+o", "-O", "+O", "--rcfile", "--init-file")


class CommandRunner(Runner[str]):
    """A command line."""

    key: ClassVar[str] = "run"
    about: ClassVar[str] = "A command line; a path in it is relative to the scenario file."
    steps: ClassVar[str] = (
        "the functions that a bash script calls at its top level, `drain_v2` as `drain v2`; of any other program the lines `::step name` "
        "that it prints; and where its text has neither, and `steps` names none, the program as a whole: `playbook`"
    )

    def command(self, value: str) -> str:
        """As it stands there."""
        return value

    def wrong(self, value: str, here: Here) -> Wrong | None:
        """A program that is not there, or a script that is given to its interpreter and is not."""
        words = self.words(value, "command line")
        if isinstance(words, Wrong):
            return words
        program, *arguments = words
        script = next((word for word in arguments if not word.startswith("-")), None)
        interpreted = Path(program).name in INTERPRETERS and "-c" not in arguments and "-m" not in arguments
        message = here.no_program(program) or (here.no_file(script, "file") if interpreted and script else None)
        return Wrong(message) if message else None

    def takes(self, words: tuple[str, ...]) -> bool:
        """Any that has a word."""
        return bool(words)

    def read(self, words: tuple[str, ...], folder: Path) -> ProgramReading:
        """The step lines of the first file that it names, or else the functions of a bash script."""
        text = next((file for word in words if not word.startswith("-") and (file := own_file(word, folder))), None)
        content = plain_text(text) if text else None
        if text is None or content is None:
            return ProgramReading(whole=True)
        lines = [line for line in content.splitlines() if not line.lstrip().startswith("#")]
        said = [" ".join(match["name"].split()) for line in lines for match in STEP_LINE.finditer(line)]
        if said or any("::step" in line for line in lines):
            return ProgramReading(names=tuple(dict.fromkeys(said)))
        if not _bash_reads(words, text, folder):
            return ProgramReading(whole=True)
        found = functions(text)
        return ProgramReading(found.steps, gate=lambda _: ScriptGate(text, found.within, found.aside), whole=not found.steps)


def _bash_reads(words: tuple[str, ...], text: Path, folder: Path) -> bool:
    """Whether the file is run by its own bash shebang, or is given to bash; dash and sh take no gate."""
    place = next(number for number, word in enumerate(words) if folder / word == text)
    before = [word for word in words[:place] if not word.startswith(("-", "+"))]
    options = [words[number] for number in range(1, place) if words[number - 1] in _SHELL_OPTIONS_WITH_A_WORD]
    programs = [Path(word).name for word in before if word not in options]
    if programs and programs[-1] == "bash":
        return "-c" not in words[:place]
    if programs and programs[0] not in _WRAPPERS:
        return False
    return any(Path(word).name == "bash" for word in first_line(text)[:3])
