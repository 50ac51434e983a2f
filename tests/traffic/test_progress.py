"""Progress: shares that only grow, from nothing to everything, and a rate where there is one."""

from __future__ import annotations

from pathlib import Path

from tests.traffic.conftest import GOOD, HEADER, Write

from residency.traffic import ReadOptions, Workspace, read_traffic
from residency.traffic.progress import Meter


def told_of(paths: list[Path], work: Path | None = None) -> list[tuple[str, float]]:
    told: list[tuple[str, float]] = []
    if work is None:
        read_traffic(paths, cuts_us=[], options=ReadOptions(), progress=lambda *one: told.append(one)).close()
        return told
    with Workspace(work, resume=True) as kept:
        read_traffic(paths, cuts_us=[], progress=lambda *one: told.append(one), workspace=kept).close()
    return told


def test_shares_only_grow(write: Write, tmp_path: Path) -> None:
    paths = [write(f"{number}.csv", HEADER + GOOD * (number + 1)) for number in range(3)]
    for told in (told_of(paths), told_of(paths, tmp_path / "work"), told_of(paths, tmp_path / "work")):
        shares = [share for _, share in told]
        assert shares == sorted(shares)
        assert 0 <= shares[0] <= shares[-1] <= 1
        assert any("reading" in what for what, _ in told)


def test_a_rate_counts_what_this_run_read() -> None:
    told: list[tuple[str, float]] = []
    meter = Meter(lambda *one: told.append(one), 4_000_000)
    meter._since -= 2
    meter.looked_at(1_000_000, is_fresh=False)
    meter.looking("b", 2_000_000)
    assert told[-1] == ("looking at b, 1 MB/s", 0.25 * 3 / 4)


def test_nobody_is_told_where_nobody_listens() -> None:
    meter = Meter(None, 0)
    meter.looking("a", 5)
    meter.stage("b")
