"""The stage: the components of a run, each a container or several, and the links between them.

In: a scenario. Out: a running stage that faults, load and programs act on. ``component`` says what a component is, ``components/`` has one
file each, ``stage`` assembles them. It listens on loopback only and touches nothing it did not start.
"""
