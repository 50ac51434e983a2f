"""Writes flows that are over as rows of the flow table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from residency.arrow import booleans, chosen_texts, numbers, texts
from residency.traffic.capture.addresses import address_texts
from residency.traffic.capture.conversations import TCP, UDP, Conversations
from residency.traffic.capture.keys import family_of, ports_of, proto_of
from residency.traffic.capture.naming import WORDS
from residency.traffic.capture.round_trips import is_at_client, syn_rtt_ns, tls_rtt_ns
from residency.traffic.capture.slots import ACKED, PAYLOAD, SENT, Slots
from residency.traffic.conversion import flow_schema

if TYPE_CHECKING:
    import pyarrow as pa

_ICMP = (1, 58)
_KINDS = ("tls", "quic", "syn", None)
_FROM = ("path", "client", None)


def flow_rows(conversations: Conversations, done: NDArray[np.int64]) -> pa.RecordBatch:
    """Return one row for each of these slots, in `flow_schema()`."""
    import pyarrow as pa

    slots = conversations.slots
    client = conversations.client_side(done)
    moment = flow_schema().field("ts").type
    columns = {
        **_ends(slots, done, client),
        **_amounts(slots, done, client),
        **_round_trips(slots, done),
        "ts": numbers(moment, slots.first_ns[done] // 1_000),
        "ended": numbers(moment, slots.last_ns[done] // 1_000),
        "host": texts(slots.host[done].tolist()),
        "named_by": chosen_texts(WORDS, slots.named_by[done]),
        "flows": numbers(pa.int64(), np.ones(len(done), np.int64)),
        "line": numbers(pa.int64(), slots.number[done]),
        "tunnel": texts(slots.tunnel[done].tolist()),
    }
    schema = flow_schema()
    arrays = [columns[field.name] if field.name in columns else pa.nulls(len(done), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _ends(slots: Slots, done: NDArray[np.int64], client: NDArray[np.int8]) -> dict[str, pa.Array]:
    """Return who talked to whom; a port of 0 stands for none."""
    import pyarrow as pa

    key = slots.key[done]
    is_low = client == 0
    family = family_of(key[:, 4])
    low, high = ports_of(key[:, 4])
    server_port, client_port = np.where(is_low, high, low), np.where(is_low, low, high)
    mine = [np.where(is_low, key[:, word], key[:, word + 2]) for word in (0, 1)]
    other = [np.where(is_low, key[:, word + 2], key[:, word]) for word in (0, 1)]
    return {
        "client_ip": texts(address_texts(family, *mine)),
        "server_ip": texts(address_texts(family, *other)),
        "server_port": numbers(pa.int32(), server_port.astype(np.int32), server_port == 0),
        "client_port": numbers(pa.int32(), client_port.astype(np.int32), client_port == 0),
        "proto": chosen_texts(_PROTOCOLS, proto_of(key[:, 4])),
    }


def _amounts(slots: Slots, done: NDArray[np.int64], client: NDArray[np.int8]) -> dict[str, pa.Array]:
    """Return the bytes of each way, and whether the server answered with payload."""
    import pyarrow as pa

    is_low = client == 0
    low, high = slots.bytes_0[done], slots.bytes_1[done]
    has_answered, is_unknown = _answered(slots, done, client)
    return {
        "bytes_sent": numbers(pa.int64(), np.where(is_low, low, high)),
        "bytes_received": numbers(pa.int64(), np.where(is_low, high, low)),
        "answered": booleans(has_answered, is_unknown),
    }


def _answered(
    slots: Slots, done: NDArray[np.int64], client: NDArray[np.int8]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (the server sent payload, it cannot be told).

    It cannot where a TCP client acknowledges a server of which no packet was captured, where transport headers were
    cut off (no ports then), and of protocols whose payload is not read.
    """
    word = slots.key[done, 4]
    proto, seen = proto_of(word), slots.seen[done]
    server = (1 - client).astype(np.uint16)
    has_payload = (seen >> server & PAYLOAD) != 0
    has_spoken = (seen >> server & SENT) != 0
    is_one_way = (proto == TCP) & ~has_spoken & ((seen >> client.astype(np.uint16) & ACKED) != 0)
    is_transport = (proto == TCP) | (proto == UDP)
    is_portless = is_transport & (word >> np.uint64(32) == 0) & has_spoken
    is_other = ~is_transport & ~np.isin(proto, _ICMP) & has_spoken
    return has_payload, ~has_payload & (is_one_way | is_portless) | is_other


def _round_trips(slots: Slots, done: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return the clean times; the best witness first. All run from the point of capture to the server."""
    import pyarrow as pa

    syn, tls = syn_rtt_ns(slots, done), tls_rtt_ns(slots, done)
    quic = slots.quic_ns[done]
    kind = np.select([tls > 0, quic > 0, syn > 0], [0, 1, 2], 3)
    best = np.select([tls > 0, quic > 0], [tls, quic], syn)
    is_none = best == 0
    return {
        "rtt_ms": _milliseconds(best),
        "rtt_kind": chosen_texts(_KINDS, kind),
        "rtt_syn_ms": _milliseconds(syn),
        "rtt_tls_ms": _milliseconds(tls),
        "rtt_quic_ms": _milliseconds(quic),
        "rtt_resolution_us": numbers(pa.float64(), slots.resolution_ns[done] / 1_000, is_none),
        "rtt_from": chosen_texts(_FROM, np.where(is_none, 2, is_at_client(slots, done))),
    }


def _milliseconds(time_ns: NDArray[np.int64]) -> pa.Array:
    """Return times in milliseconds; a time of 0 stands for none."""
    import pyarrow as pa

    return numbers(pa.float64(), time_ns / 1_000_000, time_ns <= 0)


def _protocol_names() -> tuple[str, ...]:
    names = [str(number) for number in range(256)]
    for number, name in {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "icmp6"}.items():
        names[number] = name
    names[132] = "sctp"
    return tuple(names)


_PROTOCOLS = _protocol_names()
