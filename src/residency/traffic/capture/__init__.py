"""Captures: packets -> columns -> conversations with names and round-trip times."""
