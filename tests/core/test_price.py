"""What a call costs before it is made."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.number import parse_number
from commsd.core.price import (
    CURRENCIES,
    Spending,
    affordable,
    bill,
    converted,
    estimate,
    first_day,
    longest,
    mended,
    money,
)

DAY = date(2026, 3, 10)
BERLIN, MOBILE, JAMAICA = (parse_number(text) for text in ("+493023125099", "+4915112345678", "+18765550123"))


def test_fraud_cost_runaway_a_call_is_estimated_by_both_its_legs() -> None:
    assert estimate([BERLIN, BERLIN], "EUR", DAY) == Spending("2026-03-10", "EUR", Decimal("0.3000"), 1)
    assert estimate([BERLIN, MOBILE], "EUR", DAY).amount == Decimal("0.5500")
    assert estimate([BERLIN, JAMAICA], "EUR", DAY).amount > 3
    assert estimate([BERLIN, None], "EUR", DAY).amount == estimate([BERLIN, JAMAICA], "EUR", DAY).amount


def test_fraud_cost_runaway_what_would_pass_the_limit_is_not_affordable() -> None:
    call = estimate([BERLIN, BERLIN], "EUR", DAY)
    assert affordable(call, Decimal("0.30"))
    assert not affordable(call, Decimal("0.29"))
    assert affordable(call, None)
    assert not affordable(call, Decimal(0))


@given(st.decimals(0, 10**6, places=2), st.sampled_from(sorted(CURRENCIES)))
def test_no_amount_gets_smaller_than_a_currency_says(dollars: Decimal, currency: str) -> None:
    assert converted(dollars, currency) >= dollars


@pytest.mark.parametrize(("days", "first"), [(1, "2026-03-10"), (7, "2026-03-04"), (30, "2026-02-09")])
def test_a_limit_counts_from_its_first_day_on(days: int, first: str) -> None:
    assert first_day(timedelta(days=days), DAY) == first


@pytest.mark.parametrize(
    ("prices", "unit", "cost"),
    [
        (["-0.01400", "-0.0280"], "USD", "0.04200 USD"),
        (["0.5"], "eur", "0.5 EUR"),
        (["-0.01400", None], "USD", None),
        ([], "USD", None),
        (["-0.014"], None, None),
        (["much"], "USD", None),
        (["NaN"], "USD", None),
    ],
)
def test_fraud_cost_runaway_a_bill_is_known_once_every_leg_has_its_price(
    prices: list[str | None], unit: str | None, cost: str | None
) -> None:
    assert bill(prices, unit) == cost


def test_fraud_cost_runaway_a_bill_takes_the_place_of_the_estimate() -> None:
    assert mended("0.3000 EUR", "0.0420 EUR", DAY) == Spending("2026-03-10", "EUR", Decimal("-0.2580"), 0)
    assert mended("2.1600 DKK", "0.0420 USD", DAY) == Spending("2026-03-10", "DKK", Decimal("-1.8576"), 0)
    assert mended("0.3000 EUR", "0.0420 XAU", DAY) is None
    assert mended(None, "0.0420 EUR", DAY) is None


@given(st.decimals(0, 1000, places=4), st.sampled_from(sorted(CURRENCIES)))
def test_fraud_cost_runaway_a_call_lasts_no_longer_than_its_money(left: Decimal, currency: str) -> None:
    lasts = longest(left, [BERLIN, MOBILE], currency)
    a_minute = converted(Decimal("0.11"), currency)
    assert a_minute * int(lasts / timedelta(minutes=1)) <= left


def test_an_amount_is_kept_as_text() -> None:
    assert money(Decimal("0.0140"), "USD") == "0.0140 USD"
