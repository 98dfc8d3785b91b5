"""Programs under test: the deployment and the playbook, run as the real programs they are.

In: a command line, its folder and its stage's environment. Out: its steps as they start and end, its exit code, its transcript. It knows
no fault, no broker and no container; who listens to the steps decides what happens while a script waits at a step. Decisions (when an alert
is raised, when a playbook starts) are pure and have no clock.
"""
