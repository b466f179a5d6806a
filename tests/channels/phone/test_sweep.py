"""The sweep against the exchange: no call is lost with its webhooks, none taken twice, and a line says what ails it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from commsd.channels.channel import Means
from commsd.channels.phone import call_list
from commsd.channels.phone.channel import PHONE
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.sweep import Sweep
from commsd.channels.phone.switch import Switch
from commsd.config.secret import SecretSource
from commsd.core.interaction import Outcome
from commsd.demo.exchange import Call, Caller, Exchange, IncomingNumber, Person, Tamper
from commsd.demo.exchange_rest import RestRequest
from commsd.errors import ConfigError, Throttled, Unreachable
from commsd.store import schema
from tests.channels.phone.conftest import TOKEN, Phone, opened
from tests.channels.phone.hotline import ACCOUNT, ANNA, BO, CUSTOMER, HOTLINE, PUBLIC, TUESDAY, settings, twilio
from tests.channels.phone.listener import listening
from tests.demo.clockwork import Clockwork
from tests.eventually import eventually

LOST = Tamper(lost=True)


@dataclass(slots=True)
class Watched:
    """A telephone with its sweep."""

    phone: Phone
    sweep: Sweep

    @property
    def exchange(self) -> Exchange:
        return self.phone.exchange

    async def unheard(self, from_: str = CUSTOMER) -> Call:
        """A call of which no webhook reaches us."""
        before, self.exchange.tamper = self.exchange.tamper, lambda _: LOST
        call = await self.phone.rung(from_=from_)
        self.exchange.tamper = before
        return call

    async def swept(self) -> bool:
        """What a look some minutes later finds."""
        await self.phone.passes(300)
        return await self.sweep.once()

    def refused(self, status: int, code: int) -> None:
        self.exchange.tamper_rest = lambda _: Tamper(refused=(status, code))

    def said(self) -> str | None:
        return self.phone.means.pulse.said("hotline", "line")


def sweep_of(settings: PhoneSettings, means: Means) -> Sweep:
    assert settings.twilio
    return Sweep(Switch(settings, means), Rest(settings.twilio), settings.twilio)


@pytest.fixture
async def watched(phone: Phone) -> Watched:
    """It has looked once, so what comes now is new."""
    found = Watched(phone, sweep_of(phone.settings, phone.means))
    assert await found.sweep.once() is False
    return found


async def test_r6_a_call_that_no_webhook_told_of_becomes_a_callback(watched: Watched) -> None:
    call = await watched.unheard()
    assert await watched.phone.calls() == []
    assert await watched.swept()
    (fact,) = await watched.phone.calls()
    assert (fact.outcome, fact.reason, fact.occurred_at) == (Outcome.MISSED, "call_list", call.started_at)
    (callback,) = await watched.phone.callbacks()
    assert (callback.number, callback.misses) == (CUSTOMER, (fact.id,))
    clocks = await watched.phone.means.log.read(lambda c: c.execute(schema.clocks.select()).all())
    assert {row.started_at for row in clocks} == {call.started_at}


async def test_d5_a_call_of_the_time_when_we_were_down_is_found_at_the_next_start(watched: Watched) -> None:
    await watched.unheard()
    await watched.phone.passes(7 * 3600)
    again = sweep_of(watched.phone.settings, watched.phone.means)
    assert await again.once()
    assert len(await watched.phone.callbacks()) == 1


async def test_r6_the_same_list_read_again_changes_nothing(watched: Watched) -> None:
    await watched.unheard()
    assert await watched.swept()
    journal = await watched.phone.count(schema.journal)
    assert not await watched.swept()
    assert not await sweep_of(watched.phone.settings, watched.phone.means).once()
    assert await watched.phone.count(schema.journal) == journal
    assert len(await watched.phone.calls()) == 1


async def test_a_call_we_heard_of_is_left_alone(watched: Watched) -> None:
    watched.exchange.people[ANNA] = Person(answers_after=5, talks_for=90)
    await watched.phone.rung()
    await watched.phone.settled()
    (before,) = await watched.phone.calls()
    assert not await watched.swept()
    assert await watched.phone.calls() == [before]


async def test_what_rang_before_we_had_the_line_is_the_past(phone: Phone) -> None:
    watched = Watched(phone, sweep_of(phone.settings, phone.means))
    await watched.unheard()
    await phone.passes(600)
    assert not await watched.sweep.once()
    assert await phone.calls() == []


async def test_r6_a_list_of_many_pages_is_read_to_its_end(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_list, "PAGE", 2)
    callers = [f"+4930231256{number:02}" for number in range(5)]
    for caller in callers:
        await watched.unheard(from_=caller)
    assert await watched.swept()
    assert sorted(each.number or "" for each in await watched.phone.callbacks()) == callers


async def test_r7_what_twilio_refuses_for_haste_is_asked_again_and_nothing_is_skipped(watched: Watched) -> None:
    await watched.unheard()
    watched.refused(429, 20429)
    with pytest.raises(Throttled):
        await watched.swept()
    watched.exchange.tamper_rest = lambda _: Tamper()
    assert await watched.swept()


async def test_r6_a_page_that_fails_midway_leaves_the_mark_where_it_was(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_list, "PAGE", 1)
    for number in range(3):
        await watched.unheard(from_=f"+4930231256{number:02}")

    def breaks_off(request: RestRequest) -> Tamper:
        return Tamper(refused=(503, 20500)) if dict(request.query).get("Page", "0") != "0" else Tamper()

    watched.exchange.tamper_rest = breaks_off
    with pytest.raises(Unreachable):
        await watched.swept()
    watched.exchange.tamper_rest = lambda _: Tamper()
    assert await watched.swept()
    assert len(await watched.phone.callbacks()) == 3


async def test_r7_a_login_that_is_refused_ails_the_line_until_it_is_good_again(watched: Watched) -> None:
    watched.refused(401, 20003)
    with pytest.raises(ConfigError, match="check account_sid"):
        await watched.swept()
    assert watched.said() == "Twilio refuses our login (HTTP 401, code 20003)"
    watched.exchange.tamper_rest = lambda _: Tamper()
    await watched.swept()
    assert watched.said() is None


async def test_a_twilio_that_does_not_answer_is_given_up(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_list, "DEADLINE", 0.2)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    known = watched.phone.settings
    assert known.twilio
    dead = replace(known, twilio=replace(known.twilio, api_base_url=f"http://127.0.0.1:{port}"))
    with pytest.raises(Unreachable, match="does not answer"):
        await sweep_of(dead, watched.phone.means).once()
    server.close()
    await server.wait_closed()


async def test_a_lost_webhook_ails_the_line_until_one_comes_through(watched: Watched) -> None:
    await watched.phone.passes(60)
    await watched.unheard()
    await watched.swept()
    assert watched.said() == "a call came to this number and no webhook of it to us"
    await watched.phone.rung()
    assert watched.said() is None


async def test_a_number_that_is_sent_elsewhere_ails_the_line_until_it_is_ours_again(watched: Watched) -> None:
    watched.exchange.numbers[HOTLINE] = IncomingNumber(voice_url="https://elsewhere.example.com/voice")
    await watched.phone.passes(3600)
    await watched.sweep.once()
    assert watched.said() == "Twilio sends its calls to https://elsewhere.example.com/voice, and not to us"
    watched.exchange.numbers[HOTLINE] = IncomingNumber()
    await watched.phone.passes(3600)
    await watched.sweep.once()
    assert watched.said() is None


async def test_r1_a_call_that_was_up_when_we_died_has_its_verdict_after_the_restart(
    phone: Phone, sqlite_url: str
) -> None:
    call = await phone.exchange.ring(from_=CUSTOMER, to=HOTLINE, caller=Caller(hangs_up_after=90))
    await eventually(phone.calls)
    phone.exchange.tamper = lambda _: LOST  # we are dead: nothing of what follows reaches us
    await phone.exchange.ended(call)
    (pending,) = await phone.calls()
    assert pending.outcome is Outcome.PENDING
    await phone.means.log.close()
    phone.means = await opened(sqlite_url, phone.clockwork)
    await phone.judged()
    (fact,) = await phone.calls()
    assert (fact.id, fact.outcome) == (pending.id, Outcome.MISSED)
    assert len(await phone.callbacks()) == 1


# --- without webhooks


@asynccontextmanager
async def answered_elsewhere(twiml: str) -> AsyncIterator[str]:
    """Some host of Twilio's that answers the number's calls, as a TwiML Bin does."""

    async def voice(_request: Request) -> Response:
        return Response(twiml, media_type="application/xml")

    async with listening([Route("/bin", voice, methods=["POST"])]) as url:
        yield f"{url}/bin"


@pytest.fixture
async def behind_nat(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Watched]:
    """A house that Twilio cannot reach. Its number rings Bo's desk, set up by hand at Twilio."""
    (tmp_path / "token").write_text(TOKEN)
    clockwork = Clockwork(TUESDAY)
    desk = f'<Response><Dial timeout="20"><Number>{BO}</Number></Dial></Response>'
    async with answered_elsewhere(desk) as voice_url:
        numbers = {HOTLINE: IncomingNumber(voice_url=voice_url, status_callback=voice_url)}
        exchange = Exchange(
            world=clockwork.world, account_sid=ACCOUNT, auth_token=TOKEN, public_url=PUBLIC, numbers=numbers
        )
        means = await opened(sqlite_url, clockwork)
        async with exchange, clockwork.running(lambda: exchange.post.busy > 0):
            account = twilio(SecretSource("file", str(tmp_path / "token")), exchange.api_base_url)
            known = settings(replace(account, webhooks=False, public_url=None), languages=("en",), rounds=())
            assert PHONE.routes(known, means) == ()
            watched = Watched(Phone(exchange, clockwork, known, means, ""), sweep_of(known, means))
            assert await watched.sweep.once() is False
            yield watched
    await means.log.close()


async def test_without_webhooks_a_call_that_nobody_took_becomes_a_callback(behind_nat: Watched) -> None:
    await behind_nat.phone.rung()
    assert await behind_nat.swept()
    (fact,) = await behind_nat.phone.calls()
    assert (fact.outcome, fact.line) == (Outcome.MISSED, "hotline")
    (callback,) = await behind_nat.phone.callbacks()
    assert callback.number == CUSTOMER


async def test_without_webhooks_a_call_that_was_taken_owes_nothing_and_says_who_took_it(behind_nat: Watched) -> None:
    behind_nat.exchange.people[BO] = Person(answers_after=5, talks_for=120)
    await behind_nat.phone.rung()
    assert await behind_nat.swept()
    (fact,) = await behind_nat.phone.calls()
    assert (fact.outcome, fact.agent_id) == (Outcome.REACHED, "bo")
    assert await behind_nat.phone.callbacks() == []


async def test_without_webhooks_ringing_again_and_being_answered_closes_the_callback(behind_nat: Watched) -> None:
    await behind_nat.phone.rung()
    await behind_nat.swept()
    behind_nat.exchange.people[BO] = Person(answers_after=5, talks_for=120)
    await behind_nat.phone.rung()
    await behind_nat.swept()
    (callback,) = await behind_nat.phone.callbacks()
    assert (callback.open, callback.close_reason) == (False, "answered_inbound")


async def test_without_webhooks_the_line_is_well_while_the_list_can_be_read(behind_nat: Watched) -> None:
    assert [state.working for state in behind_nat.phone.means.pulse.states() if state.name == "hotline"] == [True]
