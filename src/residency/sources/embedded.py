"""The tables that ship with residency: countries by database, published ranges, kinds of networks.

Each is read when it is first asked, verified against the manifest, and kept in numpy columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.arrow import as_numpy
from residency.model.evidence import Kind, Snapshot, Statement
from residency.model.network import Addresses
from residency.model.place import Place
from residency.shipped import manifest, read_verified
from residency.sources.interface import Answer
from residency.sources.intervals import IntervalTable

# Origin networks whose operator publishes the lists that databases read.
HOLDERS = {
    14618: "aws",
    16509: "aws",
    8075: "azure",
    15169: "gcp",
    396982: "gcp",
    31898: "oracle",
    13335: "cloudflare",
    54113: "fastly",
    14061: "digitalocean",
    36459: "github",
}


def read_table(entry_id: str) -> tuple[dict[str, NDArray[Any]], dict[str, list[str]], Snapshot]:
    """Return a shipped Arrow table as numpy columns, the words of its dictionary columns, and its snapshot."""
    import pyarrow as pa

    content, entry = read_verified(entry_id)
    table = pa.ipc.open_file(pa.py_buffer(content)).read_all()
    columns: dict[str, NDArray[Any]] = {}
    words: dict[str, list[str]] = {}
    for name in table.column_names:
        column = table[name].combine_chunks()
        if pa.types.is_dictionary(column.type):
            words[name] = column.dictionary.to_pylist()
            column = column.indices
        columns[name] = as_numpy(column)
    return columns, words, entry.snapshot


class CountryDatabase:
    """The embedded country database of one address family: one country a range, no finer place."""

    def __init__(self, family: int) -> None:
        self._family, self._entry = family, f"dbip-country-v{family}"

    @property
    def snapshot(self) -> Snapshot:
        """The database's version."""
        return manifest()[self._entry].snapshot

    @cached_property
    def _loaded(self) -> tuple[list[str], IntervalTable]:
        columns, words, _ = read_table(self._entry)
        table = IntervalTable.of_family(self._family, columns, columns["country"].astype(np.int64))
        return words["country"], table

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say in which country the database puts every address."""
        words, table = self._loaded
        codes = table.lookup(addresses)
        silent = np.array([not word for word in words] + [True])
        return Answer(np.where(silent[codes], -1, codes), tuple(self._say(word) for word in words))

    def _say(self, country: str) -> Statement:
        snapshot = self.snapshot
        built = snapshot.built
        return Statement(
            kind=Kind.DATABASE,
            source=snapshot.id,
            author=snapshot.author,
            lineage=snapshot.lineage or snapshot.author,
            says=country,
            places=frozenset({Place(country)}) if country else frozenset(),
            listed=(built, built) if built else None,
        )


class OriginNetworks:
    """Which kind of network holds an address of one family: cloud, hosting, CDN or shared front, other."""

    def __init__(self, family: int) -> None:
        self._family, self._entry = family, f"origin-v{family}"

    @property
    def snapshot(self) -> Snapshot:
        """The table's version."""
        return manifest()[self._entry].snapshot

    @cached_property
    def _loaded(self) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str], IntervalTable]:
        """The AS number and the kind (a place among the words that follow) of each row, and the table of rows."""
        columns, words, _ = read_table(self._entry)
        asns, kinds = columns["asn"].astype(np.int64), columns["kind"].astype(np.int64)
        table = IntervalTable.of_family(self._family, columns, np.arange(len(asns), dtype=np.int64))
        return asns, kinds, words["kind"], table

    def asns(self, addresses: Addresses) -> NDArray[np.int64]:
        """Return the origin AS number of every address, 0 where the table does not tell."""
        asns, _, _, table = self._loaded
        rows = table.lookup(addresses)
        return np.where(rows >= 0, asns[rows], 0)

    @property
    def known_asns(self) -> frozenset[int]:
        """The AS numbers that the table tells apart."""
        return frozenset(np.unique(self._loaded[0]).tolist()) - {0}

    def answer(self, addresses: Addresses, days: Sequence[date]) -> Answer:
        """Say what kind of network announces every address; silent about `other` ones."""
        asns, kinds, words, table = self._loaded
        rows = table.lookup(addresses)
        is_telling = np.array([word in ("cloud", "hosting", "cdn") for word in words])[kinds[rows]] & (rows >= 0)
        # One number for each pair of AS number and kind: many rows say the same.
        pairs = np.where(is_telling, asns[rows] * len(words) + kinds[rows], -1)
        return Answer.of_rows(pairs, lambda pair: self._say(pair // len(words), words[pair % len(words)]))

    def _say(self, asn: int, kind: str) -> Statement:
        return Statement(
            kind=Kind.NETWORK,
            source=self.snapshot.id,
            author=self.snapshot.author,
            says=f"AS{asn}, {kind} network" if asn else f"{kind or 'no'} network",
            network=kind,
            holder=HOLDERS.get(asn, ""),
        )


@lru_cache(maxsize=2)
def country_database(family: int) -> CountryDatabase:
    """Return the embedded country database of a family (loaded once a process)."""
    return CountryDatabase(family)


@lru_cache(maxsize=2)
def origin_networks(family: int) -> OriginNetworks:
    """Return the embedded table of origin networks of a family (loaded once a process)."""
    return OriginNetworks(family)
