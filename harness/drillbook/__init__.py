"""Drillbook: rollback drills for worker queues.

A drill starts a production-like stage in containers, puts it under load, deploys v2, breaks things, runs the user's own
rollback playbook, and proves from evidence whether a task was lost, done twice, or done by the wrong version.

One direction: scenario -> plan -> stage and drive -> evidence (the run directory) -> invariants (the judge) -> report.
"""

__version__ = "0.1.0"
