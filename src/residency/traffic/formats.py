"""The registry of input formats: name, how its first bytes look, and its reader.

What is recognised but not read (captures, EVE, YAML, XML …) is named, so that the error can say what was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from residency.errors import InputError, UsageError, did_you_mean, shorten
from residency.traffic.csv_format import CsvSource
from residency.traffic.engine import seam
from residency.traffic.lines import BOM
from residency.traffic.logs import aws_vpc, azure, eve, gcp, har, nfdump, route53, squid
from residency.traffic.ndjson_format import NdjsonSource, parse_object
from residency.traffic.typed_format import ParquetSource, describe_parquet

if TYPE_CHECKING:
    import duckdb

    from residency.traffic.conversion import Conversion
    from residency.traffic.source import FlowSource, OpenFile


class UnknownFormatError(InputError):
    """Content of no known format: an error where the file was named, a remark where a folder holds it."""


_ZEEK_FIELDS = ("id.orig_h", "uid", "fuid", "_path", "id.resp_h", "certificate.version", "uids")


Converter = Callable[["OpenFile", "duckdb.DuckDBPyConnection"], "Conversion"]


@dataclass(frozen=True, slots=True)
class Format:
    """One format: a flow table has `open`, what becomes one has `convert`.

    The logs of Zeek have neither: they are read together (`residency.traffic.zeek`).
    """

    name: str
    matches: Callable[[bytes], bool]
    open: Callable[[OpenFile, duckdb.DuckDBPyConnection], FlowSource] | None = None
    is_text: bool = True
    convert: Converter | None = None
    columns: frozenset[str] = frozenset()  # a Parquet file with these and no server_ip is of this format
    is_joined: bool = False  # its inputs explain each other: all are opened before the first is converted
    only_if_alone: bool = False  # its rows are flows only where no other input has any; else they are context


def _is_zeek_tsv(head: bytes) -> bool:
    return head.startswith((b"#separator", b"#fields\t", b"#path\t", b"#set_separator"))


def _keys_of(head: bytes) -> set[str]:
    """Return the keys of the first objects: a writer that leaves unset fields out may begin with a poor one."""
    found: set[str] = set()
    for line in head.splitlines()[:50]:
        try:
            found |= parse_object(line.decode()).keys()
        except ValueError:
            continue
    return found


def _is_zeek_json(head: bytes) -> bool:
    if not head.lstrip().startswith(b"{"):
        return False
    keys = _keys_of(head)
    if "server_ip" in keys or "event_type" in keys:
        return False
    return any(name in keys for name in _ZEEK_FIELDS) or "_path" in keys


def _is_ndjson(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and not _is_zeek_json(head) and "event_type" not in _keys_of(head)


def _is_csv(head: bytes) -> bool:
    line = head.partition(b"\n")[0]
    names = [name.strip(b" \"'\r").lower() for name in line.split(b",")]
    if line.lstrip()[:1] in (b"{", b"[", b"<", b"%") or b"\0" in line:
        return False
    return len(names) > 1 or names[0] in (b"ts", b"server_ip")


def _is_pcap(head: bytes) -> bool:
    from residency.traffic.capture.files import is_capture

    return is_capture(head) and not _is_pcapng(head)


def _is_pcapng(head: bytes) -> bool:
    return head.startswith(b"\x0a\x0d\x0d\x0a")


def _read_capture(file: OpenFile, _: duckdb.DuckDBPyConnection) -> Conversion:
    from residency.traffic.capture.conversion import CaptureConversion

    return CaptureConversion(file.link, file.path)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("parquet", lambda head: head.startswith(b"PAR1"), lambda file, con: ParquetSource(file, con), False),
        Format("pcap", _is_pcap, is_text=False, convert=_read_capture),
        Format("pcapng", _is_pcapng, is_text=False, convert=_read_capture),
        Format("zeek", _is_zeek_tsv),
        Format("zeek-json", _is_zeek_json),
        Format("eve", lambda head: eve.is_eve(_keys_of(head)), convert=eve.EveConversion, is_joined=True),
        Format(
            "route53-resolver",
            lambda head: route53.is_resolver_log(_keys_of(head)),
            convert=route53.ResolverConversion,
        ),
        Format("squid", squid.is_squid_log, convert=squid.SquidConversion, only_if_alone=True),
        Format("aws-vpc", aws_vpc.is_vpc_log, convert=aws_vpc.AwsVpcConversion, columns=aws_vpc.COLUMNS),
        Format("azure-flow", azure.is_azure_log, convert=azure.AzureConversion),
        Format("gcp-vpc", gcp.is_gcp_log, convert=gcp.GcpConversion),
        Format("nfdump", nfdump.is_nfdump_log, convert=nfdump.NfdumpConversion),
        Format("har", har.is_har, convert=har.HarConversion),
        Format("ndjson", _is_ndjson, lambda file, _: NdjsonSource(file)),
        Format("csv", _is_csv, lambda file, _: CsvSource(file)),
    )
}


def named_format(name: str) -> Format:
    """Return the format called `name`; raises UsageError with the names there are."""
    if name not in FORMATS:
        hint = did_you_mean(name, FORMATS)
        raise UsageError(f"input format {shorten(name)!r} is none of {', '.join(FORMATS)}{hint}")
    return FORMATS[name]


def recognise(head: bytes, path: str) -> Format:
    """Return the format that the first (decompressed) bytes are of; raises UnknownFormatError with what was seen."""
    if not head:
        raise UnknownFormatError("empty file", path=path)
    seen = _refused(head)
    if seen is None:
        plain = head.removeprefix(BOM)
        for one in FORMATS.values():
            if one.matches(plain):
                return one
        seen = _described(plain)
    raise UnknownFormatError(f"{seen}; supported are {', '.join(FORMATS)} (also .gz and .zst)", path=path)


def refined(form: Format, file: OpenFile, connection: duckdb.DuckDBPyConnection) -> Format:
    """Return the format of a Parquet file by its columns: a log of another program may come in Parquet too."""
    if form.name != "parquet":
        return form
    names = _parquet_columns(file, connection)
    if "server_ip" in names:
        return form
    return next((one for one in FORMATS.values() if one.columns and one.columns <= names), form)


def _parquet_columns(file: OpenFile, connection: duckdb.DuckDBPyConnection) -> set[str]:
    try:
        with seam(file.path, "reading its footer"):
            described = describe_parquet(connection, file.link)
    except InputError:
        return set()  # the reader of Parquet says what is wrong with it
    return {name.strip().lower().replace("-", "_") for name, _ in described}


def _refused(head: bytes) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text; convert it to UTF-8"
    if head.startswith(b"PK\x03\x04"):
        return "a zip archive; unpack it"
    return None


def _described(head: bytes) -> str:
    text = head.lstrip()
    if text.startswith(b"{"):
        return "JSON with event_type and no timestamp: neither EVE nor a flow table"
    if text.startswith(b"["):
        return "a JSON array; write one object a line"
    if text.startswith(b"<"):
        return "XML or HTML"
    line = text.partition(b"\n")[0]
    if text.startswith((b"---", b"%YAML")) or ((line.rstrip().endswith(b":") or b": " in line) and line.isascii()):
        return "text that looks like YAML"
    printable = sum(32 <= c < 127 or c in (9, 10, 13) for c in head[:4096])
    if printable < 0.9 * len(head[:4096]):
        return "bytes of no known format"
    return f"text of no known format, beginning {shorten(line[:40].decode('utf-8', 'replace'))!r}"
