"""Reports.

In goes a run directory and its judgement, out come HTML, JUnit and JSON. It judges nothing.
"""
