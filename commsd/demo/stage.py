"""The demo's stage: mail server, SMTP, telephone exchange and the real daemon between them, all on loopback.

People act on it from outside only: a mail is put into a mailbox, a number is rung, the public API is called.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import ClientSession, ClientTimeout
from rich.console import Console

from commsd.config.load import load
from commsd.core.change import Change
from commsd.crm.keys import Keys
from commsd.daemon import House, opened
from commsd.demo.exchange import Caller, Exchange
from commsd.demo.house import ACCOUNT, PUBLIC_URL, ZONE, Neighbours, furnish
from commsd.demo.mailserver import MailServer
from commsd.demo.people import (
    COLLEAGUES,
    HOTLINE,
    ON_THE_PHONE,
    SALES,
    SALES_LINE,
    SUPPORT,
    WORKSHOP,
    Act,
    Answer,
    CallBack,
    Letter,
    OneLine,
    Ring,
    answered,
    replied,
    written,
)
from commsd.demo.smtp import SmtpSink
from commsd.demo.story import sentences
from commsd.demo.witness import Evidence, read_books, told_of
from commsd.errors import CommsdError, TryAgain
from commsd.world import World, real_world

READY_WITHIN = 20.0
SPOKEN_WORDS = 8.0
"""Words a second of the exchange's voice: fast, because somebody is watching."""

CALLBACK_TALK = 1.5
NOTICE_WITHIN = 40.0
API_DEADLINE = 10.0
LOOK_EVERY = 0.2
PLACES = ("support/watch", "support/sent", "sales/watch", "sales/sent")


@dataclass(slots=True, weakref_slot=True, kw_only=True)
class Stage:
    """Everything that runs, and what the people on it know. begun: when each story began, by its row's key."""

    world: World
    house: House
    mails: MailServer
    sink: SmtpSink
    exchange: Exchange
    console: Console
    key: str = field(repr=False)
    page: str
    config: Path
    opened_at: datetime
    names: dict[str, str] = field(default_factory=dict)
    begun: dict[str, datetime] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The firm's zone."""
        return ZoneInfo(ZONE)

    def elapsed(self) -> float:
        """Seconds since the doors opened."""
        return (self.world.now() - self.opened_at).total_seconds()

    def say(self, text: str) -> None:
        """One line for whoever watches, with the time."""
        self.console.print(f"[dim]{self.elapsed():6.1f} s[/]  ", end="")
        self.console.print(text, markup=False)

    def hear(self, change: Change) -> None:
        """Tell what was committed."""
        for fact in change.interactions:
            if who := self.names.get(fact.customer or ""):
                self.names |= {fact.id: who} | ({fact.case_id: who} if fact.case_id else {})
        for sentence in sentences(change, self.names, self.zone):
            self.say(sentence)

    async def evidence(self) -> Evidence:
        """All that can be seen now."""
        now = self.world.now()
        books = await self.house.means.log.read(lambda connection: read_books(connection, now))
        return Evidence(
            books=books,
            accepted=tuple(self.sink.accepted),
            calls=tuple(self.exchange.calls.values()),
            begun=dict(self.begun),
        )

    async def perform(self, act: Act) -> None:
        """Somebody does what the script says, now."""
        match act:
            case Letter():
                await self._deliver(act)
            case Answer():
                now = self.world.now()
                await self.mails.deliver(act.to.to[0], answered(act, now), "Sent", at=now)
            case Ring():
                self.names[act.number] = act.name
                self.begun.setdefault(act.number, self.world.now())
                await self.exchange.ring(from_=act.number, to=act.line, caller=Caller(hangs_up_after=act.patience))
            case CallBack():
                await self._call_back(act)
            case OneLine():
                await self._reply(act)

    async def _deliver(self, letter: Letter) -> None:
        now = self.world.now()
        self.names[letter.address] = letter.name
        self.begun.setdefault(letter.id, now)
        raw = written(letter, now)
        for user in letter.to:
            await self.mails.deliver(user, raw, at=now)

    async def _reply(self, act: OneLine) -> None:
        """Wait for the notice, ring on a telephone that nobody here sees, and answer the notice."""
        async with asyncio.timeout(NOTICE_WITHIN):
            while (notice := told_of(act.number, act.by.mail, self.sink.accepted)) is None:
                await self.world.sleep(LOOK_EVERY)
        await self.world.sleep(CALLBACK_TALK)
        now = self.world.now()
        self.say(f"{act.by.name} has rung {self.names[act.number]} on a mobile, and answers the notice: “{act.text}”")
        await self.mails.deliver(SUPPORT, replied(act, notice, now), at=now)

    async def _call_back(self, act: CallBack) -> None:
        """Claim the callback through the public API, talk, and say what came of it."""
        async with asyncio.timeout(API_DEADLINE * 2), self.client() as client:
            while not (found := await self._callback_to(client, act.number)):
                await self.world.sleep(LOOK_EVERY)
            await self._post(client, f"/v1/callbacks/{found}/claim", {"agent": act.by.id})
            await self.world.sleep(CALLBACK_TALK)
            await self._post(client, f"/v1/callbacks/{found}/result", {"agent": act.by.id, "result": "reached"})

    def client(self) -> ClientSession:
        """Speaks to the daemon's API with the demo's key."""
        return ClientSession(
            self.page, headers={"Authorization": f"Bearer {self.key}"}, timeout=ClientTimeout(total=API_DEADLINE)
        )

    async def owed_numbers(self, client: ClientSession) -> Mapping[str, str]:
        """The open callbacks: number -> id, the first due first."""
        async with client.get("/v1/callbacks", params={"state": "waiting"}) as response:
            body = await _json(response)
        return {row["number"]: row["id"] for row in body["data"] if row["number"]}

    async def _callback_to(self, client: ClientSession, number: str) -> str | None:
        return (await self.owed_numbers(client)).get(number)

    async def _post(self, client: ClientSession, path: str, body: Mapping[str, str]) -> None:
        async with client.post(path, json=dict(body)) as response:
            await _json(response)


async def _json(response: Any) -> Any:
    body = await response.json(content_type=None)
    if response.status >= 400:
        raise CommsdError(f"the API refused: {body.get('detail')}", remedy=str(body.get("remedy", "see the log")))
    return body


@asynccontextmanager
async def stage_set(folder: Path, console: Console, *, port: int) -> AsyncIterator[Stage]:
    """Everything running in this folder, with the daemon watching its mailboxes. port: of the page, 0 for any."""
    world, password, token = real_world(), secrets.token_urlsafe(16), secrets.token_urlsafe(16)
    async with (
        MailServer({SUPPORT: password, SALES: password}) as mails,
        SmtpSink() as sink,
        Exchange(
            world=world,
            account_sid=ACCOUNT,
            auth_token=token,
            public_url=PUBLIC_URL,
            numbers=(HOTLINE, SALES_LINE, WORKSHOP),
            words_per_second=SPOKEN_WORDS,
        ) as exchange,
    ):
        near = Neighbours(
            imap=mails.port,
            smtp=sink.port,
            twilio=exchange.api_base_url,
            page=port,
            mail_password=password,
            auth_token=token,
        )
        furnish(folder / "config", near, digest=world.now() + timedelta(hours=12))
        exchange.people.update(ON_THE_PHONE)
        config = await asyncio.to_thread(load, folder / "config", env={}, need_secrets=True)
        async with opened(config, {}, world) as house:
            exchange.app_url = f"http://127.0.0.1:{house.front.listeners[-1].port}"
            await _watching(house, world)
            stage = Stage(
                world=world,
                house=house,
                mails=mails,
                sink=sink,
                exchange=exchange,
                console=console,
                key=await Keys(house.means.log, world).add("demo", ["admin"]),
                page=f"http://127.0.0.1:{house.front.own.port}",
                config=folder / "config",
                opened_at=world.now(),
                names={colleague.mail: colleague.name for colleague in COLLEAGUES},
            )
            house.means.log.listen(stage.hear)
            yield stage


async def _watching(house: House, world: World) -> None:
    """Return when each folder has been seen once: what lies in it before is the past, and never acknowledged."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            for place in PLACES:
                while await house.means.claims.progress(place) is None:
                    await world.sleep(0.02)
    except TimeoutError as error:
        raise TryAgain(
            f"the daemon did not open its mailboxes within {READY_WITHIN:g} s",
            remedy="this machine seems very busy: try again when less is going on",
        ) from error
