"""Mutants: small planted mistakes, drawn at random, each of which the unit tests should notice.

``mutants`` makes them of a file's text and draws some (pure), ``reach`` knows which tests run which line, ``trial`` plants one in a copy of
the tree and runs these tests, ``page`` writes the table.
"""
