"""What a value in a file may look like: units, addresses, zones, languages. Each form says what it wants in words.

A form is handed what tomllib read and gives the value commsd works with, or None. Forms that need the core's words
(telephone numbers, names of agents) stand with what they read.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """One kind of value. what: "a duration". remedy: what to write, imperative. blank: stands in after a mistake.

    echo: whether a mistake may print what stood there. known: the words there are, to suggest the nearest.
    """

    what: str
    remedy: str
    parse: Callable[[Any], T | None]
    blank: T
    echo: bool = True
    known: Callable[[], Iterable[str]] = tuple


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in each `per`."""

    count: int
    per: timedelta


class Endpoint(NamedTuple):
    """Where to listen. port 0: the system chooses."""

    host: str
    port: int


class Minutes(NamedTuple):
    """A daily span of wall time in minutes since midnight; where end <= start it ends the next day."""

    start: int
    end: int


class Span(NamedTuple):
    """Days, both ends included."""

    first: date
    last: date


_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PART = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"\\]+@(?:[\w-]+\.)*[\w-]+")
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[\w-]+")
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8})*")


def duration(text: object) -> timedelta | None:
    """ "90s", "1h30m", "50ms", "7d" (of 24 h). None for anything else, also for a bare number."""
    if not isinstance(text, str) or not re.fullmatch(f"(?:{_PART.pattern})+", text):
        return None
    try:
        return timedelta(milliseconds=sum(int(n) * _UNITS[unit] for n, unit in _PART.findall(text)))
    except OverflowError:
        return None


def minutes_of_day(text: str, *, latest: int = 1439) -> int | None:
    """ "09:30" in minutes since midnight; None where it is no time of day. latest: 1440 lets "24:00" pass."""
    found = _CLOCK.fullmatch(text.strip())
    if not found or int(found[2]) > 59:
        return None
    minutes = int(found[1]) * 60 + int(found[2])
    return minutes if minutes <= latest else None


def span_of_day(text: object) -> Minutes | None:
    """ "20:00-08:00" or "09:00-24:00"; None where it is neither, or where both ends are equal."""
    start, dash, end = text.partition("-") if isinstance(text, str) else ("", "", "")
    first, last = minutes_of_day(start), minutes_of_day(end, latest=1440)
    if not dash or first is None or last is None or first == last:
        return None
    return Minutes(first, last)


def iso_date(value: object) -> date | None:
    """A date as TOML writes it, quoted or not."""
    if type(value) is date:
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """All IANA zones there are here."""
    return frozenset(available_timezones())


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _port(value: object) -> int | None:
    port = _count(value)
    return port if port and port < 65536 else None


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], str | None]:
    return lambda value: value if isinstance(value, str) and pattern.fullmatch(value) else None


def _zone(value: object) -> str | None:
    if not isinstance(value, str) or value not in zone_names():
        return None
    ZoneInfo(value)
    return value


def _rate(value: object) -> Rate | None:
    found = re.fullmatch(r"([0-9]{1,9}) ?/ ?(s|m|h|d)", value) if isinstance(value, str) else None
    if not found or int(found[1]) == 0:
        return None
    return Rate(int(found[1]), timedelta(milliseconds=_UNITS[found[2]]))


def _listen(value: object) -> Endpoint | None:
    if not isinstance(value, str):
        return None
    host, colon, port = value.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not re.fullmatch(r"[\w.:-]+", host) or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        return None
    return Endpoint(host, int(port))


def _url(value: object) -> str | None:
    if not isinstance(value, str) or re.search(r"\s", value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def _network(value: object) -> str | None:
    try:
        return str(ipaddress.ip_network(value, strict=False)) if isinstance(value, str) else None
    except ValueError:
        return None


def _span(value: object) -> Span | None:
    first, _, last = value.partition("..") if isinstance(value, str) else (value, "", "")
    start, end = iso_date(first), iso_date(last or first)
    return Span(start, end) if start and end and start <= end else None


def _share(value: object) -> float | None:
    found = re.fullmatch(r"([0-9]{1,3})%", value) if isinstance(value, str) else None
    return int(found[1]) / 100 if found and int(found[1]) <= 100 else None


def _time(value: object) -> time | None:
    if isinstance(value, time):
        return value
    minutes = minutes_of_day(value) if isinstance(value, str) else None
    return time(*divmod(minutes, 60)) if minutes is not None else None


TEXT = Form("text", 'write text in quotes, such as "support"', _text, "")
FLAG = Form("true or false", "write true or false, without quotes", _flag, False)
COUNT = Form("a whole number", "write a whole number of 0 or more, without quotes", _count, 0)
PORT = Form("a port", "write a number from 1 to 65535, without quotes", _port, 1)
DURATION = Form("a duration", 'write a number and a unit, such as "30s"', duration, timedelta(0))
RATE = Form("a rate", 'write a number and what it is for, such as "3000/h" or "1/s"', _rate, Rate(1, timedelta(1)))
ADDRESS = Form("a mail address", 'write it bare, such as "support@example.com"', _matching(_ADDRESS), "")
DOMAIN = Form("a domain", 'write it bare, such as "example.com"', _matching(_DOMAIN), "")
LANGUAGE = Form("a language", 'write its code, such as "en" or "pt-BR"', _matching(_LANGUAGE), "en")
ZONE = Form("a time zone", 'write an IANA name, such as "Europe/Berlin"', _zone, "UTC", known=zone_names)
LISTEN = Form("an address to listen on", 'write host and port, such as "127.0.0.1:8025"', _listen, Endpoint("", 0))
URL = Form("a web address", 'write it whole, such as "https://contact.example.com"', _url, "", echo=False)
NETWORK = Form("an IP address or network", 'write it as "192.0.2.7" or "192.0.2.0/24"', _network, "")
SPAN = Form(
    "a date or a span of dates", 'write "2026-07-06" or "2026-07-06..2026-07-24"', _span, Span(date.min, date.min)
)
SHARE = Form("a share", 'write a percentage, such as "20%"', _share, 0.0)
TIME_OF_DAY = Form("a time of day", 'write hours and minutes, such as "08:00"', _time, time())
DAILY_SPAN = Form("a span of the day", 'write from and to, such as "20:00-08:00"', span_of_day, Minutes(0, 1440))
