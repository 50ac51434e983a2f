"""A map as an altair chart that shows itself without a network; needs the extra `map`.

The land is in the chart, so nothing is fetched. In a notebook altair alone would load its scripts from the network;
`Map` offers the chart to viewers that bring Vega along (JupyterLab, VS Code), and a picture to all others.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import vl_convert

from residency.model.borders import Rings
from residency.model.network import Vantage
from residency.report.map_data import AREA, BOTH, EXCLUDED, FEASIBLE, LAND, MapData, Point
from residency.report.map_shapes import WIDTH_PX, Frame, frame_of, topology
from residency.report.medium import printable

# Colours that stay apart for most kinds of colour blindness; the shapes say the same.
_FILLS = {LAND: "#ebe9e4", AREA: "#c3ddec", EXCLUDED: "#bdb9b1", BOTH: "#93a9b5", FEASIBLE: "#f0dfa8"}
_WHERE = {
    "inside": ("#0072b2", "circle"),
    "outside": ("#d55e00", "triangle-up"),
    "unknown": ("#6b6b6b", "square"),
    "located": ("#0072b2", "circle"),
}
_SEA, _INK = "#f4f8fa", "#222222"
_VEGA_LITE_MIME = f"application/vnd.vegalite.v{alt.SCHEMA_VERSION.lstrip('v').split('.')[0]}+json"


class Map(alt.VConcatChart):
    """A chart of one map or several, one below another. All that altair charts do, it does: `save`, `to_dict`, …"""

    def png(self, *, scale: float = 1.0) -> bytes:
        """Return the picture as PNG, `scale` pixels a unit."""
        return bytes(vl_convert.vegalite_to_png(self.to_dict(), scale=scale))

    def _repr_mimebundle_(self, *args: object, **kwargs: object) -> dict[str, Any]:  # noqa: ARG002 (IPython's signature)
        return {
            _VEGA_LITE_MIME: self.to_dict(),
            "image/png": base64.b64encode(self.png()).decode("ascii"),
            "text/plain": repr(self),
        }

    def __repr__(self) -> str:
        return f"<{len(self.vconcat)} residency map{'' if len(self.vconcat) == 1 else 's'}>"


# Parts of a chart are typed as Any: the methods that altair makes from its schema are untyped.


def chart(maps: Sequence[MapData], codes: Sequence[str], rings: Rings) -> Map:
    """Draw maps over the land of `codes`; points lie on top of it, their area in proportion to bytes."""
    panels = [_panel(one, codes, rings) for one in maps]
    return Map(vconcat=panels, background="white")


def _panel(data: MapData, codes: Sequence[str], rings: Rings) -> Any:
    frame = frame_of(data.in_view)
    layers = [_land(data, codes, rings, frame)]
    layers += [_named_sites(data)] if data.sites else []
    layers += [_points(data.points)] if data.points else []
    layers += [_vantages(data)] if data.vantages else []
    title = alt.TitleParams(text=data.title, subtitle=list(data.subtitle), anchor="start", color=_INK)
    view = alt.ViewBackground(fill=_SEA, stroke="#cccccc")
    lat, lon = frame.centre
    return (
        alt.layer(*layers)
        .project(
            type="mercator",
            scale=round(frame.scale, 3),
            center=[round(lon, 4), round(lat, 4)],
            translate=[WIDTH_PX / 2, frame.height_px / 2],
        )
        .properties(width=WIDTH_PX, height=frame.height_px, title=title, view=view)
        .resolve_scale(fill="independent", color="independent", shape="independent", size="independent")
    )


def _land(data: MapData, codes: Sequence[str], rings: Rings, frame: Frame) -> Any:
    land = topology(codes, rings, frame, data.fills)
    used = {geometry["properties"]["is"] for geometry in land["objects"]["land"]["geometries"]}
    # As text, for altair copies and checks every number of what it is given as values.
    text = json.dumps(land, separators=(",", ":"))
    values = alt.InlineData(values=text, format=alt.TopoDataFormat(type="topojson", feature="land"))
    kinds = [kind for kind in _FILLS if kind in used]
    scale = alt.Scale(domain=kinds, range=[_FILLS[kind] for kind in kinds])
    told = [kind for kind in kinds if kind != LAND]
    legend = alt.Legend(title="land", values=told, symbolStrokeWidth=0, symbolType="square") if told else None
    return (
        alt.Chart(values)
        .mark_geoshape(stroke="white", strokeWidth=0.6, clip=True)
        .encode(fill=alt.Fill("properties.is:N", scale=scale, legend=legend))
    )


def _points(points: Iterable[Point]) -> Any:
    rows = [
        {
            "lat": round(p.at[0], 4),
            "lon": round(p.at[1], 4),
            "where": p.where,
            "exact": p.is_exact,
            "place": p.place,
            "endpoints": p.endpoints,
            "known by": p.known_by,
            "said by": p.said_by,
            "names": p.names,
            "seen": p.seen,
            "bytes": p.bytes_seen or 0,
        }
        for p in points
    ]
    used = [where for where in _WHERE if any(row["where"] == where for row in rows)]
    has_traffic = any(row["seen"] for row in rows)
    legend = alt.Legend(title="endpoints (area: bytes)" if has_traffic else "targets")
    scale = alt.Scale(domain=used, range=[_WHERE[where][0] for where in used])
    size = alt.Size("bytes:Q", scale=alt.Scale(type="sqrt", range=[90, 700]), legend=None)
    told = ["place", "where", "known by", "said by", "endpoints", "names", *(["seen"] if has_traffic else [])]
    return (
        alt.Chart(_values(rows))
        .mark_point(filled=True, strokeWidth=1.5, clip=True)
        .encode(
            longitude="lon:Q",
            latitude="lat:Q",
            shape=alt.Shape("where:N", scale=alt.Scale(domain=used, range=[_WHERE[w][1] for w in used]), legend=legend),
            color=alt.Color("where:N", scale=scale, legend=legend),
            stroke=alt.Stroke("where:N", scale=scale, legend=None),
            fillOpacity=alt.condition("datum.exact", alt.value(0.85), alt.value(0.25)),
            size=size if has_traffic else alt.value(140),
            tooltip=[alt.Tooltip(f"{name}:{'Q' if name == 'endpoints' else 'N'}") for name in told],
        )
    )


def _named_sites(data: MapData) -> Any:
    rows = [{"lat": lat, "lon": lon, "named by the claim": printable(name)} for name, (lat, lon) in data.sites]
    return (
        alt.Chart(_values(rows))
        .mark_point(shape="square", filled=False, size=160, stroke=_INK, strokeWidth=1.2, clip=True)
        .encode(longitude="lon:Q", latitude="lat:Q", tooltip=["named by the claim:N"])
    )


def _vantages(data: MapData) -> Any:
    towns: dict[tuple[int, int], list[Vantage]] = {}
    for v in data.vantages:  # the names of those of one town would stand on each other
        towns.setdefault((round(v.lat * 2), round(v.lon * 2)), []).append(v)
    rows = [
        {"lat": of[0].lat, "lon": of[0].lon, "vantage": printable(", ".join(v.name or "vantage" for v in of), 60)}
        for of in towns.values()
    ]
    base = alt.Chart(_values(rows)).encode(longitude="lon:Q", latitude="lat:Q", tooltip=["vantage:N"])
    marks = base.mark_point(shape="cross", size=110, color=_INK, filled=True, stroke="white", strokeWidth=1, clip=True)
    labels = base.mark_text(align="left", dx=9, color=_INK, fontSize=11, clip=True).encode(text="vantage:N")
    return alt.layer(marks, labels)


def _values(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))
