"""`residency.load_pack`: claim files read against the shipped places, without asking the caller for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from residency.sources.gazetteer import shipped_gazetteer

if TYPE_CHECKING:
    from residency.model.claim import Pack
    from residency.model.place import Gazetteer


def load_pack(source: str | os.PathLike[str], *, gazetteer: Gazetteer | None = None) -> Pack:
    """Read and check a claim file, or a shipped pack by name (`residency claims list` names them).

    `gazetteer` knows the places that claims may name; the shipped one by default. Raises ClaimError with every fault
    of the file. Not checked: whether the claim is true or its sources exist.
    """
    from residency.claims import load_pack as read_pack

    return read_pack(source, gazetteer=gazetteer or shipped_gazetteer())
