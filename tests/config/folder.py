"""Builders: a config folder on disk from a few lines, and what is found in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from commsd.channels.mail import account
from commsd.channels.phone import line
from commsd.config.load import Reader, inspect
from commsd.config.read import Finding, Table
from commsd.config.settings import Config
from commsd.core.firm import Firm

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

MINIMUM = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "mon-fri 09:00-17:00"
[store]
url = "sqlite:////var/lib/commsd/commsd.db"
"""

MAILBOX = """
[mailbox.support]
address = "support@example.com"
imap = { host = "imap.example.com", username = "support@example.com", password = { env = "PASSWORD" } }
smtp = { host = "smtp.example.com" }
"""

SECRETS = {"PASSWORD": "geheim-4711", "TOKEN": "token-4711", "KEY": "key-4711"}


@dataclass(frozen=True, slots=True)
class AChannel:
    """A channel as far as the config needs one."""

    name: str
    read_settings: Callable[[Table, Firm], Any]


MAIL = AChannel("mail", account.read_settings)
PHONE = AChannel("phone", line.read_settings)


def channels() -> tuple[Reader, ...]:
    """Mail and telephone."""
    return (MAIL, PHONE)


def write(folder: Path, main: str, rules: Mapping[str, str] | None = None) -> Path:
    """The folder with these files in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "commsd.toml").write_text(main, "utf-8")
    for name, text in (rules or {}).items():
        (folder / "sla").mkdir(exist_ok=True)
        (folder / "sla" / name).write_text(text, "utf-8")
    return folder


def look(folder: Path, env: Mapping[str, str] = SECRETS) -> tuple[Config | None, tuple[Finding, ...]]:
    """What `commsd check` finds in it."""
    return inspect(folder, channels(), env, now=NOW)
