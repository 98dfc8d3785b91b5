"""Keys and values that the model does not have: each is told in plain words, where it stands."""

from pathlib import Path

import pytest
from scenario_folder import sound_folder, spoiled

from drillbook.faults.kinds import KINDS

CASES = {
    "a key is there twice": ("method: versioned-workers", "title: again", ["2:1: title is here twice; the first is on line 1"]),
    "a key is there twice, deep inside": (
        "{QUEUE: tasks.v1}",
        "{QUEUE: tasks.v1, QUEUE: x}",
        ["16:61: QUEUE is here twice; the first is on line 16"],
    ),
    "a key is unknown and close to another": ("size: 256", "sise: 256", ["18:36: load has no key sise; did you mean size?"]),
    "a key is unknown and close to none": (
        "{within: 60s, quiet_for: 3s}",
        "{zzz: 1}",
        ["35:10: settle has no key zzz; there are within, quiet_for"],
    ),
    "a key is the code's word for another": (
        "    for: 12s\n",
        "    lasting: 12s\n",
        ["27:5: entry 1 of faults has no key lasting; did you mean for?"],
    ),
    "a key of a fault's parameters is unknown": (
        "delay: 400ms",
        "dely: 400ms",
        ["25:43: latency of entry 1 of faults has no key dely; did you mean delay?"],
    ),
    "a kind of fault is unknown": ("    kill: {target", "    kil: {target", ["29:5: entry 2 of faults has no key kil; did you mean kill?"]),
    "a key is no text": ("workers:\n", "workers:\n    1: {image: x}\n", ['16:5: a key is text: write "1"']),
    "a key has nothing in it": (
        "settle: {within: 60s, quiet_for: 3s}",
        "settle:",
        ["36:1: settle has nothing in it; it takes keys with values"],
    ),
    "an optional part has nothing in it": (
        "deployment: {run: ./deploy.sh, at: 5s}",
        "deployment:",
        ["19:1: deployment is empty: give it a value, or leave it out"],
    ),
    "a needed key is missing": ("rate: 300/s, ", "", ["18:1: load needs rate: mean arrivals a second (Poisson)"]),
    "a needed key of a part is missing": (
        "  start: {when: canary_slow, no_later_than: 20s}\n",
        "",
        ["31:1: playbook needs start: the decision point: when the playbook starts, and by what"],
    ),
    "text is a number": ("{QUEUE: tasks.v1}", "{QUEUE: 1.10}", ['16:51: QUEUE is text, not the number 1.10: write it in quotes, "1.10"']),
    "text is true": ("{QUEUE: tasks.v1}", "{QUEUE: true}", ['16:51: QUEUE is text, not true: write it in quotes, "true"']),
    "text is a list": ("run: ./deploy.sh", "run: [./deploy.sh]", ["19:19: run is text, not a list"]),
    "a whole number is text": (
        "replicas: 2, env: {QUEUE: tasks.v1}",
        "replicas: two, env: {QUEUE: tasks.v1}",
        ["16:35: replicas is a whole number, not the text 'two'"],
    ),
    "a whole number has a fraction": (
        "delivery_limit: 5",
        "delivery_limit: 5.5",
        ["8:48: delivery_limit is a whole number, not the number 5.5"],
    ),
    "a number is text": ("above: 800", "above: much", ["21:41: above is a number, not the text 'much'"]),
    "true or false is another word": ("started: false", "started: no", ["17:71: started is true or false, not the text 'no'"]),
    "a list is text": ("tags: [nightly, release]", "tags: nightly", ["3:7: tags is a list, not the text 'nightly'"]),
    "a part is text": (
        "database: {init: tables.sql}",
        "database: postgres",
        ["14:13: database is keys with values, not the text 'postgres'"],
    ),
    "an entry of a list is a number": (
        "tags: [nightly, release]",
        "tags: [nightly, 1]",
        ['3:17: entry 2 of tags is text, not the number 1: write it in quotes, "1"'],
    ),
    "a choice is misspelt": (
        "{type: quorum, dead_letter_to: tasks.dead}",
        "{type: quorom, dead_letter_to: tasks.dead}",
        ["9:24: type is quorum, classic or stream, not the text 'quorom'; did you mean quorum?"],
    ),
    "a choice is no text": (
        "{type: quorum, dead_letter_to: tasks.dead}",
        "{type: 3, dead_letter_to: tasks.dead}",
        ["9:24: type is quorum, classic or stream, not the number 3"],
    ),
    "one of two types is neither": ("pick: one", "pick: some", ["29:38: pick is one, all or a whole number, not the text 'some'"]),
    "a duration has no unit": (
        "at: 10s",
        "at: 10",
        ["26:9: at: 10 is not a moment: write a number and a unit, such as 5s or 20s after deployment"],
    ),
    "a duration with a fraction has no unit": ("at: 10s", "at: 10.5", ["26:9: at: 10.5 has no unit; write it as 10.5s"]),
    "a duration has an unknown unit": (
        "at: 10s",
        "at: 10 sec",
        ["26:9: at: '10 sec' is not a moment: write a number and a unit, such as 5s or 20s after deployment"],
    ),
    "a duration must not be zero": ("duration: 30s", "duration: 0s", ["18:31: duration must be more than 0, not 0s"]),
    "a rate has no unit": (
        "rate: 300/s",
        "rate: 300",
        ["18:14: rate: 300 is not a rate: write a number above zero and a unit, such as 300/s or 20/m"],
    ),
    "a rate is zero": (
        "rate: 300/s",
        "rate: 0/s",
        ["18:14: rate: '0/s' is not a rate: write a number above zero and a unit, such as 300/s or 20/m"],
    ),
    "a size is no size": (
        "size: 256",
        "size: 1.5KiB",
        ["18:42: size: '1.5KiB' is not a size: write a whole number of bytes, alone or with a unit, such as 256, 64KiB or 1MiB"],
    ),
    "a size is too large": ("size: 256", "size: 2MiB", ["18:42: size must be at most 1048576, not 2MiB"]),
    "a number is too small": (
        "replicas: 2, env: {QUEUE: tasks.v1}",
        "replicas: 0, env: {QUEUE: tasks.v1}",
        ["16:35: replicas must be at least 1, not 0"],
    ),
    "a number is infinite": ("above: 800", "above: .inf", ["21:41: .inf is not a number one can work with"]),
    "a title is empty": ("title: A slow canary is rolled back", "title: ''", ["1:8: title is empty"]),
    "a list that needs entries has none": ("settle:", "expect: {broken: []}\nsettle:", ["35:18: broken needs at least one entry"]),
    "workers have two sources": (
        "v1: {build: worker,",
        "v1: {build: worker, image: x,",
        ["16:9: stage.workers.v1: give exactly one of image and build"],
    ),
    "a monitor watches nothing": (
        "{queue_depth: tasks.v1, above: 100}",
        "{above: 100}",
        ["22:12: monitors.backlog: give exactly one of query, queue_depth and redelivery_rate"],
    ),
    "a monitor has two bounds": (
        "{queue_depth: tasks.v1, above: 100}",
        "{queue_depth: tasks.v1, above: 100, below: 1}",
        ["22:12: monitors.backlog: give exactly one of above and below"],
    ),
    "a fault has two kinds": (
        "    kill: {target: workers.v2, pick: one}\n",
        "    kill: {target: workers.v2, pick: one}\n    pause: {target: broker}\n",
        [f"28:5: entry 2 of faults: give exactly one kind of fault ({', '.join(KINDS)})"],
    ),
    "a fault has no moment": (
        "    at: 10s\n",
        "",
        ["24:5: entry 1 of faults: say once when it begins: at, before, during, after, when or on"],
    ),
    "a fault that ends by itself has a length": (
        "latency: {link: workers.v2 -> broker, delay: 400ms, jitter: 100ms}",
        "restart: {target: broker}",
        ["24:5: entry 1 of faults: restart ends by itself: leave out for"],
    ),
    "the playbook starts by two things": (
        "{when: canary_slow, no_later_than: 20s}",
        "{when: canary_slow, at: 3s}",
        ["33:10: playbook.start: give exactly one of at, after and when"],
    ),
    "an alert may keep the playbook from starting": (
        "{when: canary_slow, no_later_than: 20s}",
        "{when: canary_slow}",
        ["33:10: playbook.start: when and no_later_than go together"],
    ),
    "a tag has a custom type": ("tags: [nightly, release]", "tags: !set [nightly]", ["3:7: the tag !set has no meaning here"]),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES.keys())
def test_a_key_or_value_that_cannot_be_is_told_where_it_stands(tmp_path: Path, old: str, new: str, expected: list[str]):
    assert spoiled(sound_folder(tmp_path / "drill"), old, new) == expected
