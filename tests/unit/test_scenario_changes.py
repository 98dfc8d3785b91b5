"""Values of a scenario that the command line changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from drillbook.core.errors import UsageError
from drillbook.validation.changes import apply, changed_text, parse_changes
from drillbook.validation.loader import ScenarioError, load
from drillbook.validation.source import ScenarioSource, parse, read

TEXT = """\
title: t
tags: [a, b]
load: &load {rate: 5/s, duration: 1s}
monitors: {}
invariants: {no_lost_tasks: }
"""


def changed(*changes: str, text: str = TEXT) -> ScenarioSource:
    source = parse(text, ScenarioSource("scenario.yaml"))
    apply(parse_changes(changes), source)
    return source


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("load.rate=80/s", ("load", "rate"), "80/s"),
        ("tags.1=c", ("tags", 1), "c"),
        ("tags=[x, y]", ("tags",), ["x", "y"]),
        ("settle.within=1m", ("settle", "within"), "1m"),
        ("invariants.no_lost_tasks.parked=[later]", ("invariants", "no_lost_tasks", "parked"), ["later"]),
        ('stage."tasks.v1".type=quorum', ("stage", "tasks.v1", "type"), "quorum"),
        ("stage.env.URL=a=b", ("stage", "env", "URL"), "a=b"),
        ("stage.replicas=3", ("stage", "replicas"), 3),
        ("load.types=", ("load", "types"), None),
        ("title=on", ("title",), "on"),
    ],
)
def test_a_value_is_changed_or_made(change: str, path: tuple[str | int, ...], value: Any) -> None:
    source = changed(change)
    assert (source.get(*path), source.problems) == (value, [])


BUILT = """\
title: t
stage: {workers: {v2: {build: worker, env: {build: 7}}}, services: {flags: {build: flags, port: 80}}}
playbook: {run: ./rollback.sh, start: {when: slow, no_later_than: 9s}}
monitors: {slow: {queue_depth: q, above: 5}}
invariants: {mine: {image: a, build: b}}
"""
INSTEAD = {
    "an image for a folder": ("stage.workers.v2.image=app:1.9", ("stage", "workers", "v2"), {"image": "app:1.9", "env": {"build": 7}}),
    "a service's image": ("stage.services.flags.image=flagd", ("stage", "services", "flags"), {"image": "flagd", "port": 80}),
    "what merely has the name": ("stage.workers.v2.env.image=x", ("stage", "workers", "v2", "env"), {"build": 7, "image": "x"}),
    "another's parameter": ("invariants.mine.image=c", ("invariants", "mine"), {"image": "c", "build": "b"}),
    "another runner": ("playbook.make=rollback", ("playbook",), {"make": "rollback", "start": {"when": "slow", "no_later_than": "9s"}}),
    "another source": ("monitors.slow.query=select 1", ("monitors", "slow"), {"query": "select 1", "above": 5}),
    "another bound": ("monitors.slow.below=2", ("monitors", "slow"), {"queue_depth": "q", "below": 2}),
}


@pytest.mark.parametrize(("change", "path", "value"), INSTEAD.values(), ids=INSTEAD)
def test_what_cannot_stand_beside_it_goes(change: str, path: tuple[str, ...], value: Any) -> None:
    source = changed(change, text=BUILT)
    assert (source.get(*path), source.problems) == (value, [])
    assert not any(old[: len(path)] == path and len(old) > len(path) and old[len(path)] not in value for old in source.keys)


def test_what_is_not_changed_stays() -> None:
    source = changed("load.rate=80/s")
    assert source.data == {
        **{"title": "t", "tags": ["a", "b"], "load": {"rate": "80/s", "duration": "1s"}, "monitors": {}},
        "invariants": {"no_lost_tasks": None},
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("tags.2=c", "--set tags.2: tags is a list of 2, so that there is no 2 in it; the first one is 0"),
        ("title.x=c", "--set title.x: title is 't', so that there is no x in it"),
        ("title={a: 1", "--set title:1:6: not YAML: while parsing a flow mapping expected ',' or '}', but got '<stream end>'"),
    ],
)
def test_what_cannot_be_changed_is_told_with_the_change_as_its_place(change: str, said: str) -> None:
    assert [str(problem)[: len(said)] for problem in changed(change).problems][:1] == [said]


@pytest.mark.parametrize("text", ["load.rate", "=5", ".a=5", "a..b=5", "a b=5", ""])
def test_what_is_no_change_is_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="that is no change"):
        parse_changes([text])


def test_a_value_that_the_scenario_cannot_take_is_told_where_it_was_given(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(TEXT)
    with pytest.raises(ScenarioError) as raised:
        load(file, parse_changes(["load.rate=80", "load.durration=1s"]))
    places = [str(problem).split(": ")[0] for problem in raised.value.problems]
    assert [place for place in places if "--set" in place] == ["--set load.durration", "--set load.rate"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("load.rat=1", "--set load.rat: load has no key rat; did you mean rate?"),
        ("load={rate: 1/s, rat: 1}", "--set load:1:13: load has no key rat; did you mean rate?"),
    ],
)
def test_a_position_is_told_only_within_what_was_written(tmp_path: Path, change: str, said: str) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text(TEXT)
    with pytest.raises(ScenarioError) as raised:
        load(file, parse_changes([change]))
    assert said in [str(problem) for problem in raised.value.problems]


VALUES = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**40), 2**40)
    | some.text(max_size=8)
    | some.sampled_from(["on", "2026-11-21", "1.10", "5s", "~"]),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text("ab.", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("changed")


@given(value=VALUES)
@example(value="a\x85b\rc\u2028")
def test_the_runs_copy_says_what_was_run(folder: Path, value: Any) -> None:
    file = folder / "scenario.yaml"
    file.write_text(TEXT)
    changes = parse_changes([f"load.types={json.dumps(value)}", "tags.0=z"])
    copy = folder / "copy.yaml"
    copy.write_text(changed_text(file, changes))
    used = read(file)
    apply(changes, used)
    assert read(copy).data == used.data
    assert "#   --set tags.0=z\n" in copy.read_text()
