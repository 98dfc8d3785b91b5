"""Messages that are left for a version, and whether its worker can decode them.

In: what the tap captured since the rollback began, and what remained after settling. Out: ``messages.jsonl``, which the worker's own image
is asked, dry and without a network, and ``decoded.jsonl``, what it answered. Nothing here judges: that is for the invariant ``decodable``.
"""
