"""How much slower than light in glass real round trips are: densities of log inflation by distance.

Learned on pairs of known places. Densities have a floor, so that no single odd time can outweigh all the others, and
each vantage an offset (its access line, its network's detours), drawn towards zero where it has few pairs. This may
rank places; it never refutes one on its own (`calibrated` turns ranks into a region with a stated rate).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from residency.evaluate.physics import KM_PER_MS, Bound
from residency.evaluate.sphere import Floats

_LEAST_KM = 25.0  # positions are known to about this much: nearer, inflation means nothing
_EDGES_KM = np.array([0.0, 60, 150, 300, 600, 1000, 1700, 3000, 5000, 8000, 21_000])
_STEPS = np.linspace(-0.2, 5.0, 261)  # log inflation
_WIDTH_STEPS = 4.0  # of the smoothing kernel
_FLOOR = 0.02
_SHRINK_PAIRS = 5
Row = tuple[tuple[str, ...], Floats, Floats]  # vantages' names, distances in km, times in ms


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of a vantage and a known target in columns; `row` says which target."""

    names: tuple[str, ...]
    vantage: NDArray[np.int64]
    row: NDArray[np.int64]
    distance_bin: NDArray[np.int64]
    log_inflation: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inflation:
    """Log densities (distance bin, step of log inflation) and the offset of each vantage by name."""

    log_density: Floats
    offsets: Mapping[str, float]


def pairs_of(rows: Sequence[Row], names: Sequence[str] | None = None) -> Pairs:
    """Put the rows of known targets into columns; `names` are those of the vantages in the order wanted."""
    names = sorted({name for row in rows for name in row[0]}) if names is None else names
    number = {name: i for i, name in enumerate(names)}
    apart = np.concatenate([np.zeros(0), *(row[1] for row in rows)])
    rtt_ms = np.concatenate([np.zeros(0), *(row[2] for row in rows)])
    return Pairs(
        names=tuple(names),
        vantage=np.array([number[name] for row in rows for name in row[0]], np.int64),
        row=np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows]).astype(np.int64),
        distance_bin=np.clip(np.digitize(apart, _EDGES_KM) - 1, 0, len(_EDGES_KM) - 2).astype(np.int64),
        log_inflation=_log_inflation(apart, rtt_ms),
    )


def learn_inflation(pairs: Pairs, keep: NDArray[np.bool_], vantages: NDArray[np.bool_] | None = None) -> Inflation:
    """Learn from the rows that `keep` says, and of them from `vantages` (a mask over `names`; all where None).

    Where a distance has no pairs, every inflation is equally likely.
    """
    used = keep[pairs.row] if vantages is None else keep[pairs.row] & vantages[pairs.vantage]
    vantage, distance_bin = pairs.vantage[used], pairs.distance_bin[used]
    offsets = _offsets(pairs, used)
    step = _step_of(pairs.log_inflation[used] - offsets[vantage])
    shape = (len(_EDGES_KM) - 1, len(_STEPS) - 1)
    counts = np.bincount(distance_bin * shape[1] + step, minlength=shape[0] * shape[1]).reshape(shape)
    smooth = counts @ _kernel()
    total = smooth.sum(axis=1, keepdims=True) * (_STEPS[1] - _STEPS[0])
    density = np.divide(smooth, total, out=np.zeros_like(smooth), where=total > 0)
    return Inflation(
        log_density=np.log(np.maximum(density, _FLOOR)),
        offsets=dict(zip(pairs.names, offsets.tolist(), strict=True)),
    )


class Likelihoods:
    """How likely times are, for `apart_km` (vantages, places): what depends on the distances alone is kept."""

    def __init__(self, model: Inflation, apart_km: Floats) -> None:
        at = np.log(np.maximum(apart_km, _LEAST_KM))
        middle = np.log((np.maximum(_EDGES_KM[:-1], _LEAST_KM) + _EDGES_KM[1:]) / 2)
        low = np.clip(np.searchsorted(middle, at) - 1, 0, len(middle) - 2)
        self._log_density = model.log_density
        self._at, self._low = at, low
        self._share = np.clip((at - middle[low]) / (middle[low + 1] - middle[low]), 0, 1)

    def sum_over(
        self, rows: NDArray[np.int64], offsets: Floats, rtt_ms: Floats, places: NDArray[np.int64] | None = None
    ) -> Floats:
        """Return (places,): the log likelihood of one time for each of `rows`, up to a constant."""
        chosen = np.ix_(rows, np.arange(self._at.shape[1]) if places is None else places)
        low, share = self._low[chosen], self._share[chosen]
        step = _step_of((np.log(rtt_ms * KM_PER_MS[Bound.FIBRE]) - offsets)[:, None] - self._at[chosen])
        each = (1 - share) * self._log_density[low, step] + share * self._log_density[low + 1, step]
        return np.asarray(each.sum(axis=0))


def log_likelihood(model: Inflation, names: Sequence[str], apart_km: Floats, rtt_ms: Floats) -> Floats:
    """Return (places,): how likely the times are, for `apart_km` (vantages, places), up to a constant."""
    offsets = np.array([model.offsets.get(name, 0.0) for name in names], float)
    return Likelihoods(model, apart_km).sum_over(np.arange(len(names)), offsets, rtt_ms)


def _log_inflation(apart_km: Floats, rtt_ms: Floats) -> Floats:
    return np.asarray(np.log(rtt_ms * KM_PER_MS[Bound.FIBRE] / np.maximum(apart_km, _LEAST_KM)))


def _step_of(log_inflation: Floats) -> NDArray[np.int64]:
    at = (log_inflation - _STEPS[0]) / (_STEPS[1] - _STEPS[0])
    return np.asarray(np.clip(at, 0, len(_STEPS) - 2).astype(np.int64))


def _offsets(pairs: Pairs, used: NDArray[np.bool_]) -> Floats:
    """Return each vantage's mean excess over the median of its distances, drawn to 0 where it has few pairs."""
    vantage, distance_bin, seen = pairs.vantage[used], pairs.distance_bin[used], pairs.log_inflation[used]
    median = np.zeros(len(_EDGES_KM) - 1)
    for number in np.unique(distance_bin):
        median[number] = np.median(seen[distance_bin == number])
    excess = np.clip(seen - median[distance_bin], -1, 1)
    count = np.bincount(vantage, minlength=len(pairs.names))
    return np.asarray(np.bincount(vantage, weights=excess, minlength=len(pairs.names)) / (count + _SHRINK_PAIRS))


@lru_cache(maxsize=1)
def _kernel() -> Floats:
    """Return the matrix that smooths counts over steps with a Gaussian."""
    steps = np.arange(len(_STEPS) - 1)
    return np.asarray(np.exp(-0.5 * ((steps[:, None] - steps[None, :]) / _WIDTH_STEPS) ** 2))
