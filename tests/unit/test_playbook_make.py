"""Targets of a Makefile as playbooks: checked before a drill, and made by the real make."""

from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner
from playbooks import Told, program
from playbooks import said as printed
from scenario_folder import SOUND, said, sound_folder

from drillbook.app.cli import main
from drillbook.scenario import Playbook

MAKEFILE = """\
    V2 := a:b
    .PHONY: rollback
    check rollback: drain
    \t@echo rolling back; touch rolled
    drain: ; @echo draining $(V2)
    fails:
    \t@exit 7
    undo-%: LEVEL = 1
    undo-%:
    \t@echo undo $*
    stale: LEVEL = 2
    load: drain
    define RECIPE
    defined: drain
    endef
    split \\
      over: drain
    include more.mk
    """


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound scenario with a Makefile beside it."""
    file = sound_folder(tmp_path / "drill")
    makefile(file.parent, MAKEFILE)
    makefile(file.parent, "included: drain\n", "more.mk")
    return file


def makefile(folder: Path, text: str, name: str = "Makefile") -> None:
    (folder / name).write_text(dedent(text))


def made(value: str) -> str:
    """The sound scenario with another playbook."""
    return SOUND.replace("run: ./rollback.sh", f"make: {value}").replace("drain v2", "playbook").replace("stop v2", "playbook")


def ran(folder: Path, value: object) -> Told:
    told = Told()
    command = Playbook.model_validate({"make": value, "start": {"at": "5s"}}).command
    program(folder, told, command).run()
    return told


def test_a_target_is_made_as_one_step(file: Path):
    assert ran(file.parent, "rollback").all == ["> playbook", ": playbook", "< playbook 0"]
    assert printed(file.parent, "playbook") == ["draining a:b", "rolling back"]
    assert (file.parent / "rolled").exists()


def test_the_exit_code_is_that_of_make(file: Path):
    assert ran(file.parent, "fails").ends == ["playbook 2"]


def test_another_makefile_is_made_in_the_scenarios_folder(file: Path):
    (file.parent / "ops").mkdir()
    makefile(file.parent / "ops", "where:\n\t@pwd\n", "my ops.mk")
    ran(file.parent, {"file": "ops/my ops.mk", "target": "where"})
    assert printed(file.parent, "playbook") == [str(file.parent)]


TARGETS = (
    "check",
    "rollback",
    "drain",
    "undo-all",
    "load",
    "split",
    "over",
    "included",
    "{target: rollback}",
    "{file: more.mk, target: included}",
)


@pytest.mark.parametrize("value", TARGETS)
def test_a_target_that_some_rule_makes_is_let_pass(file: Path, value: str):
    assert said(file, made(value)) == []


REFUSED = {
    "no rule makes it": ("rolback", "32:9: Makefile has no target rolback; did you mean rollback?"),
    "only a variable is set for it": ("stale", "32:9: Makefile has no target stale"),
    "it stands in a definition": ("defined", "32:9: Makefile has no target defined"),
    "it is a file without a rule": ("tables.sql", "32:9: Makefile has no target tables.sql"),
    "the pattern has nothing to fit": ("undo-", "32:9: Makefile has no target undo-"),
    "it is phony and has no rule": (".PHONY", "32:9: Makefile has no target .PHONY"),
    "another file lacks it": ("{file: more.mk, target: rollback}", "32:33: more.mk has no target rollback; there is included"),
    "the file is not there": ("{file: mor.mk, target: x}", "32:16: there is no Makefile mor.mk; did you mean more.mk?"),
    "it is an option": ("--dry-run", "32:9: --dry-run is no target: name one alone, such as rollback"),
    "a variable is set": ("X=1", "32:9: X=1 is no target: name one alone, such as rollback"),
    "a key is wrong": ("{targt: rollback}", "32:10: playbook.make has no key targt; did you mean target?"),
    "it is empty": ("{target: ''}", "32:18: target is empty"),
    "it is a list": ("[rollback]", "32:9: make is keys with values, not a list"),
}


@pytest.mark.parametrize(("value", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_made_is_refused_at_its_place(file: Path, value: str, expected: str):
    problems = said(file, made(value))
    assert len(problems) == 1
    assert problems[0].startswith(expected)


UNREADABLE = {
    "a variable": "$(NAME): ;\n",
    "made by eval": "$(eval rollback: ;)\n",
    "an include by a pattern": "include $(wildcard *.mk)\n",
    "an include that is made first": "include made.mk\n",
    "a default for all": ".DEFAULT: ;\n",
    "no text": "\0\xff",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_where_targets_cannot_be_read_any_is_let_pass(file: Path, text: str):
    (file.parent / "Makefile").write_bytes(text.encode("latin-1"))
    assert said(file, made("rollback")) == []


def test_nothing_of_a_makefile_is_run_by_the_check(file: Path):
    makefile(file.parent, "X := $(shell touch touched)\nrollback: ; +touch touched\n")
    assert said(file, made("rollback")) == []
    assert not (file.parent / "touched").exists()


def test_where_make_is_missing_it_is_said_how_to_install_it(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "32:9: there is no program make on the PATH; apt-get install make brings it" in said(file, made("rollback"))


def test_validate_lists_the_whole(file: Path):
    file.write_text(made("rollback"))
    assert "playbook: playbook" in CliRunner().invoke(main, ["validate", str(file)]).output
