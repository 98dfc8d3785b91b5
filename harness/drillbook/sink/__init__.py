"""The effect sink: a small HTTP server that workers call once an effect, and that writes ``sink.jsonl``.

In: ``POST /``, or ``POST /SOURCE`` where there are several sources, with the headers ``Task-Id`` and, where they are known,
``Idempotency-Key``, ``Worker`` and ``Version``. Out: 201 for a call, 200 for one whose key it has seen before, each with the number of the
first call; and a line for every call, handed to the operating system before it is answered, so that an answered call is never missing.
It does nothing with a call but record it, and never says that it recorded what it could not write.

The folder runs by itself (``python3 -m sink``) in a container that has only Python: it imports nothing but the standard library.
"""

PORT = 8080
"""Where it listens in its container."""
