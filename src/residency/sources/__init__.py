"""Sources of evidence: each answers in bulk and stamps its snapshot. One file a kind.

A new source is a class with a `snapshot` and an `answer` method (see `interface.Source`), named in
`registry.embedded_sources` if it ships with residency.
"""
