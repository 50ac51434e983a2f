"""A table of bounds on the distance to a set of land, so that one look decides most questions in bulk."""

from __future__ import annotations
