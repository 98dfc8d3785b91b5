"""Reports.

In goes a run directory and its judgement, out come HTML, JUnit and JSON. It judges nothing.
"""

from __future__ import annotations

from drillbook.report.files import write

__all__ = ["write"]
