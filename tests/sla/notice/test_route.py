"""Notices by webhook, against a real server on loopback: once taken they are done, else tried again for a day."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.sla.notice import route
from commsd.sla.notice.carriage import Patience, Word, perhaps_taken, settled
from commsd.sla.notice.courier import Courier
from commsd.sla.notice.route import webhooks
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.rows import delivery_of
from commsd.telemetry import Metrics
from tests.channels.phone.listener import listening
from tests.world import WEDNESDAY_MORNING, ScriptedWorld

PAYLOAD = b'{"subject":"Overdue","cases":["c1"]}'


@dataclass
class Chat:
    """The other side. answers: statuses to give, the last for ever."""

    answers: list[int] = field(default_factory=lambda: [200])
    heard: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    elsewhere: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    slow: bool = False
    url: str = ""

    async def take(self, request: Request) -> Response:
        self.heard.append((await request.body(), dict(request.headers)))
        if self.slow:
            await self.gate.wait()
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if 300 <= status < 400:
            return RedirectResponse("/elsewhere", status_code=status)
        return Response(status_code=status)

    async def other(self, _request: Request) -> Response:
        self.elsewhere += 1
        return Response()


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    here = Chat()
    routes = [
        Route("/hook/secret-4711", here.take, methods=["POST"]),
        Route("/elsewhere", here.other, methods=["GET", "POST"]),
    ]
    async with listening(routes) as url:
        here.url = f"{url}/hook/secret-4711"
        yield here


@dataclass
class Desk:
    """The duty, and what is owed."""

    log: Log
    world: ScriptedWorld
    metrics: Metrics = field(default_factory=Metrics)

    def duty(self, node: str = "node") -> Courier:
        return webhooks(self.log, Claims(self.log, self.world.world, node), self.world.world, self.metrics)

    async def owe(self, url: str) -> str:
        def decide(items: OpenItems) -> Change:
            owed = Delivery(
                id=items.new_id(),
                kind=DeliveryKind.NOTICE,
                key=f"told:{items.new_id()}",
                via="webhook",
                recipient=url,
                payload=PAYLOAD,
                created_at=items.now,
                due_at=items.now,
            )
            return Change(deliveries=(owed,), result=owed.id)

        return str((await self.log.decide((), decide)).result)

    async def delivery(self) -> Delivery:
        (row,) = await self.log.read(lambda c: c.execute(select(schema.deliveries)).all())
        return delivery_of(row)


@pytest.fixture
def desk(log: Log, scripted_world: ScriptedWorld) -> Desk:
    return Desk(log, scripted_world)


async def test_a_webhook_gets_the_payload_once(desk: Desk, chat: Chat) -> None:
    delivery_id = await desk.owe(chat.url)
    assert await desk.duty().once()
    assert not await desk.duty().once()
    ((body, headers),) = chat.heard
    assert body == PAYLOAD
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == delivery_id
    after = await desk.delivery()
    assert (after.state, after.status_raw) == (DeliveryState.SENT, "HTTP 200")
    assert b'commsd_deliveries_total{kind="notice",result="sent"} 1.0' in desk.metrics.text()


@pytest.mark.parametrize("status", [301, 307, 308, 400, 404, 429, 500, 503])
async def test_what_is_not_taken_goes_again_after_a_growing_pause(desk: Desk, chat: Chat, status: int) -> None:
    chat.answers = [status, status, 204]
    await desk.owe(chat.url)
    await desk.duty().once()
    first = await desk.delivery()
    assert (first.state, first.due_at) == (DeliveryState.QUEUED, desk.world.now + timedelta(seconds=5))
    assert not await desk.duty().once()
    desk.world.advance(timedelta(seconds=5))
    await desk.duty().once()
    assert (await desk.delivery()).due_at == desk.world.now + timedelta(seconds=30)
    desk.world.advance(timedelta(seconds=30))
    await desk.duty().once()
    assert (await desk.delivery()).state is DeliveryState.SENT
    assert len(chat.heard) == 3
    assert chat.elsewhere == 0


async def test_after_a_day_it_is_given_up_and_said_without_the_address(desk: Desk, chat: Chat) -> None:
    chat.answers = [500]
    delivery_id = await desk.owe(chat.url)
    with capture_logs() as logs:
        for _ in range(60):
            await desk.duty().once()
            if (after := await desk.delivery()).state is DeliveryState.FAILED:
                break
            desk.world.now = after.due_at
    assert (after.state, after.reason, after.status_raw) == (DeliveryState.FAILED, "gave-up", "HTTP 500")
    assert timedelta(hours=23) < desk.world.now - after.created_at <= timedelta(hours=24)
    assert logs[-1]["event"] == "notice.not_carried"
    assert (logs[-1]["delivery"], logs[-1]["state"], logs[-1]["code"]) == (delivery_id, "failed", 500)
    assert "secret-4711" not in str(logs)


async def test_a_server_that_is_not_there_is_asked_again(desk: Desk) -> None:
    await desk.owe("http://127.0.0.1:9/hook/secret-4711")
    with capture_logs() as logs:
        await desk.duty().once()
    after = await desk.delivery()
    assert (after.state, after.status_raw) == (DeliveryState.QUEUED, "ClientConnectorError")
    assert "secret-4711" not in str(logs)


async def test_a_server_that_does_not_answer_is_left_and_asked_again(
    desk: Desk, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "LIMIT", 0.2)
    chat.slow = True
    await desk.owe(chat.url)
    await desk.duty().once()
    chat.gate.set()
    after = await desk.delivery()
    assert (after.state, after.due_at) == (DeliveryState.UNKNOWN, desk.world.now + timedelta(seconds=5))
    desk.world.advance(timedelta(seconds=5))
    await desk.duty().once()
    assert (await desk.delivery()).state is DeliveryState.SENT


async def test_an_address_that_is_none_stops_nothing(desk: Desk, chat: Chat) -> None:
    await desk.owe("http://[")
    assert await desk.duty().once()
    assert (await desk.delivery()).state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN)


async def test_what_a_dead_node_was_posting_is_posted_again_byte_for_byte(desk: Desk, chat: Chat) -> None:
    await desk.owe(chat.url)
    await Claims(desk.log, desk.world.world, "dead").deliveries(("webhook",), 10, timedelta())
    assert not await desk.duty().once()
    await Claims(desk.log, desk.world.world, "node").lost_deliveries()
    assert await desk.duty().once()
    assert [body for body, _ in chat.heard] == [PAYLOAD]


async def test_stopped_in_the_middle_it_settles_what_is_under_way(desk: Desk, chat: Chat) -> None:
    chat.slow = True
    await desk.owe(chat.url)
    turn = asyncio.ensure_future(desk.duty().once())
    while not chat.heard:
        await asyncio.wait({turn}, timeout=0.01)
    turn.cancel()
    await asyncio.wait({turn}, timeout=0.05)
    assert not turn.done()
    chat.gate.set()
    await asyncio.wait({turn})
    assert turn.cancelled()
    assert (await desk.delivery()).state is DeliveryState.SENT


async def test_a_mailboxs_deliveries_are_not_its_business(desk: Desk, chat: Chat) -> None:
    delivery_id = await desk.owe(chat.url)
    table = schema.deliveries
    moved = update(table).where(table.c.id == delivery_id).values(via="support")
    await desk.log.writer.write(lambda connection: connection.execute(moved))
    assert not await desk.duty().once()
    assert chat.heard == []


Kind = Literal["sent", "refused", "later", "unknown"]
KINDS: list[Kind] = ["sent", "refused", "later", "unknown"]


@given(st.lists(st.sampled_from(KINDS), max_size=80), st.booleans())
def test_every_delivery_ends_and_what_ended_stays(kinds: list[Kind], repeats: bool) -> None:
    """Of what must not be repeated, an unknown word is the last."""
    patience, now = Patience(give_up=timedelta(hours=24), repeats=repeats), WEDNESDAY_MORNING
    owed = Delivery(
        id="d", kind=DeliveryKind.NOTICE, key="k", via="sms", recipient="r", payload=b"", created_at=now, due_at=now
    )
    for kind in kinds:
        now = max(now, owed.due_at)
        ended = owed.settled_at is not None
        tried = owed if ended else replace(owed, state=DeliveryState.SENDING, attempts=owed.attempts + 1)
        assert ended or repeats or not perhaps_taken(tried)
        items = OpenItems(now=now, new_id=lambda: "", deliveries={"d": tried})
        change = settled(Word(kind=kind, said=""), "d", patience, items)
        assert (change == Change()) == ended
        owed = change.deliveries[0] if change.deliveries else owed
        assert owed.settled_at is None or owed.settled_at - owed.created_at <= timedelta(hours=24)
    if "sent" in kinds or "refused" in kinds or ("unknown" in kinds and not repeats) or len(kinds) > 60:
        assert owed.settled_at is not None
