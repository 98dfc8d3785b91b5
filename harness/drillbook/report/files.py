"""The files of a judged run: ``verdict.json``, ``report.html`` and ``junit.xml``, each written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import NamedTemporaryFile

from drillbook.core.errors import HarnessError, UsageError
from drillbook.evidence.documents import FORMAT
from drillbook.evidence.runs import is_run
from drillbook.judge.run import Run
from drillbook.judge.verdict import Judgement
from drillbook.report import html, junit
from drillbook.report.source import read


def write(run: Run, judgement: Judgement, into: Path | None = None) -> dict[str, Path]:
    """Write every report of a run; what an earlier call wrote is replaced.

    Args:
        run: open, its evidence complete or not.
        judgement: what the judge said of it.
        into: a folder, made where it is not there; None: the run directory.

    Returns:
        The paths by file name.

    Raises:
        UsageError: the folder is another run's, or a scenario's.
        HarnessError: a file cannot be written.
    """
    folder = run.path if into is None else _folder(into, run.path)
    source = read(run)
    contents = {
        "verdict.json": json.dumps({"format": FORMAT, **judgement.as_json()}, indent=2) + "\n",
        "junit.xml": junit.render(source, judgement),
        "report.html": html.render(source, judgement),
    }
    return {name: _replace(folder / name, text) for name, text in contents.items()}


def _folder(into: Path, run_directory: Path) -> Path:
    """Where the reports go."""
    if is_run(into) and into.resolve() != run_directory.resolve():
        raise UsageError(f"{into} is the directory of another run or of a scenario, which reports would spoil.", "Choose another --output.")
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot make the folder {into}: {error.strerror}.", "Choose another --output.") from error
    return into


def _replace(path: Path, text: str) -> Path:
    """Write a file whole or not at all. A link in its place is replaced, and what it leads to stays as it is."""
    try:
        with NamedTemporaryFile("w", encoding="utf-8", errors="backslashreplace", dir=path.parent, prefix=".", delete=False) as partial:
            try:
                partial.write(text)
                partial.close()
                Path(partial.name).chmod(0o644)
                Path(partial.name).replace(path)
            except BaseException:
                Path(partial.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}.") from error
    return path
