"""Which mistakes are planted, which are drawn, which tests are asked about them, and what is written of it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.mutants.__main__ import EQUIVALENT, everything
from tests.mutants.mutants import Equivalent, Mutant, draw, equivalents, mutants
from tests.mutants.page import table, write
from tests.mutants.plugin import CHILDREN, TIMES
from tests.mutants.reach import Reach, children, lines_of, of_children
from tests.mutants.tree import PACKAGE, ROOT
from tests.nightly.results import Result

CHANGES = {
    "a comparison": ("def f(a):\n    return a >= 1", ["a >= 1 -> a < 1", "a >= 1 -> a > 1"]),
    "an identity": ("def f(a):\n    return a is not None", ["a is not None -> a is None"]),
    "a membership": ("def f(a):\n    return a in b", ["a in b -> a not in b"]),
    "one with brackets": ("def f(a):\n    return (a := b) is None", ["(a := b) is None -> (a := b) is not None"]),
    "an operator": ("def f(a):\n    return a and b", ["a and b -> ((a) or (b))", "a and b -> ((a))", "a and b -> ((b))"]),
    "a not": ("def f(a):\n    return not a", ["not a -> (a)"]),
    "a truth value": ("def f(a):\n    return True", ["True -> False"]),
    "a conditional": ("def f(a):\n    return b if a else c", ["b if a else c -> (b)", "b if a else c -> (c)"]),
    "a sum": ("def f(a):\n    return a + b", ["a + b -> a - b"]),
    "a statement": ("def f(a):\n    a.b()", ["a.b() -> pass"]),
    "an assignment": ("def f(a):\n    a = b\n    a += 1", ["a = b -> pass", "a += 1 -> pass"]),
    "a statement at import": ("a.b()", []),
    "a docstring": ('def f(a):\n    """Text."""', []),
    "a log": ("def f(a):\n    LOG.info('x')", []),
    "an f-string": ("def f(a):\n    return f'{a > 1}'", []),
    "an annotation": ("def f(a: Literal[True]) -> Literal[False]: ...", []),
}


@pytest.mark.parametrize(("text", "changes"), CHANGES.values(), ids=CHANGES)
def test_these_mistakes_are_planted(text: str, changes: list[str]) -> None:
    assert sorted(mutant.change for mutant in mutants("x.py", text)) == sorted(changes)


def test_only_the_mistake_is_changed_in_a_text_of_any_letters() -> None:
    text = "def f(a):\n    é = 'ü'; return a > 1  # ñ\n"
    (planted, *_) = [mutant.planted(text) for mutant in mutants("x.py", text) if mutant.after == "a >= 1"]
    assert planted == text.replace("a > 1", "a >= 1")


def test_a_mutant_knows_the_lines_of_its_statement() -> None:
    text = "def f(a):\n    if (\n        a > 1\n    ):\n        return\n    x = [\n        not a,\n    ]\n"
    assert {mutant.change: mutant.lines for mutant in mutants("x.py", text) if mutant.after in ("a >= 1", "(a)")} == {
        "a > 1 -> a >= 1": (2, 4),
        "not a -> (a)": (6, 8),
    }


def test_a_mutant_knows_its_package_and_module() -> None:
    (mutant,) = mutants("stage/links.py", "def f(a):\n    a.b()")
    assert (mutant.package, mutant.module, str(mutant)) == ("stage", "stage.links", "stage/links.py:2: a.b() -> pass")


EVERY = list(everything())


def test_every_mistake_in_this_tree_can_be_read() -> None:
    texts = {mutant.file: (ROOT / PACKAGE / mutant.file).read_text() for mutant in EVERY}
    for mutant in EVERY[::17]:
        ast.parse(mutant.planted(texts[mutant.file]))


def test_a_draw_is_the_same_whichever_other_packages_there_are() -> None:
    alone = [mutant for mutant in EVERY if mutant.package == "drive"]
    assert draw(alone, 5, 1) == [mutant for mutant in draw(EVERY, 5, 1) if mutant.package == "drive"]


def test_another_seed_draws_others() -> None:
    assert draw(EVERY, 5, 1) != draw(EVERY, 5, 2)


def test_a_package_gives_no_more_than_it_has() -> None:
    few = mutants("x/a.py", "def f(a):\n    a.b()\n")
    assert draw(few, 5, 1) == few


def test_what_makes_no_difference_is_not_drawn() -> None:
    few = mutants("x/a.py", "def f(a):\n    a.b()\n    a.c()\n")
    assert [mutant.after for mutant in draw(few, 5, 1, [Equivalent("x/a.py", "a.b()", "a.b() -> pass", "why")])] == ["pass"]


def test_whatever_is_said_to_make_no_difference_is_still_there() -> None:
    for one in equivalents(tomllib.loads(EQUIVALENT.read_text())):
        assert any(one.is_(mutant) for mutant in EVERY), f"{one.file} has no {one.line!r} any more"


# Rings


@pytest.fixture
def reach(tmp_path: Path) -> Reach:
    for name, text in {
        "test_own": "from drillbook.stage.links import Link\n",
        "test_by_name": "from drillbook.stage import containers, links\n",
        "test_shared": "import helper\n",
        "helper": "from drillbook.stage.links import Link\n",
        "test_beside": "from drillbook.stage.containers import RunContainers\n",
        "test_other": "from drillbook.judge import judge\n",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    return Reach(tmp_path / "kept", tmp_path)


@pytest.mark.parametrize(("ring", "files"), [(1, ["test_by_name", "test_own", "test_shared"]), (2, ["test_beside"]), (3, ["test_other"])])
def test_the_tests_that_import_a_module_are_asked_first(reach: Reach, ring: int, files: list[str]) -> None:
    (mutant,) = mutants("stage/links.py", "def f(a):\n    a.b()")
    assert [file.stem for file in reach.ring(mutant, ring)] == files


# The table


def came(mutant: Mutant, fate: str) -> Result:
    return Result("mutants", str(mutant), False, fate, "", 1.0, "2026-11-27T01:00:00Z", "abc", 2, "6.1.0", 1.0)  # type: ignore[arg-type]


def test_the_table_counts_by_package_and_names_what_survived() -> None:
    one, two = mutants("x/a.py", "def f(a):\n    a.b()\n    a.c()\n")
    (three,) = mutants("y.py", "def f(a):\n    a.b()\n")
    made = table([(one, came(one, "passed")), (two, came(two, "failed")), (three, came(three, "passed"))], 7)
    assert "| `x` | 2 | 1 | 1 | 50% |\n| `y` | 1 | 1 | 0 | 100% |\n| all | 3 | 2 | 1 | 67% |" in made
    assert "Seed 7, commit abc, 2026-11-27, 2 cores, Linux 6.1.0." in made
    assert made.endswith("- `x/a.py:3`: `a.c() -> pass`\n")


def test_the_table_takes_the_place_of_the_old_one_and_of_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- made: mutants -->\nold\n<!-- made -->\nafter\n")
    write("new\n", page)
    assert page.read_text() == "before\n<!-- made: mutants -->\nnew\n<!-- made -->\nafter\n"


def test_a_page_without_a_place_for_the_table_is_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n")
    with pytest.raises(ValueError, match="has no place for it"):
        write("new\n", page)


def test_what_a_program_ran_is_of_the_test_that_started_it(tmp_path: Path) -> None:
    """As ``Reach`` measures: the test in a process of pytest, and a program of its own that it starts."""
    (tmp_path / "ours.py").write_text("def f():\n    return 1\n")
    (tmp_path / "test_it.py").write_text(
        "import subprocess, sys\n\n\ndef test_a():\n    subprocess.run([sys.executable, '-c', 'import ours; ours.f()'], check=True)\n"
        "\n\ndef test_b():\n    pass\n"
    )
    settings, times = tmp_path / "children.ini", tmp_path / "times.json"
    settings.write_text(children(settings, tmp_path))
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.plugin", "test_it.py"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), TIMES: str(times), CHILDREN: str(settings)}
    done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    settings.with_name(f"{settings.name}.data.killed").write_bytes(b"SQLite format 3\0 and then")
    assert lines_of(of_children(settings), tmp_path)["ours.py"][2] == ["test_it.py::test_a"]
