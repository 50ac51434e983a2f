"""Flip one random bit of a database, many times, and count what the import makes of it.

    python bench/geoip_flips.py --flips 10000 FILE.mmdb...

No pin (sha256) is used: with one every flip is refused before a byte is read. Counted for each file: refused; the same
answers as the sound file; silent (an address lost its country); invented (an address got a country where the sound file
names none); wrong (another country than the sound file's). Only public addresses count. Runs in this process: no C code
reads the file, so a crash would end the run.
"""

from __future__ import annotations

import argparse
import ipaddress
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from residency.errors import SourceError
from residency.model.network import parse_address
from residency.sources.mmdb_import import Imported, import_database

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SECOND_READINGS = 4
OUTCOMES = ("refused", "same", "silent", "invented", "wrong")


def countries_by_start(imported: Imported, family: str) -> tuple[NDArray[np.generic], NDArray[np.bytes_]]:
    """Return interval starts and the country that each says, b"" for none."""
    words = np.append(imported.columns["country"], b"").astype("S2")
    return imported.columns[f"{family}_starts"], words[imported.columns[f"{family}_codes"]]


def compare(sound: Imported, flipped: Imported) -> str:
    """Return how the answers differ at worst: `same`, `silent`, `invented` or `wrong`."""
    worst = "same"
    for family in ("v4", "v6"):
        good_starts, good = countries_by_start(sound, family)
        bad_starts, bad = countries_by_start(flipped, family)
        both = np.unique(np.concatenate([good_starts, bad_starts]))
        was, now = _at(both, good_starts, good), _at(both, bad_starts, bad)
        for row in np.flatnonzero(was != now).tolist():
            if _is_public(both, row):
                kind = "silent" if now[row] == b"" else "invented" if was[row] == b"" else "wrong"
                worst = max(worst, kind, key=OUTCOMES.index)
    return worst


def _at(wanted: NDArray[np.generic], starts: NDArray[np.generic], countries: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    at = np.searchsorted(starts, wanted, side="right") - 1
    found: NDArray[np.bytes_] = np.append(countries, b"").astype("S2")[at]  # -1, before the first start, is b""
    return found


def _is_public(starts: NDArray[np.generic], row: int) -> bool:
    """May an interval hold a public address? Read from its first and its last one."""
    is_v4 = starts.dtype.kind == "u"
    bits = 32 if is_v4 else 128
    ends = [_number(starts[row]), (_number(starts[row + 1]) if row + 1 < len(starts) else 2**bits) - 1]
    texts = [str(ipaddress.IPv4Address(end) if is_v4 else ipaddress.IPv6Address(end)) for end in ends]
    return any(parse_address(text).is_locatable for text in texts) or ends[1] - ends[0] > 2 ** (bits - 8)


def _number(start: np.generic) -> int:
    item = start.item()
    return int.from_bytes(item.ljust(16, b"\0"), "big") if isinstance(item, bytes) else int(item)


def flip(path: Path, flips: int, seed: int) -> tuple[Counter[str], list[int]]:
    """Return how many flips ended how, and the bits that gave a country which the sound file does not."""
    content = path.read_bytes()
    sound = import_database(content, NOW)
    dice = random.Random(f"{seed} {path.name}")
    counts: Counter[str] = Counter()
    wrong = []
    for _ in range(flips):
        bit = dice.randrange(len(content) * 8)
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            outcome = compare(sound, import_database(bytes(damaged), NOW, second_readings=SECOND_READINGS))
        except SourceError:
            outcome = "refused"
        counts[outcome] += 1
        if outcome in ("wrong", "invented"):
            wrong.append(bit)
    return counts, wrong


def main() -> None:
    """Print a Markdown table, one row a file."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("files", nargs="+", type=Path)
    options.add_argument("--flips", type=int, default=10_000, help="in all, shared evenly by the files")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    print(f"| file | flips | {' | '.join(OUTCOMES)} | bits of the last two |\n|---|---|---|---|---|---|---|---|")
    for path in given.files:
        counts, wrong = flip(path, given.flips // len(given.files), given.seed)
        cells = [counts[name] for name in OUTCOMES]
        print(f"| {path.name} | {sum(cells)} | {' | '.join(map(str, cells))} | {wrong} |", flush=True)


if __name__ == "__main__":
    main()
