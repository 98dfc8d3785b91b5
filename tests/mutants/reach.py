"""Which unit tests run which lines, and how long each takes: measured file by file, once for each state of what the file runs.

What was measured is kept in the state folder. A file of tests is measured again when it, what it shares with others, or a file that it has
run has changed. No file is measured before a mutant needs it: those that import the mutant's module come first, then those that import
another one of its package, then all others.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any

from coverage import CoverageData
from coverage.exceptions import DataError

from tests.mutants.mutants import Mutant
from tests.mutants.plugin import CHILDREN, SHARED, TEST, TIMES
from tests.mutants.tree import PACKAGE, Tree

MEASURED_WITHIN_SECONDS = 1800.0
MOST_SECONDS = 90.0
"""Of tests for one mutant and ring, the quickest first."""
RINGS = 3
APART = ("tap", "sink", "load")
"""What runs in a process that is often killed, so that nothing is known of what it ran."""
AT_IMPORT = ""
"""Coverage's name for what runs in no test."""
FORMAT = "4"
"""Of what is kept."""
Lines = dict[str, dict[int, list[str]]]
_BESIDE = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
_OURS = re.compile(r"^(?:from (drillbook[\w.]*) import ([\w, ]+)|import (drillbook[\w.]*))", re.MULTILINE)


class Reach:
    """What was measured.

    Args:
        folder: where it is kept.
        tests: the folder of the tests.
    """

    def __init__(self, folder: Path, tests: Path) -> None:
        self._folder, self._tests = folder, tests
        self.files = sorted(tests.glob("test_*.py"))
        self._imports = {file: _imports(file) for file in self.files}
        self._locks = {file: Lock() for file in self.files}
        self._seconds: dict[Path, dict[str, float]] = {}
        self._lines: dict[Path, Lines] = {}

    def ring(self, mutant: Mutant, number: int) -> list[Path]:
        """The files of tests that are asked first, second and last.

        Args:
            number: 1, 2 or 3.
        """
        return [file for file in self.files if _ring(self._imports[file], mutant) == number]

    def chosen(self, mutant: Mutant, files: Iterable[Path], tree: Tree) -> list[str]:
        """The tests of some files that may notice a mutant, the quickest first: those that run its statement.

        Of a statement that runs at import all of a file that imports its module or runs anything of it. Of one that none is known to
        run, and that may run in a process of its own, all of a file that has the name of the package.

        Args:
            files: measured where they were not yet.
            tree: to measure them in.
        """
        found: dict[str, float] = {}
        for file in files:
            self._measure(file, tree)
            found |= {test: self._seconds[file][test] for test in self._noticing(mutant, file) if test in self._seconds[file]}
        return list(_affordable(found))

    def _noticing(self, mutant: Mutant, file: Path) -> set[str]:
        reached, (first, last) = self._lines[file].get(mutant.file, {}), mutant.lines
        tests = {test for line, tests in reached.items() if first <= line <= last for test in tests}
        if SHARED in tests:
            return set(self._seconds[file])
        if tests - {AT_IMPORT}:
            return tests
        if AT_IMPORT in tests:
            used = mutant.module in self._imports[file] or any(set(tests) - {AT_IMPORT} for tests in reached.values())
        else:
            used = mutant.package in APART and file.stem.startswith(f"test_{mutant.package}_")
        return set(self._seconds[file]) if used else set()

    def seconds(self, tests: Iterable[str]) -> float:
        """What tests took together."""
        every = {test: took for tests_of in self._seconds.values() for test, took in tests_of.items()}
        return sum(every.get(test, 1.0) for test in tests)

    def _measure(self, file: Path, tree: Tree) -> None:
        with self._locks[file]:
            if file in self._lines:
                return
            kept = self._folder / f"{file.stem}.json"
            found = json.loads(kept.read_text()) if kept.exists() else None
            if found is None or not self._fresh(found, file, tree):
                found = self._measured(file, tree)
                self._folder.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(found))
            self._seconds[file] = found["seconds"]
            self._lines[file] = {source: {int(line): tests for line, tests in lines.items()} for source, lines in found["lines"].items()}

    def _measured(self, file: Path, tree: Tree) -> dict[str, Any]:
        data, times, settings = tree.folder / "coverage.data", tree.folder / "times.json", tree.folder / "children.ini"
        for old in (data, times, *of_children(settings)):
            old.unlink(missing_ok=True)
        settings.write_text(children(settings, tree.folder / PACKAGE))
        name = f"tests/unit/{file.name}"
        coverage = ["-m", "coverage", "run", f"--data-file={data}", f"--source={PACKAGE}"]
        pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.plugin", name]
        done = tree.python([*coverage, *pytest], MEASURED_WITHIN_SECONDS, {TIMES: str(times), CHILDREN: str(settings)})
        if not times.exists():
            raise RuntimeError(f"{name} cannot be measured:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        lines = lines_of([data, *of_children(settings)], tree.folder / PACKAGE)
        digests = {source: _digest(tree.folder / PACKAGE / source) for source in lines}
        return {"own": self._own_digest(file), "digests": digests, "seconds": json.loads(times.read_text()), "lines": lines}

    def _fresh(self, found: dict[str, Any], file: Path, tree: Tree) -> bool:
        same = all(_digest(tree.folder / PACKAGE / source) == digest for source, digest in found["digests"].items())
        return bool(same and found["own"] == self._own_digest(file))

    def _own_digest(self, file: Path) -> str:
        """Of a file of tests and of what it shares with others."""
        return hashlib.sha256("".join([FORMAT, *map(_digest, [file, *_shared(file, with_conftest=True)])]).encode()).hexdigest()


def _ring(imports: set[str], mutant: Mutant) -> int:
    if mutant.module in imports:
        return 1
    return 2 if any(name.split(".")[0] == mutant.package for name in imports) else 3


def _shared(file: Path, with_conftest: bool) -> list[Path]:
    """The modules beside a file of tests that it imports, and so on; with what pytest reads for it."""
    beside = {path.stem: path for path in file.parent.glob("*.py")}
    found = {file}
    ahead = [file, *(path for path in [file.with_name("conftest.py")] if with_conftest and path.exists())]
    while ahead:
        path = ahead.pop()
        found.add(path)
        ahead += [beside[name] for name in _BESIDE.findall(path.read_text(encoding="utf-8")) if beside.get(name, path) not in found]
    return sorted(found - {file})


def _imports(file: Path) -> set[str]:
    """The modules of ours that a file of tests imports, or what it shares does: ``stage.links``."""
    found: set[str] = set()
    for path in [file, *_shared(file, with_conftest=False)]:
        for source, names, whole in _OURS.findall(path.read_text(encoding="utf-8")):
            module = (source or whole).partition(".")[2]
            found.add(module)
            found |= {f"{module}.{name.strip()}".lstrip(".") for name in names.split(",") if name.strip()}
    return found - {""}


def children(settings: Path, package: Path) -> str:
    """How programs that a test starts are measured: each into a file of its own, in the context of that test.

    Args:
        settings: the file that this is written to; theirs lie beside it.
        package: what is measured.
    """
    return f"[run]\ndata_file = {settings}.data\nparallel = true\nsource = {package}\ncontext = ${{{TEST}}}\n"


def of_children(settings: Path) -> list[Path]:
    """The files that they wrote."""
    return sorted(settings.parent.glob(f"{settings.name}.data.*"))


def lines_of(files: Iterable[Path], package: Path) -> Lines:
    """By file and line the tests that ran it, of everything that was measured."""
    found: dict[str, dict[int, set[str]]] = {}
    for file in files:
        read = CoverageData(str(file))
        try:
            read.read()
        except DataError:  # its process was killed while it wrote
            continue
        for path in map(Path, read.measured_files()):
            if path.is_relative_to(package):
                of_file = found.setdefault(path.relative_to(package).as_posix(), {})
                for line, tests in read.contexts_by_lineno(str(path)).items():
                    of_file.setdefault(line, set()).update(tests)
    return {source: {line: sorted(tests) for line, tests in lines.items()} for source, lines in found.items()}


def _affordable(tests: dict[str, float]) -> Iterator[str]:
    spent = 0.0
    for test, took in sorted(tests.items(), key=lambda item: (item[1], item[0])):
        spent += took
        if spent > MOST_SECONDS:
            return
        yield test


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""
