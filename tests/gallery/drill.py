"""Runs one drill of the gallery by the command line and says what it broke."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

from drillbook.validation.discovery import file, name

from .bug import Bug, copy, plant

ROOT = Path(__file__).parents[2]

TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    verdict: str
    """``held``, ``broken``, ``inconclusive``, or ``none`` where nothing could be judged."""
    broken: tuple[str, ...]
    """The invariants that are red, sorted."""
    doubt: str
    """Why something could not be judged, or why the harness failed; empty where all is known."""
    run_directory: Path | None
    """Where to look."""
    inconclusive: Mapping[str, str] = field(default_factory=dict)
    """Invariants that are inconclusive, each with its reason."""
    failed: str = ""
    """How the harness failed; empty where it did not."""


def run_known_good(base: str, output: Path) -> Outcome:
    """Run a base drill as it is.

    Args:
        output: the directory for results.
    """
    with tempfile.TemporaryDirectory(prefix="gallery-") as folder:
        return run(copy(base, Path(folder) / base), output)


def run_planted(bug: Bug, output: Path) -> Outcome:
    """Run a bug's drill. A changed worker is built as an image, which stays: see `remove_images`.

    Args:
        output: the directory for results.

    Raises:
        GalleryError: the bug's diff does not apply.
    """
    with tempfile.TemporaryDirectory(prefix="gallery-") as folder:
        return run(plant(bug, Path(folder) / bug.slug), output)


def complaint(outcome: Outcome, red: tuple[str, ...]) -> str:
    """Why a run is not as it must be, in one sentence; empty when it is.

    Args:
        red: the invariants that must be broken, sorted; none for a known-good drill.
    """
    where = f"; see {outcome.run_directory}" if outcome.run_directory else ""
    if outcome.doubt:
        return f"{outcome.doubt}{where}"
    if outcome.broken != red:
        missed, extra = sorted(set(red) - set(outcome.broken)), sorted(set(outcome.broken) - set(red))
        words = [f"{', '.join(names)} {what}" for names, what in ((missed, "held"), (extra, "broke")) if names]
        return f"not as expected: {' and '.join(words)}{where}"
    return ""


def run(scenario: Path, output: Path, seed: int | None = None) -> Outcome:
    """Run a drill by the command line.

    Args:
        scenario: its file, or its folder.
        output: the directory for results.
        seed: of the drill; one is drawn where none is given.
    """
    seed = SystemRandom().randrange(1_000_000) if seed is None else seed
    command = [str(Path(sys.executable).parent / "drillbook"), "run", str(scenario), "--output", str(output), "--seed", str(seed)]
    runs = f"{name(file(scenario))}/*-{seed}*"
    before = set(output.glob(runs))
    try:
        done = finished(command, TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        return Outcome("none", (), f"no verdict within {TIMEOUT_SECONDS:g} s", None)
    made = sorted(set(output.glob(runs)) - before)
    said = [line for line in done.stderr.splitlines() if line.strip() and "; again: " not in line]
    last_words = (said or [""])[-1].strip()
    if len(made) != 1 or not (made[0] / "verdict.json").exists():
        return Outcome("none", (), f"no verdict, exit code {done.returncode}: {last_words}", made[0] if made else None)
    verdict = json.loads((made[0] / "verdict.json").read_text(encoding="utf-8"))
    inconclusive = {result["name"]: result["reason"] for result in verdict["results"] if result["verdict"] == "inconclusive"}
    doubts = [f"{one} is inconclusive: {reason}" for one, reason in inconclusive.items()]
    failed = f"exit code {done.returncode}: {last_words}" if done.returncode not in (0, 1, 4) else ""
    broken = tuple(sorted(result["name"] for result in verdict["results"] if result["verdict"] == "broken"))
    return Outcome(verdict["verdict"], broken, failed or next(iter(doubts), ""), made[0], inconclusive, failed)


def finished(command: list[str], within: float) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. One that is late is asked to end and cleans up; after Ctrl-C, which reaches it too, it is waited for.

    Args:
        within: seconds.

    Raises:
        subprocess.TimeoutExpired: it was late.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            stdout, stderr = process.communicate(timeout=within)
        except (KeyboardInterrupt, subprocess.TimeoutExpired) as reason:
            if isinstance(reason, subprocess.TimeoutExpired):
                process.terminate()
            process.communicate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def remove_images(bug: Bug, outcomes: list[Outcome]) -> None:
    """Untag what was built from a worker that the bug changed; an image that another drill uses stays."""
    if "+++ b/worker/" not in bug.file.read_text(encoding="utf-8"):
        return
    heads = [outcome.run_directory / "environment.json" for outcome in outcomes if outcome.run_directory]
    workers = [json.loads(head.read_text(encoding="utf-8"))["images"]["workers"] for head in heads if head.exists()]
    for image in {image for versions in workers for image in versions.values()}:
        subprocess.run(["docker", "rmi", image], capture_output=True)
