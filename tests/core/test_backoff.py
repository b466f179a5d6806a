"""When a customer is tried again, and when no more."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.backoff import NEXT_WINDOW, TALKED, UNHEARD, Retry, exhausted, next_try, rang, series, vain_today
from commsd.core.callback import Attempt
from tests.core.items import TUESDAY

BERLIN = ZoneInfo("Europe/Berlin")
MINUTES = timedelta(minutes=1)
VAIN = ("busy", "no_answer", "voicemail", "wrong_person", "technical")
WORDS = (*VAIN, *sorted(UNHEARD), *sorted(TALKED), "given_up", "unsaid", "not_reached", "left_message")


def tries(*results: str | None, every: timedelta = timedelta(hours=1)) -> tuple[Attempt, ...]:
    return tuple(Attempt(at=TUESDAY + n * every, by="anna", result=result) for n, result in enumerate(results))


@pytest.mark.parametrize(
    ("results", "minutes"),
    [
        (["busy"], 5),
        (["busy", "busy", "busy"], 5),
        (["no_answer"], 30),
        (["no_answer", "no_answer"], 120),
        (["voicemail"], 240),
        (["technical"], 1),
        (["technical", "technical"], 5),
        (["technical"] * 3, 15),
        (["technical"] * 5, 15),
        (["not_accepted"], 0),
        (["unreachable"], 0),
        (["given_up"], 0),
        (["not_placed"], 1),
        (["no_answer", "busy", "no_answer"], 120),
        (["no_answer", "call_again", "no_answer"], 30),
    ],
)
def test_q8_so_long_is_waited_after_a_try_in_vain(results: list[str], minutes: int) -> None:
    assert next_try(results[-1], tries(*results), Retry(), TUESDAY, 0.0) == TUESDAY + minutes * MINUTES


def test_q8_after_the_third_try_without_an_answer_another_window_is_waited_for() -> None:
    assert next_try("no_answer", tries(*["no_answer"] * 3), Retry(), TUESDAY, 0.0) == NEXT_WINDOW
    assert next_try("no_answer", tries(*["no_answer"] * 9), Retry(), TUESDAY, 0.0) == NEXT_WINDOW


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_q8_jitter_adds_a_tenth_at_most_and_takes_nothing(results: list[str], jitter: float) -> None:
    plain = next_try(results[-1], tries(*results), Retry(), TUESDAY, 0.0)
    spread = next_try(results[-1], tries(*results), Retry(), TUESDAY, lambda: jitter)
    if isinstance(plain, datetime) and isinstance(spread, datetime):
        assert plain - TUESDAY <= spread - TUESDAY <= (plain - TUESDAY) * 1.1
    else:
        assert plain == spread == NEXT_WINDOW


def test_q8_a_call_that_one_of_us_did_not_take_costs_the_customer_nothing() -> None:
    past = tries(*sorted(UNHEARD) * 5)
    assert not exhausted(past, 1)
    assert vain_today(past, BERLIN, TUESDAY) == 0


def test_q8_after_six_tries_a_person_is_to_find_another_way() -> None:
    assert not exhausted(tries(*["busy"] * 5), 6)
    assert exhausted(tries(*["busy"] * 5, "technical"), 6)
    assert not exhausted(tries(*["busy"] * 5, "call_again", "busy"), 6), "he was reached in between"


def test_q8_who_is_not_our_customer_is_not_rung_a_third_time() -> None:
    assert not exhausted(tries("wrong_person"), 6)
    assert exhausted(tries("wrong_person", "busy", "wrong_person"), 6)


def test_q8_the_day_of_a_try_is_the_customers() -> None:
    late = Attempt(at=datetime.fromisoformat("2026-03-10T22:30:00+00:00"), by="anna", result="busy")
    now = datetime.fromisoformat("2026-03-11T08:00:00+00:00")
    assert vain_today((late,), BERLIN, now) == 0
    assert vain_today((late,), ZoneInfo("Asia/Jakarta"), now) == 1


@given(st.lists(st.sampled_from([*WORDS, None]), max_size=12))
def test_what_rang_in_vain_is_no_talk_and_no_leg_of_ours(results: list[str | None]) -> None:
    past = tries(*results)
    assert all(attempt.result not in TALKED | UNHEARD | {None} for attempt in past if rang(attempt))
    assert all(attempt.result not in TALKED for attempt in series(past))
