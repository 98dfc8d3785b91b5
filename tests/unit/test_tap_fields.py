"""Fields of content headers, encoded by hand: pika writes only some of the types that other clients write."""

import struct

import pytest

from drillbook.tap.selector import selector

VALUES = {
    "bool": b"t\x01",
    "int8": b"b\xff",
    "uint8": b"B\xff",
    "int16": b"s\xff\xff",
    "uint16": b"u\xff\xff",
    "int32": b"I\xff\xff\xff\xff",
    "uint32": b"i\xff\xff\xff\xff",
    "int64": b"l" + b"\xff" * 8,
    "float": b"f" + b"\x00" * 4,
    "double": b"d" + b"\x00" * 8,
    "decimal": b"D\x02" + b"\x00" * 4,
    "string": b"S\x00\x00\x00\x03abc",
    "octets": b"x\x00\x00\x00\x02\xce\x00",
    "array": b"A\x00\x00\x00\x04t\x01t\x00",
    "table": b"F\x00\x00\x00\x0b\x04taskS\x00\x00\x00\x01x",
    "time": b"T" + b"\x00" * 7 + b"\x09",
    "void": b"V",
}


def entry(name, value):
    return bytes([len(name)]) + name.encode() + value


def header(table, flags=0x2000, after=b""):
    return struct.pack(">HHQHI", 60, 0, 5, flags, len(table)) + table + after


def test_every_type_of_value_before_the_task_is_passed_over():
    table = b"".join(entry(name, value) for name, value in VALUES.items()) + entry("task", b"S\x00\x00\x00\x02t7")
    assert selector("header:task").read(header(table)) == "t7"


@pytest.mark.parametrize(
    ("value", "task"),
    [
        ("int8", "-1"),
        ("uint8", "255"),
        ("uint16", "65535"),
        ("uint32", "4294967295"),
        ("int64", "-1"),
        ("time", "9"),
        ("string", "abc"),
        ("bool", None),
        ("double", None),
        ("table", None),
        ("void", None),
    ],
)
def test_strings_and_whole_numbers_can_be_tasks(value, task):
    assert selector("header:task").read(header(entry("task", VALUES[value]))) == task


def test_properties_before_the_message_id_are_passed_over_in_their_order():
    table = entry("a", VALUES["table"])
    before = b"\x01\x09" + b"\x02co" + b"\x00" + b"\x03600"  # delivery mode, priority, correlation id, reply to, expiration
    payload = header(table, 0x2000 | 0x1F80, before + b"\x02id")
    assert selector("message_id").read(payload) == "id"
    assert selector("correlation_id").read(payload) == "co"


def string(octets):
    return b"S" + struct.pack(">I", len(octets)) + octets


def test_messages_of_one_length_may_have_their_ids_in_different_places():
    read = selector("message_id").read
    payloads = [struct.pack(">HHQH", 60, 0, 5, 0x0480) + strings for strings in (b"\x02ab\x04cdef", b"\x04abcd\x02ef")]
    assert [read(payload) for payload in payloads] == ["cdef", "ef"]


def test_a_value_that_looks_like_the_header_is_not_taken_for_it():
    read = selector("header:task").read
    mimic = entry("task", string(b"no"))
    first = entry("a", string(b"")) + entry("task", string(b"yes"))
    second = entry("a", string(mimic)) + entry("task", string(b"yes"))
    first += entry("pad", string(b"p" * (len(second) - len(first) - 9)))
    assert len(first) == len(second)
    assert [read(header(table)) for table in (first, second)] == ["yes", "yes"]


def test_an_id_that_is_not_utf_8_is_kept_readable():
    assert selector("message_id").read(struct.pack(">HHQH", 60, 0, 0, 0x0080) + b"\x03a\xff\xfe") == "a\\xff\\xfe"


def test_an_id_longer_than_its_frame_is_an_error():
    with pytest.raises(IndexError):
        selector("message_id").read(struct.pack(">HHQH", 60, 0, 0, 0x0080) + b"\x09short")


def test_a_type_no_broker_knows_is_an_error():
    with pytest.raises(ValueError, match="unknown type 'Z'"):
        selector("header:task").read(header(entry("a", b"Z") + entry("task", VALUES["string"])))


@pytest.mark.parametrize("place", ["", "type", "header:", "header", "body:", "body:task", "body:$", "body:$.", "body:$.a[b]"])
def test_a_place_that_is_none_is_refused_in_a_sentence(place):
    with pytest.raises(ValueError, match="is no place for a task id"):
        selector(place)
