"""Name servers and vantages as a user writes them.

A server is an address, or `SCHEME://[HOST@]ADDRESS[:PORT][/PATH]` with udp, tcp, tls, https or quic. A server is never
given by its name alone: finding its address would ask somebody who was not stated. A vantage is
`[NAME=]SERVER[,SUBNET]`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from residency.errors import UsageError, shorten
from residency.limits import LIMITS
from residency.model.names import HostNameError, normalise_host
from residency.model.resolution import DnsVantage, NameServer

_PORTS = {"udp": 53, "tcp": 53, "tls": 853, "https": 443, "quic": 853}
_SERVER = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?:(?P<host>[^@/\[\]:]+)@)?"
    r"(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+|[0-9a-fA-F:.]+)(?P<port>:[0-9]{1,5})?(?P<path>/[!-~]*)?"
)
_MAX_TEXT = 400


def parse_server(text: str) -> NameServer:
    """Read one server; raises UsageError with what to do."""
    found = _SERVER.fullmatch(text) if len(text) <= _MAX_TEXT else None
    scheme = (found["scheme"] or "udp") if found else ""
    if found is None or scheme not in _PORTS:
        raise _wrong(text, "write an address or SCHEME://[HOST@]ADDRESS[:PORT] with udp, tcp, tls, https or quic")
    try:
        address = ipaddress.ip_address(found["address"].strip("[]"))
    except ValueError as error:
        raise _wrong(text, "its address is none; a name alone would have to be looked up first") from error
    port = int(found["port"][1:]) if found["port"] else _PORTS[scheme]
    if not 0 < port < 65_536:
        raise _wrong(text, "a port lies between 1 and 65535")
    if found["path"] and scheme != "https":
        raise _wrong(text, "only https has a path")
    if found["host"] and scheme in ("udp", "tcp"):
        raise _wrong(text, f"{scheme} checks no name; leave the name before @ out")
    path = (found["path"] or "/dns-query") if scheme == "https" else ""
    return NameServer(
        transport=scheme, address=str(address), port=port, host=_host(text, found["host"] or ""), path=path
    )


def _host(text: str, host: str) -> str:
    try:
        return (normalise_host(host) or "") if host else ""
    except HostNameError as error:
        raise _wrong(text, str(error)) from error


def _wrong(text: str, what: str) -> UsageError:
    return UsageError(f"name server `{shorten(text)}`: {what}")


def parse_vantage(text: str) -> DnsVantage:
    """Read `[NAME=]SERVER[,SUBNET]`; raises UsageError with what to do."""
    name, equals, rest = text.partition("=")
    if not equals or "://" in name:
        name, rest = "", text
    server_text, _, subnet = rest.partition(",")
    server = parse_server(server_text.strip())
    subnet = _subnet(subnet.strip())
    if len(name) > LIMITS.max_value_characters or not name.isprintable():
        raise UsageError(f"vantage `{shorten(text)}`: a name of up to {LIMITS.max_value_characters} characters")
    return DnsVantage(name=name.strip() or _default_name(server, subnet), servers=(server,), subnet=subnet)


def _default_name(server: NameServer, subnet: str) -> str:
    return f"{server},{subnet}" if subnet else str(server)


def _subnet(text: str) -> str:
    if not text:
        return ""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise UsageError(f"client subnet `{shorten(text)}`: write a network as 192.0.2.0/24") from error


def read_vantages(servers: Sequence[str], vantages: Sequence[str | DnsVantage]) -> tuple[DnsVantage, ...]:
    """Return all vantages: each server is one, then those given; the system's servers together where none is.

    Raises UsageError for one that cannot be read, two of one name, or too many.
    """
    found = [parse_vantage(text) for text in servers]
    found += [parse_vantage(given) if isinstance(given, str) else given for given in vantages]
    if not found:
        found = [DnsVantage(name="system", servers=system_servers())]
    found = list(dict.fromkeys(found))
    if len({vantage.name for vantage in found}) < len(found):
        raise UsageError("two vantages of one name; name them apart, as in dublin=9.9.9.9,192.0.2.0/24")
    if len(found) > LIMITS.max_dns_vantages:
        raise UsageError(f"more than {LIMITS.max_dns_vantages} vantages; resolve from them in several runs")
    return tuple(found)


def system_servers() -> tuple[NameServer, ...]:
    """Return the name servers of this system's configuration, and nothing else of it; raises UsageError for none."""
    from dns.exception import DNSException
    from dns.resolver import Resolver

    try:
        system = Resolver()
    except (DNSException, OSError) as error:
        raise UsageError("this system names no name server; give one with --server ADDRESS") from error
    texts = [str(server).partition("%")[0] for server in system.nameservers if "://" not in str(server)]
    if not texts:
        raise UsageError("this system names no name server; give one with --server ADDRESS")
    return tuple(NameServer(transport="udp", address=text, port=int(system.port)) for text in texts)
