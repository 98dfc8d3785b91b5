"""The load.

In goes a plan's arrivals, out come the tasks on the broker and one ledger line an attempt. Locust runs only as a child
process, never imported here.
"""
