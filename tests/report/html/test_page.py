"""The whole page: its order, its policy, what it escapes, what it leaves out, its size, its bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from tests.report.html.conftest import Doc, Outline, Render

from residency.evaluate.rules import RULES
from residency.limits import LIMITS
from residency.model.verdict import Outcome
from residency.report import as_json
from residency.report.formats import FORMATS, Page
from residency.report.html.page import render
from residency.report.html.words import MEANING, SURENESS
from residency.report.medium import printable
from residency.report.wording import OUTCOMES, by_weight

if TYPE_CHECKING:
    from pathlib import Path

    from tests.report.conftest import MakeReport

    from residency.model.atlas import Atlas


@pytest.fixture(scope="module")
def page(rendered: Render, demo: Doc) -> str:
    return rendered(demo)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def bare(make_report: MakeReport, text: str = "plain") -> Doc:
    return as_json.document(make_report(text))


def test_the_words_of_the_report_are_all_known_here() -> None:
    assert set(OUTCOMES) == set(MEANING) == {outcome.value for outcome in Outcome}
    assert set(SURENESS) >= {"measured", "calibrated", "declared", "corroborated", "database", "none"}


def test_it_begins_with_the_verdict_why_how_sure_and_what_was_not_looked_at(outline: Outline, demo: Doc) -> None:
    text = outline.text.partition("held against what was declared")[2]
    first = next(c for c in demo["claims"] if c["verdict"] == "violated")
    why = first["headline"].partition(": ")[2]
    order = ["1 of 6 claims is violated", "3 inconclusive, 2 consistent", "45 records in 1 input", first["id"]]
    order += [first["statement"], why, "How sure", "declared: ", "Not looked at", first["not_observed"], "Claims"]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ([], "No claims"),
        (["violated"], "The claim is violated"),
        (["inconclusive"], "Inconclusive"),
        (["consistent", "consistent"], "All 2 claims are consistent"),
        (["consistent", "inconclusive"], "1 of 2 claims is inconclusive"),
        (["violated", "consistent", "violated"], "2 of 3 claims are violated"),
    ],
)
def test_the_verdict_of_the_whole_is_that_of_the_gravest_claims(
    make_report: MakeReport, verdicts: list[str], told: str
) -> None:
    document = bare(make_report)
    document["claims"] = [document["claims"][0] | {"id": f"c{n}", "verdict": v} for n, v in enumerate(verdicts)]
    document["findings"] = []
    assert told in Outline(render(document)).texts


def test_claims_that_traffic_cannot_show_are_named_as_not_checked(outline: Outline) -> None:
    assert "2 claims not checked: traffic cannot show them" in outline.text
    assert "tiktok.third-party-oversight" in outline.text


def test_each_claim_has_its_clauses_reasons_counts_and_what_stands_beside(outline: Outline, demo: Doc) -> None:
    text = outline.text
    for claim in demo["claims"]:
        assert claim["statement"] in text
        for reason in claim["reasons"]:
            assert reason["text"] in text
        for beside in (*claim["counter_evidence"], *claim["sources"]):
            assert beside["url"] in {a["href"] for a in outline.all("a")}
        for item in claim["exceptions"]:
            assert item["id"] in text
            assert item["why"] in text
    assert len(outline.all("figure", class_="map")) == len({f["claim"] for f in demo["findings"]})


def test_every_finding_opens_to_its_chain(outline: Outline, demo: Doc) -> None:
    assert {body["id"] for body in outline.all("tbody") if "id" in body} == {f["id"] for f in demo["findings"]}
    text = outline.text
    for finding in demo["findings"]:
        assert f"{finding['first_seen']} to {finding['last_seen']}" in text
        for said in finding["evidence"]:
            assert said["says"].removeprefix(f"{said['author']} ") in text
    assert text.count("What would change it") == len(demo["findings"])
    assert {f"#{rule}" for f in demo["findings"] for rule in f["rules"]} <= {a["href"] for a in outline.all("a")}


def test_every_link_within_the_page_leads_somewhere_and_every_id_is_one(outline: Outline) -> None:
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    inner = [a["href"] or "" for _, a in outline.elements if (a.get("href") or "").startswith("#")]
    assert len(inner) > 50
    assert {href[1:] for href in inner} <= set(ids)


def test_sources_inputs_and_what_was_put_aside(outline: Outline, demo: Doc) -> None:
    text = outline.text
    for source in demo["snapshots"]:
        assert source["name"] in text
        assert source["sha256"] in {code.get("title") for code in outline.all("code")}
    assert {"href": "https://db-ip.com", "rel": "noopener noreferrer"} in outline.all("a")
    assert "IP Geolocation by DB-IP" in text
    (item,) = demo["inputs"]
    row = [f"{item[name]:,}" for name in ("records", "judged", "out_of_scope", "quarantined", "duplicate", "context")]
    assert "\n".join([item["path"], item["format"], *row]) in text
    assert demo["quarantine"][0]["reason"] in text
    assert all(RULES[reason["rule"]] in text for claim in demo["claims"] for reason in claim["reasons"])


def test_several_inputs_are_summed_exactly(make_report: MakeReport) -> None:
    document = bare(make_report)
    document["inputs"] = document["inputs"] * 3
    assert "all\n72\n72\n0\n0\n0\n0" in Outline(render(document)).text.replace("\n\n", "\n")


def test_the_policy_allows_this_style_and_this_script_and_nothing_else(page: str, outline: Outline) -> None:
    (policy,) = outline.all("meta", http_equiv="Content-Security-Policy")
    parts = dict(part.split(" ", 1) for part in (policy["content"] or "").split("; "))
    assert parts.keys() == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
    for tag in ("style", "script"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert parts[f"{tag}-src"] == f"'sha256-{digest}'"
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_nothing_is_fetched_and_nothing_runs_from_an_attribute(outline: Outline) -> None:
    assert not {"img", "link", "iframe", "object", "embed", "base", "audio", "video"} & set(outline.tags)
    names = {name for _, attributes in outline.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"style", "src", "srcset", "srcdoc", "action", "formaction", "ping", "xlink:href", "background"}
    outer = [a for tag, a in outline.elements if tag == "a" and not (a["href"] or "").startswith("#")]
    assert outer
    assert all((a["href"] or "").startswith("https://") and a["rel"] == "noopener noreferrer" for a in outer)


def test_landmarks_language_title_headings_and_captions(outline: Outline) -> None:
    assert outline.elements[0] == ("html", {"lang": "en"})
    assert all(outline.tags.count(tag) == 1 for tag in ("main", "nav", "header", "footer", "h1"))
    levels = [int(tag[1]) for tag in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert outline.tags.count("table") == outline.tags.count("caption")
    assert all(
        svg.get("aria-hidden") == "true" or svg.get("aria-label") or svg.get("class") == "bar"
        for svg in outline.all("svg")
    )
    assert "residency: 6 claims: 1 violated, 3 inconclusive, 2 consistent" in outline.texts


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """Put `text` into every string of a document but the words that its forms are chosen by, times and ids."""
    kept = {"schema", "verdict", "outcome", "place", "kind", "for", "assurance", "activity", "as_connection", "claim"}
    kept |= {"id", "first", "last", "first_seen", "last_seen", "as_of", "effective", "period", "allow", "forbid"}
    if isinstance(value, dict):
        return {name: poisoned(inner, text, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [poisoned(inner, text, key) for inner in value]
    return text if isinstance(value, str) and key not in kept else value


def test_hostile_text_adds_no_element_and_no_raw_character(make_report: MakeReport, hostile: str) -> None:
    found = Outline(page := render(bare(make_report, hostile)))
    if hostile:  # what is empty is left out
        links = [tag for tag in found.tags if tag == "a"]  # what is an address of a page may become a link
        plain = Outline(render(bare(make_report))).tags
        assert [tag for tag in found.tags if tag != "a"] == [tag for tag in plain if tag != "a"]
        assert len(links) == plain.count("a") or hostile.startswith(("http://", "https://"))
    assert all(c.isprintable() or c == "\n" for c in page)
    assert printable(hostile) in found.text
    page.encode("utf-8")


@pytest.fixture(scope="module")
def plain_tags(demo: Doc, rendered: Render) -> list[str]:
    return Outline(rendered(poisoned(demo, "plain"))).tags


@pytest.mark.parametrize(
    "text", ["<b onclick=x>", "\x1b[31m", "\u202eevil", "lone\ud800", "\x00", '" onload="x', "'", "&lt;"]
)
def test_a_saved_report_that_somebody_else_wrote_is_as_harmless(
    demo: Doc, plain_tags: list[str], rendered: Render, text: str
) -> None:
    found = Outline(page := rendered(poisoned(json.loads(as_json.dumps(demo)), text)))
    assert found.tags == plain_tags
    assert all(c.isprintable() or c in "\n\t" for c in page)


def test_the_same_document_gives_the_same_bytes_in_another_process_too(demo: Doc, page: str, tmp_path: Path) -> None:
    saved = tmp_path / "report.json"
    saved.write_text(as_json.dumps(demo), encoding="utf-8")
    code = "import sys; from residency.cli import main; sys.exit(main(sys.argv[1:]))"
    made = tmp_path / "report.html"
    argv = [sys.executable, "-c", code, "report", str(saved), "--format", f"html:{made}"]
    subprocess.run(argv, check=True, env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)})
    assert made.read_text(encoding="utf-8") == page


def test_without_an_atlas_it_has_no_maps_and_all_else(demo: Doc, outline: Outline) -> None:
    made = FORMATS["html"](demo, Page())
    assert isinstance(made, str)
    found = Outline(made)
    assert not found.all("figure", class_="map")
    assert found.tags.count("tbody") < outline.tags.count("tbody")  # the tables in words
    assert "1 of 6 claims is violated" in found.text


def test_a_thousand_endpoints_take_less_than_two_megabytes(rendered: Render, thousand: Doc) -> None:
    assert len(thousand["findings"]) == 1_000
    assert len(rendered(thousand).encode()) < 2_000_000


def test_beyond_the_cap_the_telling_ones_stay_and_the_rest_is_counted(thousand: Doc, atlas: Atlas) -> None:
    many = [f | {"id": f"F-{n:012x}"} for n, f in enumerate(thousand["findings"] * 3)]
    found = Outline(render(thousand | {"findings": many}, atlas=atlas))
    shown = [body["id"] for body in found.all("tbody") if (body.get("id") or "").startswith("F-")]
    assert len(shown) == LIMITS.max_findings_in_page == 2_000
    assert "1,000 more findings are not listed here." in found.text
    assert "2,000 of 3,000 findings, the gravest first" in found.text
    assert {f["id"] for f in many if f["outcome"] == "violating"} <= set(shown)


def test_the_most_telling_come_first_whatever_the_order(demo: Doc) -> None:
    assert by_weight([]) == []
    first = by_weight(demo["findings"])[:3]
    assert first == by_weight(demo["findings"][::-1])[:3]
    assert first[0]["outcome"] == "violating"
    assert len(first) == 3
