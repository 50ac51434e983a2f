"""What stands between an auditor's vantage and the servers, as far as its own traffic shows: resolvers and proxies.

A resolver is an address that was asked on a port of DNS. A proxy is a private address that conversations with named
hosts ended on. What flows cannot show is said: the address by which a vantage's traffic leaves its network, resolvers
asked over HTTPS, and proxies that nobody named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from residency.model.network import AddressClass, Vantage, parse_address
from residency.model.vantage_check import OwnPath

if TYPE_CHECKING:
    import pyarrow as pa

DNS_PORTS = (53, 853)
_NAMED = 8
_NEAR = (AddressClass.PRIVATE, AddressClass.SHARED, AddressClass.LOOPBACK, AddressClass.LINK_LOCAL)
_MAY_BE_NEAR = r"^(10|100|127|169|172|192|f[cde][0-9a-f]*|::1)([.:]|$)"
EGRESS = "egress: flows do not show by which address this vantage's traffic leaves its network"
OVER_HTTPS = "resolver: none was asked on ports 53 or 853 in this traffic; over HTTPS it looks like any server"
NO_PROXY = "proxy: no named host was reached at a private address; one that is nobody's stated server cannot be seen"


def own_paths(table: pa.Table, vantages: Sequence[Vantage]) -> Mapping[str, OwnPath]:
    """Return for each vantage by name what its flows show; `table` holds the distinct endpoints.

    A single vantage speaks for the flows that name none; a vantage without flows of its own is left out.
    """
    only = vantages[0].name if len(vantages) == 1 else None
    names = {vantage.name for vantage in vantages}
    resolvers: dict[str, set[str]] = {}
    proxies: dict[str, set[str]] = {}
    for ip, port, flow_vantage in _suspects(table):
        name = only if flow_vantage is None or only == "" else flow_vantage
        if name is None or name not in names:
            continue
        asked, through = resolvers.setdefault(name, set()), proxies.setdefault(name, set())
        if ip is None:
            continue
        if port in DNS_PORTS:
            asked.add(ip)
        elif parse_address(ip).address_class in _NEAR:
            through.add(f"{ip} port {port}" if port is not None else ip)
    return {name: _path(resolvers[name], proxies[name]) for name in sorted(resolvers)}


def _suspects(table: pa.Table) -> Iterator[tuple[str | None, int | None, str | None]]:
    """Yield the distinct (address, port, vantage) that may be a resolver or a proxy, and each vantage."""
    import pyarrow.compute as pc

    keys = ["server_ip", "server_port", "vantage"]
    near = pc.match_substring_regex(table["server_ip"], _MAY_BE_NEAR)
    is_dns = pc.fill_null(pc.is_in(table["server_port"], value_set=_ports(table)), False)
    wanted = table.filter(pc.or_(is_dns, pc.and_(near, pc.is_valid(table["host"]))))
    for row in wanted.select(keys).group_by(keys).aggregate([]).to_pylist():
        yield row["server_ip"], row["server_port"], row["vantage"]
    for name in pc.unique(table["vantage"]).to_pylist():
        yield None, None, name


def _ports(table: pa.Table) -> pa.Array:
    import pyarrow as pa

    return pa.array(DNS_PORTS, table["server_port"].type)


def _path(resolvers: set[str], proxies: set[str]) -> OwnPath:
    unseen = [EGRESS]
    unseen += [] if resolvers else [OVER_HTTPS]
    unseen += [] if proxies else [NO_PROXY]
    return OwnPath(
        resolvers=tuple(sorted(resolvers)[:_NAMED]), proxies=tuple(sorted(proxies)[:_NAMED]), unseen=tuple(unseen)
    )
