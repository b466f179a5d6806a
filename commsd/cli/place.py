"""Where a command finds its config folder, and how a command says what it is good for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import typer

from commsd import __version__

SYSTEM = Path("/etc/commsd")
HERE = Path("config")
MAIN = "commsd.toml"


@dataclass(frozen=True, slots=True)
class Folder:
    """The config folder. chosen: by --config, $COMMSD_CONFIG or because it is the system's, not merely found here."""

    path: Path
    chosen: bool


def choose_folder(given: str, env: Mapping[str, str], system: Path = SYSTEM) -> Folder:
    """--config, else $COMMSD_CONFIG, else /etc/commsd where a config is there, else ./config."""
    if named := given or env.get("COMMSD_CONFIG"):
        return Folder(Path(named).expanduser(), True)
    return Folder(system, True) if (system / MAIN).exists() else Folder(HERE, False)


def folder(ctx: typer.Context) -> Folder:
    """The folder this command works with."""
    return cast(Folder, ctx.obj)


def example(*lines: str) -> str:
    """The end of a command's help: how it is typed, line by line as it stands."""
    word = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(["\b", word, *(f"  {line}" for line in lines)])


def version_asked(asked: bool) -> None:
    """Print the version and leave."""
    if asked:
        typer.echo(f"commsd {__version__}")
        raise typer.Exit
