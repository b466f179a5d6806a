"""What telephony.md Q12 wants counted is counted as it is decided, and shown at /metrics."""

from dataclasses import replace
from datetime import timedelta

import httpx

from commsd.core import key
from commsd.core.callback import State
from commsd.core.change import Change
from commsd.core.interaction import Outcome
from commsd.telemetry import Metrics
from commsd.web.call_meter import CallMeter
from tests.core.items import NUMBER, Books, call_from, result_of
from tests.crm.serving import Place, rang
from tests.world import ScriptedWorld


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def heard(metrics: Metrics, books: Books, *steps: object) -> None:
    meter = CallMeter(metrics)
    for step in steps:
        if isinstance(step, timedelta):
            books.now += step
        elif callable(step):
            meter.hear(books.take(step))


def test_q12_calls_are_counted_by_what_came_of_them_and_once() -> None:
    metrics, books = Metrics(), Books()
    gone = lambda books: replace(call_from()(books), reason="abandoned_ringing")  # noqa: E731
    heard(metrics, books, gone, call_from("+442079460018", Outcome.REACHED, "CA2"))
    missed = {"line": "hotline", "outcome": "missed", "reason": "abandoned_ringing"}
    assert value(metrics, "commsd_calls_total", **missed) == 1
    assert value(metrics, "commsd_calls_total", line="hotline", outcome="answered", reason="") == 1


def test_q12_first_try_talk_tries_and_the_clock_are_measured_when_a_call_ends() -> None:
    metrics, books = Metrics(), Books()
    heard(metrics, books, call_from(), timedelta(minutes=5))
    heard(metrics, books, result_of(books.callback, "voicemail"), timedelta(minutes=20))
    heard(metrics, books, result_of(books.callback, "reached"))
    assert value(metrics, "commsd_callback_first_try_seconds_sum") == 300
    assert value(metrics, "commsd_callback_reached_seconds_sum") == 1500
    assert value(metrics, "commsd_callback_tries_sum") == 2
    assert value(metrics, "commsd_callbacks_closed_total", reason="reached") == 1
    assert value(metrics, "commsd_callback_clocks_total", result="met") == 1


def test_a_customer_who_rang_again_is_no_talk_of_ours() -> None:
    metrics, books = Metrics(), Books()
    heard(metrics, books, call_from(), call_from(outcome=Outcome.REACHED, sid="CA2"))
    assert value(metrics, "commsd_callbacks_closed_total", reason="answered_inbound") == 1
    assert value(metrics, "commsd_callback_reached_seconds_count") == 0


async def test_q12_what_is_held_and_how_long_the_oldest_is_escalated_is_scraped(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    owed = (await rang(here)).callbacks[0]
    held = replace(owed, revision=2, state=State.HELD, held="type:premium_rate")
    await here.log.decide((key.of_callback(owed.id),), lambda items: Change(callbacks=(held,)))
    scripted_world.advance(timedelta(hours=1))
    async with httpx.AsyncClient(base_url=here.url) as client:
        text = (await client.get("/metrics")).text
        assert 'commsd_callbacks_held{rule="type"} 1.0' in text
        assert "commsd_callback_escalated_age_seconds 0.0" in text
        escalated = replace(held, revision=3, state=State.ESCALATED, held=None)
        await here.log.decide((key.of_callback(owed.id),), lambda items: Change(callbacks=(escalated,)))
        text = (await client.get("/metrics")).text
    assert "commsd_callbacks_held{" not in text
    assert "commsd_callback_escalated_age_seconds 3600.0" in text
    assert NUMBER not in text
