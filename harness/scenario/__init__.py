"""The scenario file.

In goes YAML, out comes a typed `Scenario`, or every problem at once with its line. It starts nothing and draws nothing.
"""
