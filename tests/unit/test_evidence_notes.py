"""What programs of the drill note about a task is told in its story, and judged by nobody else's rule."""

from __future__ import annotations

import json
from pathlib import Path

from histories import history

from drillbook.api import judge, open_run
from drillbook.judge.task_story import stories


def noted(*notes: dict[str, object]) -> Path:
    run = history("publish a ok", "effect a")
    (run / "notes.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))
    return run


NOTE = {"task": "a", "at": 1, "what": "moved to tasks.v1"}


def test_a_note_is_told_in_the_story_of_its_task() -> None:
    with open_run(noted(NOTE | {"by": "rollback.sh"}, NOTE, NOTE | {"task": "b"})) as run:
        told = [moment.what for moment in stories(run.database, ["a"])["a"] if moment.evidence == "notes"]
    assert told == ["noted by a program: moved to tasks.v1", "noted by rollback.sh: moved to tasks.v1"]


def test_a_note_changes_no_verdict() -> None:
    assert judge(noted({"task": "zzz", "at": 1, "what": "lost"})).verdict == "held"


def test_notes_are_open_to_an_invariant_of_ones_own() -> None:
    run = noted(NOTE)
    (run / "scenario.yaml").write_text("title: t\ninvariants: {nothing_moved: }\n")
    (run / "nothing_moved.sql").write_text("-- nothing_moved: Nobody moves a task.\n-- needs: notes\nselect task, what as why from notes\n")
    judgement = judge(run)
    assert [(finding.task, finding.why) for finding in judgement.results[0].findings] == [("a", "moved to tasks.v1")]
