"""Hold the shipped outlines against the unsimplified ones, by other arithmetic: another ray, and geographiclib.

    python bench/geometry_truth.py --work FOLDER                          # 100,000 cases of each law (minutes)
    python bench/geometry_truth.py --work FOLDER --cases 3000 --write tests/model/land_truth.csv

FOLDER keeps the fetched package of outlines. Each law must hold in every case:
1. a point inside the land of a country is at no distance from it, and in one of its cells;
2. `nearest_bounds` holds the geodesic to the nearest of points a kilometre apart on the unsimplified outline;
3. `farthest_km` is at least the geodesic to the farthest of them.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data" / "build"))

from borders import read_land
from residency.model.borders import unit_vectors
from residency.model.ellipsoid import LOW
from residency.model.geography import Geography
from residency.model.place import EARTH_RADIUS_KM
from residency.sources.borders import shipped_geography

Floats = NDArray[np.float64]
SPACING_KM = 1.0
CODES_PER_POINT = 5
NEAR_LINE_DEGREES = 0.03
GEODESICS = 6


class Land:
    """The unsimplified land of one code: its edges, and points along them."""

    def __init__(self, rings: list[Floats]) -> None:
        self.first = np.concatenate([ring[:-1] for ring in rings])
        self.second = np.concatenate([ring[1:] for ring in rings])
        step = (self.second - self.first) * np.column_stack([np.cos(np.radians(self.first[:, 1])), np.ones(len(self))])
        counts = np.ceil(np.hypot(step[:, 0], step[:, 1]) * 111.3 / SPACING_KM).astype(np.int64) + 1
        which = np.repeat(np.arange(len(self)), counts)
        place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        part = (place / counts[which])[:, None]
        self.points = self.first[which] * (1 - part) + self.second[which] * part
        self.vectors = unit_vectors(self.points[:, 1], self.points[:, 0])

    def __len__(self) -> int:
        return len(self.first)

    def holds(self, lat: float, lon: float) -> bool:
        """Count the edges east of the point; an outline may lie a turn away."""
        x0, y0, x1, y1 = self.first[:, 0], self.first[:, 1], self.second[:, 0], self.second[:, 1]
        crosses = np.flatnonzero((y0 > lat) != (y1 > lat))
        at = x0[crosses] + (lat - y0[crosses]) * (x1 - x0)[crosses] / (y1 - y0)[crosses]
        return any(int(np.count_nonzero(at > lon + turn)) % 2 for turn in (-360, 0, 360))

    def sample(self, dice: random.Random) -> tuple[float, float] | None:
        """Return a point inside: every second one close to a line; None where the attempts fail."""
        west, south = self.first.min(axis=0)
        east, north = self.first.max(axis=0)
        for attempt in range(200):
            if attempt % 2:
                lon, lat = dice.uniform(west, east), dice.uniform(south, north)
            else:
                lon, lat = (float(v) + dice.gauss(0, NEAR_LINE_DEGREES) for v in self.points[self._pick(dice)])
            if abs(lat) < 90 and self.holds(lat, lon):
                return lat, (lon + 180) % 360 - 180
        return None

    def _pick(self, dice: random.Random) -> int:
        return dice.randrange(len(self.points))


def inside_points(lands: dict[str, Land], cases: int, dice: random.Random) -> Iterator[tuple[str, float, float]]:
    """Yield points inside the land of each code in turn. Antarctica goes round the pole: no ray east can tell."""
    codes = [code for code in lands if code != "AQ"]
    for number in range(cases):
        code = codes[number % len(codes)]
        if found := lands[code].sample(dice):
            yield code, *found


def check_inside(geography: Geography, points: list[tuple[str, float, float]]) -> None:
    """Law 1."""
    index = {code: number for number, code in enumerate(geography.codes)}
    cells = {code: geography.cells[geography.cells.code == number] for code, number in index.items()}
    far, bare, not_held = 0, 0, 0
    for code, lat, lon in points:
        far += geography.nearest_km(lat, lon)[index[code]] > 0
        bare += cells[code].nearest_km(lat, lon).min() > 0
        not_held += code not in geography.holds(lat, lon)
    print(f"{len(points):,} points inside a country: {far} at a distance from it, {bare} outside its cells")
    print(f"    ({not_held:,} of them beyond the simplified line, within the slack)")


def geodesic() -> Callable[[float, float, float, float], float]:
    """Return the exact distance on WGS 84, in km."""
    from geographiclib.geodesic import Geodesic

    earth: Any = Geodesic.WGS84
    return lambda a, b, c, d: float(earth.Inverse(a, b, c, d, Geodesic.DISTANCE)["s12"]) / 1000


def check_distances(geography: Geography, lands: dict[str, Land], cases: int, dice: random.Random) -> None:
    """Laws 2 and 3."""
    exact = geodesic()
    wrong_low = wrong_high = wrong_far = 0
    gaps: list[float] = []
    for _ in range(cases // CODES_PER_POINT):
        lat, lon = np.degrees(np.arcsin(dice.uniform(-1, 1))), dice.uniform(-180, 180)
        if dice.random() < 0.5:
            place = lands[dice.choice(geography.codes)].points
            lon, lat = place[dice.randrange(len(place))] + [dice.gauss(0, 3), dice.gauss(0, 2)]
            lat = float(np.clip(lat, -90, 90))
        bounds, farthest = geography.nearest_bounds(lat, lon), geography.farthest_km(lat, lon)
        for number in dice.sample(range(len(geography.codes)), CODES_PER_POINT):
            land = lands[geography.codes[number]]
            cosine = land.vectors @ unit_vectors(lat, lon)
            far = exact(lat, lon, *land.points[int(cosine.argmin())][::-1])
            wrong_far += farthest[number] < far
            if bounds.low_km[number] == 0:
                continue
            near = min(exact(lat, lon, *land.points[k][::-1]) for k in _nearest(cosine))
            wrong_low += bounds.low_km[number] > near - SPACING_KM / 2
            wrong_high += bounds.high_km[number] < near
            gaps.append(near - float(bounds.low_km[number]))
    print(f"{cases:,} distances to a country, {len(gaps):,} of them not 0")
    print(f"    lower bounds above the truth: {wrong_low} (the closest is {min(gaps):.1f} km below it)")
    print(f"    upper bounds below the truth: {wrong_high} of the nearest, {wrong_far} of the farthest land")


def _nearest(cosine: Floats) -> list[int]:
    """Return the nearest point on the sphere, and some that may be nearer on the ellipsoid."""
    best = int(cosine.argmax())
    limit = np.cos(min(np.arccos(np.clip(cosine[best], -1, 1)) * 1.0102 / LOW + 1 / EARTH_RADIUS_KM, np.pi))
    others = np.flatnonzero(cosine >= limit)
    return [best, *others[:: max(1, len(others) // GEODESICS)].tolist()]


def main() -> None:
    """Check the laws, or write a sample of points for the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the fetched package (kept, reused)")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="write the points inside to a CSV file instead of checking")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    dice = random.Random(options.seed)
    lands = {code: Land(rings) for code, rings in read_land(options.work, tolerance_km=0.0).items()}
    points = list(inside_points(lands, options.cases, dice))
    if options.write:
        with options.write.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("code", "lat", "lon"))
            writer.writerows((code, f"{lat:.4f}", f"{lon:.4f}") for code, lat, lon in points)
        return
    geography = shipped_geography()
    check_inside(geography, points)
    check_distances(geography, lands, options.cases, dice)


if __name__ == "__main__":
    main()
