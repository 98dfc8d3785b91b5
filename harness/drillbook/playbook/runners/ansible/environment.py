"""What Ansible is told by the environment: the stage as its inventory, and a folder of the run for every file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from drillbook.core.errors import HarnessError

INVENTORY = """\
# The stage, as a drill gives it to Ansible: this machine, where docker and the stage's addresses are. No secret is written here.
all:
  hosts:
    localhost:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    amqp_url: "{{ lookup('ansible.builtin.env', 'AMQP_URL') }}"
    rabbitmq_api_url: "{{ lookup('ansible.builtin.env', 'RABBITMQ_API_URL') }}"
    database_url: "{{ lookup('ansible.builtin.env', 'DATABASE_URL') }}"
    drill_state_dir: "{{ lookup('ansible.builtin.env', 'DRILL_STATE_DIR') }}"
    workers:
"""
_UTF_8 = ("utf-8", "utf8")


def environment(folder: Path, told: Mapping[str, str]) -> dict[str, str]:
    """Write the inventory, and give the variables that Ansible reads.

    Args:
        folder: for the inventory and all that Ansible writes for itself; made when it is not there.
        told: what the program is told of its stage; ``WORKERS_V2="a b"`` becomes ``workers.v2: [a, b]``.

    Raises:
        HarnessError: the folder cannot be written.
    """
    inventory, home = folder.absolute() / "inventory.yml", folder.absolute() / "home"
    groups = [name for name in told if name.startswith("WORKERS_")]
    lines = [f"      {name.removeprefix('WORKERS_').lower()}: [{', '.join(told[name].split())}]\n" for name in groups]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        inventory.write_text(INVENTORY + "".join(lines), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"cannot write {inventory}: {error.strerror}.", "Free disk space there, or choose another --output.") from error
    variables = {
        "ANSIBLE_INVENTORY": str(inventory),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(home / "tmp"),
        "ANSIBLE_ASYNC_DIR": str(home / "async"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_NOCOWS": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
    }
    locale = told.get("LC_ALL") or told.get("LC_CTYPE") or told.get("LANG") or ""
    if not locale.lower().endswith(_UTF_8):
        variables["LC_ALL"] = "C.UTF-8"  # Ansible does not start in any other encoding
    return variables
