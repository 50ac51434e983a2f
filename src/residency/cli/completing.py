"""What a shell offers for the value of an option or argument. It leaves files to the shell, which knows them.

Each function takes what was typed so far and returns the words that begin with it. Nothing is read from the network.
"""

from __future__ import annotations

from collections.abc import Iterable


def packs(incomplete: str) -> list[str]:
    """Return the shipped packs."""
    from residency.claims import shipped_packs

    return _beginning(incomplete, shipped_packs())


def report_forms(incomplete: str) -> list[str]:
    """Return the forms of a report."""
    from residency.report.formats import FORMATS

    return _beginning(incomplete, FORMATS)


def areas(incomplete: str) -> list[str]:
    """Return the sets of places and the countries."""
    from residency.sources.gazetteer import shipped_gazetteer

    gazetteer = shipped_gazetteer()
    return _beginning(incomplete, (*gazetteer.set_names, *gazetteer.countries))


def site_names(incomplete: str) -> list[str]:
    """Return the sites and provider regions."""
    from residency.sources.gazetteer import shipped_gazetteer

    gazetteer = shipped_gazetteer()
    names = [f"site:{key}" for key in gazetteer.sites] + [f"provider:{key}" for key in gazetteer.regions]
    return _beginning(incomplete, names)


def assurances(incomplete: str) -> list[str]:
    """Return the assurances that can be a floor."""
    from residency.auditing.options import FLOORS

    return _beginning(incomplete, FLOORS)


def input_formats(incomplete: str) -> list[str]:
    """Return the formats of traffic."""
    from residency.auditing import reading

    return _beginning(incomplete, reading.FORMATS)


def time_units(incomplete: str) -> list[str]:
    """Return the units of numeric times."""
    from residency.auditing import reading

    return _beginning(incomplete, reading.TIME_UNITS)


def providers(incomplete: str) -> list[str]:
    """Return the providers whose lists `data update` fetches, and the registries."""
    from residency.sources.update import PUBLISHED

    return _beginning(incomplete, sorted({"rdap", *(item.provider for item in PUBLISHED)}))


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
