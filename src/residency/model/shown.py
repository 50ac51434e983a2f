"""How values show themselves in a notebook, without knowing the forms: the root of the package says who writes them.

The model may not import `report`. So it states what it needs (`Forms`), and `residency/__init__.py` names the writer
with `show_with`. The writer is loaded when something is first shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol


class Forms(Protocol):
    """What a writer of forms offers; each raises TypeError for a value that it has no form for."""

    def html(self, value: object, /) -> str:
        """Return a self-contained fragment of HTML."""

    def markdown(self, value: object, /) -> str:
        """Return Markdown that also reads well as plain text."""

    def draw(self, value: object, /, claim: str | None = None) -> Any:
        """Return a map as an altair chart."""


class Shown:
    """A value that shows itself in a notebook, by the hooks that IPython and its kin look for."""

    __slots__ = ()
    _writer: ClassVar[Callable[[], Forms]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Give each class the hook as its own: IPython prefers the `__repr__` of a class to a hook of its base."""
        super().__init_subclass__(**kwargs)
        cls._repr_pretty_ = Shown._repr_pretty_  # type: ignore[method-assign]

    def _repr_html_(self) -> str:
        return Shown._writer().html(self)

    def _repr_markdown_(self) -> str:
        return Shown._writer().markdown(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 (IPython's signature)
        printer.text(Shown._writer().markdown(self))


class Mapped(Shown):
    """A value that can also be drawn on a map."""

    __slots__ = ()

    def _draw(self, claim: str | None = None) -> Any:
        return Shown._writer().draw(self, claim)


def show_with(writer: Callable[[], Forms]) -> None:
    """Name who writes the forms; it is called each time that something is shown."""
    Shown._writer = writer
