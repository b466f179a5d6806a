"""A store, the API and the page behind a real socket on loopback, and what happened in it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import httpx

from commsd.core import key
from commsd.core.agent import Agent, People
from commsd.core.answer_level import Goal
from commsd.core.change import Change, change_of
from commsd.core.interaction import (
    CALL_SID,
    MESSAGE_ID,
    Actor,
    Channel,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems
from commsd.crm.api import routes as api_routes
from commsd.crm.audit import Audit
from commsd.crm.keys import SCOPES, Keys
from commsd.crm.limits import Limits
from commsd.crm.request import Api
from commsd.crm.sequencer import Sequencer
from commsd.egress.target import Exits
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.telemetry import Metrics
from commsd.web.board import Board
from commsd.web.links import Links
from commsd.web.pages import static_routes
from commsd.web.server import Listener, application, bind
from commsd.web.session import Sessions
from commsd.web.view import ChannelState
from commsd.web.watch import Health
from commsd.web.watch import routes as watch_routes
from commsd.world import World
from tests.house import TERMS

KEY = b"a key of thirty-two random bytes"
PEOPLE = People(agents={"anna": Agent(id="anna", name="Anna Berg", mail=("anna@example.com",))})


@dataclass(slots=True, kw_only=True)
class Place:
    """What a test works with. url: of the page and the API."""

    api: Api
    log: Log
    world: World
    keys: Keys
    audit: Audit
    sequencer: Sequencer
    sessions: Sessions
    health: Health
    metrics: Metrics
    listener: Listener
    channels: list[ChannelState]
    observing: list[str]
    goals: dict[str, Goal]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.port}"

    async def client(self, *scopes: str) -> httpx.AsyncClient:
        """A caller with a key of these scopes; all without any."""
        text = await self.keys.add(f"key {len(await self.keys.all())}", scopes or SCOPES)
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {text}"}, timeout=20)

    async def happened(self, *keys: str, fact: "Fact") -> Change:
        """Record what happened."""
        return await self.log.decide(keys, lambda items: change_of(fact(items), items, TERMS))

    async def numbered(self) -> None:
        """Every event has its number."""
        while await self.sequencer.once():
            pass


@asynccontextmanager
async def place(store_url: str, world: World, *, limits: Limits | None = None) -> AsyncIterator[Place]:
    engine = open_engine(store_url)
    await engine.commit(upgrade)
    log = Log(engine, world)
    log.start()
    keys, health, metrics = Keys(log, world), Health(started=True), Metrics()
    audit = Audit(log, world)
    sequencer = Sequencer(log, Claims(log, world, "test"), world)
    sessions = Sessions(log=log, world=world, key=KEY)
    states: list[ChannelState] = []
    observing: list[str] = []
    goals: dict[str, Goal] = {}
    api = Api(
        log=log,
        keys=keys,
        audit=audit,
        limits=limits,
        exits=Exits(networks=("127.0.0.0/8",)),
        terms=lambda: TERMS,
        world=world,
        key=KEY,
        head=sequencer.head,
        people=PEOPLE,
        goals=goals,
        draining=health.draining,
    )
    board = Board(
        log=log,
        world=world,
        key=KEY,
        sessions=sessions,
        keys=keys,
        audit=audit,
        limits=limits,
        health=health,
        firm="Example Ltd",
        zone=ZoneInfo("Europe/Berlin"),
        channels=lambda: tuple(states),
        observing=observing,
    )
    links = Links(log, lambda: TERMS, world, KEY, PEOPLE, ZoneInfo("Europe/Berlin"))
    routes = [
        *api_routes(api),
        *board.routes(),
        *links.routes(),
        *static_routes(),
        *watch_routes(health, metrics, log, world),
    ]
    listener = Listener("api", application(routes, health), bind("127.0.0.1", 0), world)
    serving = asyncio.ensure_future(listener.run())
    try:
        while not await listener.once():
            await asyncio.wait({serving}, timeout=0.01)
        yield Place(
            api=api,
            log=log,
            world=world,
            keys=keys,
            audit=audit,
            sequencer=sequencer,
            sessions=sessions,
            health=health,
            metrics=metrics,
            listener=listener,
            channels=states,
            observing=observing,
            goals=goals,
        )
    finally:
        health.draining.set()
        await listener.drain()
        await serving
        await log.close()


class Fact:
    """An interaction to be, once the decision brings its time and id."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def __call__(self, items: OpenItems) -> Interaction:
        given: dict[str, Any] = {
            "occurred_at": items.now,
            "recorded_at": items.now,
            "id": items.new_id(),
            **self._fields,
        }
        return Interaction(**{**given, **self._fields})


def mail_from(address: str, subject: str = "Delivery", name: str | None = None, **more: Any) -> Fact:
    return Fact(
        channel=Channel.EMAIL,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.REACHED,
        mailbox="support",
        subject=subject,
        **{
            "parties": (Party(Role.FROM, address, name),),
            "external_ids": (ExternalId(MESSAGE_ID, f"{crc32(f'{subject}{address}'.encode())}@mail.example"),),
            **more,
        },
    )


def call_from(number: str, sid: str = "CA1", outcome: Outcome = Outcome.MISSED, **more: Any) -> Fact:
    return Fact(
        channel=Channel.PHONE,
        kind=Kind.CALL,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=outcome,
        line="hotline",
        parties=(Party(Role.CALLER, number),),
        external_ids=(ExternalId(CALL_SID, sid),),
        **more,
    )


async def wrote(here: Place, address: str = "jane@example.org", subject: str = "Delivery", **more: Any) -> Change:
    """A customer wrote."""
    return await here.happened(*key.of_addresses(address), fact=mail_from(address, subject, **more))


async def rang(here: Place, number: str = "+493023125099", sid: str = "CA1", **more: Any) -> Change:
    """A customer rang in vain."""
    return await here.happened(*key.of_addresses(number), key.of_call(sid), fact=call_from(number, sid, **more))


async def asked_to_ring(here: Place, number: str | None, name: str = "Jane Clarke") -> Change:
    """A customer asked in a mail to be rung, at a firm without a line."""
    callee = (Party(Role.CALLEE, number),) if number else ()
    parties = (Party(Role.FROM, "jane@example.org", name), *callee)
    fact = mail_from("jane@example.org", "Please ring me", parties=parties, detail=Detail(asks_call=True))
    return await here.happened(*key.of_addresses("jane@example.org", *([number] if number else [])), fact=fact)


def types(events: Sequence[dict[str, object]]) -> list[str]:
    """The types of events, without prefix and version."""
    return [str(event["type"]).removeprefix("commsd.").removesuffix(".v1") for event in events]
