"""The house has floors: a package imports from those below its own, never from above; and no two modules of a package need each other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import drillbook

HOME = Path(drillbook.__file__).parent
FLOORS = (
    "core",
    "tap",
    "sink",
    "evidence",
    "engine",
    "faults",
    "playbook",
    "scenario",
    "plan",
    "rabbitmq",
    "stage",
    "load",
    "judge",
    "report",
    "decode",
    "drive",
    "validation",
    "drill",
    "api",
    "app",
)
"""From the ground up."""
ALONE = ("tap", "sink")
"""They run in containers, by themselves."""
CAMEL = re.compile(r"_?[A-Z]\w*[a-z]\w*")
"""What types are named like."""


def modules() -> dict[str, Path]:
    """Every module by its name, ``judge.tables``; a package is the module of its ``__init__.py``."""
    found = {}
    for path in HOME.rglob("*.py"):
        parts = path.relative_to(HOME).with_suffix("").parts
        if "drills" not in parts and "templates" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(module: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """What a module imports of ours, within functions too, and for types only too."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[2] for name in node.names if name.name.partition(".")[0] == "drillbook")
        if isinstance(node, ast.ImportFrom):
            source = _source(node, package)
            for name in node.names if source is not None else ():
                inner = f"{source}.{name.name}".lstrip(".")
                yield inner if inner in known else str(source)


def _source(node: ast.ImportFrom, package: str) -> str | None:
    """The module of ours that an import names; None: it is not ours."""
    if node.level:
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])
    first, _, rest = (node.module or "").partition(".")
    return rest if first == "drillbook" else None


@cache
def arrows() -> dict[str, set[str]]:
    """Of each module those that it imports."""
    known = modules()
    return {module: set(imported(module, path, known)) - {module} for module, path in known.items()}


def floor(module: str) -> str:
    return module.partition(".")[0]


def arrows_up(found: dict[str, set[str]]) -> list[str]:
    return [
        f"{module} -> {other}"
        for module, others in sorted(found.items())
        for other in sorted(others)
        if module and other and FLOORS.index(floor(other)) > FLOORS.index(floor(module))
    ]


def test_every_package_has_its_floor() -> None:
    assert {floor(module) for module in modules() if module} == set(FLOORS)


def test_the_page_shows_the_floors_as_they_stand() -> None:
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE) == [*reversed(FLOORS)]


def test_no_import_goes_up() -> None:
    assert arrows_up(arrows()) == []


@pytest.mark.parametrize("package", FLOORS)
def test_no_modules_of_a_package_import_each_other_in_a_circle(package: str) -> None:
    inside = {
        module: {other for other in others if floor(other) == package} for module, others in arrows().items() if floor(module) == package
    }
    try:
        list(TopologicalSorter(inside).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", ALONE)
def test_what_runs_in_a_container_imports_nothing_of_ours(package: str) -> None:
    outside = {other for module, others in arrows().items() if floor(module) == package for other in others if floor(other) != package}
    assert outside == set()


def test_an_arrow_up_is_seen() -> None:
    assert arrows_up({"core.units": {"judge.tables"}, "judge.tables": {"core.units"}}) == ["core.units -> judge.tables"]


def types_of(text: str) -> Iterator[str]:
    """The classes of a module, and its aliases of types: ``Names = Mapping[str, int]``; type variables are none."""
    tree = ast.parse(text)
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Subscript | ast.BinOp | ast.Name | ast.Attribute):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name) and CAMEL.fullmatch(target.id))


def named_twice(texts: dict[str, str]) -> dict[str, list[str]]:
    """By the name of a type the modules that have it, where there are several."""
    homes: dict[str, list[str]] = {}
    for module, text in texts.items():
        for name in types_of(text):
            homes.setdefault(name, []).append(module)
    return {name: modules for name, modules in homes.items() if len(modules) > 1}


def test_no_type_has_the_name_of_another() -> None:
    assert named_twice({module: path.read_text(encoding="utf-8") for module, path in modules().items()}) == {}


@pytest.mark.parametrize(
    "other", ["class Look: ...", "Look = Callable[[int], str]", "Look = int | str", "Look = rest.Sight", "Look: TypeAlias = int"]
)
def test_a_name_of_two_types_is_seen(other: str) -> None:
    assert named_twice({"drive.rest": "class Look: ...", "rabbitmq.leftovers": other}) == {"Look": ["drive.rest", "rabbitmq.leftovers"]}


def test_constants_and_type_variables_are_no_types() -> None:
    assert list(types_of('T = TypeVar("T")\nLOOKS = looks["a"]\nlook = looks["a"]\nLook = look()')) == []
