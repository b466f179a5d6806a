"""The configuration as it is in force, one setting a line, in the words of the file. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from commsd.config.secret import SecretSource
from commsd.config.settings import Config

_SECTIONS = {"mailboxes": "mailbox", "lines": "line", "agents": "agent", "teams": "team", "routes": "route"}
"""Collections of named tables -> how the tables are called in the file."""

_PRIVATE = ("webhook", "ping_url")
"""Web addresses in whose path there is often a secret."""

Line = tuple[str, object]


def settled(config: Config) -> Iterator[Line]:
    """Every setting with its value: text, number, or a list of texts."""
    yield "folder", str(config.folder)
    firm = config.firm
    for key, value in _inside("service", firm):
        if not key.startswith("service.people"):
            yield key, value
    yield "service.key", _value(config.key)
    yield "store.url", _value(config.store)
    for name in ("http", "cases", "rules", "notices", "alarms", "retention"):
        yield from _inside(name, getattr(config, name))
    yield from _named(firm.people)
    for settings in config.settings.values():
        if settings is not None:
            yield from _named(settings)
    yield "sla.version", config.version.id
    yield "sla.files", sorted(Path(name).name for name in config.sla_files)
    yield "sla.policies", sorted(config.version.policies)
    yield "sla.calendars", sorted(config.version.calendars)


def _named(settings: Any) -> Iterator[Line]:
    """Settings of a channel, or the people: collections by name, and parts that stand alone."""
    for item in fields(settings):
        value = getattr(settings, item.name)
        section = _SECTIONS.get(item.name, item.name)
        if isinstance(value, Mapping):
            for name, each in value.items():
                yield from _inside(f"{section}.{name}", each)
        elif value is not None:
            yield from _inside(section, value)


def _inside(above: str, value: Any) -> Iterator[Line]:
    if not is_dataclass(value) or isinstance(value, SecretSource):
        yield above, veiled(above, _share(value) if isinstance(value, float) else _value(value))
        return
    for item in fields(value):
        inner = getattr(value, item.name)
        if item.name in ("name", "id") and above.endswith(f".{inner}"):
            continue
        yield from _inside(f"{above}.{item.name}", inner)


def veiled(key: str, value: object) -> object:
    """The value, of an address that lets whoever knows it in only the host."""
    if key.rpartition(".")[2] in _PRIVATE and isinstance(value, str):
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname}/…"
    return value


def _value(value: Any) -> object:
    """What JSON has a form for; a part of settings is an object of its fields."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _value(each) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, SecretSource):
        return {item.name: _value(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _value(each) for name, each in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [_value(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return str(value)


def _share(value: float) -> str:
    """The only numbers with fractions among the settings, as the file has them: 0.2 is 20%."""
    return f"{100 * value:.10g}%"


def _duration(value: timedelta) -> str:
    """In the largest unit that divides it: 30s, 15m, 4h, 7d."""
    milliseconds = round(value / timedelta(milliseconds=1))
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


def toml(value: object) -> str:
    """A value as the file might have it; what is not set shows as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }" if value else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str) and not value.startswith("{ "):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
