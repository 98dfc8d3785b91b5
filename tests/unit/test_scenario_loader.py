"""Loading a scenario file: what is read, and what is said about the text, the keys and the values of a bad one."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder

from drillbook.core.errors import Exit
from drillbook.validation.loader import ScenarioError, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return sound_folder(tmp_path / "drill")


def test_a_sound_file_becomes_a_scenario_with_its_units_read(file):
    scenario = load(file)
    assert scenario.load is not None
    assert (scenario.load.rate, scenario.load.duration, scenario.faults[0].fault.delay) == (300.0, 30.0, 0.4)


def test_on_and_no_are_plain_text(file):
    assert said(file, SOUND.replace("{QUEUE: tasks.v1}", "{QUEUE: tasks.v1, TLS: no, LOG: on}")) == []
    assert load(file).stage.workers["v1"].env == {"QUEUE": "tasks.v1", "TLS": "no", "LOG": "on"}


def test_an_alias_and_a_merge_stand_for_what_they_name(file):
    text = SOUND.replace("    v1: {", "    v1: &w {").replace("{build: worker, replicas: 2, env: {QUEUE: tasks.v2}", "{<<: *w")
    assert said(file, text) == []
    assert (load(file).stage.workers["v2"].replicas, load(file).stage.workers["v2"].started) == (2, False)


def test_every_problem_is_told_at_once_sorted_by_line_with_the_file_before_it(file):
    text = (
        SOUND.replace("title:", "titel:")
        .replace("for: 12s", "for: 12")
        .replace("recovered:", "recoverd:")
        .replace("workers.v2 ->", "workers.v3 ->")
    )
    file.write_text(text)
    with pytest.raises(ScenarioError) as raised:
        load(file)
    assert str(raised.value).splitlines() == [
        f"{file}:1:1: a scenario has no key titel; did you mean title?",
        f"{file}:25:21: there is no link workers.v3 -> broker; did you mean workers.v2 -> broker?",
        f"{file}:27:10: for: 12 is not a duration: write a number and a unit, such as 250ms, 5s or 2m",
        f"{file}:39:3: there is no invariant recoverd, and no recoverd.sql beside the scenario; did you mean recovered?",
    ]


def test_a_bad_file_is_the_users_mistake(file):
    file.write_text("title: x\n")
    with pytest.raises(ScenarioError) as raised:
        load(file)
    assert raised.value.exit_code == Exit.USAGE


def test_a_title_and_invariants_are_enough_to_judge(tmp_path):
    assert said(tmp_path / "scenario.yaml", "title: x\ninvariants: {no_lost_tasks: }\n", judge_only=True) == []


def test_to_run_a_drill_stage_load_and_playbook_are_needed(tmp_path):
    assert said(tmp_path / "scenario.yaml", "title: x\ninvariants: {playbook_succeeded: }\n") == [
        "1:1: a scenario needs load: what the publishers send",
        "1:1: a scenario needs playbook: the rollback under test",
        "1:1: a scenario needs stage: what the drill runs on",
    ]


def test_to_judge_no_program_and_no_file_is_looked_for(tmp_path):
    assert said(tmp_path / "scenario.yaml", SOUND, judge_only=True) == []


def test_to_judge_the_users_own_invariants_are_found_in_the_run_directory(tmp_path):
    (tmp_path / "invariants").mkdir()
    (tmp_path / "invariants" / "my_rule.sql").write_text(
        "-- my_rule: Nothing is done.\n-- needs: effects\nselect task, 'why' as why from effects\n"
    )
    assert said(tmp_path / "scenario.yaml", "title: x\ninvariants: {my_rule: }\n", judge_only=True) == []


def test_a_missing_file_is_said_as_a_sentence(tmp_path):
    with pytest.raises(ScenarioError, match=r"none\.yaml:1:1: the file cannot be read: no such file or directory"):
        load(tmp_path / "none.yaml")


def test_bytes_that_are_no_text_are_placed(tmp_path):
    (tmp_path / "scenario.yaml").write_bytes(b"title: x\nmethod: \xff\n")
    with pytest.raises(ScenarioError, match=r":2:9: the file is not UTF-8 text"):
        load(tmp_path / "scenario.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "1:1: the file is empty", id="an empty file"),
        pytest.param("- a\n- b\n", "1:1: a scenario is keys with values, beginning with title:", id="a list"),
        pytest.param("title: x\n\tload: y\n", "2:1: not YAML: a tab cannot indent; use spaces", id="a tab"),
        pytest.param("title: a: b\n", "1:9: not YAML: a second colon in one line; write the value in quotes", id="a second colon"),
        pytest.param("title: @x\n", "1:8: not YAML: character '@' cannot start a value; write the value in quotes", id="a reserved sign"),
        pytest.param("title: 'x\n", "2:1: not YAML: a quoted text, begun on line 1, has no end", id="an open quote"),
        pytest.param("title: x\n---\ntitle: y\n", "2:1: a scenario file holds one document, and here a second begins", id="two documents"),
        pytest.param("title: *x\n", "1:8: not YAML: found undefined alias 'x'", id="an alias of nothing"),
        pytest.param(
            "title: x\nload: [1\nstage: y\n",
            "3:6: not YAML: while parsing a flow sequence expected ',' or ']', but got ':'",
            id="an open list",
        ),
        pytest.param("[" * 1200, "1:1: the file is nested too deeply", id="endless nesting"),
        pytest.param("title: \x07\n", "1:8: not YAML: the control character 0x07 cannot stand in it", id="a control character"),
    ],
)
def test_what_is_no_scenario_is_one_problem_where_it_is(tmp_path, text, expected):
    assert said(tmp_path / "scenario.yaml", text) == [expected]


def test_aliases_of_aliases_do_not_blow_up(tmp_path):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{n}: &{n} [{', '.join(['*' + p] * 10)}]\n" for p, n in zip("abcdef", "bcdefg", strict=True)
    )
    assert said(tmp_path / "scenario.yaml", bomb) == ["1:1: the file has more than 50000 values once its aliases are written out"]


def test_an_alias_of_itself_is_told(tmp_path):
    assert "1:7: this alias names the part it stands in" in said(tmp_path / "scenario.yaml", "load: &x {types: *x}\n")
