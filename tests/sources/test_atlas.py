"""The shipped atlas: a name, a point and land for every country, and sites where they are known to stand."""

from __future__ import annotations

from residency.sources.atlas import shipped_atlas


def test_every_country_has_a_name_and_a_label_on_earth() -> None:
    atlas = shipped_atlas()
    assert set(atlas.gazetteer.countries) == set(atlas.labels)
    assert all(-90 <= lat <= 90 and -180 <= lon <= 180 for lat, lon in atlas.labels.values())
    assert set(atlas.labels) <= {code[:2] for code in atlas.codes}
    assert [str(place) for place in atlas.places if place.country == "ES"] == [
        *("ES", "ES (ES-CE)", "ES (ES-CN)", "ES (ES-ML)")
    ]


def test_names_and_positions_of_what_is_known_and_of_what_is_not() -> None:
    atlas = shipped_atlas()
    assert atlas.position("IE") == atlas.labels["IE"]
    assert atlas.position("US", "provider:aws/us-east-1") not in (None, atlas.labels["US"])
    assert atlas.position("NO", "site:tiktok/hamar") not in (None, atlas.labels["NO"])
    assert atlas.position("IE", "provider:nobody/nowhere") == atlas.labels["IE"]
    assert atlas.position("XX") is None
    assert (atlas.name("IE"), atlas.name("XX")) == ("Ireland", "XX")
    assert atlas.city("provider:gcp/us-east4") == "Ashburn"
    assert atlas.city("site:nobody/nowhere") == "nobody/nowhere"
