"""How the command teaches: examples in every help, hints for mistyped words, words that a shell is offered."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import typer

from residency.cli.app import app

Run: TypeAlias = Callable[..., tuple[int, str, str]]
AUDIT = ("audit", "flows.csv", "--claims", "claims.toml", "--quiet")


def commands() -> dict[tuple[str, ...], Any]:
    """Every command that does something, by its words."""

    def below(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        children = getattr(command, "commands", {})
        for name, child in children.items():
            yield from below((*words, name), child)
        if not children:
            yield words, command

    return dict(below((), typer.main.get_command(app)))


def test_every_command_of_the_contract_is_there() -> None:
    plain = "audit locate resolve flows explain report plan demo"
    groups = {"claims": "new list show lint schema", "sites": "list show", "data": "status update import"}
    expected: list[tuple[str, ...]] = [(word,) for word in plain.split()]
    expected += [(group, word) for group, words in groups.items() for word in words.split()]
    assert set(commands()) >= set(expected)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_help_has_an_example_that_the_command_takes(words: tuple[str, ...]) -> None:
    command = commands()[words]
    lines = [line.strip().rpartition("| ")[2] for line in (command.help or "").splitlines()]
    examples = [line.partition(" > ")[0] for line in lines if line.startswith(" ".join(("residency", *words)))]
    assert examples
    for example in examples:
        # Raises for an option or argument that there is none of.
        command.make_context(" ".join(words), shlex.split(example)[1 + len(words) :])


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (["audti"], "'audit'"),
        (["claims", "lst"], "'list'"),
        (["audit", "flows.csv", "--claims", "claims.toml", "--clams", "x"], "--claims"),
        (["--verison"], "--version"),
        ([*AUDIT, "--format", "jsn"], "json"),
        ([*AUDIT, "--clients", "EAA"], "EEA"),
        ([*AUDIT, "--clients", "site:tiktok/hammar"], "tiktok/hamar"),
        ([*AUDIT, "--clients", "provider:aws/eu-wst-1"], "aws/eu-west-1"),
        ([*AUDIT, "--min-assurance", "declred"], "declared"),
        ([*AUDIT, "--input-format", "zek"], "zeek"),
        ([*AUDIT, "--claim", "acme-eu"], "acme.eu"),
        (["audit", "flows.csv", "--claims", "tiktok-clovr"], "tiktok-clover"),
        (["claims", "show", "tiktok-clovr"], "tiktok-clover"),
        (["sites", "show", "site:tiktok/hammar"], "site:tiktok/hamar"),
        (["locate", "9.9.9.9", "--within", "EAA"], "EEA"),
        (["locate", "9.9.9.9", "--format", "jsn"], "json"),
        (["data", "update", "--provider", "clodflare"], "cloudflare"),
    ],
)
@pytest.mark.usefixtures("violated")
def test_a_mistyped_word_is_told_what_may_be_meant(run: Run, args: Sequence[str], meant: str) -> None:
    code, out, err = run(*args)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search(r"did you mean|possible option", err, re.IGNORECASE)
    assert meant in err


@pytest.mark.usefixtures("violated")
def test_a_word_that_is_near_to_none_is_cut_and_gets_no_hint(run: Run) -> None:
    _, _, err = run(*AUDIT, "--min-assurance", "x" * 10_000)
    assert "did you mean" not in err
    assert "measured, calibrated, declared" in err


def test_a_text_that_no_site_contains_is_an_error(run: Run) -> None:
    code, out, err = run("sites", "list", "atlantis")
    assert (code, out) == (2, "")
    assert "atlantis" in err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("residency aud", "audit"),
        ("residency audit --cla", "--claims"),
        ("residency audit --claims tiktok", "tiktok-clover"),
        ("residency audit --format js", "json"),
        ("residency audit --clients EE", "EEA"),
        ("residency audit --min-assurance dec", "declared"),
        ("residency audit --input-format zeek-", "zeek-json"),
        ("residency audit --time-unit m", "ms"),
        ("residency audit --fail-on nev", "never"),
        ("residency locate 9.9.9.9 --within EFT", "EFTA"),
        ("residency claims show apple", "apple-icloud-cn"),
        ("residency sites show site:tiktok/ham", "site:tiktok/hamar"),
        ("residency data update --provider clo", "cloudflare"),
    ],
)
def test_a_shell_is_offered_words(run: Run, monkeypatch: pytest.MonkeyPatch, typed: str, offered: str) -> None:
    monkeypatch.setenv("_RESIDENCY_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    code, out, err = run()
    assert (code, err) == (0, "")
    assert offered in out.splitlines()


@pytest.mark.usefixtures("violated")
def test_a_shell_that_completion_does_not_know_is_a_usage_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_RESIDENCY_COMPLETE", "source_tcsh")
    assert run()[0] == 2


def test_bash_completes_with_the_script_that_is_printed(
    shell: Callable[..., subprocess.CompletedProcess[str]], violated: Path
) -> None:
    (violated / "tiktok.csv").touch()
    done = shell(
        """
        eval "$(_RESIDENCY_COMPLETE=source_bash residency)"
        COMP_WORDS=(residency audit --claims tik) COMP_CWORD=3
        _residency_completion residency
        echo "${COMPREPLY[@]}"
        """
    )
    assert (done.stdout, done.stderr) == ("tiktok-clover\n", "")
