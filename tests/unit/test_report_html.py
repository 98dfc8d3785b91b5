"""The HTML report: whole of any run directory, safe with any content, and alone in its file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from base64 import b64encode
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from report_page import Page
from small_run import at, effect, hand_made, opened, published
from synthetic_run import judgement_of, write_run

from drillbook.api import judge
from drillbook.evidence import Counter, Event, Leftover, Wire
from drillbook.evidence.kinds.metrics import Metric
from drillbook.evidence.kinds.topology import Topology
from drillbook.evidence.run_directory import line
from drillbook.judge.verdict import Equation, Finding, Judgement, Result, StoryMoment, Verdict
from drillbook.report import formats, html, write

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'"
FILES = ["published", "effects", "leftovers", "wire", "counters", "timeline"]
MORE = ["states", "metrics", "topology"]


def empty_judgement(verdict: Verdict = Verdict.INCONCLUSIVE) -> Judgement:
    return Judgement("A drill", verdict, "Nothing can be said.", (), None)


def page_of(run: Path, judgement: Judgement | None = None) -> Page:
    return Page(write(opened(run), judgement or empty_judgement())["report.html"].read_text())


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Page]:
    path = tmp_path_factory.mktemp("project") / "reports" / "versioned_workers-careless" / "20251121T093000Z-7"
    judgement = judgement_of(write_run(path, careless=True, rate=100))
    return path, page_of(path, judgement)


def test_the_page_asks_for_nothing_outside_itself(broken: tuple[Path, Page]) -> None:
    _, page = broken
    links = [
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href", "srcset", "action", "data")
    ]
    assert [link for link in links if link and not link.startswith("#")] == []
    styles = re.findall(r"url\(|@import", (broken[0] / "report.html").read_text())
    assert styles == []


def test_the_policy_lets_the_pages_own_scripts_run_and_no_other(broken: tuple[Path, Page]) -> None:
    _, page = broken
    [policy] = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    hashes = {f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in page.scripts[1:]}
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert set(policy.split("script-src ")[1].split()) == hashes


def test_every_link_within_the_page_leads_somewhere_and_no_id_is_used_twice(broken: tuple[Path, Page]) -> None:
    _, page = broken
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in page.all("a")} <= {f"#{one}" for one in ids}
    assert {name for _, attributes in page.tags for name in (attributes.get("aria-labelledby") or "").split()} <= set(ids)


def test_tables_have_captions_and_headings_leave_no_level_out(broken: tuple[Path, Page]) -> None:
    _, page = broken
    assert len(page.all("table")) == len(page.all("caption")) > 5
    assert all(cell.get("scope") for cell in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


def test_a_counterexample_is_shown_with_its_id_step_reason_and_story(broken: tuple[Path, Page]) -> None:
    path, page = broken
    finding = json.loads((path / "verdict.json").read_text())["results"][1]["findings"][0]
    story = "".join(f"{(one['at'] - at(0)) / 1e9:.3f} s  {one['what']}" for one in finding["story"])
    assert len(finding["story"]) > 2
    assert f"{finding['task']} {finding['why']} in {finding['step']} {story}".replace("  ", " ") in page.words


def test_a_story_names_who_has_the_task_where_that_changes(tmp_path: Path) -> None:
    story = (StoryMoment(1, "published", "load"), StoryMoment(2, "confirmed", "q"), StoryMoment(3, "a step begins"))
    result = Result("no_lost_tasks", "Nothing is lost.", Verdict.BROKEN, 1, (Finding("a", "It was lost.", story=story),))
    page = page_of(hand_made(tmp_path), replace(empty_judgement(Verdict.BROKEN), results=(result,)))
    assert re.findall(r"(load|q|│) (published|confirmed|a step begins)", page.words) == [
        ("load", "published"),
        ("q", "confirmed"),
        ("│", "a step begins"),
    ]


def test_each_counterexample_has_the_command_that_explains_it(tmp_path: Path) -> None:
    run = hand_made(tmp_path / "reports" / "drill" / "a run")
    findings = (Finding("charge 1", "It was lost."), Finding(None, "The playbook failed."))
    result = Result("no_lost_tasks", "Nothing is lost.", Verdict.BROKEN, 2, findings)
    page = page_of(run, replace(empty_judgement(Verdict.BROKEN), results=(result,)))
    assert page.words.count("drillbook explain") == 1
    assert "drillbook explain 'reports/drill/a run' 'charge 1'" in page.words


def test_the_broker_has_a_section_where_the_run_has_evidence_of_it(tmp_path: Path, broken: tuple[Path, Page]) -> None:
    assert "broker" in [one.get("id") for one in broken[1].all("h2")]
    assert "broker" not in [one.get("id") for one in page_of(hand_made(tmp_path)).all("h2")]


def test_what_was_declared_and_changed_is_a_table_and_what_did_not_change_is_said_in_green(
    tmp_path: Path, broken: tuple[Path, Page]
) -> None:
    run = write_run(tmp_path, rate=20, seconds=3)
    assert "Unchanged: all 4 queues, exchanges" in page_of(tmp_path, judgement_of(run)).words
    assert ["queue tasks.v1", "arguments.x-delivery-limit", "5", "not set"] in broken[1].rows
    assert ["queue tasks.v2", "the whole of it", "arguments.x-delivery-limit 5, durable true, type quorum", "gone"] in broken[1].rows


def test_states_sources_and_the_brokers_own_counts_are_shown(broken: tuple[Path, Page]) -> None:
    assert ["The workers say", "Tasks", "Done", "Not done"] in broken[1].rows
    assert ["calls", "HTTP sink", "charge"] in [row[:3] for row in broken[1].rows]
    assert "3 dead-lettered (delivery limit 3)" in broken[1].words


def test_the_word_of_the_verdict_and_its_sentence_are_said_once(tmp_path: Path) -> None:
    page = page_of(hand_made(tmp_path), Judgement("A drill", Verdict.HELD, "Held: 8 tasks published.", (), None))
    assert "held 8 tasks published." in page.words
    assert "Held: 8" not in page.words


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_word_and_its_shape(tmp_path: Path, verdict: Verdict) -> None:
    page = page_of(hand_made(tmp_path), empty_judgement(verdict))
    assert ("section", {"class": f"banner {verdict.value}", "aria-label": "Verdict"}) in page.tags
    assert [shape["aria-label"] for shape in page.all("svg")] == [verdict.value]


def test_hostile_text_from_the_run_stays_text(tmp_path: Path) -> None:
    events = [
        Event(at(0), "phase", "load", "begin"),
        Event(at(0), "phase", "playbook", "begin"),
        Event(at(1), "step", EVIL, "begin", program="playbook"),
        Event(at(1), "fault", EVIL, "begin", target=EVIL, detail=EVIL),
        Event(at(1), "alert", EVIL, "raised", detail=EVIL),
        Event(at(1), "decision", EVIL, "started", detail=EVIL),
        Event(at(1), "container", EVIL, "killed"),
        Event(at(1), "note", EVIL, "said", detail=EVIL),
        Event(at(1), "incomplete", EVIL, "from", detail=EVIL),
        Topology(at(0), "before", "queue", EVIL, EVIL, json.dumps(EVIL)),
        Topology(at(0), "after", "queue", "q", EVIL, EVIL),
        Metric(at(0), "queue_messages_ready", 3.0, EVIL),
        Metric(at(0), f"global_messages_dead_lettered_{EVIL}_total", 3.0),
        Wire(1, at(1), "fault", rule=EVIL, reason=EVIL),
        Wire(2, at(1), "purge", queue=EVIL),
    ]
    run = hand_made(
        tmp_path, *events, published(EVIL, 0), effect(EVIL, 1, EVIL), Counter(at(1), EVIL, True, 1, 1), Leftover(EVIL, EVIL, "dead")
    )
    (run / "playbook" / f"playbook{EVIL.replace('/', '')}.log").write_text(EVIL)
    (run / "environment.json").write_text(json.dumps({EVIL: EVIL, "x": {EVIL: EVIL}}))
    finding = Finding(EVIL, EVIL, EVIL, (StoryMoment(at(1), EVIL),))
    result = Result(EVIL, EVIL, Verdict.BROKEN, 1, (finding,), EVIL, {EVIL: EVIL})
    page = page_of(run, Judgement(EVIL, Verdict.BROKEN, EVIL, (result,), None, (EVIL,), (EVIL,), 7, EVIL))
    assert len(page.scripts) == 5
    assert page.all("img") == []
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert EVIL in page.text
    lanes = page.chart["lanes"]
    assert isinstance(lanes, list)
    assert EVIL in {span["label"] for lane in lanes for span in lane["spans"]}


def test_a_playbook_that_waited_says_for_what_and_when_it_was_started(tmp_path: Path) -> None:
    run = write_run(tmp_path, rate=20, seconds=3)
    timeline = tmp_path / "timeline.jsonl"
    waits = Event(at(2), "decision", "playbook", "waits", detail="the deployment has not ended")
    timeline.write_text(line(waits) + "\n" + timeline.read_text())
    words = page_of(tmp_path, judgement_of(run)).words
    assert "on the playbook waited: the deployment has not ended." in words
    assert "The playbook was started at" in words


def test_a_drill_that_was_given_up_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path, rate=20, seconds=3)
    timeline = tmp_path / "timeline.jsonl"
    kept = [text for text in timeline.read_text().splitlines() if '"decision"' not in text]
    given_up = Event(at(2), "decision", "playbook", "abandoned", detail="the playbook never began: v2 was given no task yet")
    timeline.write_text("\n".join([*kept, line(given_up)]) + "\n")
    assert "The drill was given up at" in page_of(tmp_path, judgement_of(run)).words


@pytest.mark.parametrize("left_out", [FILES, ["wire", "counters", "timeline"], MORE, *[[name] for name in FILES]])
def test_a_section_without_its_evidence_says_so(tmp_path: Path, left_out: list[str]) -> None:
    run = write_run(tmp_path, rate=20, seconds=3)
    for name in left_out:
        (tmp_path / f"{name}.jsonl").unlink()
    page = page_of(tmp_path, judgement_of(run))
    missing = {
        "published": "(published.jsonl) is not in this run directory",
        "effects": "(effects.jsonl) are not in this run directory",
        "leftovers": "Task states at the end cannot be told",
        "wire": "Redeliveries cannot be told",
        "counters": "(counters.jsonl) are not in this run directory",
        "timeline": "The timeline shows no decision",
    }
    for name in left_out if left_out != FILES else ["leftovers", "wire", "timeline"]:
        assert missing.get(name, "") in page.words


def test_a_run_of_its_scenario_alone_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("title: A drill\ninvariants: {no_lost_tasks: }\n")
    (tmp_path / "plan.json").write_text("{}")
    page = page_of(tmp_path)
    assert "The run has no moment to draw" in page.words
    assert "No invariant was judged." in page.words
    assert page.scripts == []


def test_a_run_of_empty_files_has_a_report(tmp_path: Path) -> None:
    hand_made(tmp_path)
    for stem in (*FILES, *MORE):
        (tmp_path / f"{stem}.jsonl").touch()
    assert "The run has no moment to draw" in page_of(tmp_path).words


def test_a_line_that_was_half_written_is_left_out_and_the_rest_is_shown(tmp_path: Path) -> None:
    hand_made(tmp_path, published("a", 0.1), effect("a", 0.2), Event(at(0), "phase", "load", "begin"))
    for name in ("published", "effects", "timeline"):
        with (tmp_path / f"{name}.jsonl").open("a") as file:
            file.write('{"task":"b","at":17')
    page = page_of(tmp_path)
    panels = page.chart["panels"]
    assert isinstance(panels, list)
    assert sum(panels[1]["curves"][0]["values"]) == 2.0  # one effect in half a second


def test_unreadable_text_and_control_characters_do_not_stop_a_report(tmp_path: Path) -> None:
    run = hand_made(tmp_path, published("a\x00\x1b[31m", 0.1))
    (run / "playbook" / "playbook.log").write_bytes(b"\xff\xfe caf\xe9\n")
    finding = Finding("a\ud800\x00", "why")
    result = Result("no_lost_tasks", "sentence", Verdict.BROKEN, 1, (finding,))
    assert "no_lost_tasks" in page_of(run, replace(empty_judgement(Verdict.BROKEN), results=(result,))).words


def test_a_long_transcript_is_shown_by_its_two_ends(tmp_path: Path) -> None:
    run = hand_made(tmp_path)
    (run / "playbook" / "playbook.log").write_text("first\n" + "x" * 300_000 + "\nlast\n")
    page = page_of(run)
    assert "200,012 bytes left out; the whole is in playbook/playbook.log" in page.words
    assert page.text.index("first\n") < page.text.index("\nlast\n")
    assert (run / "report.html").stat().st_size < 250_000


def test_the_folder_that_holds_the_project_is_not_in_the_page(tmp_path: Path) -> None:
    run = hand_made(tmp_path / "reports" / "drill" / "run", published("a", 0))
    (run / "playbook" / "playbook.log").write_text(f"cat {tmp_path}/scenarios/drill/rollback.sh\ncd {tmp_path}\n")
    (run / "environment.json").write_text(json.dumps({"scenario": f"{tmp_path}/scenarios/drill"}))
    judgement = replace(empty_judgement(), replay=f"drillbook run {tmp_path}/scenarios/drill --seed 7")
    page = page_of(run, judgement)
    assert str(tmp_path) not in (run / "report.html").read_text()
    assert "drillbook run scenarios/drill --seed 7" in page.words
    assert "cat scenarios/drill/rollback.sh" in page.words


def test_sums_that_do_not_add_up_are_called_so(tmp_path: Path) -> None:
    equation = Equation(planned=10, ok=7, failed=0, unknown=1, skipped=0, done=5, dead=1, queued=0, cancelled=0, missing=0, doubled=1)
    page = page_of(hand_made(tmp_path), replace(empty_judgement(), equation=equation))
    assert "7 confirmed = 5 done + 1 dead-lettered + 0 queued + 0 cancelled + 0 missing" in page.words
    assert "The first sum does not add up: 1 too few on its right." in page.words
    assert "2 planned arrivals never came" in page.words
    assert "1 task left more than one effect." in page.words


def test_thirty_thousand_tasks_make_a_page_below_a_megabyte(tmp_path: Path) -> None:
    hand_made(tmp_path, Event(at(0), "phase", "load", "begin"), Event(at(60), "phase", "settle", "end"))
    attempt, done = line(published("{}", 0)), line(effect("{}", 0))
    for name, one in (("published", attempt), ("effects", done)):
        lines = (one.replace("{}", f"charge-{number:06d}").replace(str(at(0)), str(at(number / 1000))) for number in range(30_000))
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    page = page_of(tmp_path)
    panels = page.chart["panels"]
    assert isinstance(panels, list)
    assert panels[1]["curves"][0]["values"][:60] == [1000] * 60
    assert (tmp_path / "report.html").stat().st_size < 1_000_000


def test_a_report_made_again_is_the_same_and_leaves_nothing_half_written(broken: tuple[Path, Page]) -> None:
    path, _ = broken
    judgement = judgement_of(write_run(path.parent / "again", careless=True, rate=100))
    first = {name: file.read_bytes() for name, file in write(opened(path.parent / "again"), judgement).items()}
    second = {name: file.read_bytes() for name, file in write(opened(path.parent / "again"), judgement).items()}
    assert first == second
    assert [one.name for one in path.glob(".*")] == []


def test_many_counterexamples_are_folded_away_and_those_left_out_are_counted(tmp_path: Path) -> None:
    findings = tuple(Finding(f"task-{number}", "It was lost.") for number in range(8))
    result = Result("no_lost_tasks", "Nothing is lost.", Verdict.BROKEN, 619, findings)
    page = page_of(hand_made(tmp_path), replace(empty_judgement(Verdict.BROKEN), results=(result,)))
    assert [one.get("class") for one in page.all("details")] == ["finding"] * 5 + ["more"] + ["finding"] * 3
    assert "3 more, each with its story" in page.words
    assert "The other 611 are not in this report." in page.words


def test_notes_stand_with_the_verdict(tmp_path: Path) -> None:
    page = page_of(
        hand_made(tmp_path), replace(empty_judgement(Verdict.HELD), notes=("The playbook began while the deployment still ran.",))
    )
    assert "invariants held. The playbook began while the deployment still ran." in page.words


def test_a_page_is_made_where_compiled_templates_cannot_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / f"_jinja2-cache-{os.getuid()}").write_text("not a folder")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert html._compiled() is None
    run = hand_made(tmp_path / "run", published("a", 1), effect("a", 2))
    assert write(opened(run), judge(run))["report.html"].exists()


DURATIONS = {None: "—", 0.0: "0 ms", 0.084: "84 ms", 0.1: "0.1 s", 4.24: "4.2 s", 119.9: "119.9 s", 125.3: "2:05.3", 3_725.0: "1:02:05.0"}


@pytest.mark.parametrize(("seconds", "said"), DURATIONS.items())
def test_a_duration_has_the_digits_that_matter(seconds: float | None, said: str) -> None:
    assert formats.lasted(seconds) == said


@pytest.mark.parametrize(("value", "said"), {None: "—", 0: "0", 9261: "9,261", 0.25: "0.2", 1234.56: "1,234.6"}.items())
def test_a_number_has_its_thousands_set_apart(value: float | None, said: str) -> None:
    assert formats.number(value) == said


@pytest.mark.parametrize(("seconds", "said"), {-3.0: "-3.0 s", -125.0: "−2:05.0", 14.3: "14.3 s"}.items())
def test_a_moment_before_the_load_is_told_as_such(seconds: float, said: str) -> None:
    assert formats.clock(seconds) == said
