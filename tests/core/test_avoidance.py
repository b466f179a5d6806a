"""Whose calls we avoid, beside the mean of all."""

from dataclasses import replace

from commsd.core.avoidance import Avoided, avoided, mean
from commsd.core.callback import Attempt, Callback, Passed
from tests.core.items import TUESDAY, Books, call_from


def _owed(contact: str, *, passed: tuple[str | None, ...] = (), tried: tuple[str, ...] = ()) -> Callback:
    books = Books()
    books.take(call_from())
    return replace(
        books.callback,
        contact_id=contact,
        passed=tuple(Passed(at=TUESDAY, by="anna", why=why) for why in passed),
        attempts=tuple(Attempt(at=TUESDAY, by="bo", result=result) for result in tried),
    )


def test_q11_who_is_avoided_oftenest_a_call_stands_first_and_each_reason_once() -> None:
    calls = [
        _owed("patient"),
        _owed("patient", tried=("not_accepted", "busy")),
        _owed("loud", passed=("shouts", "shouts", None), tried=("not_accepted",)),
    ]
    found = avoided(calls)
    assert found == (
        Avoided(contact_id="loud", calls=1, given_back=3, not_taken=1, reasons=("shouts",)),
        Avoided(contact_id="patient", calls=2, given_back=0, not_taken=1),
    )
    assert mean(found) == 5 / 3


def test_q11_what_the_customer_did_is_no_avoidance() -> None:
    (found,) = avoided([_owed("busy", tried=("busy", "no_answer", "voicemail"))])
    assert found.times == 0
    assert mean([]) == 0.0
