"""Logs of other programs as conversions: one file a format, on the seam of `residency.traffic.conversion`."""
