"""The text after a missed call: once, a minute later, and only to whom it can help. telephony.md Q9."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commsd.channels.phone.screening import held_reason
from commsd.channels.phone.sms_ack import keys_of
from commsd.channels.phone.switch import Switch
from commsd.channels.phone.texting import Texting
from commsd.config.unit import Minutes
from commsd.core import key
from commsd.core.callback import State, held
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.interaction import DeliveryState, Kind, Outcome
from commsd.core.open_items import OpenItems
from commsd.core.opt_out import OptOut
from commsd.core.screen import DNC, WRITE_ONLY
from commsd.demo.exchange import Caller, Person
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import ANNA, CUSTOMER, HOTLINE
from tests.channels.phone.test_message import MOBILE, Texts

LATVIAN, LONDONER, JAKARTAN = "+37121234567", "+447400123456", "+6281234567890"


@pytest.fixture
def texts(phone: Phone) -> Texts:
    return Texts(phone)


def line(texts: Texts, **changes: Any) -> None:
    """The hotline, changed for the duty."""
    texts.settings = replace(texts.settings, lines={"hotline": replace(texts.settings.lines["hotline"], **changes)})


async def turn(texts: Texts, minutes: float = 2) -> None:
    """A minute or two pass, and what is owed by then goes out."""
    await texts.later(minutes=minutes)
    duty = texts.duty
    while await duty.once():
        pass
    await texts.posted()


async def why_none(texts: Texts) -> list[str | None]:
    """What the marks say of texts that are not owed."""
    return [each.reason for each in await texts.deliveries() if each.key.startswith("sms-ack:")]


async def test_q9_a_missed_call_from_a_mobile_is_followed_by_a_text_with_the_promised_time(texts: Texts) -> None:
    callback = await texts.missed()
    await turn(texts)
    (said,) = texts.bodies
    assert said.startswith("Example & Sons <Ltd>: sorry that nobody could take your call. We will ring you by ")
    assert [(m["from"], m["to"]) for m in texts.ours] == [(HOTLINE, MOBILE)]
    (ack,) = await texts.facts(Kind.ACK)
    assert (ack.outcome, ack.case_id, ack.caused_by) == (Outcome.REACHED, callback.case_id, callback.misses[0])
    assert ack.promised_at
    assert callback.due_at
    assert ack.promised_at >= callback.due_at
    (after,) = await texts.phone.callbacks()
    assert (after.state, after.attempts) == (callback.state, ())


async def test_q9_merged_misses_get_no_second_text(texts: Texts) -> None:
    await texts.missed()
    await turn(texts)
    callback = await texts.missed()
    assert len(callback.misses) == 2
    await turn(texts)
    assert len(texts.bodies) == 1


async def test_q9_whoever_rings_again_within_the_minute_is_not_texted_before(texts: Texts) -> None:
    callback = await texts.missed()
    keys = keys_of(callback)
    assert key.of_callback(callback.id) in keys
    await texts.phone.means.log.decide(
        keys,
        lambda items: Change(
            callbacks=tuple(replace(c, revision=c.revision + 1, rang_at=items.now) for c in items.callbacks)
        ),
    )
    await turn(texts, minutes=0)
    assert not texts.bodies
    await turn(texts)
    assert len(texts.bodies) == 1


async def test_q9_whoever_was_talked_to_meanwhile_is_not_texted(texts: Texts) -> None:
    await texts.missed()
    texts.phone.exchange.people[ANNA] = Person(answers_after=2, presses="1")
    await texts.phone.rung(Caller(hangs_up_after=90), from_=MOBILE)
    await texts.phone.settled()
    assert not (await texts.phone.callbacks())[0].open
    await turn(texts)
    assert not texts.bodies


@pytest.mark.parametrize(("number", "why"), [(CUSTOMER, "not-mobile"), (LATVIAN, "region")])
async def test_q9_a_landline_or_a_country_we_do_not_write_to_gets_none(texts: Texts, number: str, why: str) -> None:
    await texts.missed(from_=number)
    await turn(texts)
    assert not texts.bodies
    assert await why_none(texts) == [why]


async def test_q9_why_there_is_no_text_is_kept_once_also_after_a_restart(texts: Texts) -> None:
    await texts.missed(CUSTOMER)
    await turn(texts)
    assert await why_none(texts) == ["not-mobile"]
    assert not await Texting(Switch(texts.settings, texts.phone.means)).once()
    assert await why_none(texts) == ["not-mobile"]


async def test_q9_whoever_opted_out_gets_none(texts: Texts) -> None:
    await texts.written("STOP")
    await texts.missed()
    await turn(texts)
    assert not texts.bodies
    assert await why_none(texts) == ["opted-out"]


async def test_q9_at_night_none_goes_and_in_the_morning_it_does(texts: Texts) -> None:
    await texts.later(hours=8)  # 20:30 in Berlin
    await texts.missed()
    await turn(texts)
    assert not await texts.deliveries()
    await turn(texts, minutes=11 * 60 + 40)
    assert len(texts.bodies) == 1


async def test_q9_where_it_is_night_until_the_miss_is_too_long_ago_the_reason_is_kept(texts: Texts) -> None:
    texts.settings = replace(
        texts.settings, callbacks=replace(texts.settings.callbacks, quiet_hours=Minutes(10 * 60, 9 * 60))
    )
    await texts.missed(from_=JAKARTAN)
    await turn(texts)
    assert not texts.bodies
    assert await why_none(texts) == ["night"]


async def test_q7_q9_a_text_names_a_time_at_which_somebody_may_ring(texts: Texts) -> None:
    texts.settings = replace(
        texts.settings, callbacks=replace(texts.settings.callbacks, quiet_hours=Minutes(13 * 60, 9 * 60))
    )
    await texts.missed()  # 12:30 in Berlin, due at 14:30
    await turn(texts)
    (said,) = texts.bodies
    assert "We will ring you from 09:00 on Wednesday 11 March." in said
    (ack,) = await texts.facts(Kind.ACK)
    assert ack.promised_at == datetime(2026, 3, 11, 8, tzinfo=UTC)


async def test_q9_in_observe_mode_it_is_recorded_as_suppressed_and_never_sent(texts: Texts) -> None:
    line(texts, observe=True)
    await texts.missed()
    await turn(texts)
    (owed,) = await texts.deliveries()
    assert (owed.state, owed.reason) == (DeliveryState.SUPPRESSED, "observe")
    line(texts, observe=False)
    await turn(texts)
    assert not texts.bodies


async def test_q9_sms_ack_false_means_none(texts: Texts) -> None:
    line(texts, sms_ack=False)
    await texts.missed()
    await turn(texts)
    assert not texts.bodies
    assert await why_none(texts) == ["sms-off"]


async def test_q9_the_time_is_the_callers_own(texts: Texts) -> None:
    await texts.missed(from_=LONDONER)
    await turn(texts)
    (said,) = texts.bodies
    assert "on Tuesday 10 March, London time." in said


async def test_two_nodes_text_once(texts: Texts) -> None:
    await texts.missed()
    await texts.later(minutes=2)
    one, two = texts.duty, Texting(Switch(texts.settings, texts.phone.means))
    await one.once()
    await two.once()
    await texts.posted()
    assert len(texts.bodies) == 1


async def test_opt_outs_survive_the_store(texts: Texts) -> None:
    """The working set of a batch has them, and a later decision too."""
    seen: list[OptOut | None] = []

    def out(items: OpenItems) -> Change:
        return Change(opt_outs=(OptOut(number=MOBILE, channel="sms", since=items.now - timedelta(1), word="stop"),))

    def look(items: OpenItems) -> Change:
        seen.append(items.opted_out(MOBILE, "sms"))
        return Change()

    log, keys = texts.phone.means.log, key.of_addresses(MOBILE)
    log.submit(keys, out)
    await log.decide(keys, look)
    await log.decide(keys, look)
    assert [each and each.word for each in seen] == ["stop", "stop"]


async def wishing(texts: Texts, wishes: Wishes) -> None:
    """The caller is on file with these wishes, and the number with them."""
    jane = Contact(
        id="0195a1b2-0000-7000-8000-0000000000aa",
        created_at=texts.phone.means.world.now(),
        identities=(Identity("phone", MOBILE),),
        wishes=wishes,
    )
    silent = wishes.no_calls or wishes.write_only
    none = OptOut(number=MOBILE, channel="phone", since=jane.created_at - timedelta(days=1), word="no-calls")
    made = Change(contacts=(jane,), opt_outs=(none,) if silent else ())
    await texts.phone.means.log.decide(key.of_addresses(MOBILE), lambda _: made)


async def hold(texts: Texts, callback_id: str, reason: str) -> None:
    def decide(items: OpenItems) -> Change:
        callback = items.callback(callback_id)
        assert callback
        return Change(callbacks=(held(callback, reason),))

    await texts.phone.means.log.decide((key.of_callback(callback_id),), decide)


async def test_q9_who_wants_answers_in_writing_is_texted_that_one_comes(texts: Texts) -> None:
    await wishing(texts, Wishes(write_only=True))
    callback = await texts.missed()
    await hold(texts, callback.id, WRITE_ONLY)
    await turn(texts)
    (said,) = texts.bodies
    assert "You will have an answer in writing by " in said
    assert "ring you" not in said
    await turn(texts)
    assert len(texts.bodies) == 1


async def test_q9_who_is_held_for_another_reason_gets_none(texts: Texts) -> None:
    callback = await texts.missed()
    await hold(texts, callback.id, "region:LV")
    await turn(texts)
    assert texts.bodies == []


UNRUNG = [Wishes(no_calls=True), Wishes(write_only=True)]


@pytest.mark.parametrize("wishes", UNRUNG, ids=["no-calls", "write-only"])
async def test_who_wants_no_call_is_texted_of_none_also_before_the_call_is_held(texts: Texts, wishes: Wishes) -> None:
    await wishing(texts, wishes)
    callback = await texts.missed()
    await turn(texts)
    assert (callback.state, texts.bodies) == (State.WAITING, [])


@pytest.mark.parametrize("wishes", UNRUNG, ids=["no-calls", "write-only"])
async def test_who_wants_no_calls_and_asked_for_this_one_is_texted_when_it_comes(texts: Texts, wishes: Wishes) -> None:
    await wishing(texts, wishes)
    await texts.phone.rung(Caller(keys=("1",)), from_=MOBILE)
    await texts.phone.judged()
    await turn(texts)
    (said,) = texts.bodies
    assert "We will ring you by " in said


@pytest.mark.parametrize("wishes", [*UNRUNG, None], ids=["no-calls", "write-only", "none"])
async def test_after_a_stop_no_call_is_promised_to_who_wants_none(texts: Texts, wishes: Wishes | None) -> None:
    await wishing(texts, wishes or Wishes())
    await texts.missed()
    await texts.written("STOP")
    await texts.posted()
    (said,) = texts.bodies
    assert ("ring you" in said) == (wishes is None)
    assert ("stays noted with us" in said) == (wishes is not None)
    await texts.written("NO")
    assert not (await texts.phone.callbacks())[0].open


async def test_after_a_stop_a_call_held_for_a_wish_is_not_promised(texts: Texts) -> None:
    callback = await texts.missed()
    await hold(texts, callback.id, DNC)
    await texts.written("STOP")
    await texts.posted()
    assert ["stays noted with us" in said for said in texts.bodies] == [True]


async def test_who_wants_no_calls_and_texts_a_time_is_rung_then(texts: Texts) -> None:
    await wishing(texts, Wishes(no_calls=True))
    callback = await texts.missed()
    await hold(texts, callback.id, DNC)
    await texts.written("15:00")
    (owed,) = await texts.phone.callbacks()
    assert (owed.state, owed.asked_at_time) == (State.HELD, True)
    assert owed.look_at is not None
    assert await held_reason(owed, texts.settings, texts.phone.means) is None


@pytest.mark.parametrize("brief", [False, True])
async def test_who_likes_few_words_is_texted_few(texts: Texts, brief: bool) -> None:
    await wishing(texts, Wishes(brief=brief))
    await texts.missed()
    await turn(texts)
    (said,) = texts.bodies
    assert "We will ring you by " in said
    assert ("another time" in said) != brief


async def test_who_wants_calls_alone_is_rung_about_a_text_and_told_so(texts: Texts) -> None:
    await wishing(texts, Wishes(call_only=True))
    await texts.written("The pump does not start.")
    await texts.posted()
    (said,) = texts.bodies
    assert "We will ring you about it by " in said
    (owed,) = await texts.phone.callbacks()
    assert (owed.number, owed.line, owed.state, owed.misses) == (MOBILE, "hotline", State.WAITING, ())
    assert owed.purpose == "The pump does not start."
    assert owed.due_at is not None
    assert (await texts.facts(Kind.ACK))[0].promised_at is not None
    await texts.written("It hums, too.")
    (same,) = await texts.phone.callbacks()
    assert (same.id, same.due_at) == (owed.id, owed.due_at)
    assert "It hums, too." in (same.purpose or "")
