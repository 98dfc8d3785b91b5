"""The files of a judged run: ``verdict.json``, ``report.html`` and ``junit.xml``, each written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from drillbook.core.errors import HarnessError
from drillbook.judge.run import Run
from drillbook.judge.verdict import Judgement
from drillbook.report import html, junit
from drillbook.report.source import read

FORMAT = 1
"""Version of ``verdict.json``."""


def write(run: Run, judgement: Judgement) -> dict[str, Path]:
    """Write every report of a run into its directory; what an earlier call wrote is replaced.

    Args:
        run: open, whole or not.
        judgement: what the judge said of it.

    Returns:
        The paths by file name.

    Raises:
        HarnessError: a file cannot be written.
    """
    source = read(run)
    contents = {
        "verdict.json": json.dumps({"format": FORMAT, **judgement.as_json()}, indent=2) + "\n",
        "junit.xml": junit.render(source, judgement),
        "report.html": html.render(source, judgement),
    }
    return {name: _replace(run.path / name, text) for name, text in contents.items()}


def _replace(path: Path, text: str) -> Path:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
        partial.replace(path)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}.") from error
    return path
