"""The border for claim files: TOML or JSON in, checked `model.claim` values or every fault at once out.

    reading   find the file; bytes to plain tables        lines      on which line each key stands
    schema    the shape (pydantic); fields: its leaves    rules      what must hold between keys
    loading   all of it together                          convert    to the frozen values of the model
    lint      warnings                                    template, json_schema   what is printed

Uses pydantic, so `import residency` imports it only when a claim file is read.
"""

from residency.claims.json_schema import claim_schema
from residency.claims.lint import LintWarning, lint
from residency.claims.loading import load_pack, parse_pack
from residency.claims.reading import shipped_packs
from residency.claims.template import template

__all__ = ["LintWarning", "claim_schema", "lint", "load_pack", "parse_pack", "shipped_packs", "template"]
