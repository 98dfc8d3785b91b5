"""Finding scenarios in folders, naming them, and listing them and their runs."""

import json
from pathlib import Path

import pytest

from drillbook.core.errors import UsageError
from drillbook.evidence.runs import rows as run_rows
from drillbook.validation import discovery

SHIPPED = Path(__file__).parents[2] / "scenarios"
MINIMAL = "title: x\ninvariants: {no_lost_tasks: }\n"


def make(path: Path, text: str = MINIMAL) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folders_scenario_and_its_known_bad_control_are_found(tmp_path):
    bad, good = make(tmp_path / "a" / "careless.yaml"), make(tmp_path / "a" / "scenario.yaml")
    assert discovery.find([tmp_path]) == [bad, good]


def test_scenario_yaml_is_found_even_when_its_keys_are_wrong(tmp_path):
    file = make(tmp_path / "a" / "scenario.yaml", "titel: x\n")
    assert discovery.find([tmp_path]) == [file]


@pytest.mark.parametrize("text", ["title: x\n", "services: {title: x, invariants: y}\n", "  title: x\n  invariants: y\n", "# title:\n"])
def test_other_yaml_is_passed_over(tmp_path, text):
    make(tmp_path / "compose.yaml", text)
    assert discovery.find([tmp_path]) == []


def test_bytes_that_are_no_text_are_passed_over(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xff\ntitle: x\ninvariants: y\n")
    assert discovery.find([tmp_path]) == []


@pytest.mark.parametrize("folder", [".venv", "node_modules", "reports", "__pycache__"])
def test_folders_of_other_things_are_passed_over(tmp_path, folder):
    make(tmp_path / folder / "a" / "scenario.yaml")
    assert discovery.find([tmp_path]) == []


def test_run_directories_are_passed_over(tmp_path):
    make(tmp_path / "kept" / "run" / "scenario.yaml")
    make(tmp_path / "kept" / "run" / "plan.json", "{}")
    assert discovery.find([tmp_path]) == []


def test_a_link_back_up_does_not_go_round_for_ever(tmp_path):
    file = make(tmp_path / "a" / "scenario.yaml")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert discovery.find([tmp_path]) == [file]


def test_a_file_is_taken_as_it_is_and_once(tmp_path):
    file = make(tmp_path / "odd.yml")
    assert discovery.find([file, file]) == [file]


def test_a_path_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UsageError, match="there is no file or folder"):
        discovery.find([tmp_path / "none"])


def test_a_folder_means_its_scenario_yaml(tmp_path):
    file = make(tmp_path / "scenario.yaml")
    make(tmp_path / "careless.yaml")
    assert discovery.file(tmp_path) == file


def test_a_folder_without_one_says_which_there_are(tmp_path):
    inside = make(tmp_path / "a" / "scenario.yaml")
    with pytest.raises(UsageError) as raised:
        discovery.file(tmp_path)
    assert str(raised.value) == f"the folder {tmp_path} has no scenario.yaml. There are {inside}."


def test_a_scenario_is_named_by_its_folder_and_any_other_by_its_file_too():
    assert (
        discovery.name(Path("scenarios/versioned_workers/scenario.yaml")),
        discovery.name(Path("scenarios/versioned_workers/careless.yaml")),
    ) == (
        "versioned_workers",
        "versioned_workers-careless",
    )


def test_a_name_does_not_depend_on_where_one_stands(tmp_path, monkeypatch):
    file = make(tmp_path / "mine" / "scenario.yaml")
    monkeypatch.chdir(file.parent)
    assert {discovery.name(Path("scenario.yaml")), discovery.name(Path("../mine/scenario.yaml")), discovery.name(file)} == {"mine"}


def test_a_list_has_what_one_chooses_drills_by(tmp_path):
    more = "description: Nothing is lost. More of it.\nmethod: messaging\ntags: [nightly]\nexpect: {broken: [a, b]}\n"
    file = make(tmp_path / "mine" / "careless.yaml", MINIMAL + more)
    assert discovery.listed([tmp_path]) == [
        discovery.ScenarioRow("mine-careless", "x", "Nothing is lost.", "messaging", ("nightly",), "broken: a, b", file),
    ]


def test_a_list_says_method_verdict_file_and_what_is_proven(tmp_path):
    file = make(tmp_path / "mine" / "scenario.yaml", MINIMAL + "description: Nothing is lost. More of it.\nmethod: messaging\n")
    assert discovery.rows([tmp_path]) == [("messaging", "held", str(file), "Nothing is lost.")]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Nothing is lost.", "Nothing is lost."),
        ("Version 2.0 of app.py holds,\n  e.g. here. More.", "Version 2.0 of app.py holds, e.g. here."),
        ("Is it? Yes.", "Is it?"),
        ("no stop", "no stop"),
        ("", ""),
    ],
)
def test_a_first_sentence_ends_where_the_next_begins(text: str, first: str):
    assert discovery.first_sentence(text) == first


def test_each_shipped_drill_says_first_what_it_proves():
    shipped = discovery.listed([SHIPPED])
    assert len(shipped) > 20
    assert [str(row.file) for row in shipped if row.proves.startswith(("The stage", "The load")) or row.proves == row.title] == []


def test_no_two_shipped_drills_of_a_folder_prove_the_same():
    said = [(row.file.parent.name, row.proves) for row in discovery.listed([SHIPPED])]
    assert [each for each in said if said.count(each) > 1] == []


def test_a_file_that_cannot_be_read_is_listed_with_what_to_do(tmp_path):
    file = make(tmp_path / "mine" / "scenario.yaml", "title: [\n")
    assert discovery.rows([tmp_path]) == [("", "held", str(file), f"cannot be read: drillbook validate {file}")]


def test_runs_are_listed_with_their_verdicts(tmp_path):
    for run, verdict in (("20261121T101500Z-7", "held"), ("20261121T101500Z-7-2", None), ("20261121T111500Z-9", "{cut")):
        make(tmp_path / "mine" / run / "plan.json", json.dumps({"seed": int(run.split("-")[1])}))
        if verdict:
            make(tmp_path / "mine" / run / "verdict.json", json.dumps({"verdict": verdict}) if verdict == "held" else verdict)
    make(tmp_path / "mine" / "notes" / "x.txt", "")
    assert run_rows(tmp_path) == [
        ("mine", "20261121T101500Z", "7", "held"),
        ("mine", "20261121T101500Z", "7", "no verdict"),
        ("mine", "20261121T111500Z", "9", "no verdict"),
    ]


def test_without_reports_there_are_no_runs(tmp_path):
    assert run_rows(tmp_path / "reports") == []
