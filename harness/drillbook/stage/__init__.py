"""The stage: containers and the wires between them.

In: a scenario and a plan. Out: a running stage that faults, load and programs act on. It listens on loopback only and
touches nothing it did not start.
"""
