"""Which modules of `resolve` can connect, read from their text; and that nothing is sent where nothing was asked."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.sources.test_fetch import ways_out

_CONNECTING = {"asyncio.open_connection", "loop.create_connection", "loop.create_datagram_endpoint"}
_BY_ANOTHER_LIBRARY = ("dns.query", "dns.asyncquery", "dns.quic", "aioquic")


def _ways(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    libraries = {name for name in imported for way in _BY_ANOTHER_LIBRARY if f"{name}.".startswith(f"{way}.")}
    return ways_out(tree) | (calls & _CONNECTING) | libraries


def test_only_the_transports_open_connections(project: Path) -> None:
    folder = project / "src" / "residency" / "resolve"
    found = {path.name for path in folder.glob("*.py") if _ways(path)}
    # `query` makes the TLS context that it hands to the transports
    assert found == {"datagrams.py", "streams.py", "doh.py", "doq.py", "query.py"}
    assert {way for way in _ways(folder / "query.py") if way != "ssl"} <= {"ssl.create_default_context"}
