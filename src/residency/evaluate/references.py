"""A panel as its own reference: its vantages are targets of known place, and teach what a calibrated region needs.

Each vantage that light does not convict, with times from enough of the others, is a known target. They are cut into
folds by position. A target that stands in the mesh is answered by a calibration that never saw its fold: neither the
known targets of it, nor what stands at one of their sites, as target or as vantage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from residency.evaluate.calibrated import (
    LEAST_KNOWN,
    TRIPS_USED,
    CalibratedRegion,
    Calibration,
    Known,
    calibrate,
    locate_by_calibration,
)
from residency.evaluate.coverage import Geography
from residency.evaluate.mesh import Bits
from residency.evaluate.panel import SITE_KM, Panel
from residency.evaluate.physics import RoundTrip

FOLDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A vantage of the mesh as a known target: its name and what is known of it."""

    name: str
    known: Known


class References:
    """The known targets of a panel, and the calibrations learned on them, each when it is first asked for."""

    def __init__(
        self,
        panel: Panel,
        trips: Mapping[str, Sequence[RoundTrip]],
        geography: Geography,
        code_at: Callable[[float, float], str],
    ) -> None:
        """Take the round trips to each vantage by its name; `code_at` names the country that holds a position."""
        self.panel, self._geography = panel, geography
        heard = panel.heard().names
        found = []
        for name in sorted(heard & set(trips)):
            lat, lon = panel.position(name)
            given = tuple(t for t in trips[name] if t.vantage.name in heard and t.vantage.name != name)
            if len(given) >= TRIPS_USED:
                found.append(Reference(name=name, known=Known(lat=lat, lon=lon, code=code_at(lat, lon), trips=given)))
        found.sort(key=lambda r: (round(r.known.lat, 1), round(r.known.lon, 1), r.name))
        self._references = tuple(found)
        self._fold = {r.name: i * FOLDS // len(found) for i, r in enumerate(found)}
        self._made: dict[int | None, Calibration | None] = {}

    def __len__(self) -> int:
        return len(self._references)

    def locate(self, trips: Sequence[RoundTrip], itself: str | None, rate: float) -> CalibratedRegion | None:
        """Return what the times leave at an error rate, or None where too few targets are known to state it.

        `itself` is the name of a target that is a vantage of the mesh.
        """
        made = self._calibration(itself)
        found = None if made is None else locate_by_calibration(trips, made, self._geography, rate=rate)
        return found if found is not None and found.feasible else None

    def _calibration(self, itself: str | None) -> Calibration | None:
        """Return the calibration without the fold of a target, or without its site where it is in the mesh alone."""
        fold = self._fold.get(itself) if itself is not None else None
        key = fold if fold is not None or itself is None else -1 - self.panel.mesh.names.index(itself)
        if key not in self._made:
            gone = [r.name for r in self._references if self._fold[r.name] == fold] if fold is not None else [itself]
            self._made[key] = self._calibrated_without([name for name in gone if name is not None])
        return self._made[key]

    def _calibrated_without(self, gone: Sequence[str]) -> Calibration | None:
        left_out: Bits = ~self.panel.mesh.everyone
        for name in gone:
            left_out = left_out | self.panel.mesh.near(*self.panel.position(name), SITE_KM)
        names = self.panel.mesh.names_of(left_out)
        known = []
        for reference in self._references:
            trips = tuple(t for t in reference.known.trips if t.vantage.name not in names)
            if reference.name not in names and len(trips) >= TRIPS_USED:
                one = reference.known
                known.append(Known(lat=one.lat, lon=one.lon, code=one.code, trips=trips))
        return calibrate(known, self._geography, folds=FOLDS) if len(known) >= LEAST_KNOWN else None
