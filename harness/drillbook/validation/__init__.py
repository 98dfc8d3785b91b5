"""Reading a scenario file: YAML in, a typed `Scenario` out, or every problem at once with its line.

It starts nothing and draws nothing. The JSON schema, ``docs/scenario.md`` and new scenarios are made here too.
"""
