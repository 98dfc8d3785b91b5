"""The JUnit report: one test suite a drill, one test case an invariant; a broken invariant is a failure, an inconclusive one an error."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from drillbook.core.units import NANOSECONDS
from drillbook.judge.verdict import Judgement, Result, Verdict
from drillbook.report.sentences import explain_command
from drillbook.report.source import ReportSource

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PRECONDITIONS = "preconditions"
"""Name of the test case that is an error when something kept the drill from proving anything."""


def render(source: ReportSource, judgement: Judgement) -> str:
    """The document.

    Args:
        source: the run's evidence, for its name and duration.
        judgement: what the judge said of it.
    """
    verdicts = [result.verdict for result in judgement.results]
    seconds = (source.events[-1].at - source.events[0].at) / NANOSECONDS if source.events else 0.0
    blocked = bool(judgement.preconditions)
    suite = Element(
        "testsuite",
        name=_clean(source.name),
        tests=str(len(verdicts) + blocked),
        failures=str(verdicts.count(Verdict.BROKEN)),
        errors=str(verdicts.count(Verdict.INCONCLUSIVE) + blocked),
        skipped="0",
        time=f"{seconds:.3f}",
    )
    properties = SubElement(suite, "properties")
    for name, value in _properties(source, judgement).items():
        SubElement(properties, "property", name=name, value=_clean(value))
    for result in judgement.results:
        _case(suite, source, result)
    if blocked:
        case = SubElement(suite, "testcase", name=PRECONDITIONS, classname=_clean(source.name))
        error = SubElement(case, "error", message=_clean(judgement.preconditions[0]), type=Verdict.INCONCLUSIVE.value)
        error.text = _clean("\n".join(judgement.preconditions))
    return _document(suite)


def write_failure(file: Path, name: str, message: str) -> None:
    """Write the document of a drill that nothing was judged of: one test case, which is an error.

    Args:
        file: where to.
        name: the scenario's.
        message: what kept the drill from its verdict.
    """
    suite = Element("testsuite", name=_clean(name), tests="1", failures="0", errors="1", skipped="0", time="0.000")
    case = SubElement(suite, "testcase", name="drill", classname=_clean(name))
    SubElement(case, "error", message=_clean(message), type="error").text = _clean(message)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_document(suite), encoding="utf-8")


def _document(suite: Element) -> str:
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _properties(source: ReportSource, judgement: Judgement) -> dict[str, str]:
    given = {
        "title": judgement.title,
        "verdict": judgement.verdict.value,
        "seed": judgement.seed,
        "replay": judgement.replay,
        "run_directory": source.label,
        "expected_broken": ", ".join(judgement.expected_broken) if judgement.expected_broken else None,
        "notes": " ".join(judgement.notes) or None,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def _case(suite: Element, source: ReportSource, result: Result) -> None:
    case = SubElement(suite, "testcase", name=_clean(result.name), classname=_clean(source.name))
    if result.verdict is Verdict.INCONCLUSIVE:
        SubElement(case, "error", message=_clean(result.reason or "The evidence does not say."), type=result.verdict.value)
    elif result.verdict is Verdict.BROKEN:
        lines = [_line(finding.task, finding.why, finding.step) for finding in result.findings]
        first = lines[0] if lines else result.sentence
        more = f" (and {result.count - 1} more)" if result.count > 1 else ""
        failure = SubElement(case, "failure", message=_clean(first + more), type=result.verdict.value)
        task = next((finding.task for finding in result.findings if finding.task is not None), None)
        explain = [explain_command(source.label, task)] if task is not None else []
        failure.text = _clean("\n".join([result.sentence, f"{result.count} counterexamples; the first of them:", *lines, *explain]))


def _line(task: str | None, why: str, step: str | None) -> str:
    return f"{f'{task}: ' if task is not None else ''}{why}{f' In the step “{step}”.' if step else ''}"


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
