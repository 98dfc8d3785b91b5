"""The section of ``docs/detection.md`` about repetitions, and about what ran beside busy loops: made from the results that were kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.nightly.busy import LOOPS
from tests.nightly.results import Result

WHAT = {
    "repeat": "the tests on real containers, `tests/drills`",
    "test": "every file of tests, one by one",
    "drills": "the drills of `scenarios/`",
    "gallery": "the planted bugs and their known-good controls, once each",
    "seeds": "the correct system under random faults",
}
TEXT = """\
Does the machine decide a verdict? The same again and again, alone and beside {loops} busy loops that leave a third of the processors. A
drill beside them may end `inconclusive` where its verdict names the machine, if it is as it should be when it is run again without them. It
may not break what holds, nor hold what breaks. With faults drawn at random it also ends `inconclusive`, beside loops or not, where one of
them did not come to take effect.

```sh
make repeat COUNT=20     # goes on where it stopped; writes this section, as do:
make busy WHAT=drills    # or test, gallery, seeds
```

| what | busy loops | ended | passed | inconclusive, the machine named | inconclusive, no fault took effect | fell | machine | commit, day |
|---|---|---|---|---|---|---|---|---|
{rows}
"""


def text(results: Iterable[Result]) -> str:
    """The section: a row for each group with and without busy loops, of the commit that it was last run on."""
    groups: dict[tuple[str, bool], list[Result]] = {}
    for one in results:
        if one.group in WHAT and (one.busy or one.group == "repeat"):
            groups.setdefault((one.group, one.busy), []).append(one)
    newest = {key: [one for one in found if one.commit == found[-1].commit] for key, found in groups.items()}
    ordered = sorted(newest, key=lambda key: (list(WHAT).index(key[0]), key[1]))
    section = TEXT.format(loops=LOOPS, rows="\n".join(_row(newest[key]) for key in ordered))
    fell = [f"- {one.group} {one.item}: {one.said}" for key in ordered for one in newest[key] if one.fate == "failed"]
    return "\n".join([section, "Fell:", "", *fell, ""]) if fell else section


def _row(found: Sequence[Result]) -> str:
    last = found[-1]
    counts = [sum(one.fate == fate for one in found) for fate in ("passed", "machine", "no fault", "failed")]
    loads = f"load {min(one.load for one in found):g} to {max(one.load for one in found):g}"
    machine = f"{last.cores} cores, Linux {'.'.join(last.kernel.split('.')[:2])}, {loads}"
    cells = [WHAT[last.group], LOOPS if last.busy else "none", len(found), *counts, machine, f"{last.commit}, {last.at[:10]}"]
    return f"| {' | '.join(map(str, cells))} |"
