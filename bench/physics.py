"""Hold the physics against real round-trip times between known places, beside two peers in the same run.

Data: shared/data/rtt (the mesh of RIPE Atlas anchors of 2018, half of the targets; Microsoft's matrix between Azure
regions). An area claim is judged at the date of the mesh, when the United Kingdom was in the EEA, and at today's.

    RESIDENCY_SHARED=/path/to/shared python bench/physics.py            # every table
    ... --seeds 20 --calibrated-seeds 1                                  # how often vantages are moved
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cbg import bestline, cbg_cells
from residency.evaluate.mesh import Mesh, MeshTrip
from residency.evaluate.panel import Panel
from residency.evaluate.physics import KM_PER_MS, Bound, RoundTrip, locate_by_discs, survivors
from residency.evaluate.references import References
from residency.evaluate.sphere import distances_km, unit_vectors
from residency.model.network import Vantage
from residency.model.place import Area, Place, Relation, Spot, great_circle_km
from residency.sources.borders import shipped_geography
from residency.sources.gazetteer import shipped_gazetteer

SITE_KM = 30.0
THEN, NOW = datetime(2018, 7, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
GEO = shipped_geography()
CODES = GEO.codes


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the data."""

    vantage: str
    target: str
    rtt_ms: float


@dataclass(slots=True)
class World:
    """Positions ± km and countries of all sites, and the rows."""

    spots: dict[str, Spot]
    rows: list[Row]
    stated: dict[str, tuple[float, float]] = field(default_factory=dict)  # where moved vantages say they are

    def vantage(self, name: str) -> Vantage:
        """A vantage as stated."""
        spot = self.spots[name]
        lat, lon = self.stated.get(name, (spot.lat, spot.lon))
        asn = int(name.split("-as")[1].split("-")[0]) if "-as" in name else None
        return Vantage(lat=lat or 0.0, lon=lon or 0.0, radius_km=spot.radius_km or 0.0, name=name, asn=asn)

    @property
    def targets(self) -> list[str]:
        """All targets, sorted."""
        return sorted({row.target for row in self.rows})

    def trips(self, vantages: dict[str, Vantage]) -> dict[str, list[RoundTrip]]:
        """The round trips of each target, its own left out."""
        found: dict[str, list[RoundTrip]] = {target: [] for target in self.targets}
        for row in self.rows:
            if row.vantage != row.target:
                found[row.target].append(RoundTrip(vantage=vantages[row.vantage], rtt_ms=row.rtt_ms))
        return found


def read_world(shared: Path, name: str) -> World:
    """Read one of the two data sets."""
    with (shared / "data/rtt/sites.csv").open(encoding="utf-8") as text:
        spots = {
            row["site_id"]: Spot(
                country=row["country"],
                lat=float(row["lat"]),
                lon=float(row["lon"]),
                radius_km=float(row["uncertainty_km"]),
            )
            for row in csv.DictReader(text)
        }
    with (shared / "data/rtt" / name).open(encoding="utf-8") as text:
        read = [Row(r["vantage_id"], r["target_id"], float(r["rtt_ms"])) for r in csv.DictReader(text)]
    return World(spots, [row for row in read if row.vantage != row.target])


def say(feasible: Iterable[str], area: Area) -> str:
    """Judge feasible codes against an area, as the verdict rules do."""
    relations = {area.relation(Place(code[:2], part=code if "-" in code else None)) for code in feasible}
    if relations == {Relation.INSIDE}:
        return "inside"
    return "outside" if relations == {Relation.OUTSIDE} else "open"


def table(name: str, world: World, answers: Mapping[str, Sequence[str]]) -> None:
    """Print one line: the EEA claim at both dates, and each target's own country."""
    cells = []
    for moment in (THEN, NOW):
        area = shipped_gazetteer().area(["EEA"], moment)
        right, of, wrong = {True: 0, False: 0}, {True: 0, False: 0}, 0
        for target, feasible in answers.items():
            honest = area.relation(Place(world.spots[target].country)) is not Relation.OUTSIDE
            verdict = say(feasible, area)
            of[honest] += 1
            right[honest] += verdict == ("inside" if honest else "outside")
            wrong += verdict == ("outside" if honest else "inside")
        cells.append(f"{right[True] / of[True]:6.1%} {right[False] / of[False]:6.1%} {wrong:3d}")
    own = [({c[:2] for c in feasible}, world.spots[t].country) for t, feasible in answers.items()]
    confirmed = sum(found == {code} for found, code in own)
    accused = sum(bool(found) and code not in found for found, code in own)
    print(f"| {name:44} | {' | '.join(cells)} | {confirmed / len(own):6.1%} {accused:3d} |", flush=True)


def at_site(world: World, target: str) -> Callable[[str], bool]:
    """Return a test: does a name stand at the target's site?"""
    here = world.spots[target]
    return lambda name: (
        great_circle_km(here.lat or 0, here.lon or 0, world.spots[name].lat or 0, world.spots[name].lon or 0) < SITE_KM
    )


def mesh_of(world: World, vantages: dict[str, Vantage]) -> Mesh:
    """The times between vantages."""
    trips = tuple(MeshTrip(origin=r.vantage, to=r.target, rtt_ms=r.rtt_ms) for r in world.rows if r.target in vantages)
    return Mesh(vantages=tuple(vantages.values()), trips=trips)


def adjudicate(
    world: World, *, k: int | None, vouched: bool = True
) -> tuple[dict[str, Sequence[str]], dict[str, list[RoundTrip]]]:
    """Locate every target: by the panel of its vantages where `k` is None, else by all vantages with that deficit.

    Without `vouched` whoever the panel hears excludes alone.
    """
    vantages = {row.vantage: world.vantage(row.vantage) for row in world.rows}
    panel, trips = Panel(mesh_of(world, vantages), GEO), world.trips(vantages)
    answers: dict[str, Sequence[str]] = {}
    for target in world.targets:
        if k is not None:
            answers[target] = locate_by_discs(trips[target], GEO, bound=Bound.FIBRE, k=k).feasible
            continue
        spot = world.spots[target]
        heard = panel.heard((spot.lat or 0.0, spot.lon or 0.0), target)
        trips[target] = [t for t in trips[target] if t.vantage.name in heard.names]
        if vouched:
            answers[target] = panel.locate(trips[target], heard).feasible
        else:
            answers[target] = locate_by_discs(trips[target], GEO, bound=Bound.FIBRE, k=1).feasible
    return answers, trips


def references_of(world: World, trips: dict[str, list[RoundTrip]]) -> References:
    """Take the mesh as its own reference, as `locate --rtt` does; a target's fold and its sites never teach it."""
    vantages = {row.vantage: world.vantage(row.vantage) for row in world.rows}
    of = {(v.lat, v.lon): world.spots[name].country for name, v in vantages.items()}
    return References(Panel(mesh_of(world, vantages), GEO), trips, GEO, lambda lat, lon: of[lat, lon])


def by_calibration(
    answers: dict[str, Sequence[str]], trips: dict[str, list[RoundTrip]], made: References, rate: float
) -> tuple[dict[str, Sequence[str]], set[float]]:
    """Cut what physics leaves by the calibrated region at one rate; return the rates stated too."""
    found, rates = dict(answers), set()
    for target, feasible in answers.items():
        itself = target if target in made.panel.mesh.names else None
        region = made.locate(trips[target], itself, rate)
        both = [] if region is None else [code for code in feasible if code in region.feasible]
        if region is not None and both:
            found[target] = both
            rates.add(round(region.rate, 3))
    return found, rates


def peers(world: World) -> None:
    """2/3 c discs and CBG++ with all vantages as they are, each with the target's site left out of its lines."""
    cells = GEO.cells
    units = unit_vectors(np.asarray(cells.lat, float), np.asarray(cells.lon, float))
    code, radius = np.asarray(cells.code), np.asarray(cells.radius_km, float)
    names = sorted({row.vantage for row in world.rows} | set(world.targets))
    index = {name: i for i, name in enumerate(names)}
    at = [world.vantage(name) for name in names]
    points = unit_vectors(np.array([v.lat for v in at], float), np.array([v.lon for v in at], float))
    apart, to_cells = distances_km(points, points), distances_km(points, units)
    rtt = np.full(apart.shape, np.inf)
    for row in world.rows:
        a, b = index[row.vantage], index[row.target]
        rtt[a, b] = min(rtt[a, b], row.rtt_ms)
    discs, tight, cbg = {}, {}, {}
    for target in world.targets:
        t = index[target]
        from_ = np.flatnonzero(np.isfinite(rtt[:, t]))
        times = rtt[from_, t]
        reach = times[:, None] * KM_PER_MS[Bound.FIBRE] + radius + 25
        discs[target] = [CODES[c] for c in np.unique(code[(to_cells[from_] <= reach).all(axis=0)])]
        bare = times[:, None] * KM_PER_MS[Bound.FIBRE] + 25
        tight[target] = [CODES[c] for c in np.unique(code[(to_cells[from_] <= bare).all(axis=0)])]
        lines = np.empty((len(from_), 2))
        for n, v in enumerate(from_):
            pairs = np.isfinite(rtt[v]) & (apart[t] >= SITE_KM)
            lines[n] = bestline(apart[v, pairs], rtt[v, pairs])
        cbg[target] = [CODES[c] for c in np.unique(code[cbg_cells(to_cells[from_], radius, times, lines)])]
    table("peer: 2/3 c discs, all vantages", world, discs)
    table("the same, land as points (unsound): the most", world, tight)
    table("peer: CBG++", world, cbg)


def moved(world: World, share: float, seed: int) -> World:
    """State for a share of the vantages the position of another, at least 500 km away."""
    pick = np.random.default_rng(seed)
    names = sorted({row.vantage for row in world.rows})
    stated = {}
    for name in pick.choice(names, round(share * len(names)), replace=False):
        here = world.spots[name]
        others = [
            s
            for s in (world.spots[n] for n in names)
            if great_circle_km(here.lat or 0, here.lon or 0, s.lat or 0, s.lon or 0) > 500
        ]
        other = others[int(pick.integers(len(others)))]
        stated[str(name)] = (other.lat or 0.0, other.lon or 0.0)
    return World(world.spots, world.rows, stated)


def refuted_rows(world: World) -> None:
    """Count the rows whose true target lies outside the disc, its ± km included."""
    for bound in Bound:
        wrong = 0
        for row in world.rows:
            trip = RoundTrip(vantage=world.vantage(row.vantage), rtt_ms=row.rtt_ms, resolution_ms=0.0)
            wrong += not survivors([trip], [world.spots[row.target]], bound=bound)[0].survives
        print(f"rows {len(world.rows)}, bound {bound}: true places refuted {wrong}")


def azure(world: World) -> None:
    """Claim every region as every other, by finite hypotheses."""
    vantages = {row.vantage: world.vantage(row.vantage) for row in world.rows}
    trips = world.trips(vantages)
    names = world.targets
    for bound in Bound:
        true = false = pairs = alone = 0
        for target in names:
            given = [
                RoundTrip(vantage=t.vantage, rtt_ms=t.rtt_ms, resolution_ms=0.5) for t in trips[target]
            ]  # whole milliseconds, rounded
            answer = survivors(given, [world.spots[n] for n in names], bound=bound, k=1)
            lives = {name for name, each in zip(names, answer, strict=True) if each.survives}
            true += target not in lives
            apart = [n for n in names if n != target and not at_site(world, target)(n)]
            pairs += len(apart)
            false += sum(n not in lives for n in apart)
            alone += not (lives - {n for n in names if at_site(world, target)(n)})
        share = f"{false}/{pairs} false regions refuted ({false / pairs:.1%})"
        print(f"Azure, {bound}: {share}, true ones {true}, alone {alone}/{len(names)}")


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--calibrated-seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--moved-only", action="store_true")
    parser.add_argument("--rates", type=float, nargs="*", default=[0.0125, 0.025, 0.05])
    options = parser.parse_args()
    shared = Path(os.environ["RESIDENCY_SHARED"])
    mesh, matrix = read_world(shared, "anchor_mesh_2018.csv"), read_world(shared, "azure_matrix.csv")
    if not options.moved_only:
        still(mesh, matrix, options.rates)
    for share in (0.03, 0.10):
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            shifted(mesh, share, seed, options.rates if seed < options.calibrated_seeds else [])
    speed(mesh)


def still(mesh: World, matrix: World, rates: Sequence[float]) -> None:
    """Every vantage is where it says."""
    speed(mesh)
    refuted_rows(mesh)
    refuted_rows(matrix)
    azure(matrix)
    print("\n| method: EEA honest consistent, false violated, wrong | 2018 | today | own country confirmed, accused |")
    peers(mesh)
    answers, trips = adjudicate(mesh, k=None)
    table("physics: sanitised, k = 1", mesh, adjudicate(mesh, k=None, vouched=False)[0])
    table("physics: and vouched for", mesh, answers)
    table("physics: all vantages, k = 2", mesh, adjudicate(mesh, k=2)[0])
    made = references_of(mesh, trips)
    for rate in rates:
        cut, stated = by_calibration(answers, trips, made, rate)
        table(f"  and calibrated at {span(stated)}", mesh, cut)
    proved, given = other_vantages(mesh, made.panel)
    table(f"{len(proved)} vantages that are no targets: by proof", mesh, proved)
    for rate in rates:
        cut, stated = by_calibration(proved, given, made, rate)
        table(f"  and calibrated at {span(stated)}", mesh, cut)


def span(rates: set[float]) -> str:
    """The least and the largest of the rates stated."""
    return f"{min(rates)} to {max(rates)}" if rates else "no rate"


def other_vantages(world: World, panel: Panel) -> tuple[dict[str, Sequence[str]], dict[str, list[RoundTrip]]]:
    """Locate the vantages that are no targets, by the times that they took to those that are: read backwards."""
    vantages, targets = {row.vantage: world.vantage(row.vantage) for row in world.rows}, set(world.targets)
    trips: dict[str, list[RoundTrip]] = {name: [] for name in sorted(vantages.keys() - targets)}
    for row in world.rows:
        if row.vantage in trips and row.target in vantages:
            trips[row.vantage].append(RoundTrip(vantage=vantages[row.target], rtt_ms=row.rtt_ms))
    answers: dict[str, Sequence[str]] = {}
    for name in trips:
        heard = panel.heard(panel.position(name), name)
        trips[name] = [t for t in trips[name] if t.vantage.name in heard.names]
        answers[name] = panel.locate(trips[name], heard).feasible
    return answers, trips


def mesh_trips(world: World) -> dict[str, list[RoundTrip]]:
    """The round trips of each target, as stated."""
    return world.trips({row.vantage: world.vantage(row.vantage) for row in world.rows})


def shifted(mesh: World, share: float, seed: int, rates: Sequence[float]) -> None:
    """A share of the vantages states another position."""
    world = moved(mesh, share, seed)
    answers, trips = adjudicate(world, k=None)
    told = frozenset(world.stated)
    known = {t: [trip for trip in of if trip.vantage.name not in told] for t, of in mesh_trips(mesh).items()}
    oracle = {t: locate_by_discs(of, GEO, bound=Bound.FIBRE, k=1).feasible for t, of in known.items()}
    table(f"{share:.0%} moved, seed {seed}: liars told by an oracle", mesh, oracle)
    table(f"{share:.0%} moved, seed {seed}: sanitised, k = 1", mesh, adjudicate(world, k=None, vouched=False)[0])
    table(f"{share:.0%} moved, seed {seed}: and vouched for", mesh, answers)
    made = references_of(world, trips) if rates else None
    for rate in rates:
        if made is not None:
            table(f"  and calibrated at {rate}", mesh, by_calibration(answers, trips, made, rate)[0])


def speed(world: World) -> None:
    """Time one target with 200 vantages: by its discs alone, and by a panel that has seen its vantages before."""
    vantages = {row.vantage: world.vantage(row.vantage) for row in world.rows}
    trips, panel = world.trips(vantages), Panel(mesh_of(world, vantages), GEO)
    heard = panel.heard()
    timed("discs", lambda given: locate_by_discs(given, GEO, bound=Bound.FIBRE, k=1), trips)
    timed("panel", lambda given: panel.locate(given, heard), trips)


def timed(name: str, locate: Callable[[list[RoundTrip]], object], trips: dict[str, list[RoundTrip]]) -> None:
    """Print the time for a target: the processor's, since a busy machine makes the clock's say little."""
    for given in trips.values():
        locate(given[:200])
    taken = []
    for given in trips.values():
        start = time.process_time()
        locate(given[:200])
        taken.append((time.process_time() - start) * 1e3)
    middle, mean = np.median(taken), np.mean(taken)
    print(f"one target, 200 vantages, {name}: median {middle:.1f} ms, mean {mean:.1f} ms, worst {max(taken):.1f} ms")


if __name__ == "__main__":
    main()
