"""Logs of other programs, one small file a format, each a conversion into flow rows."""
