"""The command line: `commsd [--config DIR] COMMAND`. One file a command group: parse, call, print.

Here is only the way in and the way out: which file knows a command, and what an error looks like to a person.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import NoReturn

import typer

from commsd.cli.place import choose_folder, version_asked
from commsd.cli.unwritable import unwritable
from commsd.errors import CommsdError
from commsd.telemetry import configure

COMMANDS: dict[str, tuple[str, ...]] = {
    "init": ("init",),
    "setup": ("check", "config"),
    "run": ("run", "demo"),
    "ledger": ("ledger",),
    "letters": ("letters",),
    "pause": ("pause", "resume"),
    "clocks": ("clocks",),
    "logbook": ("log", "record"),
    "cases": ("cases",),
    "callbacks": ("callbacks", "calls"),
    "contacts": ("contacts",),
    "organisations": ("organisations",),
    "why": ("explain",),
    "preview": ("ack", "twiml"),
    "lookback": ("lookback",),
    "sla": ("sla",),
    "keys": ("keys",),
    "webhooks": ("webhooks",),
    "db": ("db",),
}
"""File of this folder -> its commands, in the order of `commsd --help`."""

INTERRUPTED = 130
"""The exit code shells expect of a program that Ctrl-C ended."""


def program(word: str | None = None) -> typer.Typer:
    """The commands; where the first word is one of them, only its file is read, so that it starts at once."""
    root = typer.Typer(
        name="commsd",
        help="Makes sure no customer contact goes unanswered.",
        epilog="COMMAND --help shows an example. Exit codes: 0 fine, 1 findings, 2 usage, 69 a service cannot be "
        "reached, 75 try again, 78 configuration.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    root.callback()(_options)
    known = [name for name, commands in COMMANDS.items() if word in commands]
    for name in known or COMMANDS:
        root.add_typer(import_module(f"commsd.cli.{name}").app)
    return root


def _options(
    ctx: typer.Context,
    config: str = typer.Option(
        "", metavar="DIR", help="The config folder; else $COMMSD_CONFIG, /etc/commsd, ./config.", show_default=False
    ),
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=version_asked, is_eager=True),
) -> None:
    ctx.obj = choose_folder(config, os.environ)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code. An error we know is two lines on stderr, without a traceback."""
    words = list(sys.argv[1:] if args is None else args)
    configure(level="warning")  # a command speaks for itself; `run` and `demo` set their own
    try:
        _run(words)
    except BrokenPipeError:  # `commsd log tail | head`
        _say_no_more()
        sys.exit(0)
    except KeyboardInterrupt:  # typer sees to those that come while the command is at work
        sys.exit(INTERRUPTED)
    except OSError as error:
        told = unwritable(error)
        if told is None:
            raise
        _say_no_more()
        print(told, file=sys.stderr)
        sys.exit(told.exit_code)
    except (CommsdError, ExceptionGroup) as error:
        known = next(_known(error), None)
        if known is None:
            raise
        print(known, file=sys.stderr)
        sys.exit(known.exit_code)
    sys.exit(0)


def _run(words: Sequence[str]) -> None:
    """The command, and all it printed: what cannot be written is noticed here, and not as Python ends."""
    try:
        program(_first_word(words))(args=words, prog_name="commsd")
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _say_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _first_word(words: Sequence[str]) -> str | None:
    """The command: the first word that is neither an option nor the value of --config."""
    rest = iter(words)
    for word in rest:
        if word == "--config":
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


def _known(error: Exception) -> Iterator[CommsdError]:
    if isinstance(error, CommsdError):
        yield error
    elif isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _known(inner)
