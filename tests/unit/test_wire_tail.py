import json
from pathlib import Path

from harness.evidence.wire_tail import WireTail


def write(path: Path, *lines: dict[str, object]) -> WireTail:
    with path.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    return WireTail(path)


def event(name: str, connection: int = 1, channel: int | None = 1, peer: str = "workers.v1.1") -> dict[str, object]:
    line = {"event": name, "connection": connection, "peer": peer}
    return line if channel is None else line | {"channel": channel}


def test_a_file_that_is_not_there_yet_says_nothing(tmp_path: Path) -> None:
    tail = WireTail(tmp_path / "wire.jsonl").poll()
    assert not tail.started
    assert tail.in_flight == 0


def test_a_delivery_is_in_flight_until_it_is_acknowledged(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("deliver"), event("deliver"), event("ack"))
    assert tail.poll().in_flight == 1


def test_a_channel_that_closes_holds_nothing_any_more(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("deliver"), event("deliver", channel=2), event("close"))
    assert tail.poll().in_flight == 1


def test_a_connection_that_closes_takes_all_its_channels_and_consumers_along(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("consume"), event("deliver"), event("deliver", channel=2), event("close", channel=None))
    assert tail.poll().in_flight == 0
    assert tail.consumers("workers.v1.1") == 0


def test_consumers_are_counted_by_the_name_of_the_client(tmp_path: Path) -> None:
    tail = write(tmp_path / "w", event("consume"), event("consume", connection=2, peer="workers.v2.1"))
    assert tail.poll().consumers("workers.v2.1") == 1


def test_a_line_that_is_only_half_there_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_text('{"event": "star')
    tail = WireTail(path)
    assert not tail.poll().started
    with path.open("a") as file:
        file.write('t"}\n')
    assert tail.poll().started
