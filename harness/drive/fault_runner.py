"""Makes the plan's faults happen: each written to disk before it acts, each with its proof that it bit and that it lifted."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from threading import Event, Lock, Thread

from harness.evidence import RunDirectory
from harness.faults import Stage
from harness.plan import PlannedFault, TriggerKind
from harness.stage.wait import until

BITE_WITHIN_SECONDS = 15.0
LIFT_WITHIN_SECONDS = 30.0


class FaultRunner:
    """Runs each planned fault at most once, in a thread of its own.

    Args:
        faults: the plan's.
        stage: what they act on.
        run: the timeline.
        failed: told of an error of the harness itself.
    """

    def __init__(self, faults: tuple[PlannedFault, ...], stage: Stage, run: RunDirectory, failed: Callable[[Exception], None]) -> None:
        self._waiting = list(faults)
        self._stage, self._run, self._failed = stage, run, failed
        self._threads: list[Thread] = []
        self._settle = Event()
        self._lock = Lock()

    def trigger(self, kind: TriggerKind, moment: float | str) -> list[Event]:
        """Begin every fault that waits for this.

        Returns:
            An event for each, set when it has bitten, or has shown that it cannot.
        """
        with self._lock:
            if self._settle.is_set():
                return []
            due = [fault for fault in self._waiting if fault.trigger == kind and fault.moment == moment]
            self._waiting = [fault for fault in self._waiting if fault not in due]
            return [self._begin(fault) for fault in due]

    def times(self) -> list[float]:
        """The moments of the faults that begin by time, in seconds after the start of the drive."""
        return sorted({float(fault.moment) for fault in self._waiting if fault.trigger == "at"})

    def close(self) -> None:
        """From now on nothing begins, and what lasts is lifted."""
        with self._lock:
            self._settle.set()

    def lift_all(self) -> None:
        """Lift every fault that has begun, wait until each has, and note those that never began."""
        self.close()
        for thread in self._threads:
            thread.join()
        with self._lock:
            for fault in self._waiting:
                self._note(fault, "skipped", f"{fault.trigger} {fault.moment} never came")
            self._waiting = []

    def _begin(self, fault: PlannedFault) -> Event:
        bitten = Event()
        thread = Thread(target=self._live, args=(fault, bitten), name=f"fault {fault.name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return bitten

    def _live(self, fault: PlannedFault, bitten: Event) -> None:
        try:
            self._note(fault, "armed", f"undo: {fault.fault.undo}")
            self._note(fault, "begin")
            for victim in fault.victims:
                fault.fault.begin(self._stage, victim)
            begun = time.monotonic()
            took_hold = self._all(fault, fault.fault.bit, BITE_WITHIN_SECONDS)
            self._note(fault, "bit" if took_hold else "not_bit")
            bitten.set()
            if fault.fault.stays and fault.seconds is None:
                return
            if not fault.fault.momentary:
                self._settle.wait(None if fault.seconds is None else max(0.0, begun + fault.seconds - time.monotonic()))
            self._note(fault, "end")
            for victim in fault.victims:
                fault.fault.end(self._stage, victim)
            self._note(fault, "lifted" if self._all(fault, fault.fault.lifted, LIFT_WITHIN_SECONDS) else "not_lifted")
        except Exception as error:
            self._failed(error)
        finally:
            bitten.set()

    def _all(self, fault: PlannedFault, proof: Callable[[Stage, str], bool], within: float) -> bool:
        """Whether every victim gives its proof by the deadline."""
        deadline = time.monotonic() + within
        return all(until(partial(proof, self._stage, victim), max(0.0, deadline - time.monotonic())) for victim in fault.victims)

    def _note(self, fault: PlannedFault, state: str, detail: str | None = None) -> None:
        self._run.event("fault", fault.name, state, kind=fault.fault.kind, target=", ".join(fault.victims), detail=detail)
