"""Who may import whom (DESIGN section 2), and what pure modules must not touch. Read from the source text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "residency"
MODULES = sorted(SOURCE.rglob("*.py"))

# Part -> the parts it may import, beside itself. `sources.x` stands for that one module.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "limits": set(),
    "arrow": set(),  # buffers between Arrow and numpy, for whoever has columns
    "files": {"errors"},  # one file, whole, up to a cap
    "_version": set(),
    "collector": set(),
    "model": {"errors", "limits"},
    "evaluate": {"model", "errors", "limits"},
    "report": {"collector", "model", "errors", "limits"},
    # Border modules: `shipped` finds verified data, `suffixes` reads the list of public suffixes, `claims` reads claim
    # files. They stand on the model.
    "suffixes": {"model"},
    "dns_names": {"limits"},  # the names of a DNS message, captured or asked for
    "shipped": {"model", "errors", "limits"},
    "claims": {"shipped", "suffixes", "model", "errors", "limits"},
    "sources": {"files", "shipped", "suffixes", "arrow", "model", "errors", "limits"},
    "traffic": {"arrow", "dns_names", "model", "errors", "limits"},
    "resolve": {"files", "dns_names", "model", "errors", "limits", "_version"},
    "auditing": {
        *(
            "claims",
            "sources",
            "traffic",
            "spark",
            "resolve",
            "evaluate",
            "arrow",
            "collector",
            "model",
            "errors",
            "limits",
            "_version",
        ),
    },
    # The command reads rule texts and yields from `evaluate`, offers memory sources as pinned evidence, speaks of
    # imported databases and updated lists, and hands the atlas to the forms that draw maps.
    "cli": {
        *(
            "files",
            "auditing",
            "claims",
            "evaluate",
            "report",
            "resolve",
            "shipped",
            "model",
            "errors",
            "limits",
            "_version",
        ),
        *(
            "sources.atlas",
            "sources.gazetteer",
            "sources.memory",
            "sources.fetch",
            "sources.update",
            "sources.cache",
            "sources.clock",
            "sources.rdap_bootstrap",
            "sources.geoip",
            "sources.interface",
        ),
    },
    # What values show in a notebook: the forms of `report` meet the shipped outlines, and the sentences of the rules.
    "notebook": {"report", "evaluate", "sources.borders", "sources.gazetteer", "model", "errors", "limits"},
    "spark": {"traffic", "errors", "_version"},  # the same aggregation where Spark is: a reader beside `traffic`
    "__init__": {"auditing", "claims", "errors", "model", "resolve", "sources.memory", "_version"},
    "__main__": {"cli"},
}
PURE = ("model", "evaluate", "report")
IMPURE_MODULES = {
    *("os", "sys", "socket", "ssl", "time", "random", "secrets", "uuid", "subprocess", "pathlib", "tempfile"),
    *("shutil", "glob", "urllib", "http", "requests", "threading", "asyncio", "multiprocessing", "logging"),
    *("duckdb", "pydantic", "typer"),
}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "yaml", "dill", "commands"}


def part_of(path: Path) -> str:
    inner = path.relative_to(SOURCE).parts
    return inner[0] if len(inner) > 1 else path.stem


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "residency":
                yield from (f"residency.{alias.name}" for alias in node.names)
            else:
                yield node.module or ""


def calls_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def where(path: Path) -> str:
    return str(path.relative_to(SOURCE))


every_module = pytest.mark.parametrize("path", MODULES, ids=where)
pure_module = pytest.mark.parametrize("path", [p for p in MODULES if part_of(p) in PURE], ids=where)


def test_every_part_of_the_house_is_in_the_table() -> None:
    assert {part_of(path) for path in MODULES} <= set(ALLOWED)


@every_module
def test_module_imports_only_what_its_part_may(path: Path) -> None:
    part = part_of(path)
    inner = [name.split(".")[1:] for name in imports_of(tree_of(path)) if name.split(".")[0] == "residency"]
    wrong = [
        ".".join(name)
        for name in inner
        if name and name[0] != part and name[0] not in ALLOWED[part] and ".".join(name[:2]) not in ALLOWED[part]
    ]
    assert not wrong


@every_module
def test_no_module_imports_the_package_itself_but_the_root(path: Path) -> None:
    assert "residency" not in imports_of(tree_of(path))


@every_module
def test_module_says_what_it_is_for(path: Path) -> None:
    if not path.stat().st_size:
        return  # a folder that waits for its modules
    docstring = ast.get_docstring(tree_of(path))
    assert docstring
    assert len(docstring) > 20


@every_module
def test_imports_are_absolute(path: Path) -> None:
    nodes = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.ImportFrom)]
    assert all(node.level == 0 for node in nodes)


@every_module
def test_no_assert_guards_input(path: Path) -> None:
    assert not [n.lineno for n in ast.walk(tree_of(path)) if isinstance(n, ast.Assert)]


@every_module
def test_what_catches_everything_raises_it_again(path: Path) -> None:
    handlers = [n for n in ast.walk(tree_of(path)) if isinstance(n, ast.ExceptHandler)]
    greedy = [h for h in handlers if h.type is not None and ast.unparse(h.type) == "BaseException"]
    assert not [h.lineno for h in handlers if h.type is None]
    assert not [h.lineno for h in greedy if ast.unparse(h.body[-1]) != "raise"]


@every_module
def test_only_the_command_exits(path: Path) -> None:
    if part_of(path) in ("cli", "__main__"):
        return
    tree = tree_of(path)
    names = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute)}
    assert not names & {"sys.exit", "os._exit", "exit", "quit", "SystemExit"}


@every_module
def test_nothing_runs_text_as_code(path: Path) -> None:
    tree = tree_of(path)
    assert not {name.split(".")[0] for name in imports_of(tree)} & FORBIDDEN_MODULES
    assert not set(calls_of(tree)) & {"eval", "exec", "compile", "os.system", "os.popen", "__import__"}
    shell = [k for n in ast.walk(tree) if isinstance(n, ast.Call) for k in n.keywords if k.arg == "shell"]
    assert not shell


@pure_module
def test_pure_module_imports_nothing_that_touches_the_world(path: Path) -> None:
    found = {name.split(".")[0] for name in imports_of(tree_of(path))}
    assert not found & IMPURE_MODULES


@pure_module
def test_pure_module_reads_no_clock_file_or_environment(path: Path) -> None:
    calls = set(calls_of(tree_of(path)))
    last = {call.rsplit(".", 1)[-1] for call in calls}
    assert "open" not in calls
    assert "input" not in calls
    assert "print" not in calls
    assert not last & {"now", "utcnow", "today", "getenv", "read_text", "write_text", "read_bytes", "urlopen"}
    assert "io.open" not in calls
    assert "environ" not in {n.attr for n in ast.walk(tree_of(path)) if isinstance(n, ast.Attribute)}


@pure_module
def test_pure_module_keeps_no_state_between_calls(path: Path) -> None:
    assert not [n.lineno for n in ast.walk(tree_of(path)) if isinstance(n, ast.Global | ast.Nonlocal)]


@every_module
def test_the_clock_is_read_only_where_commands_and_sources_are(path: Path) -> None:
    last = {call.rsplit(".", 1)[-1] for call in calls_of(tree_of(path))}
    if last & {"now", "utcnow", "today"}:
        assert part_of(path) in ("cli", "sources", "resolve")
