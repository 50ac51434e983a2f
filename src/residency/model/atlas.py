"""What a map needs beside a report: outlines of land, a point for each country, and the gazetteer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from residency.model.borders import Rings
from residency.model.place import Gazetteer, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """Outlines by code (`rings.owner` is a position in `codes`), and where a country's label stands, in degrees.

    A code is an ISO 3166-1 country, or a part such as `ES-CN` whose land its country's rings then leave out.
    """

    gazetteer: Gazetteer
    codes: tuple[str, ...]
    rings: Rings
    labels: Mapping[str, tuple[float, float]]  # country -> (lat, lon)

    @property
    def places(self) -> tuple[Place, ...]:
        """The place that each code stands for."""
        return tuple(Place(code[:2], part=code if "-" in code else None) for code in self.codes)

    def name(self, country: str) -> str:
        """Return the country's name, or its code where it is not known."""
        return self.gazetteer.countries.get(country, country)

    def position(self, country: str, site: str | None = None) -> tuple[float, float] | None:
        """Return (lat, lon) of a site or provider region as a report names it, else of the country's label."""
        kind, _, key = (site or "").partition(":")
        place = Place(country, site=key) if kind == "site" else Place(country, provider_region=key)
        spot = self.gazetteer.spot(place) if site else None
        if spot is not None and spot.lat is not None and spot.lon is not None:
            return spot.lat, spot.lon
        return self.labels.get(country)

    def city(self, site: str) -> str:
        """Return the city of a site or provider region as a report names it, or its own name."""
        kind, _, key = site.partition(":")
        if kind == "site" and key in self.gazetteer.sites:
            return self.gazetteer.sites[key].city or key
        if kind == "provider" and key in self.gazetteer.regions:
            return self.gazetteer.regions[key].spot.city or key
        return key or site
