"""A second engine, started and ended beside the one that answers here: socket, disk folder and network namespace are its own.

Without that namespace its `--bridge=none` would take the first engine's docker0 away.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from drillbook.core.errors import HarnessError
from drillbook.engine import engine
from drillbook.engine.daemon import Daemon

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start an engine")


@pytest.fixture
def second() -> Iterator[Daemon]:
    """An engine that is not started yet; its folder's name is short, since a socket's path has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="engine") as name:
        folder = Path(name)
        places = ("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"))
        made = Daemon(folder / "s", folder / "pid", folder, (*places, "--bridge=none", "--iptables=false"), ("unshare", "--net"))
        yield made
        made.stop()


def test_an_engine_starts_answers_and_is_ended_again(second: Daemon):
    assert not second.answers()
    second.start()
    assert second.answers()
    assert second.stop()
    assert not second.answers()


def test_a_pid_file_whose_number_was_taken_by_another_program_does_not_hinder(second: Daemon):
    second.pid_file.write_text(str(os.getpid()))
    second.start()
    assert second.answers()


def test_an_engine_that_ends_while_it_starts_is_told_with_its_last_words(second: Daemon):
    broken = Daemon(second.socket, second.pid_file, second.state, ("--no-such-option",), second.within)
    with pytest.raises(HarnessError, match="ended while it started: "):
        broken.start()


def test_ending_ours_leaves_the_first_engine_and_its_network_alone(second: Daemon):
    first: docker.DockerClient = engine.connect()
    before = (first.info()["ID"], Path("/sys/class/net/docker0").exists())
    second.start()
    second.stop()
    assert (engine.connect().info()["ID"], Path("/sys/class/net/docker0").exists()) == before
