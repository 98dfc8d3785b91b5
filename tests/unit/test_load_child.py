"""What passes between the harness and the load process: settings, commands, bodies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.load.control import Control
from drillbook.load.message import Body
from drillbook.load.settings import SETTINGS, LoadSettings
from drillbook.scenario import Load


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    theirs, ours = os.pipe()
    yield theirs, ours
    for descriptor in (theirs, ours):
        try:
            os.close(descriptor)
        except OSError:
            continue  # the test has closed it


def test_the_start_comes_down_the_pipe(pipe):
    control = Control(pipe[0], os.getppid())
    control.poll()
    assert control.start_at is None
    os.write(pipe[1], b"go 123\n")
    control.poll()
    assert control.start_at == 123


def test_a_command_split_in_two_is_one_command(pipe):
    control = Control(pipe[0], os.getppid())
    for part in (b"go 12", b"3\nstop 2.5\n"):
        os.write(pipe[1], part)
        control.poll()
    assert (control.start_at, control.grace) == (123, 2.5)


def test_a_closed_pipe_means_that_the_harness_is_gone(pipe):
    control = Control(pipe[0], os.getppid())
    control.poll()
    assert not control.orphaned
    os.close(pipe[1])
    control.poll()
    assert control.orphaned


def test_another_parent_means_that_the_harness_is_gone(pipe):
    control = Control(pipe[0], os.getppid() + 1)
    control.poll()
    assert control.orphaned


def test_a_second_stop_can_only_shorten_the_grace(pipe):
    control = Control(pipe[0], os.getppid())
    for grace in (5, 0, 9):
        control.stop(grace)
    assert control.grace == 0


def test_settings_come_through_the_environment_unchanged(monkeypatch):
    load = Load.model_validate({"rate": "20/m", "duration": "250ms", "size": "2KiB", "types": {"a": 0.5, "b": 0.5}, "version": "v2"})
    settings = LoadSettings(load, 7, "/run/published.jsonl", 3, 4, 5)
    for name, value in settings.as_environment("amqp://user:secret@127.0.0.1/").items():
        monkeypatch.setenv(name, value)
    assert LoadSettings.take() == (settings, "amqp://user:secret@127.0.0.1/")
    assert SETTINGS not in os.environ


def test_the_settings_themselves_hold_no_password():
    load = Load.model_validate({"rate": "1/s", "duration": "1s"})
    environment = LoadSettings(load, 7, "/run/published.jsonl", 3, 4, 5).as_environment("amqp://user:secret@127.0.0.1/")
    assert "secret" not in environment[SETTINGS]


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20), st.integers(600, 5000))
def test_a_body_is_json_of_the_wished_size(type, task, size):
    body = Body(type, size).of(task)
    content = json.loads(body)
    assert (content["task"], content["type"], len(body)) == (task, type, size)


def test_a_body_too_small_for_its_task_still_names_it():
    assert json.loads(Body("charge", 10).of("charge-000001")) == {"task": "charge-000001", "type": "charge", "payload": ""}
