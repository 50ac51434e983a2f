"""The readers that are fed damaged bytes: each may give its outcomes and our errors, nothing else.

A target is a function of bytes, which raises for anything that it must not do, and the seeds to damage. A reader of
files is wrapped by `on_file`. To add one, add its line to TARGETS.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import corpus
from tests.traffic.capture.initials import initial
from tests.traffic.conftest import read

from residency.errors import ResidencyError
from residency.model.resolution import LookupOutcome
from residency.resolve.names import TYPES
from residency.resolve.outcomes import Meaning, read_meaning
from residency.resolve.recorded import read_recording
from residency.resolve.wire import Fit, build_query, fit
from residency.traffic.capture import dns_message, http, quic, tls
from residency.traffic.capture.files import CaptureReader
from residency.traffic.capture.hello import Hello, More, ServerHello


class WrongOutcomeError(Exception):
    """A reader gave something that it must not give."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is run on each input, and what is damaged to make inputs.

    Where `lines` is not 0, an input is a line, and so many of them go into one file below a `head`, for a file costs a
    log reader milliseconds.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]
    lines: int = 0
    head: bytes = b""


def _expect(outcome: object, *kinds: type) -> None:
    if outcome is not None and not isinstance(outcome, kinds):
        raise WrongOutcomeError(repr(outcome)[:200])


def _tls(data: bytes) -> None:
    hello = tls.read_client_hello(data)
    _expect(hello, Hello, More)
    if isinstance(hello, Hello):
        _expect_hello(hello, len(data))
    _expect(tls.read_server_hello(data), ServerHello, More)


def _expect_hello(hello: Hello, size: int) -> None:
    if hello.sni is not None and not (0 < len(hello.sni) <= 255 and hello.sni.isascii() and hello.fault is None):
        raise WrongOutcomeError(repr(hello))
    if not 0 < hello.length <= size:
        raise WrongOutcomeError(repr(hello))


def _quic(data: bytes) -> None:
    reader = quic.InitialReader()
    for _ in range(2):
        hello = reader.feed(data)
        _expect(hello, Hello, More)
        if isinstance(hello, Hello):
            _expect_hello(hello, len(data))
    if quic.is_server_initial(data) and not quic.is_client_initial(data):
        raise WrongOutcomeError("an Initial that only a server may send")


def _quic_frames(data: bytes) -> None:
    _quic(initial(data[:16_000], padded_to=20))


def _http(data: bytes) -> None:
    request = http.read_request(data)
    _expect(request, http.Request, More)
    if isinstance(request, http.Request) and (request.host is None) is (request.fault is None):
        raise WrongOutcomeError(repr(request))


def _dns(data: bytes) -> None:
    message = dns_message.read_message(data)
    _expect(message, dns_message.Message)
    if message is not None and message.addresses and (message.question is None or not message.is_response):
        raise WrongOutcomeError(repr(message)[:200])


_LOOKED_UP = build_query("www.a.example", TYPES["A"], number=7)
_WITH_ADDRESSES = (LookupOutcome.ANSWER, LookupOutcome.NON_PUBLIC_ANSWER)


def _resolve(data: bytes) -> None:
    """Read an answer as one of the types that can be asked for, picked by its length; it need not fit the question.

    Names are escaped as zone files do it; other text of a server stands in the values as it came.
    """
    _expect(fit(data, _LOOKED_UP), Fit)
    if len(data) < 12:
        return
    meaning = read_meaning(data, tuple(TYPES.values())[len(data) % len(TYPES)])
    _expect(meaning, Meaning)
    texts = [*meaning.names, *(alias.target for alias in meaning.chain), *(each.target for each in meaning.bindings)]
    found = meaning.addresses or meaning.bindings or meaning.names
    if (found and meaning.outcome not in _WITH_ADDRESSES) or not all(text.isprintable() for text in texts):
        raise WrongOutcomeError(repr(meaning)[:500])


def _recording(path: Path) -> None:
    read_recording(path)


def _capture(path: Path) -> None:
    reader = CaptureReader(path)
    counted = sum(len(batch) for batch in reader.batches())
    if reader.packets != counted + sum(reader.other.values()) + len(reader.damaged):
        raise WrongOutcomeError(
            f"{reader.packets} packets, {counted} read, {reader.other}, {len(reader.damaged)} damaged"
        )


def on_file(read: Callable[[Path], None], suffix: str = "") -> Callable[[bytes], None]:
    """Return a target's function for a reader of files, which may raise our errors."""
    folder = tempfile.TemporaryDirectory(prefix="residency-fuzz-")
    path = Path(folder.name, f"input{suffix}")

    def run(data: bytes, _folder: object = folder) -> None:
        path.write_bytes(data)
        try:
            read(path)
        except ResidencyError as error:
            if "\n" in str(error):
                raise WrongOutcomeError("an error of several lines") from error

    return run


def _traffic(path: Path) -> None:
    """Read a log by the way that every input goes; `read` checks that the account of its records balances."""
    read([path])


def _log(name: str) -> Target:
    """Return the target of a log: many damaged lines a file, each of which its reader must get over."""
    head, *lines = corpus.LOGS[name]
    return Target(on_file(_traffic, ".log"), lambda: lines, lines=500, head=head)


TARGETS: dict[str, Target] = {
    "tls": Target(_tls, corpus.tls),
    "quic": Target(_quic, corpus.quic),
    "quic-frames": Target(_quic_frames, corpus.quic_frames),
    "http": Target(_http, corpus.http),
    "dns": Target(_dns, corpus.dns),
    "resolve": Target(_resolve, corpus.answers),
    "resolve-recording": Target(on_file(_recording), corpus.recordings),
    "capture": Target(on_file(_capture, ".pcap"), corpus.captures),
    "csv": _log("csv"),
    "ndjson": _log("ndjson"),
    "zeek-conn": _log("zeek-conn"),
    "zeek-json": _log("zeek-json"),
    "aws-vpc": _log("aws-vpc"),
    "eve": _log("eve"),
    "route53-resolver": _log("route53-resolver"),
    "squid": _log("squid"),
    "azure-flow": _log("azure-flow"),
    "azure-document": _log("azure-document"),
    "gcp-vpc": _log("gcp-vpc"),
    "nfdump": _log("nfdump"),
    "nfdump-json": _log("nfdump-json"),
    "har": _log("har"),
}
