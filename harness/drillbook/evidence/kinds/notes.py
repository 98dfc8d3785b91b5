"""``notes.jsonl``: what the drill's own programs say about tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from drillbook.evidence.kind import Kind


@dataclass(frozen=True, slots=True)
class Note:
    """What a program of the drill says about a task."""

    task: Annotated[str, "the task's id"]
    at: Annotated[int, "when it was so"]
    what: Annotated[str, "what happened, in a few words: `moved to tasks.v1`"]
    by: Annotated[str | None, "who says it: `rollback.sh`"] = None


_MOMENTS = """
select task, "at", 6 as rank, 0 as place, 'notes' as evidence, 'noted by ' || coalesce("by", 'a program') || ': ' || what as what,
       null as move, null as who, null as queue, null as connection, null as channel
from notes semi join told using (task)
"""

KIND = Kind(
    120,
    Note,
    about="what the drill's own programs say about tasks, where they do",
    page="""\
What the playbook or the deployment says about one task: it appends a line to `notes.jsonl` in `DRILL_STATE_DIR`, and the line is taken over
after settling. It is told in the task's story, and open to invariants of one's own; no invariant that comes with Drillbook believes it.

@FIELDS@

```sh
echo "{\\"task\\": \\"$task\\", \\"at\\": $(date +%s%N), \\"what\\": \\"moved to tasks.v1\\", \\"by\\": \\"rollback.sh\\"}" >> "$DRILL_STATE_DIR/notes.jsonl"
```
""",
    moments=_MOMENTS,
    given=True,
)
