"""The documentation pages keep up with the code they describe."""

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from drillbook.evidence.documents import FORMAT
from drillbook.evidence.kinds import FILES
from drillbook.playbook.runners import RUNNERS
from drillbook.scenario import Scenario
from drillbook.scenario.drive import ProgramPart
from drillbook.validation import document

RUN_DIRECTORY = (Path(__file__).parents[2] / "docs" / "run-directory.md").read_text()


def test_every_part_of_the_file_has_its_section():
    headings = set(re.findall(r"^#+ (.*)$", document.document(), re.MULTILINE))
    assert {name for name in Scenario.model_fields if name not in ("title", "description", "method", "tags")} <= headings


def test_every_link_within_the_page_leads_somewhere():
    page = document.document()
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
    assert set(re.findall(r"\(#([^)]*)\)", page)) <= anchors


@pytest.mark.parametrize("stem", FILES)
def test_the_run_directory_page_has_every_field_of_a_file_in_its_order(stem: str):
    section = RUN_DIRECTORY.split(f"### {stem}.jsonl")[1].split("###")[0]
    table = section.split("| field |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [field.name for field in fields(FILES[stem])]


@pytest.mark.parametrize("stem", ["wire", "timeline"])
def test_the_run_directory_page_has_every_word_of_an_event(stem: str):
    section = RUN_DIRECTORY.split(f"### {stem}.jsonl")[1].split("###")[0]
    assert [word for word in get_args(get_type_hints(FILES[stem])["event"]) if f"`{word}`" not in section] == []


def test_the_first_key_of_a_program_says_which_others_may_stand_in_its_place():
    said = {key: ProgramPart.model_fields[key].description or "" for key in RUNNERS}
    first, *others = RUNNERS
    assert [key for key, text in said.items() if "Give this or" in text] == [first]
    assert said[first].endswith(f" Give this or {' or '.join(f'`{other}`' for other in others)}.")


def test_the_run_directory_page_names_the_format():
    assert f"format **{FORMAT}**" in RUN_DIRECTORY
