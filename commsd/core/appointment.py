"""A time as a person writes it in two words -> the instant that is meant: the next such time in the firm's zone.

Pure. Knows the words of four languages; what is owed at that time is not its business.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EARLIEST = 7
"""A bare hour before this is not taken for one of the night: "at 3" most likely means the afternoon, so we ask."""

FARTHEST = 2
"""Years; what lies farther off is a slip of the pen."""

_FILLING = frozenset(("on", "am", "den", "pada", "please", "bitte", "thanks", "danke", "tak", "i", "hari"))
_AT_WORD = frozenset(("at", "um", "uhr", "kl", "kl.", "klokken", "jam", "pukul"))
_DAYS: Mapping[str, int] = {
    **dict.fromkeys(("today", "heute", "dag", "ini"), 0),
    **dict.fromkeys(("tomorrow", "morgen", "besok"), 1),
}
_WEEKDAYS: Sequence[frozenset[str]] = (
    frozenset(("monday", "mon", "montag", "mo", "mandag", "senin")),
    frozenset(("tuesday", "tue", "dienstag", "di", "tirsdag", "selasa")),
    frozenset(("wednesday", "wed", "mittwoch", "mi", "onsdag", "rabu")),
    frozenset(("thursday", "thu", "donnerstag", "do", "torsdag", "kamis")),
    frozenset(("friday", "fri", "freitag", "fr", "fredag", "jumat")),
    frozenset(("saturday", "sat", "samstag", "sa", "lørdag", "sabtu")),
    frozenset(("sunday", "sun", "sonntag", "so", "søndag", "minggu")),
)
_HOURS = r"h|hours?|stunden?|std|timer?|jam"
_MINUTES = r"min|minutes?|minuten|minutter|menit"
_SPAN = re.compile(rf"(?:in|om|dalam) (?P<count>\d{{1,3}}) ?(?:(?P<hours>{_HOURS})|{_MINUTES})")
_AT = re.compile(
    r"(?:(?P<day>[^\W\d]+|\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4})[ t])?"
    r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d\d)|(?P<bare>h)?)(?P<half>[ap]m)?"
)


def time_in(words: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The next time that such words mean, aware UTC: "15:00", "tomorrow 9:30", "2026-12-01 09:00", "in 2 h".

    None for other words. words: in lower case. A date may lie in the past: whoever needs a future one looks.
    """
    plain = re.sub(r"(\d) ?([ap])\.?m(?!\w)\.?", r"\1\2m", words.replace(",", " ").strip(" .:;!-–"))
    if found := _SPAN.fullmatch(plain):
        return now + int(found["count"]) * (timedelta(hours=1) if found["hours"] else timedelta(minutes=1))
    said = [word for word in plain.split() if word not in _FILLING]
    found = _AT.fullmatch(" ".join(word for word in said if word not in _AT_WORD))
    if found is None:
        return None
    clock = _clock(found, meant=found["day"] is not None or not _AT_WORD.isdisjoint(said))
    return _instant(found["day"], clock, now, zone) if clock else None


def _clock(found: re.Match[str], *, meant: bool) -> time | None:
    """meant: other words say that a bare number is an hour."""
    hour, half = int(found["hour"]), found["half"]
    if not (found["minute"] or found["bare"] or half or (meant and hour >= EARLIEST)):
        return None
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    minute = int(found["minute"] or 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _instant(word: str | None, clock: time, now: datetime, zone: ZoneInfo) -> datetime | None:
    today = now.astimezone(zone).date()
    if word is None:
        at = _local(today, clock, zone)
        return at if at > now else _local(today + timedelta(days=1), clock, zone)
    day = _day(word, today)
    return _local(day, clock, zone) if day and 2000 <= day.year <= today.year + FARTHEST else None


def _day(word: str, today: date) -> date | None:
    if word in _DAYS:
        return today + timedelta(days=_DAYS[word])
    for weekday, names in enumerate(_WEEKDAYS):
        if word in names:
            return today + timedelta(days=(weekday - today.weekday()) % 7 or 7)
    try:
        if "." in word:
            day, month, year = map(int, word.split("."))
            return date(year, month, day)
        return date.fromisoformat(word)
    except ValueError:
        return None


def _local(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
