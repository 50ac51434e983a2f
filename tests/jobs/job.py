"""A job of some twenty files of many formats: spans, bad rows, joins, overlaps and repeats are all in it."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CLAIMS = """
schema = "residency/1"
[[claim]]
id = "acme.eu"
vendor = "Acme"
statement = "Conversations with Acme end in the EEA."
activity = "connection"
allow = ["EEA"]
hosts = ["*.acme.example", "acme.example"]
[[claim]]
id = "other"
vendor = "Other"
statement = "Data of Other is processed in Norway."
activity = "processing"
allow = ["NO"]
hosts = ["*.other.example"]
effective = {from = 2026-06-02, until = 2026-06-20}
"""
_BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
_HEADER = "ts,client_ip,server_ip,server_port,proto,bytes_sent,bytes_received,host"


def write_job(folder: Path, rows: int = 250, seed: int = 7) -> list[str]:
    """Write the inputs into `folder/in` and the claims beside them; return what to give to `residency audit`."""
    made = _Job(folder / "in", rows, random.Random(seed))
    (folder / "claims.toml").write_text(CLAIMS)
    made.write()
    return [str(folder / "in"), "--claims", str(folder / "claims.toml"), "--clients", "EEA"]


class _Job:
    def __init__(self, folder: Path, rows: int, draw: random.Random) -> None:
        self._folder, self._rows, self._draw = folder, rows, draw
        self._net = "81.2.0"
        folder.mkdir(parents=True)

    def write(self) -> None:
        """Write every file."""
        for number in range(4):
            self._net = f"81.2.{number % 2}"
            self._put(f"a{number}.csv", [_HEADER, *self._csv(bad_every=101 if number == 2 else 0)])
        shutil.copy(self._folder / "a0.csv", self._folder / "z-again.csv")
        self._put("cut.csv", [_HEADER, *self._csv(), "2026-06-03T00:00:00Z,10.0.0.1,81.2.69.1"], is_cut=True)
        self._net = "81.2.1"  # no log of DNS speaks of these, so that most of the files below are read the fast way
        for number in range(2):
            self._put(f"b{number}.csv.gz", [_HEADER, *self._csv()])
            self._put(f"c{number}.ndjson", self._ndjson(bad_every=61 if number else 0))
            self._parquet(f"d{number}.parquet")
        self._put("ids.csv", [f"{_HEADER},flow_id", *(f"{row},f{i % 200}" for i, row in enumerate(self._csv()))])
        self._net = "81.2.0"
        self._zeek()
        self._eve()

    def _put(self, name: str, lines: list[str] | Iterator[str], *, is_cut: bool = False) -> None:
        data = ("\n".join(lines) + ("" if is_cut else "\n")).encode()
        (self._folder / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)

    def _rows_of_flows(self) -> Iterator[tuple[datetime, str, str, int, int, int, str]]:
        for _ in range(self._rows):
            draw = self._draw.randrange
            at = _BEGIN + timedelta(seconds=draw(25 * 86_400))
            server = f"{self._net}.{draw(30)}"
            host = ("", f"h{draw(2)}.acme.example", f"h{draw(3)}.other.example", f"w{draw(90)}.example")[draw(4)]
            yield at, f"10.0.{draw(3)}.{draw(20)}", server, (443, 80)[draw(9) == 0], draw(9_000), draw(90_000), host

    def _csv(self, bad_every: int = 0) -> Iterator[str]:
        for count, (at, client, server, port, sent, received, host) in enumerate(self._rows_of_flows(), 1):
            shown = "yesterday" if bad_every and count % bad_every == 0 else f"{at:%Y-%m-%dT%H:%M:%SZ}"
            yield f"{shown},{client},{server},{port},tcp,{sent},{received},{host}"

    def _ndjson(self, bad_every: int = 0) -> Iterator[str]:
        names = _HEADER.split(",")
        for count, (at, *rest) in enumerate(self._rows_of_flows(), 1):
            row = dict(zip(names, [at.isoformat(), *rest[:3], "tcp", *rest[3:]], strict=True))
            yield "{broken" if bad_every and count % bad_every == 0 else json.dumps(row)

    def _parquet(self, name: str) -> None:
        columns = list(zip(*self._rows_of_flows(), strict=True))
        names = ["ts", "client_ip", "server_ip", "server_port", "bytes_sent", "bytes_received", "host"]
        arrays = [pa.array(column) for column in columns]
        pq.write_table(pa.table(arrays, names=names), self._folder / name, row_group_size=80)

    def _zeek(self) -> None:
        conns, names, answers = [], [], []
        for count, (at, client, server, port, sent, received, host) in enumerate(self._rows_of_flows()):
            head = {"ts": at.timestamp(), "uid": f"C{count}", "id.orig_h": client, "id.orig_p": 50_000}
            head |= {"id.resp_h": server, "id.resp_p": port}
            sizes = {"orig_bytes": sent, "resp_bytes": received, "conn_state": "SF", "history": "ShADadFf"}
            conns.append(json.dumps({"_path": "conn", **head, "proto": "tcp", **sizes}))
            if host and count % 3 == 0:
                names.append(json.dumps({"_path": "ssl", **head, "server_name": host, "established": True}))
            elif host:
                asked = {"id.resp_h": "10.0.0.53", "id.resp_p": 53, "query": host, "qtype": 1, "qtype_name": "A"}
                reply = {"answers": [server], "TTLs": [600.0], "proto": "udp", "trans_id": count % 65_536}
                answers.append(json.dumps({"_path": "dns", **head, "ts": at.timestamp() - 1, **asked, **reply}))
        half = len(conns) // 2
        self._put("conn.1.log", conns[: half + 40])  # rotated late: 40 rows stand in both
        self._put("conn.2.log", conns[half:])
        self._put("ssl.log", names)
        self._put("dns.log", answers)

    def _eve(self) -> None:
        events = []
        for count, (at, client, server, port, sent, received, host) in enumerate(self._rows_of_flows()):
            ends = {"src_ip": client, "src_port": 40_000 + count % 9_000, "dest_ip": server, "dest_port": port}
            head = {"timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.000000+0000", "flow_id": count, "proto": "TCP", **ends}
            if host:
                events.append(json.dumps({**head, "event_type": "tls", "tls": {"sni": host}}))
            flow: dict[str, object] = {
                "bytes_toserver": sent,
                "bytes_toclient": received,
                "pkts_toserver": 5,
                "pkts_toclient": 5,
            }
            flow["start"] = head["timestamp"]
            events.append(json.dumps({**head, "event_type": "flow", "flow": flow}))
        third = len(events) // 3
        self._put("eve.1.json", events[: third + 20])
        self._put("eve.2.json", events[third : 2 * third])
        self._put("eve.3.json", events[2 * third :])
