"""Ansible as a runner: a play's steps read from its YAML, and the play held at each of them while it runs.

In: a play file, and where the run's files go. Out: its steps, its gate and its environment. Ansible is only ever called as a program:
the one file here that imports it, ``callback/drillbook_gate.py``, is loaded by ``ansible-playbook`` in its own process.
"""
