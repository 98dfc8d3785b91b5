"""Deliveries without an id: a drill that cannot follow its tasks proves nothing, and says where their ids may be."""

from __future__ import annotations

import pytest
from histories import history

from drillbook.api import judge

STAGE = {"stage": {"broker": {"queues": {"default": {}, "other": {}}}, "database": {}, "workers": {"v1": {"image": "worker"}}}}
BARE = "deliver to v1 from default"
NAMED = "deliver a to v1 from default"
IN_BODY = 'deliver to v1 from default with {"header:id": "h-1", "body:$.message_id": "a"}'
IN_HEADER = 'deliver to v1 from default with {"header:id": "h-2"}'
CASES = {
    "all have one": ([NAMED] * 3, ()),
    "none has one": ([BARE] * 3, ("3 deliveries from default have no id at message_id",)),
    "one has none": ([BARE], ("1 delivery from default has no id at message_id",)),
    "few have none": ([NAMED] * 99 + [BARE], ()),
    "some have none": ([NAMED] * 97 + [BARE] * 2, ("2 of 99 deliveries from default have no id at message_id",)),
    "two queues": ([BARE, "deliver to v1 from other"], ("2 deliveries from default and other have no id at message_id",)),
    "one of two queues": (
        [BARE, BARE, *["deliver a to v1 from other"] * 3],
        ("2 deliveries from default have no id at message_id",),
    ),
    "what workers tell each other": (["deliver to v1 from celery.pidbox"] * 3, ()),
    "the place whose values are tasks": (
        [IN_HEADER, IN_HEADER, IN_BODY],
        ("3 deliveries from default have no id at message_id; did you mean body:$.message_id?",),
    ),
    "the place that is filled most often": (
        [IN_HEADER, IN_HEADER.replace("h-2", "h-3"), IN_BODY.replace('"a"', '"z"')],
        ("3 deliveries from default have no id at message_id; did you mean header:id?",),
    ),
    "a place that cannot be read": ([f"{BARE} with nonsense"], ("1 delivery from default has no id at message_id",)),
}


@pytest.mark.parametrize(("lines", "said"), CASES.values(), ids=CASES)
def test_more_than_a_hundredth_of_deliveries_without_an_id_proves_nothing(lines: list[str], said: tuple[str, ...]) -> None:
    frame = ["phase collect begin", "phase collect end"]
    run = history("publish a ok", "effect a", *lines, *frame, sections=STAGE, invariants={"no_duplicate_effects": None})
    assert judge(run).preconditions == said
