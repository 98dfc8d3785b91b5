"""The HTML report: one file that needs no network, no server and no other file. Everything that comes from a run is escaped."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from drillbook.judge.verdict import Judgement, Verdict
from drillbook.report import sections
from drillbook.report.formats import clock, lasted, moment, number, plain, scrubber
from drillbook.report.section import Reported, found
from drillbook.report.sentences import explain_command, running, told
from drillbook.report.series import axis
from drillbook.report.source import ReportSource

_HERE = Path(__file__).parent
_UPLOT = _HERE / "vendor" / "uplot"


@dataclass(frozen=True)
class Made:
    """A section as the page has it."""

    anchor: str
    title: str
    content: Markup
    link: str | None
    look: str | None


def render(source: ReportSource, judgement: Judgement) -> str:
    """The whole page.

    Args:
        source: the run's evidence.
        judgement: what the judge said of it.
    """
    run, assets = Reported(source, judgement, axis(source)), _assets()
    environment = _environment(run)
    environment.globals |= {"source": source, "scenario": source.scenario, "judgement": judgement, "time": run.time}
    environment.globals |= {"parts": environment.get_template("_parts.html.j2").module, "scripts": assets["scripts"]}
    return environment.get_template("page.html.j2").render(
        sentence=told(judgement),
        counts={verdict.value: sum(result.verdict == verdict for result in judgement.results) for verdict in Verdict},
        sections=list(_sections(run, environment)),
        **assets,
    )


def _sections(run: Reported, environment: Environment) -> Iterator[Made]:
    """Those that have something to show, in the order of the page."""
    for anchor, section in found().items():
        facts = section.facts(run)
        if facts is not None:
            content = environment.get_template(f"{anchor}.html.j2").render(facts)
            yield Made(anchor, section.title.format(**facts), Markup(content.strip("\n")), section.link, section.look)  # noqa: S704


def _environment(run: Reported) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([_HERE / "templates", *sections.__path__]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_compiled(),
    )
    environment.filters.update(
        clock=clock,
        number=number,
        lasted=lasted,
        plain=plain,
        moment=lambda at: moment(at, run.time),
        scrub=scrubber(run.source.path),
        held=lambda story: list(running(story)),
        explain=lambda task: explain_command(run.source.label, task),
    )
    return environment


def _compiled() -> BytecodeCache | None:
    """Where compiled templates are kept, for this user alone: compiling them takes longer than all else of a small report."""
    try:
        return FileSystemBytecodeCache()
    except (OSError, RuntimeError):  # no folder for temporary files, or one that others may write to
        return None


def _assets() -> dict[str, Any]:
    """Scripts and styles, written into the page, and the policy that lets these and nothing else run."""
    guard, uplot, chart, copy = (
        (_HERE / "templates" / "guard.js").read_text(encoding="utf-8"),
        (_UPLOT / "uPlot.iife.min.js").read_text(encoding="utf-8"),
        (_HERE / "templates" / "timeline.js").read_text(encoding="utf-8"),
        (_HERE / "templates" / "copy.js").read_text(encoding="utf-8"),
    )
    styles = (_UPLOT / "uPlot.min.css").read_text(encoding="utf-8") + (_HERE / "templates" / "report.css").read_text(encoding="utf-8")
    hashes = " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in (guard, uplot, chart, copy))
    return {
        "scripts": [Markup(guard), Markup(uplot), Markup(chart)],  # noqa: S704
        "copy": Markup(copy),  # noqa: S704
        "styles": Markup(styles),  # noqa: S704
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}",
    }
