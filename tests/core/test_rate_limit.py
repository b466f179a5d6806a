"""The brakes: how many acknowledgements go to one address in a while. mail.md L1, L2, N19."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.config.unit import Rate
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.rate_limit import PER_RECIPIENT, Spent, damped_by, is_reached

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def went(ago: timedelta, *, via: str = "support", subject: str | None = None, state: str = "sent") -> Delivery:
    return Delivery(
        id=str(ago),
        kind=DeliveryKind.ACK,
        key=str(ago),
        via=via,
        recipient="jane@customer.test",
        payload=b"",
        created_at=NOW - ago,
        due_at=NOW - ago,
        state=DeliveryState(state),
        subject_key=subject,
    )


def damped(sent: Sequence[Delivery], *, subject: str | None = "new", vouched: bool = True) -> str | None:
    return damped_by(sent, "support", subject, NOW, vouched=vouched)


@pytest.mark.parametrize(("number", "within"), [(3, 10 * MINUTE), (10, timedelta(hours=1)), (20, timedelta(hours=24))])
def test_l1_so_many_go_to_one_address_in_a_while_and_no_more(number: int, within: timedelta) -> None:
    spread = [went(within * (index + 1) / (number + 1)) for index in range(number)]
    assert damped(spread) == "budget"
    assert damped(spread[:-1]) is None


def test_l1_what_left_the_window_counts_no_more() -> None:
    sent = [went(MINUTE), went(2 * MINUTE), went(10 * MINUTE)]
    assert damped(sent) is None
    assert damped([*sent[:2], went(10 * MINUTE - timedelta(microseconds=1))]) == "budget"


def test_l1_another_mailbox_has_a_budget_of_its_own() -> None:
    assert damped([went(MINUTE, via="sales")] * 5) is None


@pytest.mark.parametrize("state", ["suppressed", "cancelled"])
def test_l1_what_was_never_to_go_out_is_not_counted(state: str) -> None:
    assert damped([went(MINUTE, state=state)] * 5) is None


@pytest.mark.parametrize("state", ["queued", "sending", "sent", "unknown", "refused", "failed", "held"])
def test_l1_what_waits_or_was_tried_is_counted(state: str) -> None:
    assert damped([went(MINUTE, state=state)] * 3) == "budget"


def test_l2_the_same_subject_three_times_in_an_hour_is_enough() -> None:
    sent = [went(minutes * MINUTE, subject="order", via="sales") for minutes in (15, 30, 45)]
    assert damped(sent, subject="order") == "same-subject"
    assert damped(sent, subject="another") is None
    assert damped(sent[:2], subject="order") is None
    assert damped([*sent[:2], went(60 * MINUTE, subject="order")], subject="order") is None


def test_l2_no_subject_is_not_one_and_the_same() -> None:
    assert damped([went(minutes * MINUTE) for minutes in (15, 30, 45)], subject=None) is None


def test_n19_nobody_vouches_then_half_of_each_number_does() -> None:
    assert damped([went(MINUTE)] * 2, vouched=False) == "budget"
    assert damped([went(MINUTE)], vouched=False) is None
    hour = [went(11 * MINUTE + index * MINUTE) for index in range(5)]
    assert damped(hour, vouched=False) == "budget"
    assert damped(hour) is None


@given(st.lists(st.integers(0, 1500).map(lambda minutes: went(minutes * MINUTE)), max_size=30))
def test_l1_a_brake_holds_exactly_where_one_of_its_windows_is_full(sent: list[Delivery]) -> None:
    minutes = [(NOW - owed.created_at) // MINUTE for owed in sent]
    full = any(sum(each < span for each in minutes) >= most for most, span in ((3, 10), (10, 60), (20, 1440)))
    assert (damped(sent) == "budget") == full


@given(st.lists(st.integers(0, 1500).map(lambda minutes: NOW - minutes * MINUTE), max_size=30), st.integers(0, 900))
def test_l1_waiting_frees_a_window_and_never_fills_it(at: list[datetime], later: int) -> None:
    for limit in PER_RECIPIENT:
        if not is_reached(limit, at, NOW):
            assert not is_reached(limit, at, NOW + later * MINUTE)


def test_l1_the_budget_of_a_mailbox_alarms_at_a_tenth_and_ends_at_its_number() -> None:
    budget = Rate(50, timedelta(hours=1))
    spent = {count: Spent(count, NOW) for count in (4, 5, 49, 50)}
    assert [spent[count].alarms(budget) for count in spent] == [False, True, True, True]
    assert [spent[count].exceeds(budget) for count in spent] == [False, False, False, True]
