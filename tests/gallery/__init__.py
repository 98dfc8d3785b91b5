"""The gallery of planted bugs: real failures, each planted into a known-good drill, that must turn exactly its invariants red.

In: base drills (``bases/``, each a folder that must hold as it is) and bugs (``bugs/``, one patch file each). Out: a table,
``docs/detection.md``. It judges nothing itself: a planted drill is run by ``drillbook run``, and its verdict is compared. A bug is never
bent until it is seen: what is not seen is a fault of the judge.
"""
