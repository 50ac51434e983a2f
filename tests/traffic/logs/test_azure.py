"""Azure's flow logs: conversations from tuples, what was denied, and each kind of damage."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.traffic.conftest import Write, read
from tests.traffic.logs.conftest import rows

from residency.errors import InputError

T0 = 1_780_272_000
ENDS = "10.0.0.6,81.2.69.160,50000,443"


def vnet(*tuples: Any, nic: str = "0022", **more: Any) -> dict[str, Any]:
    """A record of a virtual network's log."""
    groups = [{"rule": "Allow", "flowTuples": list(tuples)}]
    found = {"time": "2026-06-01T01:00:00.1Z", "flowLogVersion": 4, "macAddress": nic, "category": "FlowLogFlowEvent"}
    return found | {"flowRecords": {"flows": [{"aclID": "a", "flowGroups": groups}]}} | more


def nsg(*tuples: Any, version: int = 2, nic: str = "0022") -> dict[str, Any]:
    """A record of a network security group's log."""
    flows = [{"rule": "Allow", "flows": [{"mac": nic, "flowTuples": list(tuples)}]}]
    return {"category": "NetworkSecurityGroupFlowEvent", "properties": {"Version": version, "flows": flows}}


def tuple_(state: str, counts: str, *, at: float = 0, ends: str = ENDS, way: str = "O", coded: str = "NX") -> str:
    """A tuple of a virtual network's log; `at` is in seconds."""
    return f"{int((T0 + at) * 1000)},{ends},6,{way},{state},{coded},{counts}"


def document(*records: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps({"records": list(records)}, indent=indent)


def told(row: dict[str, Any]) -> tuple[Any, ...]:
    names = ("client_ip", "client_port", "server_ip", "server_port", "proto", "bytes_sent", "bytes_received")
    return tuple(row.get(name) for name in names)


BEGIN, MORE, END = (
    tuple_("B", "0,0,0,0"),
    tuple_("C", "3,767,2,1580", at=300),
    tuple_("E", "10,1000,20,20000", at=301.5),
)
WHOLE = ("10.0.0.6", 50_000, "81.2.69.160", 443, "tcp", 1767, 21_580)


def test_a_real_log(shared: Path) -> None:
    path = shared / "inputs" / "cloud" / "azure_nsg_flow_v2.json"
    result = read([path])
    assert (result.one.format, result.one.records, result.one.flows_rows) == ("azure-flow", 1, 1)
    [row] = rows([path])
    assert told(row) == ("1.128.0.0", 59_932, "1.128.0.1", 443, "tcp", 66, 66)
    assert row["ts"].timestamp() == 1_542_110_379
    assert row["answered"] == "unknown"  # one frame of 66 bytes: may be headers alone


def test_the_tuples_of_a_conversation_are_one_flow(write: Write) -> None:
    path = write("a.json", document(vnet(BEGIN, MORE, END)))
    result = read([path])
    assert (result.one.records, result.one.flows_rows, result.one.context) == (3, 1, 2)
    [row] = rows([path])
    assert told(row) == WHOLE
    assert row["answered"] is True
    assert [row[name].timestamp() - T0 for name in ("ts", "ended")] == [0, 301.5]


@pytest.mark.parametrize("split", [1, 2])
def test_records_of_later_times_go_on_with_it(write: Write, split: int) -> None:
    tuples = (BEGIN, MORE, END)
    path = write("a.json", document(vnet(*tuples[:split]), vnet(*tuples[split:])))
    assert [told(row) for row in rows([path])] == [WHOLE]


@given(st.permutations([BEGIN, MORE, END, tuple_("B", "0,0,0,0", at=400), tuple_("E", "1,60,0,0", at=401)]))
def test_the_order_of_records_does_not_matter(write: Write, tuples: list[str]) -> None:
    found = rows([write("a.json", document(*(vnet(one) for one in tuples)))])
    assert [told(row) for row in found] == [WHOLE, (*WHOLE[:5], 60, 0)]


def test_a_conversation_whose_begin_is_in_another_file(write: Write) -> None:
    [row] = rows([write("a.json", document(vnet(MORE, END)))])
    assert told(row) == WHOLE
    assert row["ts"].timestamp() == T0 + 300


def test_a_begin_alone_has_no_counts(write: Write) -> None:
    [row] = rows([write("a.json", document(vnet(BEGIN)))])
    assert (told(row), row.get("answered")) == ((*WHOLE[:5], None, None), None)


def test_an_end_is_an_end(write: Write) -> None:
    again = tuple_("E", "1,60,1,2000", at=400)
    assert [told(row)[5:] for row in rows([write("a.json", document(vnet(BEGIN, END, again)))])] == [
        (1000, 20_000),
        (60, 2000),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"ends": "10.0.0.7,81.2.69.160,50000,443"},
        {"ends": "10.0.0.6,81.2.69.161,50000,443"},
        {"ends": "10.0.0.6,81.2.69.160,50001,443"},
        {"ends": "10.0.0.6,81.2.69.160,50000,444"},
        {"way": "I"},
    ],
)
def test_other_tuples_are_other_conversations(write: Write, other: dict[str, Any]) -> None:
    text = document(vnet(BEGIN, tuple_("E", "1,60,1,60", at=1, **other)))
    assert read([write("a.json", text)]).one.flows_rows == 2


def test_other_interfaces_are_other_conversations(write: Write) -> None:
    assert read([write("a.json", document(vnet(BEGIN), vnet(END, nic="0033")))]).one.flows_rows == 2


@pytest.mark.parametrize("way", ["I", "O"])
def test_the_source_is_the_client_either_way(write: Write, way: str) -> None:
    [row] = rows([write("a.json", document(vnet(tuple_("E", "1,60,1,60", way=way))))])
    assert told(row)[:4] == WHOLE[:4]


def test_the_same_tuple_again_is_a_duplicate(write: Write) -> None:
    twice = vnet(BEGIN, END)
    twice["flowRecords"]["flows"] *= 2
    result = read([write("a.json", document(twice))])
    assert (result.one.records, result.one.flows_rows, result.one.context, result.one.duplicate) == (4, 1, 1, 2)
    assert result.groups[0]["bytes_sent"] == 1000


@pytest.mark.parametrize(
    "record",
    [
        vnet(tuple_("D", "1,60,0,0")),
        vnet(tuple_("E", "1,60,0,0", coded="NX_NOT_ACCEPTED")),
        nsg(f"{T0},{ENDS},T,O,D,B,,,,"),
        nsg(f"{T0},{ENDS},T,I,D", version=1),
    ],
)
def test_what_was_denied_sent_nothing(write: Write, record: dict[str, Any]) -> None:
    [row] = rows([write("a.json", document(record))])
    assert (told(row)[5:], row["answered"]) == ((0, 0), False)


@pytest.mark.parametrize("coded", ["X", "NX", "NX_HW_NOT_SUPPORTED", "NX_LB_VNET_SUPPORTED"])
def test_other_states_of_encryption_change_nothing(write: Write, coded: str) -> None:
    [row] = rows([write("a.json", document(vnet(tuple_("E", "3,767,2,1580", coded=coded))))])
    assert (told(row)[5:], row["answered"]) == ((767, 1580), True)


def test_version_1_knows_no_counts(write: Write) -> None:
    tuples = [f"{T0},{ENDS},T,O,A", f"{T0 + 9},{ENDS},U,O,A"]
    found = rows([write("a.json", document(nsg(*tuples, version=1)))])
    assert [(told(row)[4:], row.get("answered")) for row in found] == [
        (("tcp", None, None), None),
        (("udp", None, None), None),
    ]


def test_version_2_of_security_groups(write: Write) -> None:
    tuples = [
        f"{T0},{ENDS},T,O,A,B,,,,",
        f"{T0 + 60},{ENDS},T,O,A,C,30,16978,24,14008",
        f"{T0 + 90},{ENDS},T,O,A,E,1,1,1,1",
    ]
    [row] = rows([write("a.json", document(nsg(*tuples)))])
    assert told(row) == (*WHOLE[:5], 16_979, 14_009)


@pytest.mark.parametrize(
    "text",
    [
        document(vnet(BEGIN, END)),
        document(vnet(BEGIN, END), indent=2),
        "\ufeff" + document(vnet(BEGIN, END)),
        json.dumps([vnet(BEGIN), vnet(END)]),
        json.dumps(vnet(BEGIN)) + "\n" + json.dumps(vnet(END)) + "\n",
        json.dumps(vnet(BEGIN), indent=1) + "\n" + json.dumps(vnet(END), indent=1),
        document(vnet(BEGIN)) + "\n" + document(vnet(END)),
        document(vnet(BEGIN), indent=1) + document(vnet(END), indent=1),
    ],
)
def test_every_way_to_write_records(write: Write, text: str) -> None:
    expected = [(*WHOLE[:5], 1000, 20_000)]
    assert [told(row) for row in rows([write("a.json", text)])] == expected
    assert [told(row) for row in rows([write("a.gz", gzip.compress(text.encode()))])] == expected


def test_records_without_tuples_are_context(write: Write) -> None:
    empty = [vnet(), nsg(), {"category": "Administrative"}]
    result = read([write("a.json", document(*empty, vnet(BEGIN)))])
    assert (result.one.records, result.one.context, result.one.flows_rows) == (4, 3, 1)


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (tuple_("E", "1,-60,1,60"), "sent: not an integer"),
        (tuple_("E", f"1,60,1,{2**64 - 1}"), "received: not an integer"),
        (tuple_("E", f"1,{2**62},1,60"), "sent: not an integer"),
        (tuple_("E", "1,NaN,1,60"), "sent: not an integer"),
        (tuple_("E", "1.0,60,1,60"), "sent_packets: not an integer"),
        (tuple_("X", "1,60,1,60"), "the state is none of"),
        (tuple_("E", "1,60,1,60", way="X"), "the direction is neither"),
        (tuple_("E", "1,60,1"), "a flow tuple of another number of fields"),
        (tuple_("E", "1,60,1,60", ends="10.0.0.6,81.2.69.160,70000,443"), "sport: not a port"),
        (tuple_("E", "1,60,1,60", ends="10.0.0.6,81.2.69.160,,443"), "sport: not a port"),
        (f"{T0},{ENDS},6,O,E,NX,1,60,1,60", "the time is no number of the unit"),
        (f"-5,{ENDS},6,O,E,NX,1,60,1,60", "the time is no number of the unit"),
        (f"{10**19},{ENDS},6,O,E,NX,1,60,1,60", "the time is no number of the unit"),
        (f"{10**14},{ENDS},6,O,E,NX,1,60,1,60", "the time is after 2200"),
        (f"{T0}000,{ENDS},300,O,E,NX,1,60,1,60", "not a protocol"),
        (tuple_("E", "1,60,1,60", ends="10.0.0.6,010.0.0.1,50000,443"), "server_ip: not an address"),
        ("é,\ud800", "a flow tuple of another number of fields"),
        ("", "a flow tuple of another number of fields"),
    ],
)
def test_a_damaged_tuple_is_put_aside_with_the_line_of_its_record(write: Write, bad: str, reason: str) -> None:
    text = document(vnet(BEGIN), vnet(END, bad), indent=1)
    result = read([write("a.json", text)])
    assert (result.one.records, result.one.flows_rows, result.one.context) == (3, 1, 1)
    [(line, found)] = result.reasons
    assert line == text[: text.rindex('{\n   "time"')].count("\n") + 1
    assert found.startswith(reason)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"flowRecords": []}', "flowRecords: not a JSON object"),
        ('{"flowRecords": {"flows": 1}}', "flows: not a list of JSON objects"),
        ('{"flowRecords": {"flows": [{"flowGroups": [1]}]}}', "flowGroups: not a list of JSON objects"),
        ('{"flowRecords": {"flows": [{"flowGroups": [{"flowTuples": [1]}]}]}}', "flowTuples: not a list of texts"),
        ('{"properties": {"flows": [{"flows": [{"flowTuples": "x"}]}]}}', "flowTuples: not a list of texts"),
        ('{"a": 1, "a": 2}', "a key is there twice"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ("7", "a record that is no JSON object"),
        ('{"a": "\0"}', "a NUL byte in the record"),
        (b'{"a": "\xff"}', "not valid UTF-8"),
        ("[" * 300, "not JSON"),
    ],
)
def test_a_damaged_record_is_put_aside_with_its_offset(write: Write, bad: str | bytes, reason: str) -> None:
    start = b'{"records": [' + json.dumps(vnet(BEGIN)).encode() + b",\n"
    middle = bad if isinstance(bad, bytes) else bad.encode()
    result = read([write("a.json", start + middle + b",\n" + json.dumps(vnet(END)).encode() + b"]}")])
    assert (result.one.flows_rows, result.one.context, result.one.quarantined) == (1, 1, 1)
    [one] = result.quarantine
    assert (one.line, one.offset) == (2, len(start))
    assert one.reason.startswith(reason)


def test_a_depth_bomb_spoils_itself_only(write: Write) -> None:
    start, end = (json.dumps(vnet(one)) for one in (BEGIN, END))
    result = read([write("a.json", '{"records": [' + start + ",\n" + "[" * 200_000 + ",\n" + end + "]}")])
    assert [reason for _, reason in result.reasons] == ["not JSON: nested too deeply"]
    assert (result.one.flows_rows, result.one.context) == (1, 1)


@given(st.integers(1, 2000))
def test_a_file_that_was_cut_is_incomplete(write: Write, size: int) -> None:
    text = document(*(vnet(tuple_("E", "1,60,1,60", ends=f"10.0.0.6,81.2.69.160,{port},443")) for port in range(9)))
    whole = text[:size].count("]}]}}")
    path = write("a.json", text[:size])
    if not whole:
        with pytest.raises(InputError, match=r"zero flows|not (a )?JSON"):
            read([path], input_format="azure-flow")
        return
    result = read([path], input_format="azure-flow")
    assert result.one.flows_rows == whole
    assert result.one.quarantined <= 1
    assert result.one.incomplete is not None


def test_the_key_of_the_records_twice_is_an_error(write: Write) -> None:
    text = document(vnet(BEGIN))
    with pytest.raises(InputError, match="key 'records' is there twice"):
        read([write("a.json", text[:-1] + ", " + text[1:])])


def test_a_sum_over_the_cap_is_put_aside(write: Write) -> None:
    many = [tuple_("C", f"1,{2**62 - 1},1,60", at=at) for at in range(5)]
    good = tuple_("E", "1,60,1,60", ends="10.0.0.6,81.2.69.161,50000,443")
    result = read([write("a.json", document(vnet(*many, good)))])
    assert (result.one.records, result.one.flows_rows, result.one.context, result.one.quarantined) == (6, 1, 4, 1)
