"""Makes the plan's faults happen: each written to disk before it acts, each with its proof that it took effect and that it cleared."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from threading import Event, Lock, Thread

from drillbook.core.wait import until
from drillbook.drive.wire_moment import WireMoment
from drillbook.evidence import RunDirectory
from drillbook.faults import FaultStage, WireFault
from drillbook.plan import PlannedFault, TriggerKind

EFFECT_WITHIN_SECONDS = 60.0
CLEARED_WITHIN_SECONDS = 180.0


class FaultRunner:
    """Runs each planned fault at most once, in a thread of its own.

    Args:
        faults: the plan's.
        stage: what they act on.
        run: the timeline.
        failed: told of an error of the harness itself.
    """

    def __init__(self, faults: tuple[PlannedFault, ...], stage: FaultStage, run: RunDirectory, failed: Callable[[Exception], None]) -> None:
        self._waiting = list(faults)
        self._stage, self._run, self._failed = stage, run, failed
        self._threads: list[Thread] = []
        self._settle = Event()
        self._lock = Lock()
        self._lasting: set[str] = set()

    def trigger(self, kind: TriggerKind, moment: float | str) -> list[Event]:
        """Begin every fault that waits for this.

        Returns:
            An event for each, set when it has taken effect, or has shown that it cannot; of one that waits for a message on the wire, when
            the tap counts.
        """
        with self._lock:
            if self._settle.is_set():
                return []
            due = [fault for fault in self._waiting if fault.trigger == kind and fault.moment == moment]
            self._waiting = [fault for fault in self._waiting if fault not in due]
            return [self._begin(fault) for fault in due]

    def lasting(self) -> bool:
        """Whether a fault that ends by itself, after its time or at once, has begun and was not yet seen to end."""
        return bool(self._lasting)

    def close(self) -> None:
        """From now on nothing begins, and what lasts is cleared."""
        with self._lock:
            self._settle.set()

    def clear_all(self) -> None:
        """Clear every fault that has begun, wait until each has, and note those that never began."""
        self.close()
        for thread in self._threads:
            thread.join()
        with self._lock:
            for fault in self._waiting:
                self._note(fault, "skipped", "the drive never began" if fault.trigger == "on" else f"{fault.when} never came")
            self._waiting = []

    def _begin(self, fault: PlannedFault) -> Event:
        ready = Event()
        if fault.rule is None:
            self._starts_lasting(fault)
        thread = Thread(target=self._live, args=(fault, ready), name=f"fault {fault.name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return ready

    def _live(self, fault: PlannedFault, ready: Event) -> None:
        try:
            self._note(fault, "armed", f"undo: {fault.fault.undo}")
            if fault.rule is None:
                self._lasts(fault, self._happens(fault, ready))
            elif isinstance(fault.fault, WireFault):
                self._hits(fault, WireMoment(fault.rule, self._stage, self._settle), ready)
            else:
                self._waits(fault, WireMoment(fault.rule, self._stage, self._settle), ready)
        except Exception as error:
            self._failed(error)
        finally:
            self._lasting.discard(fault.name)
            ready.set()

    def _starts_lasting(self, fault: PlannedFault) -> None:
        if fault.seconds is not None or fault.fault.momentary:
            self._lasting.add(fault.name)

    def _happens(self, fault: PlannedFault, ready: Event, with_what: str | None = None) -> float:
        """Do it, and see whether it takes effect; gives the time when it was done."""
        self._note(fault, "begin", with_what)
        for victim in fault.victims:
            fault.fault.begin(self._stage, victim)
        begun = time.monotonic()
        self._note(fault, "took_effect" if self._all(fault, fault.fault.took_effect, EFFECT_WITHIN_SECONDS) else "no_effect")
        ready.set()
        return begun

    def _lasts(self, fault: PlannedFault, begun: float) -> None:
        """Undo it in its time, and see whether it clears."""
        if fault.fault.stays and fault.seconds is None:
            return
        if not fault.fault.momentary:
            self._settle.wait(None if fault.seconds is None else max(0.0, begun + fault.seconds - time.monotonic()))
        self._note(fault, "end")
        self._note(fault, "cleared" if self._end(fault) else "not_cleared")

    def _waits(self, fault: PlannedFault, moment: WireMoment, ready: Event) -> None:
        """Have the tap hold the message, do the fault meanwhile, and let the message go where it still can."""
        moment.arm()
        armed = moment.is_armed()
        ready.set()
        begun: float | None = None
        try:
            if armed and moment.comes():
                fault = fault.hitting(moment.first().peer)
                self._starts_lasting(fault)
                begun = self._happens(fault, ready, moment.told())
                if fault.fault.severs:
                    moment.is_dropped(fault.victims)
        finally:
            moment.let_go()
        if begun is None:
            self._note(fault, "skipped", moment.shortfall() or f"{moment} came when the drill settled")
        else:
            self._lasts(fault, begun)

    def _hits(self, fault: PlannedFault, moment: WireMoment, ready: Event) -> None:
        """Have the tap do it to the messages, until it has done it to all of them or the drill settles."""
        self._note(fault, "begin")
        for victim in fault.victims:
            fault.fault.begin(self._stage, victim)
        armed = moment.is_armed()
        ready.set()
        effective = armed and moment.comes()
        if effective:
            self._note(fault, "took_effect", moment.told())
            moment.ends()
        self._note(fault, "end")
        cleared = self._end(fault)
        if not effective and moment.has_come():  # between the last look and the end
            self._note(fault, "took_effect", moment.told())
        elif not effective:
            self._note(fault, "no_effect", moment.shortfall())
        self._note(fault, "cleared" if cleared else "not_cleared", moment.shortfall() if effective else None)

    def _end(self, fault: PlannedFault) -> bool:
        for victim in fault.victims:
            fault.fault.end(self._stage, victim)
        return self._all(fault, fault.fault.cleared, CLEARED_WITHIN_SECONDS)

    def _all(self, fault: PlannedFault, proof: Callable[[FaultStage, str], bool], within: float) -> bool:
        """Whether every victim gives its proof by the deadline."""
        deadline = time.monotonic() + within
        return all(until(partial(proof, self._stage, victim), max(0.0, deadline - time.monotonic())) for victim in fault.victims)

    def _note(self, fault: PlannedFault, state: str, detail: str | None = None) -> None:
        self._run.event("fault", fault.name, state, kind=fault.fault.kind, target=", ".join(fault.victims), detail=detail)
