"""The judge.

In goes a run directory, out comes a judgement. It never touches Docker, a socket or a clock.
"""
