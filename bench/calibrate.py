"""Measure how often residency's places are wrong, against what providers declare: the error rate that we publish.

Truth is a provider's own declared region (a declaration, not a measurement). Three questions:

1. Databases alone: the embedded ones against a file of declared prefixes (`--truth`, as cloud_truth.parquet), the
   ranges switched off.
2. Lists as evidence: the lists of one day as evidence on the prefixes of a later one, both in the shipped table.
3. End to end: honest synthetic claims, drawn from the truth, audited; how many are called violated.

`python bench/calibrate.py` prints the tables; `--json FILE` writes the figures.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from residency import audit
from residency.evaluate.locate import Weighed, place_in, weigh
from residency.evaluate.single import Question, answer
from residency.model.claim import Activity, Claim, HostRule, Pack
from residency.model.evidence import Assurance, Kind
from residency.model.names import HostPattern
from residency.model.network import Address, Addresses, parse_address
from residency.model.period import midnight
from residency.model.place import Area, Place
from residency.model.verdict import Verdict, Where
from residency.sources.embedded import country_database, origin_networks
from residency.sources.gazetteer import shipped_gazetteer
from residency.sources.interface import Asked, Source
from residency.sources.provider_ranges import embedded_ranges

DAY = date(2026, 10, 26)
EARLIER = date(2026, 6, 5)
CLAIMS_A_PACK = 500
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One prefix and the country that its operator declares it to be in."""

    prefix: str
    provider: str
    country: str

    @property
    def address(self) -> Address:
        """An address inside: the one after the network's own."""
        network = ipaddress.ip_network(self.prefix)
        return parse_address(str(network[min(1, network.num_addresses - 1)]))


def declared_truth(path: Path) -> list[Truth]:
    """Read a table of declared prefixes (columns prefix, provider, country)."""
    import pyarrow.parquet as pq

    rows = pq.ParquetFile(path).read(["prefix", "provider", "country"]).to_pylist()
    return [Truth(prefix=r["prefix"], provider=r["provider"], country=r["country"]) for r in rows if r["country"]]


def listed_truth(day: date) -> list[Truth]:
    """Return the prefixes that the shipped lists place in one country on `day`."""
    found = []
    for source in embedded_ranges():
        rows = [row for row in source.rows() if row.first <= day <= row.last]
        prefixes = [_text_of(row.prefix) for row in rows]
        addresses = [Truth(prefix=prefix, provider="", country="").address for prefix in prefixes]
        said = source.answer(Addresses(addresses), [day] * len(rows))
        for prefix, code in zip(prefixes, said.codes.tolist(), strict=True):
            places = said.statements[code].places if code >= 0 else ()
            countries = {place.country for place in places}
            if len(countries) == 1:
                found.append(Truth(prefix=prefix, provider=source.provider, country=countries.pop()))
    return found


def _text_of(prefix: tuple[int, int, int]) -> str:
    family, first, length = prefix
    kind = ipaddress.IPv4Network if family == 4 else ipaddress.IPv6Network
    return str(kind((first, length)))


def databases() -> list[Source]:
    """Return the embedded databases and kinds of networks, without any list of ranges."""
    return [*(country_database(f) for f in (4, 6)), *(origin_networks(f) for f in (4, 6))]


def evidence_of(truths: Sequence[Truth], sources: Sequence[Source], day: date) -> Iterator[tuple[Truth, Weighed]]:
    """Yield what the sources say of every prefix on `day`, weighed; equal statements are weighed once."""
    addresses = [truth.address for truth in truths]
    asked = Asked(sources, Addresses(addresses), [day] * len(truths))
    known: dict[tuple[object, ...], Weighed] = {}
    for truth, address, codes in zip(truths, addresses, asked.codes, strict=True):
        key = (codes, address.address_class, address.form)
        if key not in known:
            known[key] = weigh(asked.said(codes), address, first=day, last=day)
        yield truth, known[key]


class Counts:
    """How often each assurance said inside, outside or unknown, and how often it was wrong."""

    def __init__(self) -> None:
        self.said: Counter[tuple[str, str, bool]] = Counter()
        self.violating: Counter[bool] = Counter()

    def add(self, where: Where, assurance: Assurance, *, truly_inside: bool, violates: bool) -> None:
        """Count one prefix held against one area."""
        right = where is Where.UNKNOWN or (where is Where.INSIDE) == truly_inside
        self.said[(assurance.value, where.value, right)] += 1
        if violates:
            self.violating[truly_inside] += 1

    @property
    def total(self) -> int:
        """All that were asked."""
        return sum(self.said.values())

    @property
    def decided(self) -> int:
        """Those that were not left unknown."""
        return sum(n for (_, where, _), n in self.said.items() if where != "unknown")

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each assurance and place."""
        keys = sorted({(a, w) for a, w, _ in self.said}, key=lambda k: (-Assurance(k[0]).rank, k[1]))
        return [
            {"assurance": a, "says": w, "prefixes": self.said[(a, w, True)] + self.said[(a, w, False)],
             "wrong": self.said[(a, w, False)]}
            for a, w in keys
        ]  # fmt: skip

    def figures(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "prefixes": self.total,
            "decided": self.decided,
            "false_violating": self.violating[True],
            "true_violating": self.violating[False],
            "rows": self.rows(),
        }


def hold(truths: Sequence[Truth], sources: Sequence[Source], day: date) -> dict[str, Counts]:
    """Hold every prefix against the EEA, its own country, and another country of the same truths."""
    gazetteer, at = shipped_gazetteer(), midnight(day)
    eea = gazetteer.area(("EEA",), at)
    areas = {code: gazetteer.area((code,), at) for code in sorted({t.country for t in truths})}
    others = sorted(areas)
    chance = random.Random(7)
    counts = {"the EEA": Counts(), "its own country": Counts(), "another country": Counts()}
    for truth, weighed in evidence_of(truths, sources, day):
        other = chance.choice([code for code in others if code != truth.country])
        asked = {"the EEA": ("EEA", eea), "its own country": (truth.country, areas[truth.country]),
                 "another country": (other, areas[other])}  # fmt: skip
        for question, (name, area) in asked.items():
            inside = Place(truth.country) in area
            placed = place_in(weighed, area)
            counts[question].add(
                placed.where,
                placed.assurance,
                truly_inside=inside,
                violates=placed.where is Where.OUTSIDE and _violates(name, area, day, truth, weighed),
            )
    return counts


def _violates(name: str, area: Area, day: date, truth: Truth, weighed: Weighed) -> bool:
    question = Question(within=(name,), area=area, day=day)
    return answer(question, truth.address, weighed).verdict is Verdict.VIOLATED


def counting_databases(truths: Sequence[Truth], sources: Sequence[Source], day: date) -> int:
    """Count the prefixes of which a database's statement counts: neither struck nor an echo."""
    return sum(
        any(e.kind is Kind.DATABASE and e.counts and not e.echo for e in weighed.evidence)
        for _, weighed in evidence_of(truths, sources, day)
    )


def plain_database(truths: Sequence[Truth], day: date) -> dict[str, int]:
    """Count how often the embedded database's country is not the declared one, as a rival would believe it."""
    gazetteer = shipped_gazetteer()
    eea = gazetteer.area(("EEA",), midnight(day))
    found = Counter[str]()
    sources = [country_database(4), country_database(6)]
    for truth, weighed in evidence_of(truths, sources, day):
        said = {place.country for e in weighed.evidence for place in e.statement.places}
        is_european = Place(truth.country) in eea
        found["prefixes"] += 1
        found["european"] += is_european
        if said and said != {truth.country}:
            found["wrong country"] += 1
            found["european, said to be outside the EEA"] += is_european and not any(Place(c) in eea for c in said)
    return dict(found)


def honest_claims(truths: Sequence[Truth], count: int, seed: int = 7) -> tuple[list[Claim], list[dict[str, Any]]]:
    """Draw claims whose endpoints are all where they say, and the flows to them."""
    chance = random.Random(seed)
    gazetteer = shipped_gazetteer()
    eea = gazetteer.area(("EEA",), midnight(DAY))
    by_country: dict[str, list[Truth]] = {}
    for truth in truths:
        by_country.setdefault(truth.country, []).append(truth)
    european = [truth for truth in truths if Place(truth.country) in eea]
    claims, rows = [], []
    for number in range(count):
        code = chance.choice(sorted(by_country))
        allow, pool = (("EEA",), european) if number % 2 else ((code,), by_country[code])
        host = f"h{number}.claims.example"
        claims.append(
            Claim(
                id=f"c{number:05d}",
                statement=f"Customer data is processed in {allow[0]}.",
                activity=Activity.PROCESSING,
                allow=allow,
                hosts=(HostRule(pattern=HostPattern.parse(host)),),
            )
        )
        for truth in chance.choices(pool, k=chance.randint(1, 40)):
            at = datetime.combine(DAY, datetime.min.time()) + timedelta(seconds=chance.randrange(86_400))
            rows.append({"ts": f"{at.isoformat()}Z", "client_ip": "192.0.2.7", "server_ip": truth.address.text,
                         "server_port": 443, "proto": "tcp", "bytes_sent": 1000, "bytes_received": 1000, "host": host,
                         "named_by": "sni"})  # fmt: skip
    return claims, rows


def end_to_end(truths: Sequence[Truth], sources: Sequence[Source], count: int) -> dict[str, Any]:
    """Audit honest claims; return how many got each verdict, and the bound on false accusations."""
    import pyarrow as pa

    claims, rows = honest_claims(truths, count)
    verdicts = Counter[str]()
    for start in range(0, count, CLAIMS_A_PACK):
        pack = Pack(claims=tuple(claims[start : start + CLAIMS_A_PACK]), path="(synthetic)")
        hosts = {rule.pattern.text for claim in pack.claims for rule in claim.hosts}
        table = pa.Table.from_pylist([row for row in rows if row["host"] in hosts])
        report = audit(pack, table, sources=sources, embedded=False)
        verdicts.update(result.verdict.value for result in report.claims)
    return {
        "claims": count,
        **{verdict.value: verdicts[verdict.value] for verdict in Verdict},
        "bound": bound(verdicts["violated"], count),
    }


def bound(wrong: int, asked: int) -> float:
    """Return the upper end of the exact (Clopper-Pearson) interval of a share, one-sided at 95 %."""
    low, high = wrong / asked, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(wrong, asked, middle) > 1 - CONFIDENCE:
            low = middle
        else:
            high = middle
    return high


def _at_most(wrong: int, asked: int, rate: float) -> float:
    """Return P(Binomial(asked, rate) <= wrong)."""
    if rate >= 1.0:
        return float(wrong >= asked)
    term = (1 - rate) ** asked
    total = term
    for k in range(1, wrong + 1):
        term *= (asked - k + 1) / k * rate / (1 - rate)
        total += term
    return total


def calibrate(truth_file: Path | None, *, sample: int | None = None, claims: int = 3_000) -> dict[str, Any]:
    """Run every question; `sample` takes that many prefixes of each truth, evenly."""
    later = listed_truth(DAY)
    before = [source.as_of(EARLIER) for source in embedded_ranges()]
    covered = _covered(later, before)
    known = _thin([t for t, is_known in zip(later, covered, strict=True) if is_known], sample)
    fresh = _thin([t for t, is_known in zip(later, covered, strict=True) if not is_known], sample)
    found: dict[str, Any] = {"day": DAY.isoformat(), "earlier": EARLIER.isoformat(), "questions": {}}
    asked: list[tuple[str, list[Truth], list[Source]]] = [
        ("listed prefixes, the list of the day", known, [*embedded_ranges(), *databases()]),
        (f"prefixes listed on {EARLIER}, that list as evidence", known, [*before, *databases()]),
        (f"prefixes not yet listed on {EARLIER}, databases alone", fresh, databases()),
        (f"prefixes not yet listed on {EARLIER}, the list of the day", fresh, [*embedded_ranges(), *databases()]),
    ]
    if truth_file is not None:
        asked.insert(0, ("declared prefixes, databases alone", _thin(declared_truth(truth_file), sample), databases()))
    for name, truths, sources in asked:
        found["questions"][name] = {
            "plain database": plain_database(truths, DAY),
            "counting databases": counting_databases(truths, sources, DAY),
            **{question: counts.figures() for question, counts in hold(truths, sources, DAY).items()},
        }
    for name, truths, sources in asked:
        found.setdefault("claims", {})[name] = end_to_end(truths, sources, claims)
    return found


def _covered(truths: Sequence[Truth], ranges: Sequence[Source]) -> list[bool]:
    addresses = Addresses([truth.address for truth in truths])
    answers = [source.answer(addresses, [EARLIER] * len(truths)).codes >= 0 for source in ranges]
    return list(np.any(np.array(answers), axis=0))


def _thin(truths: list[Truth], sample: int | None) -> list[Truth]:
    if sample is None or len(truths) <= sample:
        return truths
    return truths[:: len(truths) // sample][:sample]


def show(found: dict[str, Any]) -> Iterator[str]:
    """Yield the figures as Markdown."""
    for name, questions in found["questions"].items():
        plain = questions["plain database"]
        yield f"\n### {name[0].upper()}{name[1:]} ({plain['prefixes']:,} prefixes)\n"
        wrong, european = plain.get("wrong country", 0), plain.get("european", 0)
        outside = plain.get("european, said to be outside the EEA", 0)
        yield (
            f"The database alone, believed as it is: {wrong / plain['prefixes']:.1%} wrong countries; of {european:,} "
            f"European prefixes {outside / max(european, 1):.1%} said to be outside the EEA.\n"
        )
        yield "| held against | assurance | says | prefixes | wrong |\n|---|---|---|---|---|"
        for question in ("the EEA", "its own country", "another country"):
            figures = questions[question]
            for row in figures["rows"]:
                yield f"| {question} | {row['assurance']} | {row['says']} | {row['prefixes']:,} | {row['wrong']:,} |"
        false = sum(questions[q]["false_violating"] for q in ("the EEA", "its own country"))
        total = sum(questions[q]["prefixes"] for q in ("the EEA", "its own country"))
        decided = questions["the EEA"]["decided"] / questions["the EEA"]["prefixes"]
        yield (
            f"\nDecided for the EEA: {decided:.2%}. Truly inside and yet violating: {false} of {total:,}. A database "
            f"counts as a witness for {questions['counting databases']:,} prefixes."
        )
    yield "\n### Honest claims, end to end\n"
    yield "| evidence | claims | consistent | inconclusive | violated | bound, 95 % |\n|---|---|---|---|---|---|"
    for name, figures in found["claims"].items():
        yield (
            f"| {name} | {figures['claims']:,} | {figures['consistent']:,} | {figures['inconclusive']:,} | "
            f"{figures['violated']:,} | {figures['bound']:.2%} |"
        )


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--truth", type=Path, help="a table of declared prefixes (prefix, provider, country)")
    options.add_argument("--sample", type=int, help="take only so many prefixes of each truth")
    options.add_argument("--claims", type=int, default=3_000)
    options.add_argument("--json", type=Path, help="write the figures here")
    given = options.parse_args()
    found = calibrate(given.truth, sample=given.sample, claims=given.claims)
    sys.stdout.write("\n".join(show(found)) + "\n")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
