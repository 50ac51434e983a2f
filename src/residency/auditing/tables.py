"""From the reader's Arrow table to the columns and objects that evaluation works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from residency.arrow import as_numpy, integers
from residency.evaluate.judge import is_certain_name
from residency.evaluate.scope import Groups
from residency.model.network import AddressBook, Addresses
from residency.model.period import from_us
from residency.model.verdict import Observed
from residency.sources.interface import Source

_FEW_ROWS = 50_000  # up to here Python is quicker than the import of pyarrow.compute, which pyarrow's encoder needs
_SAME_NAME = tuple(f.name for f in fields(Observed) if f.name not in ("group", "first", "last"))


def as_groups(table: Any, sources: Sequence[Source], *, want_asns: bool) -> Groups:
    """Turn the reader's table into the columns that scopes are selected from."""
    addresses, address_code = _coded(table["server_ip"])
    hosts, host_code = _coded(table["host"])
    book = AddressBook(addresses)
    asns = np.zeros(len(book), dtype=np.int64)
    if want_asns:
        every = Addresses([book[code] for code in range(len(book))])
        for source in sources:
            if hasattr(source, "asns"):
                asns = np.maximum(asns, source.asns(every))
    named_by, named_code = _coded(table["named_by"])
    certain = np.array([*(is_certain_name(n) for n in named_by), False], dtype=bool)
    return Groups(
        hosts=hosts,
        addresses=book,
        asns=asns,
        host_code=host_code,
        address_code=address_code,
        port=_integers(table["server_port"], -1),
        period=_integers(table["period"], 0),
        certain_name=certain[named_code],
        flows=_integers(table["flows"], 0),
        bytes_sent=_integers(table["bytes_sent"], 0),
        bytes_received=_integers(table["bytes_received"], 0),
    )


def as_observed(table: Any, rows: NDArray[np.int64]) -> dict[int, Observed]:
    """Return the endpoints of these rows as objects, by row."""
    picked = (table if len(rows) == len(table) else table.take(integers(rows))).to_pydict()
    columns = [picked[name] for name in _SAME_NAME]
    firsts, lasts = picked["first_us"], picked["last_us"]
    return {
        row: Observed(
            group=row,
            first=from_us(firsts[i]),
            last=from_us(lasts[i]),
            **{name: column[i] for name, column in zip(_SAME_NAME, columns, strict=True)},
        )
        for i, row in enumerate(rows.tolist())
    }


def _coded(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct words of a text column and each row's index among them (-1 for null)."""
    if len(column) <= _FEW_ROWS:
        number: dict[str, int] = {}
        places = [-1 if word is None else number.setdefault(word, len(number)) for word in column.to_pylist()]
        return list(number), np.array(places, dtype=np.int64)
    encoded = column.combine_chunks().dictionary_encode()
    if hasattr(encoded, "combine_chunks"):
        encoded = encoded.combine_chunks()
    codes = as_numpy(encoded.indices, -1).astype(np.int64)
    return encoded.dictionary.to_pylist(), codes


def _integers(column: Any, missing: int) -> NDArray[np.int64]:
    return as_numpy(column.combine_chunks(), missing).astype(np.int64)
