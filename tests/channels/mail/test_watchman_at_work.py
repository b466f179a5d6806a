"""The watchman over real mailboxes: a real Dovecot behind a wire that a test cuts, blocks or slows, and SMTP sinks.

Sockets are real, the hours are ours: a channel is dead for ten minutes when the test says that they have passed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select

from commsd.channels.channel import Means
from commsd.channels.mail.account import Mailbox, MailSettings, Server, Tls
from commsd.channels.mail.channel import MAIL
from commsd.channels.mail.heartbeat import Heartbeat
from commsd.channels.mail.notice import post_of
from commsd.channels.mail.watchman import Watchman
from commsd.config.secret import SecretSource
from commsd.core.agent import People, Route
from commsd.core.firm import Firm
from commsd.demo.smtp import SmtpSink
from commsd.duty import supervise
from commsd.sla.notice.alarm import Exits
from commsd.sla.rules.in_force import Rules
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.journal import Journal
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from commsd.world import World
from tests.channels.mail.written import mail
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot
from tests.world import ScriptedWorld

KEY = b"k" * 32
TEN = timedelta(minutes=10)


class Wire:
    """Stands before a server. state: "open"; "cut", nobody listens; "hole", taken and never answered; "slow"."""

    def __init__(self, port: int) -> None:
        self.to, self.port, self.state = port, 0, "open"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def becomes(self, state: str) -> None:
        before, self.state = self.state, state
        if state == "cut":
            await self.stop()
        elif before == "cut":
            await self.start()
        elif before == "hole":
            self._drop()  # what was held back never comes: the peer connects anew

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        self._drop()

    def _drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, out = await asyncio.open_connection("127.0.0.1", self.to)
        self._writers |= {writer, out}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, out))
                both.create_task(self._carry(there, writer))
        except* OSError:
            pass
        finally:
            self._writers -= {writer, out}
            for each in (writer, out):
                each.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self.state == "hole":
                continue
            if self.state == "slow":
                await _pause(0.1)
            writer.write(data)
            await writer.drain()
        writer.close()


async def _pause(seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


class House:
    """Two mailboxes at one Dovecot, each behind a wire and with an SMTP server of its own; notices go from support."""

    def __init__(
        self, log: Log, world: World, scripted: ScriptedWorld, boxes: dict[str, Mailbox], folder: Path
    ) -> None:
        self.log, self.world, self.scripted, self.boxes = log, world, scripted, boxes
        self.wires: dict[str, Wire] = {}
        self.sinks: dict[str, SmtpSink] = {}
        self.pulse = Pulse(Metrics(), world)
        people = People(routes={"duty": Route(id="duty", mail=("duty@commsd.test",))})
        firm = Firm(name="Example Ltd", timezone="Europe/Berlin", people=people)
        claims = Claims(log, world, "node/1")
        posts = {name: post_of(boxes, name, ("duty",), firm, KEY) for name in boxes}
        self.means = Means(
            folder=folder,
            firm=firm,
            rules=Rules(log, timedelta(days=7)),
            log=log,
            claims=claims,
            journal=Journal(log),
            world=world,
            pulse=self.pulse,
            key=KEY,
        )
        hosts = {name: name for name in boxes}
        exits = Exits(posts=posts, hosts=hosts, preferred=posts["support"])
        self.watchman = Watchman(boxes, TEN, True, exits, firm, log, claims, world, self.pulse)
        self.heartbeat = Heartbeat(boxes, timedelta(hours=1), KEY, log, claims, world)

    async def works(self, *names: str) -> None:
        """All folders of these mailboxes are read through at the present hour."""

        def read() -> bool:
            states = {state.name: state for state in self.pulse.states()}
            known = [states[name].last_success for name in names]
            return all(at is not None and at >= self.scripted.now for at in known)

        await eventually(read, within=45)

    async def goes_on(self, by: timedelta, *alive: str) -> None:
        """Time passes; these mailboxes are read, the watchman looks each minute."""
        end = self.scripted.now + by
        while self.scripted.now < end:
            self.scripted.advance(min(timedelta(minutes=1), end - self.scripted.now))
            await self.works(*alive)
            await self.watchman.once()

    async def events(self) -> list[tuple[str, str, str | None]]:
        table = schema.outbox
        statement = select(table).where(table.c.thing == "channel").order_by(table.c.id)
        rows = await self.log.read(lambda c: c.execute(statement).all())
        return [(row.type, row.record["channel"], row.record["reason"]) for row in rows]

    async def interactions(self) -> int:
        return len(await self.log.read(lambda c: c.execute(select(schema.interactions.c.id)).all()))

    def notices(self, name: str) -> list[str]:
        """Subjects of what left by this mailbox's server to those who are told."""
        return [
            str(message_from_bytes(taken.raw, policy=policy.default)["Subject"])
            for taken in self.sinks[name].accepted
            if taken.recipient == "duty@commsd.test"
        ]


@asynccontextmanager
async def _at_work(dovecot: Dovecot, url: str, folder: Path, scripted: ScriptedWorld) -> AsyncIterator[House]:
    world = World(now=lambda: scripted.now, new_id=scripted.world.new_id, sleep=_short, jitter=lambda: 0.5)
    engine = open_engine(url)
    await engine.commit(upgrade)
    log = Log(engine, world)
    log.start()
    secret = folder / "secret"
    secret.write_text(dovecot.password)
    secret.chmod(0o600)
    wires, sinks, boxes = {}, {}, {}
    for name in ("support", "sales"):
        wires[name], sinks[name] = Wire(dovecot.port), SmtpSink()
        await wires[name].start()
        await sinks[name].start()
        user = dovecot.user(name)
        boxes[name] = Mailbox(
            name=name,
            address=f"{user}@commsd.test",
            imap=Server(
                host="127.0.0.1",
                port=wires[name].port,
                tls=Tls.NONE,
                username=user,
                password=SecretSource("file", str(secret), folder),
            ),
            smtp=Server(host="127.0.0.1", port=sinks[name].port, tls=Tls.NONE),
            poll=timedelta(milliseconds=100),
        )
    house = House(log, world, scripted, boxes, folder)
    house.wires, house.sinks = wires, sinks
    duties = MAIL.duties(MailSettings(boxes), house.means)
    tasks = [asyncio.ensure_future(supervise(duty, world)) for duty in duties]
    try:
        await house.works("support", "sales")
        await house.watchman.once()
        yield house
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for wire in wires.values():
            await wire.stop()
        for sink in sinks.values():
            await sink.stop()
        await log.close()


async def _short(seconds: float) -> None:
    await _pause(min(seconds, 0.05))


@pytest.fixture
async def house(
    dovecot: Dovecot, sqlite_url: str, tmp_path: Path, scripted_world: ScriptedWorld
) -> AsyncIterator[House]:
    async with _at_work(dovecot, sqlite_url, tmp_path, scripted_world) as house:
        yield house


@pytest.mark.parametrize("state", ["cut", "hole"])
async def test_a_mailbox_whose_server_is_gone_or_dumb_is_told_of_by_the_other_one(house: House, state: str) -> None:
    await house.wires["support"].becomes(state)
    await house.goes_on(TEN + timedelta(minutes=2), "sales")
    assert await house.events() == [("channel.degraded", "support", "unread")]
    await eventually(lambda: house.notices("sales"))
    assert (house.notices("sales"), house.notices("support")) == (["Mailbox support is not read"], [])
    await house.wires["support"].becomes("open")
    await house.goes_on(timedelta(minutes=6), "sales", "support")
    assert [word for word, _, _ in await house.events()] == ["channel.degraded", "channel.recovered"]
    await eventually(lambda: len([*house.notices("sales"), *house.notices("support")]) == 2)


async def test_a_slow_server_is_no_alarm(house: House) -> None:
    await house.wires["support"].becomes("slow")
    await house.goes_on(timedelta(minutes=5), "sales", "support")
    house.scripted.advance(TEN)
    await house.goes_on(timedelta(minutes=1), "sales", "support")
    assert await house.events() == []


async def test_an_smtp_server_that_is_away_makes_its_mailbox_late_and_the_notice_goes_by_the_other(
    house: House, dovecot: Dovecot
) -> None:
    await house.sinks["support"].stop()
    user = house.boxes["support"].imap.username or ""
    await asyncio.to_thread(dovecot.deliver, user, mail())
    await eventually(lambda: _owed(house))
    await house.goes_on(TEN + timedelta(minutes=2), "sales", "support")
    assert await house.events() == [("channel.degraded", "support", "late")]
    await eventually(lambda: house.notices("sales"))
    assert house.notices("sales") == ["Mailbox support does not send: what is owed waits"]


async def _owed(house: House) -> bool:
    statement = select(schema.deliveries.c.id).where(schema.deliveries.c.kind == "ack")
    return bool(await house.log.read(lambda c: c.execute(statement).all()))


async def test_a_heartbeat_comes_round_leaves_no_trace_and_is_missed_when_it_does_not(
    house: House, dovecot: Dovecot
) -> None:
    await house.heartbeat.once()
    for name in house.boxes:
        await _bring_in(house, dovecot, name)
    await eventually(lambda: _came_round(house, 2))
    await house.goes_on(TEN + timedelta(minutes=2), "sales", "support")
    assert (await house.events(), await house.interactions()) == ([], 0)
    house.scripted.advance(timedelta(hours=1))
    await house.works("sales", "support")
    await house.heartbeat.once()
    await _bring_in(house, dovecot, "sales", 2)
    await eventually(lambda: _came_round(house, 3))
    await house.goes_on(TEN + timedelta(minutes=1), "sales", "support")
    assert await house.events() == [("channel.degraded", "support", "heartbeat-lost")]
    assert len(house.sinks["support"].accepted) == 2, "nobody acknowledges a heartbeat"


async def _bring_in(house: House, dovecot: Dovecot, name: str, number: int = 1) -> None:
    """What its SMTP server took comes to the mailbox."""

    def beats() -> list[bytes]:
        return [taken.raw for taken in house.sinks[name].accepted if b"X-Commsd-Heartbeat" in taken.raw]

    await eventually(lambda: len(beats()) >= number)
    await asyncio.to_thread(dovecot.deliver, house.boxes[name].imap.username or "", beats()[number - 1])


async def _came_round(house: House, number: int) -> bool:
    table = schema.deliveries
    statement = select(table.c.id).where(table.c.kind == "heartbeat", table.c.reason == "returned")
    return len(await house.log.read(lambda c: c.execute(statement).all())) == number


async def test_a_mail_that_nobody_takes_up_is_seen_from_the_other_connection(house: House, dovecot: Dovecot) -> None:
    """As if the inbox's own watch were blind: its checkpoint stays behind though it says that it reads."""
    user = house.boxes["support"].imap.username or ""
    await asyncio.to_thread(dovecot.deliver, user, mail())
    await eventually(lambda: _owed(house))
    points = schema.checkpoints
    back = points.update().where(points.c.place == "support/watch").values(last_uid=0)
    await house.log.writer.write(lambda c: c.execute(back))
    await house.goes_on(TEN + timedelta(minutes=4), "sales", "support")
    assert ("channel.degraded", "support", "undecided") in await house.events()
