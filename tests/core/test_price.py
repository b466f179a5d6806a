"""What a call costs before it is made."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.number import parse_number
from commsd.core.price import CURRENCIES, Spending, affordable, converted, estimate, first_day

DAY = date(2026, 3, 10)
BERLIN, MOBILE, JAMAICA = (parse_number(text) for text in ("+493023125099", "+4915112345678", "+18765550123"))


def test_fraud_cost_runaway_a_call_is_estimated_by_both_its_legs() -> None:
    assert estimate([BERLIN, BERLIN], "EUR", DAY) == Spending("2026-03-10", "EUR", Decimal("0.3000"), 1)
    assert estimate([BERLIN, MOBILE], "EUR", DAY).amount == Decimal("0.5500")
    assert estimate([BERLIN, JAMAICA], "EUR", DAY).amount > 3
    assert estimate([BERLIN, None], "EUR", DAY).amount == estimate([BERLIN, JAMAICA], "EUR", DAY).amount


def test_fraud_cost_runaway_what_would_pass_the_limit_is_not_affordable() -> None:
    call = estimate([BERLIN, BERLIN], "EUR", DAY)
    assert affordable(Decimal("19.70"), call, Decimal(20))
    assert not affordable(Decimal("19.71"), call, Decimal(20))
    assert affordable(Decimal(10**6), call, None)
    assert not affordable(Decimal(0), call, Decimal(0))


@given(st.decimals(0, 10**6, places=2), st.sampled_from(sorted(CURRENCIES)))
def test_no_amount_gets_smaller_than_a_currency_says(dollars: Decimal, currency: str) -> None:
    assert converted(dollars, currency) >= dollars


@pytest.mark.parametrize(("days", "first"), [(1, "2026-03-10"), (7, "2026-03-04"), (30, "2026-02-09")])
def test_a_limit_counts_from_its_first_day_on(days: int, first: str) -> None:
    assert first_day(timedelta(days=days), DAY) == first
