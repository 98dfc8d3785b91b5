"""The wire tap: a proxy beside the broker that reads AMQP 0-9-1 and writes ``wire.jsonl``.

In: TCP connections, one port a link. Out: the same bytes to the broker and back, and a line for every event a judge needs.
It never changes, delays or drops a byte unless a rule of a fault asks for it, never trusts what a worker says, and never hides that it
could not read or write.

The folder runs by itself (``python3 -m tap``) in a container that has only Python: it imports nothing but the standard library.
"""

from .config import CaptureSettings, config
from .rules import Rule, rules

__all__ = ["CaptureSettings", "Rule", "config", "rules"]
