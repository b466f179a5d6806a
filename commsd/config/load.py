"""Reads the whole config folder into one frozen value, or refuses it with every mistake at once.

Each table is read where it belongs; here stands what one of them may say only because of another.
"""

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from commsd.channels.mail.text_check import judge_texts
from commsd.channels.phone.prompt_lint import judge_prompts
from commsd.channels.registry import CHANNELS
from commsd.config.position import Place
from commsd.config.read import Finding, Findings, Severity, Table, did_you_mean, parse
from commsd.config.secret import SecretMissing, resolve
from commsd.config.settings import (
    Config,
    read_alarms,
    read_cases,
    read_changes,
    read_http,
    read_notices,
    read_retention,
    read_store,
    read_webhooks,
)
from commsd.core.agent import NUMBER, read_people
from commsd.core.firm import Firm, read_firm
from commsd.core.policy import Version
from commsd.errors import ConfigError
from commsd.sla.rules.opening import hours
from commsd.sla.rules.rulebook import Named, default_version, judge_service, read_version
from commsd.sla.rules.rulefolder import cut, leftovers
from commsd.world import real_world

MAIN = "commsd.toml"
RULES = "sla"
WAYS = frozenset({"webhook", "sms", "tellings", "print"})
"""What stands in a delivery in place of a mailbox, where it leaves by another way."""

LONGEST_WEBHOOK = 300
LARGEST = 4 * 1024 * 1024
"""Bytes of one file; one of more is none of ours."""


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
    rules: Path | None = None,
) -> Config:
    """The configuration. Raises ConfigError with every mistake.

    env: os.environ by default. now: the years around it get their holidays; the real time by default.
    need_secrets: a missing secret is a mistake, not a warning. rules: the SLA files of this folder instead of its own.
    """
    config, findings = inspect(folder, channels, env, now=now, need_secrets=need_secrets, rules=rules)
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
    rules: Path | None = None,
) -> tuple[Config | None, tuple[Finding, ...]]:
    """The configuration, None where it has errors, and every finding by place. Arguments as for `load`."""
    findings = Findings()
    files = _Files.read(folder, rules, findings)
    config = _config(files, channels, now or real_world().now())
    judge_texts(folder, findings)
    judge_prompts(findings)
    _judge_secrets(findings, folder.resolve(), os.environ if env is None else env, need_secrets)
    if config is None or findings.errors:
        return None, findings.all
    return replace(config, warnings=findings.all), findings.all


def departures(folder: Path, channels: Sequence[Reader] = CHANNELS) -> tuple[tuple[str, Any], ...]:
    """What the main file says that is not the default, as it stands there: dotted key and value. For a good folder."""
    files = _Files.read(folder, None, Findings())
    _config(files, channels, real_world().now())
    return tuple(files.main.departures()) if files.main else ()


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
    def read(cls, folder: Path, candidate: Path | None, findings: Findings) -> "_Files":
        whole = folder.resolve()
        main = _text(folder / MAIN, findings)
        root = _table(folder / MAIN, main, findings, whole)
        rules, texts = read_rules(candidate or _own_rules(folder, findings), findings, whole, required=bool(candidate))
        return cls(whole, root, rules, texts)


def _own_rules(folder: Path, findings: Findings) -> Path:
    """Where the rules of this config lie: in `sla`, but for a moment while they are exchanged, or if that was cut."""
    own = folder / RULES
    if leftovers(own):
        remedy = "see `commsd sla versions`; what was cut short, the daemon or the next `sla apply` finishes"
        findings.warn(Place(str(own)), "an `sla apply` is at work here, or was cut short", remedy)
    return cut(own) or own


def read_rules(
    folder: Path, findings: Findings, whole: Path, *, required: bool = False
) -> tuple[tuple[Table, ...] | None, Mapping[str, str]]:
    """The tables of the SLA files in a folder by the order of their names, and their texts by name.

    None: one of them cannot be read, which is noted. Empty: there is no such folder; where it is `required`, that is
    noted too. whole: where relative paths count.
    """
    paths = _rule_files(folder, findings)
    if required and paths == []:
        findings.error(Place(str(folder)), "there is no such folder", "name the folder that holds the rules")
        paths = None
    if paths is None:
        return None, {}
    texts = {path: _text(path, findings) for path in paths}
    tables = [_table(path, text, findings, whole) for path, text in texts.items()]
    read = tuple(table for table in tables if table)
    for path, table in zip(paths, tables, strict=True):
        if table and not table.contents:
            findings.warn(Place(str(path)), "nothing stands in this file", "write rules into it, or remove it")
    known = {path.name: text for path, text in texts.items() if text is not None}
    return read if len(read) == len(tables) else None, known


def _rule_files(folder: Path, findings: Findings) -> list[Path] | None:
    """None where the folder is there and holds nothing to read: never to be taken for a folder that is not there."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    except FileNotFoundError:
        if not folder.is_symlink():
            return []
        findings.error(Place(str(folder)), "this link leads nowhere", "mend it, or remove it")
    except NotADirectoryError:
        findings.error(Place(str(folder)), "this is not a folder", "put the rules into a folder of this name")
    except OSError as error:
        findings.error(Place(str(folder)), f"cannot be read: {error.strerror}", "let this user read it")
    else:
        if found:
            return found
        remedy = "put the files of the rules there, or remove the folder: then `hours` of [service] says it all"
        findings.error(Place(str(folder)), "no *.toml stands in this folder", remedy)
    return None


def _text(path: Path, findings: Findings) -> str | None:
    where = Place(str(path))
    try:
        about = path.stat()
        if stat.S_ISREG(about.st_mode) and about.st_size <= LARGEST:
            return path.read_bytes().decode("utf-8-sig")
        odd = "this is too large to be a configuration" if stat.S_ISREG(about.st_mode) else "this is not a file"
        findings.error(where, odd, "move it away")
    except FileNotFoundError:
        if path.is_symlink():
            findings.error(where, "this link leads nowhere", "mend it, or remove it")
        else:
            findings.error(where, "there is no such file", "run `commsd init`, or say where it is: --config DIR")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        findings.error(Place(str(path), line), "this is not UTF-8 text", "store the file as UTF-8")
    except OSError as error:
        findings.error(where, f"cannot be read: {error.strerror}", "let this user read it")
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
    retention, changes = read_retention(root), read_changes(root)
    webhooks = read_webhooks(root)
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
        rules=changes,
        notices=notices,
        alarms=alarms,
        retention=retention,
        version=version,
        sla_files=files.texts,
        webhooks=webhooks,
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
    _judge_ways(root)


def _judge_ways(root: Table) -> None:
    """Routes that nothing could carry, and mailboxes called like another way than mail."""
    for route in root.tables("route").values():
        address = route.contents.get("webhook")
        if isinstance(address, str) and len(address) > LONGEST_WEBHOOK:
            what = f"webhook has {len(address)} characters"
            route.error("webhook", what, f"give an address of at most {LONGEST_WEBHOOK}")
        texted = NUMBER.parse(route.contents.get("sms")) is not None
        if texted and "twilio" not in root.contents:
            what = f"sms in [{route.path}] needs a [twilio] table"
            route.error("sms", what, "add [twilio] and a [line.NAME], or write mail or webhook instead")
        elif texted and not root.names("line"):
            what = f"sms in [{route.path}] needs a number to send from"
            route.error("sms", what, "add a [line.NAME] with its number, or write mail or webhook instead")
    for name in WAYS.intersection(root.names("mailbox")):
        what = f'[mailbox.{name}]: "{name}" is how notices go that are no mail'
        root.table("mailbox").error(name, what, "choose another name")


def _judge_secrets(findings: Findings, folder: Path, env: Mapping[str, str], need_secrets: bool) -> None:
    for place, source in findings.secrets:
        try:
            resolve(source, folder, env)
        except SecretMissing as missing:
            note = findings.error if need_secrets else findings.warn
            note(place, missing.what, missing.remedy)
        except ConfigError as error:
            findings.error(place, error.what, error.remedy)
