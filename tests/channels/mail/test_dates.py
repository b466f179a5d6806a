"""A promised time is rounded up to the quarter hour, never past closing, and said by the reader's clock."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.mail.dates import PhoneHours, Reader
from commsd.channels.mail.texts import load_texts
from commsd.core.promise import rounded_up

BERLIN = ZoneInfo("Europe/Berlin")
INSTANTS = st.integers(1_600_000_000_000, 2_000_000_000_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, UTC))


@given(INSTANTS)
def test_a_promise_is_the_next_quarter_and_never_earlier(due_at: datetime) -> None:
    promised = rounded_up(due_at)
    assert timedelta(0) <= promised - due_at < timedelta(minutes=15)
    assert (promised.minute % 15, promised.second, promised.microsecond) == (0, 0, 0)


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(hours=2)))
def test_a_promise_is_never_past_closing(due_at: datetime, left: timedelta) -> None:
    assert due_at <= rounded_up(due_at, due_at + left) <= due_at + left


@pytest.mark.parametrize(
    ("due", "closing", "promised"),
    [("14:17", None, "14:30"), ("14:30", None, "14:30"), ("16:50", "17:00", "17:00"), ("16:46", "16:50", "16:50")],
)
def test_a_promise_by_example(due: str, closing: str | None, promised: str) -> None:
    def at(clock: str) -> datetime:
        return datetime.fromisoformat(f"2026-03-10T{clock}+01:00")

    assert rounded_up(at(due), at(closing) if closing else None) == at(promised)


def reader(zone: str, now: datetime) -> Reader:
    return Reader(zone=ZoneInfo(zone), service_zone=BERLIN, now=now)


MARCH = datetime(2026, 3, 10, 9, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "zone", "said"),
    [
        ("en", "Europe/London", "today, Tuesday 10 March, by 13:30 London time"),
        ("en", "Europe/Berlin", "today, Tuesday 10 March, by 14:30"),
        ("en", "America/New_York", "today, Tuesday 10 March, by 9:30 New York time"),
        ("en", "UTC", "today, Tuesday 10 March, by 13:30 UTC"),
        ("de", "Europe/Berlin", "heute, Dienstag, 10. März, bis 14:30 Uhr"),
        ("de", "Europe/London", "heute, Dienstag, 10. März, bis 13:30 Uhr Londoner Zeit"),
        ("de", "America/Sao_Paulo", "heute, Dienstag, 10. März, bis 10:30 Uhr (Ortszeit Sao Paulo)"),
        ("da", "Europe/Copenhagen", "i dag, tirsdag den 10. marts, senest kl. 14.30"),
        ("da", "Atlantic/Faroe", "i dag, tirsdag den 10. marts, senest kl. 13.30 færøsk tid"),
        ("id", "Asia/Jakarta", "hari ini, Selasa, 10 Maret, paling lambat pukul 20.30 WIB"),
        ("id", "Asia/Makassar", "hari ini, Selasa, 10 Maret, paling lambat pukul 21.30 WITA"),
        ("id", "Europe/Berlin", "hari ini, Selasa, 10 Maret, paling lambat pukul 14.30 waktu Jerman"),
    ],
)
def test_a_time_is_said_as_the_country_writes_it(language: str, zone: str, said: str) -> None:
    dates = load_texts().of(language).dates
    assert dates.promised(datetime(2026, 3, 10, 13, 30, tzinfo=UTC), reader(zone, MARCH)) == said


def test_today_is_the_readers_day() -> None:
    dates = load_texts().of("en").dates
    late = datetime(2026, 3, 10, 16, 0, tzinfo=UTC)
    assert dates.promised(late, reader("Europe/Berlin", MARCH)).startswith("today, Tuesday 10 March")
    assert dates.promised(late, reader("Pacific/Auckland", MARCH)) == "on Wednesday 11 March, by 5:00 Auckland time"


@pytest.mark.parametrize(
    ("language", "zone", "said"),
    [
        ("en", "Europe/London", "Monday to Friday, 8:00 to 16:00 London time"),
        ("de", "Europe/Berlin", "montags bis freitags von 9:00 bis 17:00 Uhr"),
        ("da", "Europe/Copenhagen", "mandag til fredag kl. 9.00-17.00"),
        ("id", "Asia/Jakarta", "Senin sampai Jumat, pukul 15.00–23.00 WIB"),
        ("en", "Pacific/Auckland", "Monday to Friday, 21:00 to 5:00 Auckland time"),
        ("en", "America/Los_Angeles", "Monday to Friday, 1:00 to 9:00 Los Angeles time"),
        ("en", "Pacific/Honolulu", "Sunday to Thursday, 22:00 to 6:00 Honolulu time"),
    ],
)
def test_phone_hours_are_said_by_the_readers_clock(language: str, zone: str, said: str) -> None:
    hours = (PhoneHours(weekday_from=0, weekday_to=4, windows=((time(9), time(17)),)),)
    assert load_texts().of(language).dates.hours(hours, reader(zone, MARCH)) == said


def test_an_opening_more_than_a_week_away_has_its_date() -> None:
    dates = load_texts().of("en").dates
    monday, later = datetime(2026, 3, 16, 8, tzinfo=UTC), datetime(2026, 3, 17, 8, tzinfo=UTC)
    assert dates.opens(monday, reader("Europe/Berlin", MARCH)) == ("on Monday", "9:00")
    assert dates.opens(later, reader("Europe/Berlin", MARCH)) == ("on Tuesday 17 March", "9:00")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("today, Tuesday,", "13:15")),
        ("de", ("heute, Dienstag,", "13:15 Uhr")),
        ("da", ("i dag, tirsdag,", "13.15")),
        ("id", ("hari ini, Selasa,", "13.15 waktu Jerman")),
    ],
)
def test_an_opening_today_is_called_so(language: str, said: tuple[str, str]) -> None:
    dates = load_texts().of(language).dates
    assert dates.opens(datetime(2026, 3, 10, 12, 15, tzinfo=UTC), reader("Europe/Berlin", MARCH)) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "on Tuesday 10 March, by 14:30 Berlin time"),
        ("de", "am Dienstag, 10. März, bis 14:30 Uhr deutscher Zeit"),
        ("da", "tirsdag den 10. marts senest kl. 14.30 tysk tid"),
        ("id", "pada hari Selasa, 10 Maret, paling lambat pukul 14.30 waktu Jerman"),
    ],
)
def test_to_whom_may_live_elsewhere_our_zone_is_named_and_no_day_is_today(language: str, said: str) -> None:
    unsure = Reader(zone=BERLIN, service_zone=BERLIN, now=MARCH, sure=False)
    assert load_texts().of(language).dates.promised(datetime(2026, 3, 10, 13, 30, tzinfo=UTC), unsure) == said
