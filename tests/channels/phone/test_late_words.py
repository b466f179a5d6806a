"""Words of Twilio's that come late: a call is over when it was over, not when we heard of it."""

from collections.abc import Mapping
from datetime import timedelta
from email.utils import format_datetime

import pytest

from commsd.channels.phone.intake import settle
from commsd.core import key
from commsd.core.callback import Callback, CloseReason
from tests.channels.phone.hotline import CUSTOMER, HOUSE, TUESDAY, Books, Told, dialled, fields

FIRST, SECOND = "CA" + "a" * 32, "CA" + "b" * 32


def stamp(seconds: int) -> str:
    """As Twilio dates a status."""
    return format_datetime(TUESDAY + timedelta(seconds=seconds))


def heard(*words: tuple[int, str, str, Mapping[str, str]]) -> Books:
    """After these webhooks, each with its second, call and step, in the order in which they came."""
    books, calls = Books(), {FIRST: Told(), SECOND: Told()}
    for after, sid, step, said in sorted(words, key=lambda each: each[0]):
        calls[sid].told(step, {**said, "CallSid": sid} if step != "dial-1" else said, after)
        books.now, books.answered = TUESDAY + timedelta(seconds=after), {}
        keys = (key.of_call(sid), *key.of_addresses(CUSTOMER))
        books.take(settle(sid, books.items(calls[sid].entries, sid), HOUSE, keys))
    return books


def one(books: Books) -> Callback:
    (callback,) = books.callbacks.values()
    return callback


@pytest.mark.parametrize("arrives", [21, 26, 40, 400])
def test_who_rang_again_and_was_answered_is_owed_no_call_however_late_the_first_ones_end_is_told(arrives: int) -> None:
    """The first call ends after 20 s, the second rings at 25 s and is taken."""
    books = heard(
        (0, FIRST, "voice", fields()),
        (25, SECOND, "voice", fields()),
        (arrives, FIRST, "status", fields("no-answer", Timestamp=stamp(20))),
        (300, SECOND, "dial-1", dialled(True, DialCallDuration="280")),
    )
    assert one(books).close_reason is CloseReason.ANSWERED_INBOUND
    missed = next(fact for fact in books.interactions.values() if fact.reason)
    assert missed.ended_at == TUESDAY + timedelta(seconds=20)


def test_a_clock_of_twilios_that_is_behind_ours_ends_no_call_before_it_began() -> None:
    books = heard((0, FIRST, "voice", fields()), (9, FIRST, "status", fields("no-answer", Timestamp=stamp(-30))))
    (missed,) = books.interactions.values()
    assert missed.ended_at == missed.occurred_at


def test_without_a_time_of_twilios_a_call_is_over_when_we_hear_of_it() -> None:
    books = heard((0, FIRST, "voice", fields()), (9, FIRST, "status", fields("no-answer")))
    (missed,) = books.interactions.values()
    assert missed.ended_at == TUESDAY + timedelta(seconds=9)
