"""The transactional drills tell the same story, and the steps of their worker undo what they did."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from drillbook.validation.loader import load

FOLDER = Path(__file__).parents[2] / "scenarios" / "transactional"
KNOWN_BAD = ("ack_early", "dual_write", "no_inbox", "hasty")


@pytest.fixture(scope="module")
def steps() -> ModuleType:
    spec = importlib.util.spec_from_file_location("transactional_steps", FOLDER / "worker" / "steps.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", KNOWN_BAD)
def test_a_known_bad_control_has_the_same_stage_load_deployment_and_alerts_but_for_the_workers_environment(name: str) -> None:
    good, bad = load(FOLDER / "scenario.yaml"), load(FOLDER / f"{name}.yaml")
    assert good.stage is not None
    assert bad.stage is not None
    bare = {version: workers.model_copy(update={"env": {}}) for version, workers in bad.stage.workers.items()}
    assert bare == {version: workers.model_copy(update={"env": {}}) for version, workers in good.stage.workers.items()}
    assert bad.stage.broker == good.stage.broker
    assert (bad.load, bad.deployment, bad.monitors, bad.effects) == (good.load, good.deployment, good.monitors, good.effects)


@pytest.mark.parametrize("name", KNOWN_BAD)
def test_a_known_bad_control_declares_every_invariant_of_the_known_good_drill(name: str) -> None:
    assert load(FOLDER / f"{name}.yaml").invariants == load(FOLDER / "scenario.yaml").invariants


def test_an_order_that_cannot_be_delivered_is_undone_and_not_shipped(steps: ModuleType) -> None:
    outcome = _v1(steps).do("ship", steps.Order("a", "undeliverable"), _nobody)
    assert (outcome.effects, outcome.then) == ((), "undo")


def test_undoing_an_insured_order_refunds_it_and_cancels_the_insurance(steps: ModuleType) -> None:
    called: list[str] = []
    outcome = _v1(steps).do("undo", steps.Order("a", "order", insured=True), called.append)
    assert called == ["refunds", "cancellations"]
    assert (outcome.ends, outcome.policy) == ("compensated", "cancelled")


def test_undoing_an_order_without_insurance_calls_no_insurer(steps: ModuleType) -> None:
    called: list[str] = []
    _v1(steps).do("undo", steps.Order("a", "order"), called.append)
    assert called == ["refunds"]


def test_v1_refuses_the_step_that_only_v2_knows(steps: ModuleType) -> None:
    with pytest.raises(steps.UnknownStepError):
        _v1(steps).do("insure", steps.Order("a", "order"), _nobody)


def test_v2_insures_after_the_charge_and_ships_then(steps: ModuleType) -> None:
    v2 = steps.Steps("insure", underwrite=lambda: None)
    order, ignore = steps.Order("a", "order"), lambda _: None
    assert [v2.do(step, order, ignore).then for step in ("charge", "insure", "ship")] == ["insure", "ship", None]


def _v1(steps: ModuleType):  # type: ignore[no-untyped-def]  # the worker's own class
    return steps.Steps("ship", underwrite=lambda: None)


def _nobody(service: str) -> None:
    raise AssertionError(f"{service} was called")
