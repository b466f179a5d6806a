"""Reads the whole config folder into one frozen value, or refuses it with every mistake at once.

Each table is read where it belongs; here stands what one of them may say only because of another.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from commsd.channels.registry import CHANNELS
from commsd.config.position import Place
from commsd.config.read import Finding, Findings, Severity, Table, did_you_mean, parse
from commsd.config.secret import SecretMissing, resolve
from commsd.config.settings import (
    Config,
    read_alarms,
    read_cases,
    read_http,
    read_notices,
    read_retention,
    read_store,
)
from commsd.core.agent import read_people
from commsd.core.firm import Firm, read_firm
from commsd.core.policy import Version
from commsd.errors import ConfigError
from commsd.sla.opening import hours
from commsd.sla.rulebook import Named, default_version, judge_service, read_version
from commsd.world import real_world

MAIN = "commsd.toml"
RULES = "sla"


class Reader(Protocol):
    """What of a channel the config needs; a `channels.channel.Channel` has it."""

    @property
    def name(self) -> str:
        """Under which its settings stand in `Config.settings`."""

    @property
    def read_settings(self) -> Callable[[Table, Firm], Any]:
        """Its tables -> its frozen settings."""


def load(
    folder: Path,
    channels: Sequence[Reader] = CHANNELS,
    env: Mapping[str, str] | None = None,
    *,
    now: datetime | None = None,
    need_secrets: bool = False,
) -> Config:
    """The configuration. Raises ConfigError with every mistake.

    env: os.environ by default. now: the years around it get their holidays; the real time by default.
    need_secrets: a missing secret is a mistake, not a warning.
    """
    config, findings = inspect(folder, channels, env, now=now, need_secrets=need_secrets)
    if config is None:
        errors = [finding for finding in findings if finding.severity is Severity.ERROR]
        raise ConfigError(render(errors), remedy="mend this, then run `commsd check`")
    return config


def inspect(
    folder: Path,
    channels: Sequence[Reader] = CHANNELS,
    env: Mapping[str, str] | None = None,
    *,
    now: datetime | None = None,
    need_secrets: bool = False,
) -> tuple[Config | None, tuple[Finding, ...]]:
    """The configuration, None where it has errors, and every finding by place. Arguments as for `load`."""
    findings = Findings()
    files = _Files.read(folder, findings)
    config = _config(files, channels, now or real_world().now())
    _judge_secrets(findings, folder.resolve(), os.environ if env is None else env, need_secrets)
    if config is None or findings.errors:
        return None, findings.all
    return replace(config, warnings=findings.all), findings.all


def render(findings: Sequence[Finding]) -> str:
    """The findings as a person reads them: the place and what is wrong, below it what to write."""
    return "\n".join(str(finding) for finding in findings)


@dataclass(frozen=True, slots=True)
class _Files:
    """The folder's files. main: None where it cannot be read. rules: None where one of them cannot."""

    folder: Path
    main: Table | None
    rules: tuple[Table, ...] | None
    texts: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path, findings: Findings) -> "_Files":
        whole = folder.resolve()
        main = _text(folder / MAIN, findings)
        root = _table(folder / MAIN, main, findings, whole)
        texts = {path: _text(path, findings) for path in sorted((folder / RULES).glob("*.toml"))}
        tables = [_table(path, text, findings, whole) for path, text in texts.items()]
        read = tuple(table for table in tables if table)
        known = {path.name: text for path, text in texts.items() if text is not None}
        return cls(whole, root, read if len(read) == len(tables) else None, known)


def _text(path: Path, findings: Findings) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        findings.error(Place(str(path)), "there is no such file", "run `commsd init`, or say --config DIR")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        findings.error(Place(str(path), line), "this is not UTF-8 text", "store the file as UTF-8")
    except OSError as error:
        findings.error(Place(str(path)), f"cannot be read: {error.strerror}", "let this user read it")
    return None


def _table(path: Path, text: str | None, findings: Findings, folder: Path) -> Table | None:
    """The root table; None where there is no text or it is no TOML, so that nothing is said to be missing in it."""
    if text is None:
        return None
    before = len(findings.errors)
    table = parse(text, str(path), findings, folder)
    return table if len(findings.errors) == before else None


def _config(files: _Files, channels: Sequence[Reader], now: datetime) -> Config | None:
    """All tables read, with stand-ins where they are wrong. None: the rules cannot be read."""
    root = files.main
    if root is None:
        return None
    firm = read_firm(root, read_people(root))
    key, store, http = root.table("service").secret("key"), read_store(root), read_http(root, firm)
    cases, notices, alarms = read_cases(root), read_notices(root), read_alarms(root, firm)
    retention = read_retention(root)
    settings = {channel.name: channel.read_settings(root, firm) for channel in channels}
    version = _version(files, root, firm, now)
    _judge(root, version)
    root.done()
    if version is None:
        return None
    return Config(
        folder=files.folder,
        firm=firm,
        store=store,
        key=key,
        http=http,
        settings=settings,
        cases=cases,
        notices=notices,
        alarms=alarms,
        retention=retention,
        version=version,
        sla_files=files.texts,
    )


def _version(files: _Files, root: Table, firm: Firm, now: datetime) -> Version | None:
    service = root.table("service")
    if files.rules is None:
        return None
    if not files.rules:
        return default_version(service, now)
    judge_service(service, now)
    named = Named(firm.people, mailboxes=root.names("mailbox"), lines=root.names("line"))
    return read_version(files.rules, named, now)


def _judge(root: Table, version: Version | None) -> None:
    """Names of calendars in the main file, and a config that watches nothing."""
    if not root.names("mailbox") and not root.names("line"):
        root.warn(None, "no mailbox and no line is watched", "add [mailbox.support] or [line.hotline]")
    calendars = version.calendars if version else None
    for line in (root.tables("line") if root.names("line") else {}).values():
        name = line.contents.get("calendar")
        if calendars is not None and isinstance(name, str) and name not in calendars:
            line.error("calendar", f'no calendar "{name}"', did_you_mean(name, calendars))
    for route in root.tables("route").values():
        said = route.contents.get("hours")
        if calendars is not None and isinstance(said, str) and said not in calendars and hours(said) is None:
            remedy = f'write "always", "mon-fri 09:00-17:00" or a calendar: {", ".join(sorted(calendars))}'
            route.error("hours", f'hours = "{said}" is neither opening hours nor a calendar', remedy)


def _judge_secrets(findings: Findings, folder: Path, env: Mapping[str, str], need_secrets: bool) -> None:
    for place, source in findings.secrets:
        try:
            resolve(source, folder, env)
        except SecretMissing as missing:
            note = findings.error if need_secrets else findings.warn
            note(place, missing.what, missing.remedy)
        except ConfigError as error:
            findings.error(place, error.what, error.remedy)
