"""What a call costs, roughly: cents a minute by region, to stop before money runs away. Pure.

Rough estimates of ours, set high, not taken from a price list, so that a limit is reached early rather than late. What
is billed in the end takes their place in the day's account, where the provider says it. No price here is a promise,
and none is shown to a customer.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_UP, Decimal, InvalidOperation
from typing import NamedTuple

from commsd.core.number import Number


class Minute(NamedTuple):
    """US cents a minute to a landline and to a mobile."""

    fixed: int
    mobile: int


_MINUTES: Mapping[str, Minute] = {
    "AT": Minute(4, 15),
    "AU": Minute(4, 8),
    "BE": Minute(5, 25),
    "CA": Minute(2, 2),
    "CH": Minute(6, 35),
    "CZ": Minute(4, 12),
    "DE": Minute(3, 8),
    "DK": Minute(3, 6),
    "ES": Minute(3, 10),
    "FI": Minute(12, 15),
    "FR": Minute(3, 15),
    "GB": Minute(3, 6),
    "IE": Minute(3, 10),
    "ID": Minute(10, 10),
    "IT": Minute(3, 20),
    "LU": Minute(5, 20),
    "NL": Minute(4, 20),
    "NO": Minute(4, 12),
    "PL": Minute(4, 15),
    "PT": Minute(4, 15),
    "SE": Minute(4, 10),
    "SG": Minute(5, 5),
    "US": Minute(2, 2),
}
_ELSEWHERE = Minute(60, 60)
_COSTLY: Mapping[str, Minute] = {
    region: Minute(100, 150)
    for region in ("CU", "DZ", "GN", "KM", "KP", "LY", "MG", "MV", "PG", "SB", "SL", "SO", "TN", "TO", "TV", "VU", "WS")
}
"""Where the numbers of pay-per-call frauds lie: telephony.md section 7, S4."""

_PER_USD: Mapping[str, Decimal] = {
    "AUD": Decimal("1.6"),
    "CAD": Decimal("1.45"),
    "CHF": Decimal(1),
    "CZK": Decimal(24),
    "DKK": Decimal("7.2"),
    "EUR": Decimal(1),
    "GBP": Decimal(1),
    "IDR": Decimal(17000),
    "NOK": Decimal("11.5"),
    "PLN": Decimal("4.2"),
    "SEK": Decimal(11),
    "SGD": Decimal("1.4"),
    "USD": Decimal(1),
}
"""How much a dollar is at most. A dear dollar errs to the safe side."""

CURRENCIES = frozenset(_PER_USD)
"""Those a limit can be written in."""

TALK = timedelta(minutes=5)
"""How long a call is thought to last before it is over."""

_CENT = Decimal("0.0001")
_MINUTE = timedelta(minutes=1)


def minute(number: Number) -> Decimal:
    """USD a minute to this number."""
    cents = _MINUTES.get(number.region) or _COSTLY.get(number.region) or _ELSEWHERE
    return Decimal(cents.mobile if "mobile" in number.type else cents.fixed) / 100


class Spending(NamedTuple):
    """An amount of money to add to a day's account. day: ISO, UTC."""

    day: str
    currency: str
    amount: Decimal
    calls: int


def estimate(numbers: Iterable[Number | None], currency: str, day: date) -> Spending:
    """What one call with a leg to each of these costs, as far as one can know before; kept when it is begun.

    Twilio bills whole minutes.
    """
    minutes = -(-TALK // _MINUTE)
    return Spending(day.isoformat(), currency, converted(_dollars(numbers) * minutes, currency), 1)


def money(amount: Decimal, currency: str) -> str:
    """An amount as it is kept: "0.0140 USD"."""
    return f"{amount:f} {currency}"


def bill(prices: Iterable[str | None], unit: str | None) -> str | None:
    """What these legs cost together, as Twilio says it: below zero, in the account's currency. None: not known yet."""
    try:
        amounts = [abs(Decimal(price)) if price is not None else None for price in prices]
    except InvalidOperation:
        return None
    known = [amount for amount in amounts if amount is not None and amount.is_finite()]
    return money(sum(known, Decimal(0)), unit.upper()) if unit and known and len(known) == len(amounts) else None


def mended(thought: str | None, cost: str, day: date) -> Spending | None:
    """What makes the day's account right: the bill in place of the estimate. Both as `money`.

    None where none was made, or in a currency whose worth is not known here.
    """
    if thought is None:
        return None
    (guess, currency), (amount, unit) = thought.split(), cost.split()
    if currency not in CURRENCIES or unit not in CURRENCIES:
        return None
    true = Decimal(amount)
    if unit != currency:
        true = (true / _PER_USD[unit] * _PER_USD[currency]).quantize(_CENT, ROUND_UP)
    return Spending(day.isoformat(), currency, true - Decimal(guess), 0)


def longest(left: Decimal, numbers: Iterable[Number | None], currency: str) -> timedelta:
    """How long a call with a leg to each of these may last for this much money, in whole minutes."""
    a_minute = converted(_dollars(numbers), currency)
    return _MINUTE * int(left / a_minute)


def _dollars(numbers: Iterable[Number | None]) -> Decimal:
    """USD a minute of a call with a leg to each. A number that we do not know costs what one abroad does."""
    return sum((minute(number) if number else Decimal(_ELSEWHERE.fixed) / 100 for number in numbers), Decimal(0))


def converted(dollars: Decimal | int, currency: str) -> Decimal:
    """So many dollars in another currency. Raises KeyError for one not in CURRENCIES."""
    return (Decimal(dollars) * _PER_USD[currency]).quantize(_CENT, ROUND_UP)


def first_day(per: timedelta, today: date) -> str:
    """The first day that counts towards a limit for this time, today among it."""
    return (today - per + timedelta(days=1)).isoformat()


def affordable(thought: Spending, left: Decimal | None) -> bool:
    """Whether this call fits in what may still be spent; None: there is no limit."""
    return left is None or thought.amount <= left
