"""How much load the publishers hold here: share sent on time, outcomes, and the time from intention to confirm.

    python benchmarks/load.py                                  # starts what it needs: both rows of the target
    python benchmarks/load.py --amqp-url amqp://… --rate 5000  # one row, straight to a broker that runs

By default one stage (broker, database, tap, Toxiproxy, two workers) takes 1,000/s with the workers at work, then 5,000/s with them
stopped, each for 30 s through proxy and tap. On time is within 100 ms of the intended time; what was skipped over the bound in flight
is counted, and shown as its own column. Exit code 1 where less than 98 % was sent on time or counted.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import uuid4

import pika
import psutil
from rich.console import Console
from rich.table import Table

from drillbook.load.process import LoadProcess
from drillbook.scenario import Load, Scenario

ON_TIME_NS = 100_000_000
WANTED = 0.98
QUEUE = "tasks"
WORKER = Path(__file__).parents[1] / "scenarios" / "worker"
STAGE: dict[str, Any] = {
    "title": "The load is measured",
    "stage": {
        "broker": {"image": "rabbitmq", "queues": {QUEUE: {"type": "quorum"}}},
        "database": {"image": "postgres", "init": str(WORKER / "schema.sql")},
        "workers": {"v1": {"build": str(WORKER), "replicas": 2, "env": {"QUEUE": QUEUE, "PREFETCH": "100", "WORK_MS": "0"}}},
    },
    "invariants": {"no_lost_tasks": None},
}


@dataclass(frozen=True)
class Row:
    """What was measured of one load."""

    what: str
    rate: float
    arrived: int
    on_time: float
    """Share sent within 100 ms of the intended time."""
    outcomes: dict[str, int]
    p50_ms: float
    """From the intended time to the confirm."""
    p99_ms: float
    cpu: float
    """Processor seconds of the load process, a second of the load."""

    @property
    def good(self) -> bool:
        """Whether enough was sent on time or counted as skipped."""
        return self.on_time + self.outcomes.get("skipped", 0) / self.arrived >= WANTED


def measure(what: str, load: Load, seed: int, url: str) -> Row:
    """Run one load and read its ledger."""
    with tempfile.TemporaryDirectory() as folder, LoadProcess(load, seed, url, Path(folder)) as process:
        process.wait_ready(30)
        assert process.pid is not None
        child = psutil.Process(process.pid)
        before = sum(child.cpu_times()[:2])
        start_at = time.time_ns() + 500_000_000
        process.go(start_at)
        time.sleep(max(0.0, start_at / 1e9 + load.duration - time.time()))
        busy = sum(child.cpu_times()[:2]) - before
        process.wait(load.confirm_within + 30)
        published = [json.loads(line) for line in (Path(folder) / "published.jsonl").read_text().splitlines()]
    sent = [one for one in published if "sent_at" in one]
    confirmed = [(one["resolved_at"] - one["intended_at"]) / 1e6 for one in published if one["outcome"] == "ok"]
    percentiles = quantiles(confirmed, n=100) if len(confirmed) > 1 else [0.0] * 99
    return Row(
        what=what,
        rate=load.rate,
        arrived=len(published),
        on_time=sum(one["sent_at"] - one["intended_at"] <= ON_TIME_NS for one in sent) / max(1, len(published)),
        outcomes=Counter(one["outcome"] for one in published),
        p50_ms=percentiles[49],
        p99_ms=percentiles[98],
        cpu=busy / load.duration,
    )


def on_a_stage(options: argparse.Namespace) -> list[Row]:
    """Both rows of the target, on a stage of their own."""
    from drillbook.core.progress import Progress
    from drillbook.drill import stage_images
    from drillbook.evidence import RunDirectory
    from drillbook.stage.stage import Stage

    progress = Progress()
    scenario = Scenario.model_validate(STAGE)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        images: Any = stage_images(scenario, WORKER, progress)
        stage = Stage(scenario, WORKER, run, f"benchmark-{secrets.token_hex(3)}", images, progress.note)
        try:
            stage.start()
            progress.phase("load", "1,000/s beside workers, database and tap")
            beside = measure("beside workers", load(options, 1000), options.seed, stage.load_amqp_url)
            stage.stop_workers(20)
            progress.phase("load", "5,000/s through proxy and tap, workers stopped")
            alone = measure("workers stopped", load(options, 5000), options.seed, stage.load_amqp_url)
        finally:
            stage.close()
            run.close()
            progress.close()
    return [beside, alone]


def at(options: argparse.Namespace) -> list[Row]:
    """One row, at a broker that runs; a queue is declared for it and deleted."""
    queue = f"benchmark-{uuid4().hex[:8]}"
    parameters = pika.URLParameters(options.amqp_url)
    with pika.BlockingConnection(parameters) as connection:
        connection.channel().queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    try:
        return [measure("straight", load(options, options.rate, queue), options.seed, options.amqp_url)]
    finally:
        with pika.BlockingConnection(parameters) as connection:
            connection.channel().queue_delete(queue)


def load(options: argparse.Namespace, rate: float, queue: str = QUEUE) -> Load:
    """The load that is measured."""
    return Load.model_validate({"rate": float(rate), "duration": options.duration, "size": options.size, "routing_key": queue})


def show(rows: list[Row]) -> None:
    """The rows, as a table on stdout."""
    table = Table(box=None)
    for column in ("", "asked", "arrived", "on time", "ok", "fail", "unknown", "skipped", "p50", "p99", "load's cpu"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for row in rows:
        outcomes = [f"{row.outcomes.get(outcome, 0) / row.arrived:.1%}" for outcome in ("ok", "fail", "unknown", "skipped")]
        times = (f"{row.p50_ms:.1f} ms", f"{row.p99_ms:.1f} ms", f"{row.cpu:.0%}")
        table.add_row(row.what, f"{row.rate:g}/s", str(row.arrived), f"{row.on_time:.2%}", *outcomes, *times)
    Console(width=140).print(table)


def main() -> int:
    """Measure, print, and say by the exit code whether it is enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--amqp-url", help="a broker that runs; without it, a stage is started")
    parser.add_argument("--rate", type=float, default=5000, help="arrivals a second, with --amqp-url (default 5000)")
    parser.add_argument("--duration", type=float, default=30.0, help="seconds (default 30)")
    parser.add_argument("--size", type=int, default=256, help="bytes of a body (default 256)")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    rows = at(options) if options.amqp_url else on_a_stage(options)
    show(rows)
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
