"""Files of tests are dealt out so that those that wait run beside those that work, and no long one begins last."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.nightly.order import File, measured, order, write

FILES = [
    *(File(f"drills/test_{seconds}.py", 5, float(seconds)) for seconds in (300, 200, 120, 60, 50, 40, 30, 20, 10)),
    *(File(f"unit/test_{seconds}.py", 50, seconds / 10) for seconds in (900, 500, *range(10, 200, 5))),
]


def ended(files: list[File], workers: int) -> list[float]:
    """When each worker has ended, if it takes the next file whenever it has none."""
    free = [0.0] * workers
    for file in files:
        free[free.index(min(free))] += file.expected
    return free


def test_within_a_kind_the_longest_come_first() -> None:
    for kind in ("drills", "unit"):
        took = [file.expected for file in order(FILES) if file.path.startswith(kind)]
        assert took == sorted(took, reverse=True)


def test_both_kinds_are_dealt_out_at_one_rate() -> None:
    begun = order(FILES)
    total = {waits: sum(file.expected for file in FILES if file.waits == waits) for waits in (True, False)}
    half = begun[: next(place for place in range(len(begun)) if sum(one.expected for one in begun[:place]) > sum(total.values()) / 2)]
    for waits in (True, False):
        assert 0.25 < sum(file.expected for file in half if file.waits == waits) / total[waits] < 0.85


def test_workers_end_at_nearly_the_same_time() -> None:
    ends = ended(order(FILES), 3)
    assert max(ends) - min(ends) < 15


def test_the_order_does_not_depend_on_the_order_of_collection() -> None:
    assert order(Random(7).sample(FILES, len(FILES))) == order(FILES)


def test_a_file_that_was_never_measured_is_taken_for_long_by_its_number_of_tests() -> None:
    assert order([File("unit/test_few.py", 2), File("unit/test_many.py", 200)])[0].path == "unit/test_many.py"


def test_what_is_measured_is_written_beside_what_is_known_and_files_that_are_gone_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "durations.json"
    for name in ("a.py", "b.py"):
        (tmp_path / name).touch()
    write({"a.py": 1.0, "gone.py": 2.0}, file)
    write({"b.py": 3.04}, file)
    assert measured(file) == {"a.py": 1.0, "b.py": 3.0}
