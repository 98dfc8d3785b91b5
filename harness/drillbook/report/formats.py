"""How the page writes what it shows: moments, durations, numbers, parameters, paths."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drillbook.core.units import NANOSECONDS
from drillbook.report.series import Axis


def clock(seconds: float | None) -> str:
    """A moment since the start of the drive: ``14.3 s``, from two minutes on ``2:05.3``."""
    if seconds is None:
        return "—"
    if abs(seconds) < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(abs(seconds), 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    sign = "−" if seconds < 0 else ""
    return f"{sign}{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{sign}{minutes}:{rest:04.1f}"


def lasted(seconds: float | None) -> str:
    """A duration, with the digits that matter: ``84 ms``, ``4.2 s``, ``2:05.3``."""
    if seconds is None:
        return "—"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else clock(seconds)


def number(value: float | None) -> str:
    """A number with its thousands set apart: ``9,261``."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def plain(value: Any) -> str:
    """A parameter as a person writes it: ``step stop v2``, ``dead, cancelled``."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(one) for one in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def moment(at: int, time: Axis | None) -> str:
    """A moment of a story, to the millisecond, since the start of the drive; as a time of day where the run has no axis."""
    if time is None:
        return datetime.fromtimestamp(at / NANOSECONDS, UTC).strftime("%H:%M:%S.%f")[:-3]
    seconds = (at - time.t0) / NANOSECONDS
    return f"{seconds:.3f} s" if abs(seconds) < 86_400 else clock(seconds)


def scrubber(path: Path) -> Callable[[str], str]:
    """A filter that makes paths below the project's folder relative: where the machine keeps it is nobody's business."""
    parents = path.resolve().parents
    root = str(parents[2]) if len(parents) > 3 else ""
    return lambda text: str(text).replace(f"{root}/", "").replace(root, ".") if root else str(text)
