"""Round-trip times in the JSON of RIPE Atlas and of Globalping.

RIPE Atlas (https://atlas.ripe.net/docs/apis/measurement-result-format/): an array, or one object a line, of results
of type `ping`, `traceroute` (the replies of the target itself, whichever protocol asked) and `sslcert` (`ttc`: the TCP
handshake, `rt`: until the certificate had come, so never less than a round trip of TLS). Firmware 1 is not read.
Globalping (https://globalping.io/docs): measurements of type `ping`, `traceroute`, `mtr` and `http`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from residency.errors import SourceError
from residency.model.latency import RttKind
from residency.model.network import Vantage, parse_address
from residency.sources.latency import Times
from residency.sources.strict_json import JsonError, JsonValue, parse_json

JsonObject = dict[str, JsonValue]
_RESULT_KEYS = frozenset({"prb_id", "type"})
_CITY_RADIUS_KM = 100.0  # Globalping names a probe's city, by databases: EVIDENCE says assume at least this
_LAST_SECOND = 4_102_444_800  # 2100-01-01


def json_documents(content: bytes) -> list[JsonObject]:
    """Return the objects of a JSON array, of one object, or of one object a line; raises SourceError."""
    body = content.removeprefix(b"\xef\xbb\xbf").strip()
    if body[:1] == b"{" and b"\n" in body and body.splitlines()[0].rstrip().endswith(b"}"):
        return [_object(parse_line(line, number), number) for number, line in _lines(body)]
    value = parse_json(body)
    listed = value if isinstance(value, list) else [value]
    return [_object(item, number) for number, item in enumerate(listed, 1)]


def parse_line(line: bytes, number: int) -> JsonValue:
    """Return the value of one line; raises SourceError with the line."""
    try:
        return parse_json(line)
    except JsonError as error:
        raise SourceError(error.what, line=number) from error


def is_globalping(document: JsonObject) -> bool:
    """Is it a Globalping measurement?"""
    results = document.get("results")
    return isinstance(results, list) and bool(results) and all(isinstance(r, dict) and "probe" in r for r in results)


def is_probe_list(documents: Sequence[JsonObject]) -> bool:
    """Is it what the API of RIPE Atlas answers for /probes/, or its archive?"""
    return (
        bool(documents)
        and not any(_RESULT_KEYS.issubset(probe) for probe in _probes(documents))
        and any("id" in probe and ("geometry" in probe or "latitude" in probe) for probe in _probes(documents))
    )


def read_probes(documents: Sequence[JsonObject]) -> tuple[dict[int, Vantage], dict[str, str]]:
    """Return the probes that have a position, by number, and their names by their own addresses."""
    vantages: dict[int, Vantage] = {}
    aliases: dict[str, str] = {}
    for probe in _probes(documents):
        number = probe.get("id")
        position = _position(probe)
        if not isinstance(number, int) or isinstance(number, bool) or position is None:
            continue
        asn = probe.get("asn_v4") or probe.get("asn_v6")
        country = probe.get("country_code")
        try:
            vantage = Vantage(
                lat=position[0],
                lon=position[1],
                name=f"atlas-{number}",
                asn=asn if isinstance(asn, int) else None,
                country=country if isinstance(country, str) else None,
            )
        except ValueError:
            continue  # a position that is none: its results are set aside as those of an unknown probe
        vantages[number] = vantage
        for key in ("address_v4", "address_v6"):
            text = _address(probe.get(key))
            if text:
                aliases[text] = vantage.name
    return vantages, aliases


def read_atlas(documents: Sequence[JsonObject], probes: dict[int, Vantage], times: Times) -> None:
    """Fill `times` from results; one of an unknown probe or type, or with no reply, is set aside by its number."""
    for number, result in enumerate(documents, 1):
        times.count()
        probe, kind = result.get("prb_id"), result.get("type")
        vantage = probes.get(probe) if isinstance(probe, int) else None
        target = _address(result.get("dst_addr") or result.get("addr"))
        if vantage is None:
            times.refuse(number, "prb_id: the probe list does not place this probe", probe)
        elif target is None:
            times.refuse(number, "dst_addr: no address was measured", result.get("dst_name"))
        elif not isinstance(kind, str) or kind not in _ATLAS:
            times.refuse(number, f"type: none of {', '.join(_ATLAS)}", kind)
        else:
            times.stand(vantage)
            _add(number, times, vantage, target, _atlas_times(kind, result, target), _second(result.get("timestamp")))


def read_globalping(documents: Sequence[JsonObject], times: Times) -> None:
    """Fill `times` from measurements; a probe's result that holds no time is set aside by its number."""
    number = 0
    for document in documents:
        at = _moment(document.get("createdAt"))
        options = document.get("measurementOptions")
        protocol = str(options.get("protocol", "") if isinstance(options, dict) else "").upper()
        for entry in _objects(document.get("results")):
            number += 1
            times.count()
            vantage = _globalping_vantage(entry.get("probe"))
            result = entry.get("result")
            target = _address(result.get("resolvedAddress")) if isinstance(result, dict) else None
            if vantage is None:
                times.refuse(number, "probe: no position")
            elif not isinstance(result, dict) or target is None:
                times.refuse(number, "result: no address was measured")
            else:
                times.stand(vantage)
                found = list(_globalping_times(str(document.get("type")), protocol, result, target))
                _add(number, times, vantage, target, found, at)


_Found = Sequence[tuple[JsonValue, RttKind]]


def _add(number: int, times: Times, vantage: Vantage, target: str, found: _Found, at: datetime | None) -> None:
    if not found:
        times.refuse(number, "the target did not reply", target)
    for value, kind in found:
        times.add(number, vantage.name, target, value, kind, at)


def _ping(result: JsonObject) -> _Found:
    return [(reply["rtt"], RttKind.ICMP) for reply in _objects(result.get("result")) if "rtt" in reply]


def _traceroute(result: JsonObject, target: str) -> _Found:
    """Return the times of the target's own replies; those of routers on the way say nothing of it."""
    kind = RttKind.TCP if str(result.get("proto")).upper() == "TCP" else RttKind.ICMP
    replies = [reply for hop in _objects(result.get("result")) for reply in _objects(hop.get("result"))]
    # An `err` is a router's word about the target; `late` replies belong to an earlier packet.
    return [
        (reply["rtt"], kind)
        for reply in replies
        if "rtt" in reply and "err" not in reply and "late" not in reply and _address(reply.get("from")) == target
    ]


def _sslcert(result: JsonObject) -> _Found:
    found: list[tuple[JsonValue, RttKind]] = []
    if "ttc" in result:
        found.append((result["ttc"], RttKind.TCP))
    if "rt" in result and "cert" in result:
        found.append((result["rt"], RttKind.TLS))
    return found


_ATLAS = ("ping", "traceroute", "sslcert")


def _atlas_times(kind: str, result: JsonObject, target: str) -> _Found:
    if kind == "traceroute":
        return _traceroute(result, target)
    return _ping(result) if kind == "ping" else _sslcert(result)


def _globalping_times(kind: str, protocol: str, result: JsonObject, target: str) -> Iterator[tuple[JsonValue, RttKind]]:
    asked = RttKind.TCP if protocol == "TCP" else RttKind.ICMP
    timings = result.get("timings")
    if kind == "ping":
        yield from ((timing["rtt"], asked) for timing in _objects(timings) if "rtt" in timing)
    elif kind in ("traceroute", "mtr"):
        for hop in _objects(result.get("hops")):
            if _address(hop.get("resolvedAddress")) == target:
                yield from ((timing["rtt"], asked) for timing in _objects(hop.get("timings")) if "rtt" in timing)
    elif kind == "http" and isinstance(timings, dict):
        if timings.get("tcp") is not None:
            yield timings["tcp"], RttKind.TCP
        if timings.get("tls") is not None:
            yield timings["tls"], RttKind.TLS


def _globalping_vantage(probe: JsonValue) -> Vantage | None:
    if not isinstance(probe, dict):
        return None
    lat, lon = _degrees(probe.get("latitude")), _degrees(probe.get("longitude"))
    asn, city = probe.get("asn"), probe.get("city")
    if lat is None or lon is None:
        return None
    country = probe.get("country")
    try:
        return Vantage(
            lat=lat,
            lon=lon,
            radius_km=_CITY_RADIUS_KM,
            name=f"globalping-{city}-AS{asn}-{lat:g},{lon:g}",
            asn=asn if isinstance(asn, int) else None,
            country=country if isinstance(country, str) else None,
        )
    except ValueError:
        return None


def _position(probe: JsonObject) -> tuple[float, float] | None:
    geometry = probe.get("geometry")
    if isinstance(geometry, dict):
        found = geometry.get("coordinates")
        if not isinstance(found, list) or len(found) < 2:
            return None
        lat, lon = _degrees(found[1]), _degrees(found[0])  # GeoJSON writes longitude first (RFC 7946)
    else:
        lat, lon = _degrees(probe.get("latitude")), _degrees(probe.get("longitude"))
    if lat is None or lon is None or (lat, lon) == (0.0, 0.0):  # a probe without a position is shown in the Gulf
        return None
    return lat, lon


def _probes(documents: Sequence[JsonObject]) -> list[JsonObject]:
    found: list[JsonObject] = []
    for document in documents:
        inner = document.get("results", document.get("objects"))
        found += list(_objects(inner)) if isinstance(inner, list) else [document]
    return found


def _objects(value: JsonValue) -> Iterator[JsonObject]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def _degrees(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _address(value: JsonValue) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return parse_address(value).text
    except ValueError:
        return None


def _second(value: JsonValue) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value, UTC)


def _moment(value: JsonValue) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    yield from ((number, line) for number, line in enumerate(body.splitlines(), 1) if line.strip())


def _object(value: JsonValue, number: int) -> JsonObject:
    if not isinstance(value, dict):
        raise SourceError("not a list of objects: neither RIPE Atlas nor Globalping results", line=number)
    return value
