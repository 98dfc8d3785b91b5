"""The kinds of evidence, a file each, found by their names."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from drillbook.evidence.kind import Kind


def _found() -> dict[str, Kind]:
    kinds = {module.name: importlib.import_module(f"{__name__}.{module.name}").KIND for module in pkgutil.iter_modules(__path__)}
    return dict(sorted(kinds.items(), key=lambda kind: kind[1].order))


KINDS: dict[str, Kind] = _found()
"""By the stem of its ``.jsonl`` file, in their order."""
FILES: dict[str, type[Any]] = {stem: kind.record for stem, kind in KINDS.items()}
"""The record of each."""
