"""Statistical regions with a stated error rate, learned on targets of known place: the tier between proof and guess.

How much slower than light in glass a time is (its inflation) depends on distance: the model is the density of log
inflation by distance, with an offset for each vantage. Each country has a shortfall: how much less likely than the best
place its best place makes the lowest times of vantages far from each other. Its unit grows with the root of the least
time: the model errs by much for the few targets that are far from all vantages, and would otherwise be as careful with
all the others. What makes it sound is not the model but conformal prediction: a country is kept while its shortfall is
no larger than the k-th largest that known targets had in their own countries. A new target like the known ones is then
missed at a rate of k / (n + 1), whatever the model is worth. One set of targets serves to learn and to judge, in folds:
that rate is what holds in practice, and what is proved for folds is twice that (Barber et al.,
"Predictive inference with the jackknife+", 2021). "Like the known ones" is the one assumption: a target behind a
tunnel, or on a continent without known targets, is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.coverage import Geography, Grid, cells_in_all, grid_of
from residency.evaluate.independence import INDEPENDENT_KM
from residency.evaluate.inflation import Inflation, learn_inflation, log_likelihood, pairs_of
from residency.evaluate.physics import Bound, Discs, RoundTrip, discs_of
from residency.evaluate.sphere import Floats, distances_km, unit_vectors

TRIPS_USED = 8
LONG_MS = 20.0  # the least time from which on the unit of shortfall grows no more
LEAST_KNOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A target of known place: its position, the code of the country that holds it, and its round trips."""

    lat: float
    lon: float
    code: str
    trips: tuple[RoundTrip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A model of inflation and the shortfalls that known targets had in their own countries, largest first."""

    model: Inflation
    shortfalls: tuple[float, ...]

    def rank_at(self, rate: float) -> int:
        """Return how many of the largest shortfalls a rate gives up; 0 where the rate cannot be met."""
        return int(rate * (len(self.shortfalls) + 1) + 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedRegion:
    """The codes that are left at the stated error `rate`, learned on `known` targets; () states nothing."""

    feasible: tuple[str, ...]
    rate: float
    known: int


def calibrate(known: Sequence[Known], geography: Geography, *, folds: int | None = None) -> Calibration:
    """Learn a calibration; each target is judged by a model that never saw its fold (of one target, by default).

    Leave out beforehand the target in question, everything at its site, and vantages that sanitation refused. Folds
    are cut in the order of position, so that targets of one site mostly share one.
    """
    ordered = sorted(known, key=lambda k: (round(k.lat, 1), round(k.lon, 1), k.code))
    grid, codes = grid_of(geography), np.array([code[:2] for code in geography.codes])
    pairs = pairs_of([_columns(k) for k in ordered])
    fold = np.arange(len(ordered)) * min(folds or len(ordered), len(ordered)) // max(1, len(ordered))
    shortfalls: list[float] = []
    for number in np.unique(fold):
        model = learn_inflation(pairs, fold != number)
        shortfalls += [_shortfall_at_home(ordered[i], model, grid, codes) for i in np.flatnonzero(fold == number)]
    whole = learn_inflation(pairs, np.ones(len(ordered), bool))
    return Calibration(model=whole, shortfalls=tuple(sorted(shortfalls, reverse=True)))


def locate_by_calibration(
    trips: Sequence[RoundTrip], calibration: Calibration, geography: Geography, *, rate: float
) -> CalibratedRegion:
    """Return the codes that a target's times leave at an error rate of at most `rate`.

    Where too few targets are known for the rate (fewer than 1 / rate - 1, or fewer than 20), or no trip is given,
    nothing is stated: `feasible` is (), which never means "nowhere". Cut the answer with `locate_by_discs`: what
    physics excludes is excluded here too.
    """
    rank, known = calibration.rank_at(rate), len(calibration.shortfalls)
    stated = CalibratedRegion(feasible=(), rate=rank / (known + 1), known=known)
    if rank < 1 or known < LEAST_KNOWN or not trips:
        return stated
    grid = grid_of(geography)
    cells, gaps = _gaps(trips, calibration.model, grid)
    kept = np.unique(grid.code[cells[gaps <= calibration.shortfalls[rank - 1]]])
    return CalibratedRegion(feasible=tuple(geography.codes[i] for i in kept), rate=stated.rate, known=known)


def _columns(known: Known) -> tuple[tuple[str, ...], Floats, Floats]:
    """Return the vantages' names, their distances to the known place and the times of one target."""
    here = unit_vectors(np.array([known.lat], float), np.array([known.lon], float))
    lat = np.array([t.vantage.lat for t in known.trips], float)
    lon = np.array([t.vantage.lon for t in known.trips], float)
    rtt_ms = np.array([t.rtt_ms for t in known.trips], float)
    return tuple(t.vantage.name for t in known.trips), distances_km(unit_vectors(lat, lon), here)[:, 0], rtt_ms


def _shortfall_at_home(known: Known, model: Inflation, grid: Grid, codes: NDArray[np.str_]) -> float:
    """Return how much less likely than the best place the best one of the target's own country is."""
    cells, gaps = _gaps(known.trips, model, grid)
    return float(gaps[codes[grid.code[cells]] == known.code[:2]].min(initial=np.inf))


def _gaps(trips: Sequence[RoundTrip], model: Inflation, grid: Grid) -> tuple[NDArray[np.int64], Floats]:
    """Return the cells that the discs leave, and how much less likely than the best each makes the times, in units."""
    discs = discs_of(trips, Bound.FIBRE)
    lowest = _lowest_apart(discs)
    cells = cells_in_all(discs.units, discs.radii_km, grid)
    if not len(cells):
        return cells, np.zeros(0)
    chosen = [discs.trips[i] for i in lowest]
    apart = distances_km(discs.units[lowest], grid.units[cells])
    times = np.array([t.rtt_ms for t in chosen], float)
    likely = log_likelihood(model, tuple(t.vantage.name for t in chosen), apart, times)
    return cells, (likely.max() - likely) / np.sqrt(min(times.min(), LONG_MS))


def _lowest_apart(discs: Discs) -> NDArray[np.int64]:
    """Return the smallest discs whose vantages stand apart: those of one city share the path, and say a thing once."""
    order = np.argsort(discs.radii_km, kind="stable")
    near = distances_km(discs.units, discs.units) <= INDEPENDENT_KM
    chosen: list[int] = []
    for i in order.tolist():
        if not near[i, chosen].any():
            chosen.append(i)
        if len(chosen) == TRIPS_USED:
            break
    return np.array(chosen, np.int64)
