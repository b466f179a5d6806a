"""When a customer may be rung: wherever he may be, at no hour at which he sleeps there."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.config.unit import Minutes
from commsd.core.calendar import Calendar, Window, is_open
from commsd.core.calling_hours import another_hour, kept_by, may_ring, next_window, zones_of
from commsd.core.number import Number, parse_number
from tests.house import OFFICE

QUIET = Minutes(20 * 60, 8 * 60)
BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 3, 10, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def _zones(number: str, contact: str | None = None) -> set[str]:
    return {str(zone) for zone in zones_of(parse_number(number), contact, BERLIN)}


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+493023125099", {"Europe/Berlin"}),
        ("+4533123456", {"Europe/Copenhagen"}),
        ("+6281234567890", {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}),
        ("+62215550123", {"Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"}),
        ("+80012345678", {"Europe/Berlin"}),
        ("+18005550199", {"Europe/Berlin"}),
        ("+12025550123", {"America/New_York"}),
        ("+18765550123", {"America/Jamaica"}),
        ("+77710009998", {"Asia/Almaty", "Asia/Aqtobe"}),
    ],
)
def test_q7_the_zones_a_number_may_be_in(number: str, zones: set[str]) -> None:
    assert _zones(number) == zones


def test_q7_an_australian_mobile_may_be_anywhere_in_australia() -> None:
    zones = zones_of(parse_number("+61412345678"), None, BERLIN)
    assert len(zones) == 8
    assert {"Australia/Perth", "Australia/Sydney"} <= {str(zone) for zone in zones}
    sydney_only = datetime(2026, 3, 10, 22, 0, tzinfo=UTC)  # 09:00 in Sydney, 06:00 in Perth
    assert may_ring(sydney_only, (ZoneInfo("Australia/Sydney"),), QUIET)
    assert not may_ring(sydney_only, zones, QUIET)


def test_q7_a_british_mobile_may_be_on_the_islands() -> None:
    assert len(_zones("+447400123456")) >= 4


def test_q7_a_number_of_a_countrys_carriers_may_be_anywhere_in_that_country_and_nowhere_else() -> None:
    russia = _zones("+79161234567")
    assert {"Europe/Kaliningrad", "Asia/Kamchatka"} <= russia
    assert "Asia/Almaty" not in russia
    assert "America/New_York" not in _zones("+16002012345"), "a Canadian one"


def _every_kind_of_number() -> list[Number]:
    kinds = [kind for kind in phonenumbers.PhoneNumberType.values() if kind != phonenumbers.PhoneNumberType.UNKNOWN]
    examples = [
        phonenumbers.example_number_for_type(region, kind)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for kind in kinds
    ]
    written = [phonenumbers.format_number(each, phonenumbers.PhoneNumberFormat.E164) for each in examples if each]
    return [number for text in dict.fromkeys(written) if (number := parse_number(text))]


EVERY_NUMBER = _every_kind_of_number()


def test_q7_every_number_of_every_country_can_be_rung_at_some_hour_of_a_working_day() -> None:
    assert len(EVERY_NUMBER) > 700
    places = dict.fromkeys(zones_of(number, None, BERLIN) for number in EVERY_NUMBER)
    for zones in places:
        at = next_window(TUESDAY, zones, QUIET)
        assert at is not None, zones
        assert at < TUESDAY + 24 * HOUR
        assert all(8 <= at.astimezone(zone).hour < 20 for zone in zones), "and nobody is woken"


def test_q7_a_number_that_finds_no_hour_of_ours_is_one_that_sleeps_somewhere_while_we_are_open() -> None:
    """The other way to have no window: the search has overlooked none."""
    places = dict.fromkeys(zones_of(number, None, BERLIN) for number in EVERY_NUMBER)
    without = [zones for zones in places if next_window(TUESDAY, zones, QUIET, OFFICE) is None]
    halves = [TUESDAY + n * HOUR / 2 for n in range(48 * 7)]
    for zones in without:
        assert not any(is_open(OFFICE, at) and may_ring(at, zones, QUIET) for at in halves), zones
    assert zones_of(parse_number("+493023125099"), None, BERLIN) not in without
    assert len(without) < len(places) / 5, "most of the world has one"


def test_q7_without_a_number_the_lines_own_zone_counts() -> None:
    assert zones_of(None, None, BERLIN) == (BERLIN,)


def test_q7_the_zone_on_file_counts_alone_where_there_is_such_a_zone() -> None:
    assert _zones("+61412345678", "Asia/Tokyo") == {"Asia/Tokyo"}
    assert _zones("+493023125099", "Mars/Olympus") == {"Europe/Berlin"}


@pytest.mark.parametrize(
    ("local", "allowed"), [("07:59", False), ("08:00", True), ("19:59", True), ("20:00", False), ("00:00", False)]
)
def test_q7_nobody_is_rung_between_eight_in_the_evening_and_eight_in_the_morning(local: str, allowed: bool) -> None:
    at = datetime.fromisoformat(f"2026-03-10T{local}:00").replace(tzinfo=BERLIN)
    assert may_ring(at, (BERLIN,), QUIET) is allowed


def test_quiet_hours_may_lie_within_one_day_too() -> None:
    siesta = Minutes(13 * 60, 15 * 60)
    assert [may_ring(datetime(2026, 3, 10, hour, tzinfo=BERLIN), (BERLIN,), siesta) for hour in (12, 13, 14, 15)] == [
        True,
        False,
        False,
        True,
    ]


def test_the_window_opens_when_both_the_customer_is_up_and_we_are_open() -> None:
    jakarta = zones_of(parse_number("+6281234567890"), None, BERLIN)
    friday_noon = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)  # 21:00 in Jayapura
    monday = next_window(friday_noon, jakarta, QUIET, OFFICE)
    assert monday == datetime(2026, 3, 16, 8, 0, tzinfo=UTC), "9:00 in Berlin, 15:00 to 17:00 in Indonesia"


def test_no_window_is_found_where_there_is_none() -> None:
    never = Calendar(name="never", tz="Europe/Berlin", weekly={})
    assert next_window(TUESDAY, (BERLIN,), QUIET, never) is None
    assert next_window(TUESDAY, (BERLIN,), Minutes(0, 24 * 60), None) is None
    apart = (ZoneInfo("Pacific/Auckland"), ZoneInfo("Europe/London"))
    assert next_window(TUESDAY, apart, Minutes(17 * 60, 9 * 60), None) is None


_ZONES = st.lists(
    st.sampled_from(["Europe/Berlin", "Asia/Jakarta", "Asia/Jayapura", "America/New_York", "Europe/London"]),
    min_size=1,
    max_size=3,
    unique=True,
).map(lambda names: tuple(map(ZoneInfo, names)))
_QUIET = st.builds(Minutes, st.integers(0, 1439), st.integers(0, 1439))


@given(
    st.integers(0, 60 * 24 * 365).map(lambda minutes: TUESDAY + minutes * MINUTE),
    _ZONES,
    _QUIET,
    st.sampled_from([None, OFFICE]),
)
def test_q7_the_next_window_is_the_first_minute_at_which_all_allow_it(
    after: datetime, zones: tuple[ZoneInfo, ...], quiet: Minutes, calendar: Calendar | None
) -> None:
    def allowed(at: datetime) -> bool:
        return may_ring(at, zones, quiet) and (calendar is None or is_open(calendar, at))

    found = next_window(after, zones, quiet, calendar)
    sought = next((at for n in range(60 * 24) if allowed(at := after + n * MINUTE)), None)
    if sought is not None:
        assert found == sought
    elif found is not None:
        assert allowed(found)
        assert not any(allowed(found - n * MINUTE) for n in range(1, 60))
    else:
        assert not any(allowed(after + n * HOUR / 2) for n in range(48 * 14))


WISHED = Calendar(name="wish", tz="Asia/Jakarta", weekly={day: (Window(840, 1260),) for day in (1, 3)}, dates={})


@given(
    st.integers(0, 60 * 24 * 7).map(lambda minutes: TUESDAY + minutes * MINUTE),
    _ZONES,
    _QUIET,
    st.sampled_from([None, OFFICE]),
    st.sampled_from([None, WISHED]),
)
def test_q7_a_call_is_made_by_the_end_of_hours_in_which_all_allow_it(
    by: datetime, zones: tuple[ZoneInfo, ...], quiet: Minutes, calendar: Calendar | None, wished: Calendar | None
) -> None:
    hours = [each for each in (calendar, wished) if each is not None]

    def allowed(at: datetime) -> bool:
        return may_ring(at, zones, quiet) and all(is_open(each, at) for each in hours)

    kept = kept_by(by, zones, quiet, calendar, wished)
    assert (kept == by) is allowed(by - timedelta.resolution)
    if kept is not None:
        assert kept >= by
        assert allowed(kept - timedelta.resolution)
        assert kept == by or not allowed(kept)


def test_q7_hours_that_never_meet_keep_no_call() -> None:
    evening = Calendar(name="wish", tz="Europe/Berlin", weekly=dict.fromkeys(range(7), (Window(1200, 1320),)), dates={})
    assert kept_by(TUESDAY, (BERLIN,), QUIET, None, evening) is None


def test_q8_the_next_window_is_at_another_hour_of_the_day() -> None:
    tried = [datetime(2026, 3, 10, 9, 30, tzinfo=BERLIN), datetime(2026, 3, 10, 12, 0, tzinfo=BERLIN)]
    at = another_hour(tried[-1], (BERLIN,), QUIET, OFFICE, tried)
    assert at == datetime(2026, 3, 11, 14, 0, tzinfo=BERLIN)


def test_q8_where_every_hour_was_tried_the_farthest_is_taken() -> None:
    tried = [datetime(2026, 3, 10, hour, 0, tzinfo=BERLIN) for hour in (9, 10, 11, 12, 13, 15)]
    at = another_hour(tried[-1], (BERLIN,), QUIET, OFFICE, tried)
    assert at is not None
    assert at.astimezone(BERLIN).date().day == 11
    assert at.astimezone(BERLIN).hour == 14


@given(st.lists(st.integers(8 * 60, 20 * 60 - 1), max_size=6), _ZONES)
def test_q8_a_later_day_is_a_later_day_and_awake(minutes: list[int], zones: tuple[ZoneInfo, ...]) -> None:
    midnight = datetime(2026, 3, 10, tzinfo=zones[0])
    tried = [midnight + minute * MINUTE for minute in minutes]
    at = another_hour(midnight + 12 * HOUR, zones, QUIET, None, tried)
    if at is not None:
        assert at.astimezone(zones[0]).date() > midnight.date()
        assert may_ring(at, zones, QUIET)
