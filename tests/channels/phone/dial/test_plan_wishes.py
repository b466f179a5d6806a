"""What the dialler does for a customer who wishes to be rung at hours of their own, or wished not to be rung."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from commsd.channels.phone.dial.plan import Escalate, Wait
from commsd.core.contact import Contact, Wishes
from tests.channels.phone.dial.test_plan import BERLIN, HOUR, MINUTE, TODAY, owed, planned, tries, who
from tests.core.items import TUESDAY

DAY = timedelta(days=1)


def wishing(hours: str, timezone: str | None = None) -> Contact:
    return Contact(id="jane", created_at=TUESDAY, wishes=Wishes(hours=hours), timezone=timezone)


def test_q7_a_contacts_own_hours_are_waited_for_by_the_contacts_own_clock() -> None:
    """Tuesday at ten in Berlin; nine in London, where Jane's hours begin at two."""
    afternoon = wishing("mon-fri 14:00-16:00", "Europe/London")
    assert planned(owed(), contact=afternoon) == Wait(
        datetime(2026, 3, 10, 14, 0, tzinfo=ZoneInfo("Europe/London")), "window"
    )
    assert who(planned(owed(), TUESDAY + 5 * HOUR, contact=afternoon)) == "anna"


def test_q7_a_contact_without_a_zone_means_the_zone_of_their_number() -> None:
    assert planned(owed(), contact=wishing("tue 11:00-12:00")) == Wait(
        datetime(2026, 3, 10, 11, 0, tzinfo=BERLIN), "window"
    )


def test_q7_the_next_try_lies_within_a_contacts_hours_too() -> None:
    callback = owed(attempts=tries("no-answer", "no-answer", "no-answer"))
    chosen = planned(callback, TUESDAY + 4 * HOUR, contact=wishing("wed-fri 09:00-10:00"))
    assert isinstance(chosen, Wait)
    assert chosen.until.astimezone(BERLIN).hour == 9
    assert chosen.until.astimezone(BERLIN).date() > TODAY


def test_q7_hours_at_which_we_are_never_there_are_a_persons_matter() -> None:
    assert planned(owed(), contact=wishing("sun 09:00-12:00")) == Escalate("no_window")


def test_q7_a_time_asked_for_comes_before_a_contacts_usual_hours() -> None:
    callback = owed(asked_at_time=True, due_at=TUESDAY)
    assert who(planned(callback, contact=wishing("fri 09:00-10:00"))) == "anna"


def test_q7_hours_that_nobody_can_read_keep_nobody_waiting() -> None:
    assert who(planned(owed(), contact=wishing("whenever it suits"))) == "anna"


@pytest.mark.parametrize("hours", ["thu 10:00-11:00", "mon 10:00-11:00"])
def test_q7_a_call_is_not_overdue_before_the_first_hours_its_customer_wishes_are_over(hours: str) -> None:
    callback, contact = owed(due_at=TUESDAY), wishing(hours)
    opening = planned(callback, TUESDAY + MINUTE, contact=contact)
    assert isinstance(opening, Wait)
    assert who(planned(callback, opening.until, contact=contact)) == "anna"
    assert who(planned(callback, opening.until + 59 * MINUTE, contact=contact)) == "anna"
    assert planned(callback, opening.until + HOUR, contact=contact) == Escalate("overdue")


def test_q7_hours_that_begin_before_a_call_is_due_keep_it_no_longer_than_a_day() -> None:
    callback, contact = owed(due_at=TUESDAY), wishing("mon-fri 09:00-16:00")
    assert who(planned(callback, TUESDAY + DAY - MINUTE, contact=contact)) == "anna"
    assert planned(callback, TUESDAY + DAY, contact=contact) == Escalate("overdue")


@pytest.mark.parametrize("days", [1, 2, 10])
def test_a_call_that_was_held_for_a_wish_is_overdue_a_day_after_the_wish_ended(days: int) -> None:
    ended = TUESDAY + days * DAY
    callback = owed(due_at=TUESDAY, wish_ended_at=ended)
    assert who(planned(callback, ended)) == "anna"
    assert planned(callback, ended + 5 * DAY) == Escalate("overdue")


def test_a_wish_that_ended_before_the_call_was_due_makes_it_overdue_no_sooner() -> None:
    callback = owed(due_at=TUESDAY, wish_ended_at=TUESDAY - DAY)
    assert who(planned(callback, TUESDAY + DAY - MINUTE)) == "anna"
    assert planned(callback, TUESDAY + DAY) == Escalate("overdue")
