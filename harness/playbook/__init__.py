"""Programs under test.

In goes a command line and its stage's environment, out come its steps as they start and end. It knows no fault and no
broker.
"""
