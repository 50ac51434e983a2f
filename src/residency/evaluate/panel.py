"""A panel of vantages that measured each other: who of them is heard on a target, and what their times leave of it.

1. What stands at the target's site is left out of the mesh. 2. Of the rest, those that light convicts go (`mesh`), and
those with times to fewer than three others, which were never tested. 3. A vantage at the target's site is heard too
where it contradicts none of these; the target itself is not. 4. Who alone excludes a place must be vouched for by its
own times (`whereabouts`), and so must the two who do together; what three say stands.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from residency.evaluate.coverage import Geography
from residency.evaluate.mesh import Bits, Mesh, columns_of
from residency.evaluate.physics import Bound, Region, RoundTrip, locate_by_vouched
from residency.evaluate.whereabouts import Whereabouts

SITE_KM = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Who is heard on one target: by name, and those that test them, as a mask over the mesh."""

    names: frozenset[str]
    testers: Bits


class Panel:
    """A mesh and a geography, asked about many targets; what depends on the site alone is kept."""

    def __init__(self, mesh: Mesh, geography: Geography) -> None:
        self.mesh = columns_of(mesh)
        self._positions = {v.name: (v.lat, v.lon) for v in mesh.vantages}
        self._geography = geography
        self._heard: dict[bytes, Heard] = {}
        self._vouched: dict[bytes, dict[str, bool]] = {}

    def position(self, name: str) -> tuple[float, float]:
        """Return where a vantage of the mesh says it stands: latitude and longitude."""
        return self._positions[name]

    def heard(self, at: tuple[float, float] | None = None, itself: str | None = None) -> Heard:
        """Say who is heard on a target; `at` is its position and `itself` its name where it is in the mesh."""
        mesh = self.mesh
        far = mesh.everyone if at is None else ~mesh.near(*at, SITE_KM)
        key = far.tobytes()
        if key not in self._heard:
            kept = mesh.sanitised(far) & mesh.connected(far)
            near = ~far & mesh.admitted(kept) & mesh.connected(kept)
            self._heard[key] = Heard(names=mesh.names_of(kept | near), testers=kept)
        found = self._heard[key]
        return Heard(names=found.names - {itself}, testers=found.testers) if itself in found.names else found

    def locate(self, trips: Sequence[RoundTrip], heard: Heard) -> Region:
        """Return what the times of those heard leave of a target."""
        given = [trip for trip in trips if trip.vantage.name in heard.names]

        def vouched(asked: Set[str]) -> Set[str]:
            known = self._vouched.setdefault(heard.testers.tobytes(), {})
            unknown = asked - known.keys()
            if unknown:
                found = self._whereabouts.vouched(unknown, heard.testers)
                known |= {name: name in found for name in unknown}
            return {name for name in asked if known[name]}

        return locate_by_vouched(given, self._geography, bound=Bound.FIBRE, vouched=vouched)

    @cached_property
    def _whereabouts(self) -> Whereabouts:
        return Whereabouts(self.mesh, self._geography)
