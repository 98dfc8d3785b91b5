"""Names that stand for nothing in the file: each is told with what was probably meant, or with what there is."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder, spoiled

CASES = {
    "a link": (
        "workers.v2 -> broker",
        "workers.v4 -> broker",
        ["25:21: there is no link workers.v4 -> broker; did you mean workers.v2 -> broker?"],
    ),
    "a link to no service": (
        "workers.v2 -> broker",
        "workers.v2 -> brokr",
        ["25:21: there is no link workers.v2 -> brokr; did you mean workers.v2 -> broker?"],
    ),
    "a link where a container is": (
        "workers.v2 -> broker",
        "workers.v2",
        ["25:21: there is no link workers.v2; did you mean workers.v2 -> broker?"],
    ),
    "a container": (
        "kill: {target: workers.v2,",
        "kill: {target: workers.v2.3,",
        ["29:20: there is no container workers.v2.3; did you mean workers.v2?"],
    ),
    "a container unlike any other": (
        "kill: {target: workers.v2,",
        "kill: {target: proxy,",
        ["29:20: there is no container proxy; there are broker, database, workers.v1, workers.v2"],
    ),
    "a container where a link is": (
        "kill: {target: workers.v2,",
        "kill: {target: workers.v2 -> broker,",
        ["29:20: there is no container workers.v2 -> broker; did you mean workers.v2?"],
    ),
    "a queue that takes dead letters": (
        "{type: quorum, dead_letter_to: tasks.dead}",
        "{type: quorum, dead_letter_to: tasks.daed}",
        ["9:48: there is no queue tasks.daed; did you mean tasks.dead?"],
    ),
    "a queue of a monitor": (
        "queue_depth: tasks.v1",
        "queue_depth: backlog",
        ["22:26: there is no queue backlog; there are tasks.v1, tasks.v2, tasks.dead"],
    ),
    "an exchange of the load": ("exchange: tasks", "exchange: task", ["18:92: there is no exchange task; did you mean tasks?"]),
    "an exchange of a binding": ("{from: tasks,", "{from: jobs,", ["12:16: there is no exchange jobs; there is tasks"]),
    "the target of a binding": ("to: tasks.v1", "to: tasks.v3", ["12:27: there is no queue or exchange tasks.v3; did you mean tasks.v2?"]),
    "a step": (
        "during: {step: drain v2}",
        "during: {step: drain_v3}",
        ["30:20: the playbook has no step drain_v3; did you mean drain v2?"],
    ),
    "a step like no other": (
        "during: {step: drain v2}",
        "during: {step: xyz}",
        ["30:20: the playbook has no step xyz; there are drain v2, stop v2"],
    ),
    "a monitor that starts the playbook": (
        "{when: canary_slow,",
        "{when: canary_slaw,",
        ["33:17: there is no monitor canary_slaw; did you mean canary_slow?"],
    ),
    "a monitor that starts a fault": (
        "    during: {step: drain v2}",
        "    when: zzz",
        ["30:11: there is no monitor zzz; there are canary_slow, backlog"],
    ),
    "an invariant": (
        "recovered:",
        "recoverd:",
        ["39:3: there is no invariant recoverd, and no recoverd.sql beside the scenario; did you mean recovered?"],
    ),
    "an expected invariant": (
        "settle:",
        "expect: {broken: [drained]}\nsettle:",
        ["35:19: drained is not among the invariants of this file; there are no_lost_tasks, version_fence, recovered"],
    ),
    "a version in an invariant": (
        "version: v2",
        "version: v3",
        ["38:28: version_fence, version: there is no version v3; there are v1, v2"],
    ),
    "a step in an invariant": (
        "after: {step: stop v2}",
        "after: {step: stop v3}",
        ["38:39: version_fence, after: there is no step stop v3; did you mean stop v2?"],
    ),
    "a parameter of an invariant": (
        "{within: 30s}",
        "{within: 30s, allowed: 3}",
        ["39:28: recovered has no parameter allowed; did you mean allow?"],
    ),
    "a parameter's type": (
        "{within: 30s}",
        "{within: 30}",
        ["39:23: recovered, within: 30 is not a duration: write a number and a unit, such as 250ms, 5s or 2m"],
    ),
    "a parameter left out": ("recovered: {within: 30s}", "recovered:", ["39:3: recovered needs the parameter within, such as within: 30s"]),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_a_name_of_nothing_is_told_with_what_was_meant(tmp_path: Path, old: str, new: str, expected: list[str]):
    assert spoiled(sound_folder(tmp_path / "drill"), old, new) == expected


def test_a_queue_may_have_its_exchange_s_name_and_a_binding_to_it_is_the_queue_s(tmp_path: Path):
    both = SOUND.replace("exchanges: {tasks:", "exchanges: {tasks.v1: {type: direct}, tasks:")
    assert both != SOUND
    assert said(sound_folder(tmp_path / "drill"), both) == []
