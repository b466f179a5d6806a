"""Customers' texts from Twilio's webhook to the log and back: through our routes, a real store and the stand-in."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, Table, select, update
from twilio.request_validator import RequestValidator

from commsd.channels.phone.guard import Signed
from commsd.channels.phone.message_hooks import Desk
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.switch import Switch
from commsd.channels.phone.texting import Texting, post
from commsd.core.callback import Callback, CloseReason, State
from commsd.core.interaction import (
    Actor,
    Automation,
    Channel,
    Delivery,
    DeliveryState,
    Direction,
    Interaction,
    Kind,
    Outcome,
)
from commsd.core.opt_out import OptOut
from commsd.demo.exchange import Caller, Tamper
from commsd.store import phone_schema, schema
from commsd.store.claims import Claims
from commsd.store.debts import books
from commsd.store.rows import delivery_of
from tests.channels.phone.conftest import TOKEN, Phone
from tests.channels.phone.hotline import ACCOUNT, ANNA, HOTLINE, PUBLIC
from tests.eventually import eventually

MOBILE = "+491701234567"


class Texts:
    """The telephone, as a test of texts holds it."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.settings = phone.settings

    @property
    def duty(self) -> Texting:
        return Texting(Switch(self.settings, self.phone.means))

    async def written(self, body: str, from_: str = MOBILE, to: str = HOTLINE, **more: str) -> str:
        """A customer's text, taken in."""
        sid = await self.phone.exchange.text(from_=from_, to=to, body=body, **more)
        await self.phone.settled()
        return sid

    async def posted(self) -> None:
        """What is owed by text goes out, and Twilio's word of it comes back."""
        assert self.settings.twilio
        courier = post(self.settings, Rest(self.settings.twilio), self.phone.means)
        assert courier
        await courier.once()
        await eventually(self._all_told)
        await self.phone.settled()

    async def _all_told(self) -> bool:
        told = all(m["status"] not in ("queued", "sent") for m in self.ours)
        return told and not self.phone.exchange.post.busy

    async def missed(self, from_: str = MOBILE) -> Callback:
        """A call in vain, and the callback it opened."""
        await self.phone.rung(Caller(hangs_up_after=5), from_=from_)
        await self.phone.judged()
        return (await self.phone.callbacks())[-1]

    @property
    def ours(self) -> list[Mapping[str, Any]]:
        return [m for m in self.phone.exchange.messages.values() if m["direction"] != "inbound"]

    @property
    def bodies(self) -> list[str]:
        return [each["body"] for each in self.ours]

    async def facts(self, kind: Kind) -> list[Interaction]:
        return [fact for fact in await self.phone.calls() if fact.kind is kind]

    async def message(self) -> Interaction:
        return (await self.facts(Kind.MESSAGE))[-1]

    async def deliveries(self) -> list[Delivery]:
        rows = await self.phone.means.log.read(lambda c: c.execute(select(schema.deliveries)).all())
        return [delivery_of(row) for row in rows]

    async def opted_out(self) -> list[OptOut]:
        rows = await self.phone.means.log.read(lambda c: c.execute(select(phone_schema.opt_outs)).all())
        return [OptOut(**row._mapping) for row in rows]

    async def later(self, **span: float) -> None:
        await self.phone.passes(timedelta(**span).total_seconds())


def emptied(connection: Connection, table: Table) -> int:
    return int(connection.execute(table.delete()).rowcount)


@pytest.fixture
def texts(phone: Phone) -> Texts:
    return Texts(phone)


async def sent(
    texts: Texts, pairs: Sequence[tuple[str, str]], path: str = "/twilio/message", token: str = TOKEN
) -> int:
    """A webhook posted by hand, signed; its status code."""
    signature = RequestValidator(token).compute_signature(f"{PUBLIC}{path}", dict(pairs))
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{texts.phone.url}{path}", data=dict(pairs), headers={"X-Twilio-Signature": signature}
        )
    assert answer.content == b""
    return answer.status_code


async def test_a_text_is_an_interaction_with_an_acknowledgement_that_names_the_time(texts: Texts) -> None:
    sid = await texts.written("Is my order on its way?")
    message = await texts.message()
    assert (message.channel, message.direction, message.actor) == (Channel.SMS, Direction.INBOUND, Actor.CUSTOMER)
    assert message.preview == "Is my order on its way?"
    assert message.external("twilio.message-sid") == sid
    assert message.original
    assert message.original.media_type.startswith("text/plain")
    assert message.case_id
    assert message.contact_id
    await texts.posted()
    (ack,) = await texts.facts(Kind.ACK)
    assert (ack.outcome, ack.caused_by, ack.case_id) == (Outcome.REACHED, message.id, message.case_id)
    assert ack.promised_at
    assert ack.status_raw
    assert ack.status_raw.startswith("delivered SM")
    said = "thank you, your message is with us. You will have an answer by 16:30 on Tuesday 10 March."
    assert texts.bodies == [f"Example & Sons <Ltd>: {said}"]
    clocks = {clock["clock"]: clock["state"] for clock in ack.clocks}
    assert clocks == {"ack": "met", "first_response": "running"}


async def test_the_same_webhook_again_changes_nothing(texts: Texts) -> None:
    pairs = [
        ("AccountSid", ACCOUNT),
        ("From", MOBILE),
        ("To", HOTLINE),
        ("Body", "Hello"),
        ("MessageSid", "SM" + "5" * 32),
    ]
    assert [await sent(texts, pairs) for _ in range(3)] == [204, 204, 204]
    await texts.phone.settled()
    await texts.posted()
    assert len(await texts.facts(Kind.MESSAGE)) == 1
    assert len(texts.bodies) == 1


async def test_an_unsigned_text_is_refused_and_leaves_nothing(texts: Texts) -> None:
    pairs = [
        ("AccountSid", ACCOUNT),
        ("From", MOBILE),
        ("To", HOTLINE),
        ("Body", "Hi"),
        ("MessageSid", "SM" + "5" * 32),
    ]
    assert await sent(texts, pairs, token="another") == 403
    assert not await texts.phone.count(schema.journal)


async def test_w2_a_text_that_was_journalled_and_not_decided_is_taken_in_after_a_crash(texts: Texts) -> None:
    await texts.written("Hello")
    means = texts.phone.means
    for table in (schema.interactions, schema.logical_keys, schema.external_ids, schema.deliveries, schema.cases):
        await means.log.writer.write(partial(emptied, table=table))
    await means.log.writer.write(lambda c: c.execute(update(schema.journal).values(consumed=False)).rowcount)
    assert not await texts.duty.once()
    await texts.later(seconds=31)
    assert await texts.duty.once()
    assert (await texts.message()).preview == "Hello"
    assert not await texts.duty.once()


async def test_whatsapp_is_a_channel_of_its_own_and_answered_there(texts: Texts) -> None:
    await texts.written("Hello", from_=f"whatsapp:{MOBILE}", to=f"whatsapp:{HOTLINE}", ProfileName="Jörg")
    message = await texts.message()
    assert message.channel is Channel.WHATSAPP
    assert message.parties[0].address == MOBILE
    assert message.parties[0].name == "Jörg"
    await texts.posted()
    assert [(m["from"], m["to"]) for m in texts.ours] == [(f"whatsapp:{HOTLINE}", f"whatsapp:{MOBILE}")]


async def test_m3_where_whatsapp_takes_no_free_words_any_more_they_go_by_sms(texts: Texts) -> None:
    texts.phone.exchange.texts.ends[f"whatsapp:{MOBILE}"] = ("undelivered", 63016)
    await texts.written("Hello", from_=f"whatsapp:{MOBILE}", to=f"whatsapp:{HOTLINE}")
    await texts.posted()
    await texts.posted()
    assert [(m["from"], m["to"]) for m in texts.ours] == [
        (f"whatsapp:{HOTLINE}", f"whatsapp:{MOBILE}"),
        (HOTLINE, MOBILE),
    ]
    assert sorted((a.channel, a.outcome) for a in await texts.facts(Kind.ACK)) == [
        (Channel.SMS, Outcome.REACHED),
        (Channel.WHATSAPP, Outcome.FAILED),
    ]


@pytest.mark.parametrize("sender", ["12345", "Paketdienst", "", HOTLINE])
async def test_machines_are_recorded_and_never_answered(texts: Texts, sender: str) -> None:
    await texts.written("Your code is 4711", from_=sender)
    message = await texts.message()
    assert message.automation is Automation.BOT
    assert message.reason in ("no-ack:not-a-number", "no-ack:own-number")
    assert message.case_id is None
    assert not await texts.deliveries()


async def test_a_colleagues_text_is_a_note_among_ourselves(texts: Texts) -> None:
    await texts.written("I am late", from_=ANNA)
    message = await texts.message()
    assert (message.actor, message.agent_id, message.reason) == (Actor.AGENT, "anna", "no-ack:colleague")
    assert not await texts.deliveries()


async def test_a_second_text_in_the_same_case_is_not_acknowledged_again(texts: Texts) -> None:
    await texts.written("Hello")
    await texts.written("One more thing")
    first, second = await texts.facts(Kind.MESSAGE)
    assert second.case_id == first.case_id
    assert second.reason == "no-ack:in-conversation"
    assert len(await texts.deliveries()) == 1


async def test_two_machines_that_answer_each_other_stop_soon(texts: Texts) -> None:
    for number in range(12):
        await texts.missed() if number == 0 else None
        await texts.written(f"{10 + number}:00")
        await texts.posted()
    assert len(texts.bodies) <= 4


async def test_the_ledger_finds_nothing_wrong_with_texts(texts: Texts) -> None:
    await texts.written("Hello")
    await texts.written("Again")
    await texts.written("STOP")
    await texts.posted()
    seen = await texts.phone.means.log.read(lambda c: books(c, texts.phone.means.world.now()))
    assert not seen.undecided
    assert not seen.acks
    assert not seen.owed_acks


async def test_m1_a_text_gives_the_owed_call_its_purpose_and_closes_nothing(texts: Texts) -> None:
    callback = await texts.missed()
    await texts.written("It is about invoice 4711")
    (after,) = await texts.phone.callbacks()
    assert (after.state, after.purpose) == (State.WAITING, "It is about invoice 4711")
    message = await texts.message()
    assert (message.case_id, message.case_cause) == (callback.case_id, "callback")
    await texts.written("and about the refund")
    (after,) = await texts.phone.callbacks()
    assert after.purpose == "It is about invoice 4711 / and about the refund"


async def test_m1_a_text_sets_a_time_for_the_owed_call_and_is_told_it(texts: Texts) -> None:
    await texts.missed()
    await texts.written("tomorrow 9")
    (after,) = await texts.phone.callbacks()
    assert after.due_at == datetime(2026, 3, 11, 8, 0, tzinfo=UTC)
    assert after.asked_at_time
    await texts.posted()
    assert texts.bodies == ["Example & Sons <Ltd>: thank you, we will ring you at 09:00 on Wednesday 11 March."]
    message = await texts.message()
    assert message.detail.order == "time"
    assert "first_response" not in {clock["clock"] for clock in message.clocks}
    await texts.written("10:30")
    (after,) = await texts.phone.callbacks()
    assert after.due_at == datetime(2026, 3, 11, 9, 30, tzinfo=UTC)
    running = [c for c in (await texts.message()).clocks if c["clock"] == "promise" and c["state"] == "running"]
    assert len(running) == 1


async def test_m1_a_time_set_by_text_ends_the_clock_of_the_call_and_a_promise_follows_as_after_a_talk(
    texts: Texts,
) -> None:
    owed = await texts.missed()
    await texts.written("tomorrow 9")
    message = await texts.message()
    clocks = {clock["clock"]: (clock["state"], clock["reason"]) for clock in message.clocks}
    assert clocks == {"callback": ("cancelled", "callback_closed"), "promise": ("running", None)}
    await texts.later(hours=4)  # the time of the former clock
    again = await texts.missed()
    assert (again.id, len(again.misses)) == (owed.id, 2)
    (call,) = [fact for fact in await texts.facts(Kind.CALL) if fact.id == again.misses[1]]
    states = [clock["state"] for clock in call.clocks if clock["clock"] == "callback"]
    assert states == ["cancelled", "running"]


async def test_m1_a_time_at_which_we_are_closed_becomes_the_next_at_which_we_are_not(texts: Texts) -> None:
    await texts.missed()
    await texts.written("22:00")
    (after,) = await texts.phone.callbacks()
    assert after.due_at == datetime(2026, 3, 11, 8, 0, tzinfo=UTC)


async def test_m1_a_text_that_wants_no_call_any_more_closes_it_as_declined(texts: Texts) -> None:
    await texts.missed()
    await texts.written("No thanks")
    (after,) = await texts.phone.callbacks()
    assert (after.state, after.close_reason) == (State.CLOSED, CloseReason.DECLINED_BY_CUSTOMER)
    (closing,) = await texts.facts(Kind.CLOSE)
    assert closing.caused_by == (await texts.message()).id
    assert {clock["clock"]: clock["state"] for clock in closing.clocks} == {"callback": "cancelled"}
    assert not await texts.deliveries()


async def test_m1_a_bare_no_where_no_call_is_owed_is_a_letter_to_a_person(texts: Texts) -> None:
    await texts.written("No thanks")
    assert (await texts.message()).detail.order is None


async def test_m2_a_stop_ends_texts_and_not_the_call_and_the_one_reply_asks_about_it(texts: Texts) -> None:
    await texts.missed()
    await texts.written(" Stop ", OptOutType="STOP")
    (opt,) = await texts.opted_out()
    assert (opt.number, opt.channel, opt.word) == (MOBILE, "sms", "stop")
    (after,) = await texts.phone.callbacks()
    assert after.state is State.WAITING
    await texts.posted()
    (said,) = texts.bodies
    assert "no more texts" in said
    assert "answer NO" in said
    await texts.written("stop")
    await texts.written("What about my refund?")
    await texts.posted()
    assert len(texts.bodies) == 1
    assert (await texts.message()).reason == "no-ack:opted-out"
    await texts.written("NO")
    (after,) = await texts.phone.callbacks()
    assert after.close_reason is CloseReason.DECLINED_BY_CUSTOMER
    await texts.posted()
    assert len(texts.bodies) == 1


async def test_m2_a_reply_that_twilio_does_not_let_out_leaves_the_customers_own_word(texts: Texts) -> None:
    await texts.missed()
    texts.phone.exchange.texts.stopped.add(MOBILE)
    await texts.written("Berhenti")
    await texts.posted()
    assert not texts.bodies
    (opt,) = await texts.opted_out()
    assert opt.word == "berhenti"


async def test_m2_a_stop_of_a_stranger_opens_no_case_and_no_clock(texts: Texts) -> None:
    await texts.written("STOPP")
    message = await texts.message()
    assert (message.case_id, message.contact_id, message.reason) == (None, None, "no-ack:stop")
    assert await texts.opted_out()
    assert not await texts.deliveries()


async def test_m2_start_allows_texts_again(texts: Texts) -> None:
    await texts.written("STOP")
    await texts.written("START")
    assert not await texts.opted_out()
    await texts.written("Hello")
    assert (await texts.message()).reason is None


async def test_m2_a_stop_between_decision_and_sending_is_kept(texts: Texts) -> None:
    await texts.written("Hello")
    await texts.written("STOP")
    await texts.posted()
    assert not texts.bodies
    (ack,) = await texts.facts(Kind.ACK)
    assert (ack.outcome, ack.reason) == (Outcome.FAILED, "opted-out")


async def test_m2_what_twilio_refuses_as_opted_out_is_an_opt_out(texts: Texts) -> None:
    texts.phone.exchange.texts.stopped.add(MOBILE)
    await texts.written("Hello")
    await texts.posted()
    (opt,) = await texts.opted_out()
    assert opt.word == "21610"
    (ack,) = await texts.facts(Kind.ACK)
    assert (ack.outcome, ack.reason) == (Outcome.FAILED, "opted-out")


@pytest.mark.parametrize("code", [30003, 30005, 30006])
async def test_m3_a_number_at_which_no_text_arrives_gets_no_more_and_is_rung(texts: Texts, code: int) -> None:
    await texts.missed()
    texts.phone.exchange.texts.ends[MOBILE] = ("undelivered", code)
    await texts.written("It is about my order")
    await texts.posted()
    (opt,) = await texts.opted_out()
    assert opt.word == str(code)
    (ack,) = await texts.facts(Kind.ACK)
    assert (ack.outcome, ack.reason) == (Outcome.FAILED, f"twilio:{code}")
    (callback,) = await texts.phone.callbacks()
    assert callback.open


@pytest.mark.parametrize("code", [30007, 30034])
async def test_m3_a_sender_problem_is_said_aloud_and_not_tried_again(
    texts: Texts, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    texts.phone.exchange.texts.ends[MOBILE] = ("undelivered", code)
    await texts.written("Hello")
    await texts.posted()
    await texts.posted()
    assert len(texts.bodies) == 1
    assert not await texts.opted_out()
    assert "text.sender_refused" in capsys.readouterr().out


@pytest.mark.parametrize("order", [("sent", "delivered"), ("delivered", "sent"), ("undelivered", "sent", "delivered")])
async def test_w5_words_on_a_text_count_by_rank_and_not_by_arrival(texts: Texts, order: tuple[str, ...]) -> None:
    await texts.written("Hello")
    await texts.posted()
    (ack,) = await texts.facts(Kind.ACK)
    sid = ack.external("twilio.message-sid") or ""
    for word in order:
        pairs = [
            ("AccountSid", ACCOUNT),
            ("MessageSid", sid),
            ("MessageStatus", word),
            ("From", HOTLINE),
            ("To", MOBILE),
        ]
        assert await sent(texts, pairs, "/twilio/message-status") == 204
    await texts.phone.settled()
    (ack,) = await texts.facts(Kind.ACK)
    lost = "undelivered" in order
    assert ack.outcome is (Outcome.FAILED if lost else Outcome.REACHED)
    assert ack.status_raw == f"{'undelivered' if lost else 'delivered'} {sid}"


async def test_a_text_whose_answer_was_lost_is_found_at_twilio_and_not_sent_again(texts: Texts) -> None:
    assert texts.settings.twilio
    texts.settings = replace(texts.settings, twilio=replace(texts.settings.twilio, webhooks=False))
    await texts.written("Hello")
    texts.phone.exchange.tamper_rest = lambda request: Tamper(answer_lost=request.method == "POST")
    await texts.posted()
    assert [d.state for d in await texts.deliveries()] == [DeliveryState.UNKNOWN]
    await texts.later(minutes=3)
    await texts.posted()
    assert [d.state for d in await texts.deliveries()] == [DeliveryState.SENT]
    assert len(texts.bodies) == 1


async def test_a_text_that_never_reached_twilio_goes_once_more_after_it_was_looked_for(texts: Texts) -> None:
    await texts.written("Hello")
    texts.phone.exchange.tamper_rest = lambda request: Tamper(lost=request.method == "POST")
    await texts.posted()
    texts.phone.exchange.tamper_rest = lambda _request: Tamper()
    await texts.later(minutes=3)
    await texts.posted()
    assert [d.state for d in await texts.deliveries()] == [DeliveryState.SENT]
    assert len(texts.bodies) == 1


async def test_twilios_own_word_settles_a_text_whose_answer_was_lost(texts: Texts) -> None:
    await texts.written("Hello")
    texts.phone.exchange.tamper_rest = lambda request: Tamper(answer_lost=request.method == "POST")
    await texts.posted()
    (owed,) = await texts.deliveries()
    assert owed.state is DeliveryState.SENT
    assert (await texts.facts(Kind.ACK))[0].outcome is Outcome.REACHED


async def test_a_text_that_a_dead_node_was_sending_is_sent_once(texts: Texts) -> None:
    await texts.written("Hello")
    means = texts.phone.means
    await Claims(means.log, means.world, "dead").deliveries(("sms",), 10, timedelta(minutes=5))
    await texts.later(seconds=301)
    await means.claims.lost_deliveries()
    await texts.later(minutes=3)
    await texts.posted()
    assert len(texts.bodies) == 1
    assert [d.state for d in await texts.deliveries()] == [DeliveryState.SENT]


async def test_in_observe_mode_a_text_is_decided_and_nothing_goes_out_also_later(texts: Texts) -> None:
    line = replace(texts.phone.settings.lines["hotline"], observe=True)
    watching = replace(texts.phone.settings, lines={"hotline": line})
    desk = Desk(Switch(watching, texts.phone.means))
    fields = {"MessageSid": "SM" + "7" * 32, "From": MOBILE, "To": HOTLINE, "Body": "Hello"}
    await desk.note("message", Signed(f"{PUBLIC}/twilio/message", fields, None), texts.phone.means.world.now())
    await desk.decide("message", fields, "")
    assert (await texts.message()).reason == "no-ack:observe"
    assert [d.state for d in await texts.deliveries()] == [DeliveryState.SUPPRESSED]
    await texts.posted()
    assert not texts.bodies
