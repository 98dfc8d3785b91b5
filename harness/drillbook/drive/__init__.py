"""The drive: who starts when, once the stage is started.

In: a plan and a running stage. Out: evidence, until the stage is quiet again. It decides nothing that chance decides (the plan did)
and judges nothing.
"""
