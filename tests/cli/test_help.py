"""Every command says how it is typed, and what it says can be typed."""

import shlex
from collections.abc import Iterator
from typing import Any, cast

import pytest
import typer

from commsd.cli import COMMANDS, main, program
from tests.cli.office import commsd


def commands() -> dict[str, Any]:
    """Every command by its words. Typer keeps the classes to itself, so they are looked at as they come."""
    return dict(_within((), cast(Any, typer.main.get_command(program()))))


def _within(words: tuple[str, ...], command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield " ".join(words), command
        return
    for name, each in inner.items():
        yield from _within((*words, name), each)


ALL = commands()


def examples() -> list[str]:
    return [
        line.strip()
        for command in ALL.values()
        for line in (command.epilog or "").splitlines()
        if line.strip().startswith("commsd ")
    ]


def test_the_commands_are_those_that_were_promised() -> None:
    assert set(ALL) == {
        "init", "check", "config show", "config diff", "config schema",
        "run", "demo", "ledger", "letters list", "letters posted", "pause", "resume", "clocks",
        "log tail", "log export", "log show", "log partial", "log void", "record", "explain",
        *(f"cases {word}" for word in ("list", "show", "close", "reopen", "hold", "release", "merge", "assign", "set")),
        *(f"callbacks {word}" for word in ("list", "show", "claim", "result", "release", "set", "close", "avoided")),
        *(f"contacts {word}" for word in ("list", "show", "set", "import", "merge", "split", "block", "export")),
        "contacts erase",
        *(f"organisations {word}" for word in ("list", "show", "set", "merge", "delete")),
        "calls result",
        "ack preview", "ack settle", "twiml connect", "twiml fallback", "lookback", "sla calendar",
        "sla apply", "sla versions", "sla export", "sla test", "sla report", "sla diff", "sla whatif",
        "keys add", "keys list", "keys revoke", "keys rotate", "keys audit",
        *(f"webhooks {word}" for word in ("add", "list", "show", "test", "redeliver", "enable", "pause", "rotate")),
        "webhooks remove",
        "db upgrade", "db check", "db backup", "db restored",
    }  # fmt: skip


def test_each_first_word_is_found_in_the_file_that_is_read_for_it() -> None:
    assert {name.split()[0] for name in ALL} == {word for words in COMMANDS.values() for word in words}


@pytest.mark.parametrize("name", ALL)
def test_the_help_of_each_command_shows_an_example(name: str) -> None:
    ran = commsd(*name.split(), "--help")
    assert ran.code == 0
    assert f"\n    commsd {name}" in ran.out


@pytest.mark.parametrize("line", examples())
def test_each_example_parses(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])[1:]
    command = cast(Any, typer.main.get_command(program()))
    context = command.make_context("commsd", words)
    path: list[str] = []
    while getattr(context.command, "commands", None) is not None:
        rest = [*context._protected_args, *context.args]
        path.append(rest[0])
        context = context.command.commands[rest[0]].make_context(rest[0], rest[1:], parent=context)
    assert " ".join(path) in ALL


def test_who_acts_has_one_name_on_all_commands() -> None:
    """--by groups a report, and nothing else."""
    named = {name for name, command in ALL.items() if any("--by" in each.opts for each in command.params)}
    assert named == {"sla report"}


def test_a_word_nobody_knows_is_a_mistake_of_usage() -> None:
    ran = commsd("legder")
    assert ran.code == 2
    assert "ledger" in ran.err


def test_the_version_is_told() -> None:
    assert commsd("--version").out.startswith("commsd 0.")


def test_main_ends_the_process_with_the_code() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ledger", "--no-such-option"])
    assert ended.value.code == 2
