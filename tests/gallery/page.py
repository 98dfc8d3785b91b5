"""The page ``docs/detection.md``: what the planted bugs broke, and what came of runs of a correct system. Made by commands only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from .bug import Bug
from .drill import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "detection.md"
PLANTED, CLEAN, REPEATED = "Planted bugs", "Clean runs", "Repetitions, and a busy machine"
HEAD = """\
<!-- Made by `make gallery`, `make seeds`, `make repeat` and `make busy`; change it there. -->
# What a drill detects

Questions about the verdicts themselves, each answered by real drills on real services: does a failure turn exactly the invariants red that
it violates, does a correct system stay green whatever it is put through, and does a busy machine change any of it?
"""

INTRODUCTION = """\
Each is a small change to the reference worker, to a playbook or to the stage of a known-good drill, its control; each failure is the real
one, on the real broker. Every invariant that makes sense in a drill is declared in it. A bug must break those named and no other, and none
may be left inconclusive. The bugs are those of `tests/gallery/bugs/`, one patch file each, numbered by a longer catalogue of failures.

```sh
make gallery RUNS={runs}                                   # each drill {runs} times; writes this table
.venv/bin/python -m tests.gallery run F2 --runs 1     # one bug and its control
.venv/bin/python -m tests.gallery plant F2 /tmp/f2    # its drill in a folder, to look at
```

| bug | what is planted | must break | broke, in how many runs | its known-good control |
|---|---|---|---|---|"""


def write(section: str, text: str, page: Path = PAGE) -> None:
    """Replace one section of the page and leave the others as they are.

    Args:
        section: `PLANTED`, `CLEAN` or `REPEATED`.
        text: what stands under its heading.
    """
    sections = dict.fromkeys((PLANTED, CLEAN, REPEATED), "")
    if page.exists():
        for part in page.read_text(encoding="utf-8").split("\n## ")[1:]:
            heading, _, body = part.partition("\n")
            sections[heading] = body.strip()
    sections[section] = text.strip()
    parts = [f"## {heading}\n\n{body}\n" for heading, body in sections.items() if body]
    page.write_text("\n".join([HEAD, *parts]), encoding="utf-8")


def planted(bugs: Sequence[Bug], found: Mapping[str, Sequence[Outcome]], controls: Mapping[str, Sequence[Outcome]]) -> str:
    """The section of the planted bugs.

    Args:
        bugs: in the order of the table.
        found: by bug, what came of its runs.
        controls: by base, what came of the runs of the known-good drill.
    """
    rows = [
        f"{row_start(bug)} {_summary([outcome.broken for outcome in found[bug.id]])} | {_verdicts(controls[bug.base])} |" for bug in bugs
    ]
    runs = max(map(len, found.values()))
    whys = [f"- **{bug.id}.** {bug.why}" for bug in bugs]
    return "\n".join([INTRODUCTION.format(runs=runs), *rows, "", "Why just these:", "", *whys])


def row_start(bug: Bug) -> str:
    """The part of a bug's row that its file alone decides."""
    return f"| {bug.id} | {bug.title} | {_names(bug.red)} |"


def _names(invariants: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in invariants) or "nothing"


def _summary(seen: Sequence[tuple[str, ...]]) -> str:
    counts = Counter(seen)
    return "; ".join(f"{_names(red)}: {count} of {len(seen)}" for red, count in counts.most_common())


def _verdicts(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(outcome.verdict for outcome in outcomes)
    return ", ".join(f"{verdict} in {count} of {len(outcomes)}" for verdict, count in counts.most_common())
