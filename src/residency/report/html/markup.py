"""Elements of HTML and SVG. Whatever is no `Markup` was observed, and is escaped: for the page, and for the reader.

For the page means `<`, `>`, `&` and quotes, in text and in attributes; for the reader means control, direction and
other non-printing characters (`medium.printable`).
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from residency.report.medium import printable

Child = Markup | str | int | float | None
Attribute = str | int | float | bool | None

_VOID = frozenset({"br", "hr", "input", "meta"})
_IMPLIED_END = frozenset({"td", "th", "tr", "tbody", "li"})  # HTML ends them itself, which keeps long pages small
_EMPTY = Markup("")


def shown(value: Child) -> Markup:
    """Return a child as markup; what is none already is escaped."""
    if isinstance(value, Markup):
        return value
    return _EMPTY if value is None else escape(printable(value))


def joined(children: Iterable[Child], between: str = "") -> Markup:
    """Return children side by side."""
    return Markup(between).join(shown(child) for child in children)  # noqa: S704 (`between` is ours)


def el(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element. A trailing `_` of an attribute's name is dropped, an inner one is a hyphen.

    Attributes that are None or False are left out, True stands alone.
    """
    written = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")  # noqa: S704 (tags are ours, attributes escaped)
    end = "" if tag in _IMPLIED_END else f"</{tag}>"
    return Markup(f"<{tag}{written}>{''.join(map(shown, children))}{end}")  # noqa: S704 (the same, and children)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{shown(value)}"'


def link(url: str, text: Child = None) -> Markup:
    """Return a link that is followed on a click alone, or plain text for whatever is no http or https address."""
    if not url.isprintable() or not url.lower().startswith(("https://", "http://")):
        return shown(text if text is not None else url)
    return el("a", url if text is None else text, href=url, rel="noopener noreferrer")


def table(caption: Child, headings: Iterable[Child], rows: Iterable[Iterable[Child]], *, class_: str = "") -> Markup:
    """Return a table; the first cell of each row is its heading. Cells made with `number` stand right."""
    head = el("thead", el("tr", *(el("th", heading, scope="col") for heading in headings)))
    body = []
    for row in rows:
        first, *rest = row
        body.append(el("tr", el("th", first, scope="row"), *map(_cell, rest)))
    made = el("table", el("caption", caption), head, el("tbody", *body), class_=class_ or None)
    return el("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(value: Child) -> Markup:
    return value if isinstance(value, Markup) and value.startswith("<td") else el("td", value)


def number(value: int | float | None, text: Child = None) -> Markup:
    """Return a cell with a number."""
    return el("td", text if text is not None else "–" if value is None else f"{value:,}", class_="n")
