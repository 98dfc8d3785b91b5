"""Narrow links in the scenario file and in the report; that one is narrow is asked of a real one in ``tests/drills/test_stage.py``."""

from pathlib import Path

import pytest
from scenario_folder import SOUND, said, sound_folder

from drillbook.report.sections.faults import _described
from drillbook.scenario import FaultSpec

SLOW = "latency: {link: workers.v2 -> broker, delay: 400ms, jitter: 100ms}"
SERVER = "  services: {flags: {image: flagd, port: 8016}}\n  workers:\n"


REFUSED = {
    "no rate": (
        "64KiB",
        "25:51: rate: '64KiB' is not a byte rate: "
        "write a number of bytes above zero, with its unit, in a second, such as 64KiB/s or 1.5MB/s",
    ),
    "too slow": (
        "999B/s",
        "25:16: bandwidth of entry 1 of faults: rate must be from 1KB/s to 10MB/s: nobody can tell other links from cut or from whole ones",
    ),
    "too fast": (
        "11MB/s",
        "25:16: bandwidth of entry 1 of faults: rate must be from 1KB/s to 10MB/s: nobody can tell other links from cut or from whole ones",
    ),
}


@pytest.mark.parametrize(("rate", "problem"), REFUSED.values(), ids=REFUSED)
def test_a_rate_that_could_not_be_proven_is_told(tmp_path: Path, rate: str, problem: str) -> None:
    file = sound_folder(tmp_path / "drill")
    assert said(file, SOUND.replace(SLOW, f"bandwidth: {{link: workers.v2 -> broker, rate: {rate}}}")) == [problem]


def test_a_link_whose_server_gives_nothing_back_cannot_be_narrow(tmp_path: Path) -> None:
    file = sound_folder(tmp_path / "drill")
    text = SOUND.replace("  workers:\n", SERVER, 1)
    narrow = "bandwidth: {link: workers.v2 -> SERVER, rate: 64KiB/s}"
    assert said(file, text.replace(SLOW, narrow.replace("SERVER", "database"))) == []
    assert said(file, text.replace(SLOW, narrow.replace("SERVER", "flags"))) == [
        "26:23: flags gives nothing back by which it could be proven; only links to broker, database, sink can be narrow"
    ]


def test_the_report_tells_the_rate_with_its_unit() -> None:
    entry = FaultSpec.model_validate({"name": "narrow", "bandwidth": {"link": "load -> broker", "rate": "64KiB/s"}, "at": "1s"})
    assert _described(entry) == "bandwidth (rate 64KiB/s), at 1 s"
