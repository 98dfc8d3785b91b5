"""A run directory as a real drill would leave it, made up from a seed: for looking at reports, and for their tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from small_run import SCENARIO, at
from synthetic_broker import metrics, topology

from drillbook.evidence import Counter, Effect, Event, Leftover, Published, RunDirectory, Wire
from drillbook.evidence.documents import EnvironmentDocument, PlanDocument
from drillbook.evidence.kinds.states import State
from drillbook.judge.verdict import Equation, Finding, Judgement, Result, StoryMoment, Verdict

SOURCES = "effects: {sources: {rows: {query: select 1}, calls: {http: true, types: [charge]}}}\n"
STEPS = [
    ("route new tasks back to v1", 14.4, 15.0),
    ("drain v2", 15.0, 19.1),
    ("stop v2", 19.1, 19.7),
    ("move what v2 left", 19.7, 20.9),
    ("prove it", 20.9, 21.4),
]


@dataclass
class SyntheticRun:
    """What was written, and what became of the tasks."""

    path: Path
    planned: int = 0
    ok: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unknown: int = 0
    skipped: int = 0
    dead: list[str] = field(default_factory=list)
    stories: dict[str, list[StoryMoment]] = field(default_factory=dict)


def write_run(path: Path, *, seed: int = 7, careless: bool = False, rate: int = 300, seconds: float = 30.0) -> SyntheticRun:
    """Write every file of a plausible drill.

    Args:
        path: the run directory.
        seed: draws the arrivals, service times and victims.
        careless: tasks are lost and done twice, as by a careless playbook.
        rate: arrivals a second.
        seconds: how long tasks arrive.
    """
    draw, run = Random(seed), SyntheticRun(path)
    directory = RunDirectory(path)
    (path / "scenario.yaml").write_text(SCENARIO + SOURCES)
    tasks = _tasks(draw, run, careless, rate, seconds)
    _documents(directory, seed, run.planned)
    directory.append(*tasks)
    directory.append(*_timeline(careless))
    directory.append(*_counters(draw, careless, seconds))
    directory.append(*metrics(draw, careless, seconds))
    directory.append(*topology(careless))
    directory.touch("leftovers")
    directory.append(*[Leftover(task=task, queue="tasks.dead", state="dead", deaths=1, reason="delivery_limit") for task in run.dead])
    _transcripts(path, careless)
    directory.close()
    return run


def _documents(directory: RunDirectory, seed: int, planned: int) -> None:
    directory.write(PlanDocument(seed=seed, tasks=planned))
    directory.write(
        EnvironmentDocument(
            drillbook="0.1.0",
            commit="a3dda2c",
            seed=seed,
            replay=f"drillbook run scenarios/versioned_workers --seed {seed}",
            host={"system": "Linux 6.1", "processors": 2, "memory_gib": 23.4},
            images={
                "rabbitmq": {"image": "drillbook/rabbitmq:2f1c", "digest": "sha256:2f1c9d", "source": "built"},
                "postgres": {"image": "drillbook/postgres:77ab", "digest": "sha256:77ab01", "source": "built"},
                "worker": {"image": "drillbook/worker:91e0", "digest": "sha256:91e0cc", "source": "built"},
            },
        )
    )


def _tasks(draw: Random, run: SyntheticRun, careless: bool, rate: int, seconds: float) -> list[object]:
    records: list[object] = []
    moment, wire = draw.expovariate(rate), 0
    while moment < seconds:
        run.planned += 1
        kind = "charge" if draw.random() < 0.9 else "notify"
        task = f"{kind}-{run.planned:06d}"
        canary = 7.4 < moment < 14.8 and draw.random() < 0.33
        version = "v2" if canary else "v1"
        queue = f"tasks.{version}"
        confirmed = moment + draw.lognormvariate(-6, 0.4)
        outcome = "skipped" if draw.random() < 0.0004 else "unknown" if draw.random() < 0.001 else "ok"
        records.append(
            Published(
                task=task,
                type=kind,
                version=None,
                attempt=1,
                routing_key=queue,
                intended_at=at(moment),
                sent_at=None if outcome == "skipped" else at(moment + 0.0005),
                resolved_at=at(moment if outcome == "skipped" else moment + 10 if outcome == "unknown" else confirmed),
                outcome=outcome,
                reason="max_in_flight" if outcome == "skipped" else "no confirm within 10 s" if outcome == "unknown" else None,
            )
        )
        run.unknown += outcome == "unknown"
        run.skipped += outcome == "skipped"
        if outcome == "ok":
            run.ok.append(task)
        if outcome != "skipped":
            done = moment + _latency(draw, moment, canary, careless)
            wire = _fate(draw, run, records, task, moment, confirmed, done, version, careless, wire)
        moment += draw.expovariate(rate)
    for moment, more in _acts(careless, records):
        wire += 1
        records.append(Wire(seq=wire, at=at(moment), **more))  # type: ignore[arg-type]
    records.append(Wire(seq=wire + 1, at=at(seconds + 8), event="end"))
    return records


def _acts(careless: bool, records: list[object]) -> list[tuple[float, dict[str, object]]]:
    """What the tap did for a fault, and what the playbook did to a queue."""
    told = [record for record in records if isinstance(record, Wire) and record.event == "deliver" and at(11.9) < record.at < at(12.1)]
    lost = {"event": "fault", "rule": "acknowledgements are lost", "reason": "ack dropped"}
    acts = [((record.at - at(0)) / 1e9, lost | {"peer": record.peer, "task": record.task}) for record in told]
    if careless:
        acts.append((15.5, {"event": "delete", "queue": "tasks.v2", "count": 214, "peer": "operator"}))
    return acts


def _latency(draw: Random, moment: float, canary: bool, careless: bool) -> float:
    usual = draw.lognormvariate(-4.2, 0.5)
    if canary and moment > 10:
        return usual + 0.8 + min(4.0, (moment - 10) * 0.6) * draw.uniform(0.6, 1.1)
    if moment > 14.4 and moment < 20 and careless:
        return usual + draw.uniform(0.1, 3)
    return usual


def _fate(
    draw: Random,
    run: SyntheticRun,
    records: list[object],
    task: str,
    moment: float,
    confirmed: float,
    done: float,
    version: str,
    careless: bool,
    wire: int,
) -> int:
    """Write the wire lines and the effects of one task, and remember what became of it."""
    queue, worker = f"tasks.{version}", f"workers.{version}.{draw.choice([1, 2])}"
    hit = version == "v2" and done > 15.3
    lost = careless and hit and draw.random() < 0.3
    doubled = careless and hit and not lost and draw.random() < 0.15
    redelivered = doubled or (hit and not lost and draw.random() < 0.2)
    story = [StoryMoment(at(confirmed), f"published to {queue}, confirmed")]
    lines = [(moment + 0.0005, "publish", "load", queue, None), (confirmed, "confirm", "load", queue, None)]
    if not lost:
        lines.append((max(confirmed, done - 0.02), "deliver", worker, queue, False))
        story.append(StoryMoment(at(max(confirmed, done - 0.02)), f"delivered to {worker} from {queue}"))
    if lost:
        records.append(State(task, "executing", version, worker, at(moment)))
        run.lost.append(task)
        story.append(StoryMoment(at(15.4), f"queue {queue} had 214 ready tasks before `delete the queue` and was gone after it"))
    elif draw.random() < 0.0003:
        run.dead.append(task)
    else:
        records += _done(task, version, worker, done)
        records.append(State(task, "completed", version, worker, at(done)))
        story.append(StoryMoment(at(done), f"effect by {worker} ({version})"))
    if redelivered:
        again = max(done, 15.6) + draw.uniform(0.2, 1.5)
        lines.append((again, "deliver", "workers.v1.1", "tasks.v1", True))
        story.append(StoryMoment(at(15.6), f"{worker} was killed before it acknowledged"))
        story.append(StoryMoment(at(again), "redelivered to workers.v1.1 from tasks.v1"))
        if doubled:
            run.doubled.append(task)
            records += _done(task, "v1", "workers.v1.1", again + 0.015)
            story.append(StoryMoment(at(again + 0.015), "effect by workers.v1.1 (v1), the second"))
    if lost or doubled:
        run.stories[task] = sorted(story, key=lambda one: one.at)
    for when, event, peer, where, flag in lines:
        wire += 1
        records.append(Wire(seq=wire, at=at(when), event=event, peer=peer, task=task, queue=where, redelivered=flag))
    return wire


def _done(task: str, version: str, worker: str, moment: float) -> list[Effect]:
    """Its row, and of a charge its call too."""
    sources = ("rows", "calls") if task.startswith("charge") else ("rows",)
    return [Effect(task, task, version, worker, at(moment), source) for source in sources]


def _timeline(careless: bool) -> list[Event]:
    def phase(name: str, begin: float, end: float, **more: object) -> list[Event]:
        return [
            Event(at(begin), "phase", name, "begin"),
            Event(at(end), "phase", name, "end", seconds=end - begin, **more),
        ]

    slow, dies = "the canary's link slows down", "a canary worker dies while it is drained"
    steps = [("stop v2", 14.4, 15.2), ("delete the queue", 15.2, 15.6), ("bring v1 up", 15.6, 17.0)] if careless else STEPS
    link = {"kind": "latency", "target": "workers.v2.1 -> broker, workers.v2.2 -> broker"}
    kill = {"kind": "kill", "target": "workers.v2.2"}
    events = [
        *phase("stage", -9.3, -0.2),
        *phase("drive", 0.0, 30.0),
        *phase("load", 0.0, 30.0),
        *phase("deployment", 5.0, 7.4, exit_code=0),
        *phase("playbook", 14.35, steps[-1][2], exit_code=0),
        *phase("settle", 30.0, 36.2),
        *phase("collect", 36.2, 37.1),
        *[Event(at(-1), "container", f"workers.v1.{number}", "started", version="v1", asked=True) for number in (1, 2)],
        *[Event(at(6.8 + number / 10), "container", f"workers.v2.{number}", "started", version="v2", asked=True) for number in (1, 2)],
        Event(at(5.0), "step", "bind v2", "begin", program="deployment"),
        Event(at(6.2), "step", "bind v2", "end", program="deployment", exit_code=0),
        Event(at(6.2), "step", "start v2", "begin", program="deployment"),
        Event(at(7.4), "step", "start v2", "end", program="deployment", exit_code=0),
        Event(at(0), "fault", dies, "armed", **kill),
        Event(at(11.9), "fault", "acknowledgements are lost", "begin", kind="drop", target="workers.v1.1 -> broker"),
        Event(at(11.95), "fault", "acknowledgements are lost", "took_effect", kind="drop", target="workers.v1.1 -> broker"),
        Event(at(13.2), "fault", "acknowledgements are lost", "end", kind="drop", target="workers.v1.1 -> broker"),
        Event(at(13.2), "fault", "acknowledgements are lost", "cleared", kind="drop", target="workers.v1.1 -> broker"),
        Event(at(10.0), "fault", slow, "begin", **link),
        Event(at(10.9), "fault", slow, "took_effect", **link, detail="a round trip took 0.86 s"),
        Event(at(22.0), "fault", slow, "end", **link),
        Event(at(22.2), "fault", slow, "cleared", **link),
        Event(at(14.3), "alert", "canary_slow", "raised", value=1203.4, detail="above 800 for 3 s"),
        Event(at(14.31), "decision", "playbook", "started", value=1203.4, detail="canary_slow"),
        Event(at(23.5), "alert", "canary_slow", "cleared", value=71.0),
        Event(at(15.6), "fault", dies, "begin", **kill),
        Event(at(15.62), "container", "workers.v2.2", "killed", version="v2", asked=True, exit_code=137),
        Event(at(15.7), "fault", dies, "took_effect", **kill),
        Event(at(30.1), "fault", dies, "cleared", **kill),
        Event(at(19.5 if not careless else 15.1), "container", "workers.v2.1", "stopped", version="v2", asked=True, exit_code=0),
        Event(at(36.9), "note", "collect", "said", detail="3 tasks rest in tasks.dead"),
    ]
    for number in range(72):
        moment = number / 2
        value = (
            40 + number % 7
            if moment < 10
            else min(1400.0, 40 + (moment - 10) * 290)
            if moment < 20
            else max(40, 1400 - (moment - 20) * 480)
        )
        events.append(Event(at(moment), "alert", "canary_slow", "sample", value=value))
    for name, begin, end in steps:
        events += [
            Event(at(begin), "step", name, "begin", program="playbook"),
            Event(at(end), "step", name, "end", program="playbook", exit_code=0),
        ]
    return sorted(events, key=lambda event: event.at)


def _counters(draw: Random, careless: bool, seconds: float) -> list[Counter]:
    lines, moment = [], 0.0
    while moment < seconds + 6:
        slow = max(0.0, min(moment - 10, 5)) * 90 if moment < 15 else max(0.0, 450 - (moment - 15) * 110)
        gone = careless and moment > 15.6
        depths = {"tasks.v1": draw.randint(0, 6), "tasks.v2": int(slow) if moment > 7 else 0, "tasks.dead": 3 if moment > 20 else 0}
        for queue, depth in depths.items():
            missing = gone and queue == "tasks.v2"
            lines.append(Counter(at(moment), queue, not missing, None if missing else depth, None if missing else 2))
        moment += 0.5
    return lines


def _transcripts(path: Path, careless: bool) -> None:
    (path / "playbook" / "deployment.log").write_text("declaring the binding of tasks.v2 …\nstarting workers.v2.1 workers.v2.2\ndone\n")
    text = (
        "+ stop_v2\nkilled\n+ delete_the_queue\nqueue tasks.v2 deleted\n" if careless else "+ drain_v2\nunacked=12\nunacked=3\nunacked=0\n"
    )
    (path / "playbook" / "playbook.log").write_text(text)


def judgement_of(run: SyntheticRun, *, seed: int = 7) -> Judgement:
    """What a judge would say of it, put together by hand."""
    broken = bool(run.lost or run.doubled)
    step = "delete the queue"

    def findings(tasks: list[str], why: str) -> tuple[Finding, ...]:
        return tuple(Finding(task, why, step, tuple(run.stories.get(task, ()))) for task in tasks[:10])

    def result(name: str, sentence: str, tasks: list[str], why: str, **parameters: object) -> Result:
        verdict = Verdict.BROKEN if tasks else Verdict.HELD
        return Result(name, sentence, verdict, len(tasks), findings(tasks, why), parameters=parameters)

    results = (
        result(
            "no_lost_tasks",
            "Every confirmed task left an effect, or remains where the playbook may put it.",
            run.lost,
            "It was confirmed, left no effect and remains nowhere.",
            allow=["dead"],
        ),
        result("no_duplicate_effects", "No task left two effects.", run.doubled, "It left two effects under one idempotency key."),
        Result(
            "version_fence",
            "After the fence, v2 did nothing.",
            Verdict.INCONCLUSIVE if broken else Verdict.HELD,
            0,
            reason="The playbook never ran the step `stop v2`." if broken else "",
            parameters={"version": "v2", "after": {"step": "stop v2"}},
        ),
        Result("recovered", "Within the time allowed, latency and depth are back to where they were.", Verdict.HELD, 0),
    )
    doubled = len(run.doubled)
    ok = len(run.ok)
    lost = len([task for task in run.lost if task in set(run.ok)])
    dead = len([task for task in run.dead if task in set(run.ok)])
    sentence = (
        f"The rollback lost {len(run.lost)} tasks and did {doubled} twice."
        if broken
        else f"All {ok:,} confirmed tasks are accounted for: none was lost, none was done twice, and v2 did nothing after it was stopped."
    )
    return Judgement(
        title="A slow canary is rolled back while its workers lose their broker link",
        verdict=Verdict.BROKEN if broken else Verdict.HELD,
        sentence=sentence,
        results=results,
        equation=Equation(run.planned, ok, 0, run.unknown, run.skipped, ok - lost - dead, dead, 0, 0, lost, doubled),
        seed=seed,
        replay=f"drillbook run scenarios/versioned_workers --seed {seed}",
    )
