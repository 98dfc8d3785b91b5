"""The documentation pages keep up with the code they describe."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import pytest
from pydantic.fields import FieldInfo

from drillbook.core.refs import Ref
from drillbook.core.units import Duration
from drillbook.evidence.documents import FORMAT
from drillbook.evidence.kinds import FILES
from drillbook.playbook.runners import RUNNERS
from drillbook.scenario import After, Scenario, StageSpec
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


def test_a_part_s_table_has_the_keys_that_are_wanted_or_all() -> None:
    rows = [line.split("`")[1] for line in document.table(After).splitlines()[2:]]
    assert rows == list(After.model_fields)
    assert len(document.table(After, ["step"]).splitlines()) == 3


TYPES: dict[str, tuple[object, str]] = {
    "a text": (str, "text"),
    "a number": (float | None, "number"),
    "one of two": (int | str, "whole number or text"),
    "a choice": (Literal["start", "end"], "`start` or `end`"),
    "a list": (list[str], "list of text"),
    "names with what they are": (dict[str, int], "whole number, by name"),
    "names with anything": (dict[str, Any], "keys with values"),
    "names with a part": (dict[str, StageSpec], "[stage](#stage), by name"),
    "a unit": (Duration, "duration"),
    "a name of another part": (Annotated[str, Ref("link")], "name of a link"),
    "a name of another part that begins with a vowel": (Annotated[str, Ref("exchange")], "name of an exchange"),
    "a list of names": (list[Annotated[str, Ref("queue")]], "list of name of a queue"),
}


@pytest.mark.parametrize(("annotation", "words"), TYPES.values(), ids=TYPES)
def test_the_type_of_a_key_is_in_a_person_s_words(annotation: Any, words: str) -> None:
    assert document.type_name(FieldInfo.from_annotation(annotation)) == words


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
