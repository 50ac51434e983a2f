"""Feeds damaged inputs to the targets and keeps what must not happen: foreign exceptions, wrong outcomes, slowness."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS, Target

MAX_CPU_S = 0.1
_MAX_FINDINGS = 10
_WHOLE_HEADS = 0.95  # of logs: a file with a damaged head is often refused before its lines are looked at


@dataclass(frozen=True, slots=True)
class Finding:
    """An input and what was wrong with what a reader did."""

    data: bytes
    what: str


def fuzz(target: Target, count: int, *, seed: int, max_cpu_s: float | None = None) -> list[Finding]:
    """Run `count` inputs, or so many lines; the same seed gives the same inputs. Stops at ten findings."""
    found: list[Finding] = []
    for data in islice(_inputs(target, Random(seed)), count // max(target.lines, 1)):
        what = wrong_with(target.run, data, None if max_cpu_s is None else max_cpu_s * max(target.lines, 1))
        if what is not None:
            found.append(Finding(data, what))
            if len(found) == _MAX_FINDINGS:
                break
    return found


def _inputs(target: Target, random: Random) -> Iterator[bytes]:
    seeds = target.seeds()
    if not target.lines:
        yield from seeds
    while True:
        if not target.lines:
            yield mutated(seeds, random)
            continue
        head = target.head if random.random() < _WHOLE_HEADS else mutated([target.head], random)
        damaged = [mutated(seeds, random) for _ in range(target.lines)]
        yield b"\n".join([head, *seeds, *damaged, *seeds, b""])


def wrong_with(run: Callable[[bytes], None], data: bytes, max_cpu_s: float | None) -> str | None:
    """Run one input and say what was wrong, or None."""
    began = time.thread_time()
    try:
        run(data)
    except Exception:  # noqa: BLE001 - whatever it is, it is a finding
        return traceback.format_exc()
    if max_cpu_s is None or time.thread_time() - began <= max_cpu_s:
        return None
    # Once slow may be a collection of garbage or a first import; three times is the input's doing.
    took_s = min(_cpu_s(run, data) for _ in range(3))
    return f"took {took_s:.3f} s" if took_s > max_cpu_s else None


def _cpu_s(run: Callable[[bytes], None], data: bytes) -> float:
    began = time.thread_time()
    run(data)
    return time.thread_time() - began


def _fuzz_with_atheris(target: Target, count: int, seed: int, folder: Path) -> None:
    """Hand over to libFuzzer, guided by what the inputs reach; it ends the process itself."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore] # not on every platform: optional

    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (folder / f"seed-{number}").write_bytes(data)
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-runs={count}", f"-seed={seed}", "-max_len=65536", str(folder)], target.run)
    atheris.Fuzz()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run targets by name and print a line for each; 1 where anything was found, kept in files to run again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", choices=[*TARGETS, "all"], default="all")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, default=Path("build/fuzz"), help="where inputs with findings are kept")
    parser.add_argument("--engine", choices=["seeded", "atheris"], default="seeded")
    parser.add_argument("--again", type=Path, help="run this one input instead")
    options = parser.parse_args(arguments)
    names = list(TARGETS) if options.target == "all" else [options.target]
    if options.again is not None:
        TARGETS[names[0]].run(options.again.read_bytes())
        return 0
    if options.engine == "atheris":
        _fuzz_with_atheris(TARGETS[names[0]], options.count, options.seed, options.found / names[0])
    return max(_run(name, options.count, options.seed, options.found) for name in names)


def _run(name: str, count: int, seed: int, folder: Path) -> int:
    began = time.perf_counter()
    found = fuzz(TARGETS[name], count, seed=seed, max_cpu_s=MAX_CPU_S)
    took_s = time.perf_counter() - began
    print(f"{name}: {len(found)} findings, {count} inputs, seed {seed}, {took_s:.0f} s", flush=True)
    for number, finding in enumerate(found):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{seed}-{number}"
        path.write_bytes(finding.data)
        print(f"  {path}: {finding.what}")
    return int(bool(found))
