"""The verdict in one sentence for a person."""

from __future__ import annotations

from collections.abc import Sequence

from drillbook.judge.catalogue import Invariant
from drillbook.judge.query import FindingKind, QueryAnswer
from drillbook.judge.verdict import Equation, Result, Verdict


def sentence(
    verdict: Verdict,
    results: Sequence[Result],
    broken: Sequence[tuple[Invariant, QueryAnswer]],
    preconditions: Sequence[str],
    equation: Equation | None,
) -> str:
    """Say it.

    Args:
        verdict: of the whole.
        results: every invariant, judged.
        broken: the broken ones with what their SQL returned.
        preconditions: why the drill proves nothing.
        equation: where the tasks ended, where that is known.
    """
    if verdict is Verdict.BROKEN:
        said = [_said(invariant, kind) for invariant, answer in broken for kind in answer.kinds]
        return f"Broken: {_joined(list(dict.fromkeys(said)))}."
    if verdict is Verdict.INCONCLUSIVE:
        reasons = list(dict.fromkeys([*preconditions, *(result.reason for result in results if result.reason)]))
        more = f" ({len(reasons) - 1} more reason{'s' if len(reasons) > 2 else ''})" if len(reasons) > 1 else ""
        return f"Inconclusive: {reasons[0].removesuffix('.')}{more}."
    return f"Held: {_held(results, equation)}."


def _held(results: Sequence[Result], equation: Equation | None) -> str:
    invariants = f"{len(results)} invariants hold" if len(results) != 1 else f"{results[0].name} holds"
    if equation is None:
        return invariants
    others = _others(equation)
    tasks = f"{_counted(equation.ok, 'task')} {'confirmed' if others else 'published'}"
    if equation.done == equation.ok and not equation.doubled:
        return f"{tasks}, each done exactly once{others}"
    places = {
        "done": equation.done,
        "dead-lettered": equation.dead,
        "still queued": equation.queued,
        "cancelled": equation.cancelled,
        "missing": equation.missing,
    }
    where = [f"{count:,} {place}" for place, count in places.items() if count]
    return f"{tasks}, {_joined(where)}{others}; {invariants}"


def _others(equation: Equation) -> str:
    """The tasks that nothing is claimed of: their publishes were not confirmed."""
    was = {"stayed unconfirmed": equation.unknown, "failed": equation.failed}
    parts = [(count, fate) for fate, count in was.items() if count]
    if equation.skipped:
        parts.append((equation.skipped, "was skipped" if equation.skipped == 1 else "were skipped"))
    if not parts:
        return ""
    (first, fate), *rest = parts
    publishes = _counted(first, "publish", "publishes")
    return f"; {_joined([f'{publishes} {fate}', *(f'{count:,} {fate}' for count, fate in rest)])}"


def _said(invariant: Invariant, kind: FindingKind) -> str:
    generic = (f"1 counterexample to {invariant.name}", f"{{count}} counterexamples to {invariant.name}")
    one, many = invariant.words.get(kind.name, generic)
    return (one if kind.count == 1 else many.replace("{count}", f"{kind.count:,}")) + _blame(kind)


def _blame(kind: FindingKind) -> str:
    """The step, where more than half of the findings are its own."""
    if 2 * kind.blamed <= kind.count:
        return ""
    if kind.count == 1:
        return f' in the step "{kind.step}"'
    return f', {"all" if kind.blamed == kind.count else "most"} in the step "{kind.step}"'


def _joined(parts: Sequence[str]) -> str:
    """``a``, ``a and b``; a comma before the and where a part has one itself."""
    if len(parts) < 2:
        return "".join(parts)
    comma = "," if len(parts) > 2 or any("," in part for part in parts) else ""
    return f"{', '.join(parts[:-1])}{comma} and {parts[-1]}"


def _counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
