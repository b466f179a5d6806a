"""The watchman: what it makes of mailboxes that are not read or do not send; on both stores, with time in our hands."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.heartbeat import Heartbeat
from commsd.channels.mail.notice import post_of
from commsd.channels.mail.watchman import Watchman
from commsd.core.agent import Agent, People, Route
from commsd.core.change import Change
from commsd.core.channel_state import RETURNED, Login
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.pause import Pause
from commsd.crm.sequencer import Sequencer
from commsd.sla.notice.alarm import Exits
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.world import ScriptedWorld

KEY = b"k" * 32
TEN = timedelta(minutes=10)
PEOPLE = People(
    agents={"anna": Agent(id="anna", name="Anna Berg", mail=("anna@commsd.test",))},
    routes={
        "duty": Route(id="duty", mail=("duty@commsd.test",)),
        "hook": Route(id="hook", webhook="https://hook.commsd.test/x"),
        "day": Route(id="day", mail=("day@commsd.test",), hours="daily 12:00-18:00"),
        "mobile": Route(id="mobile", sms="+493023125011"),
    },
)


def box(name: str, host: str = "one") -> Mailbox:
    imap = Server(host=f"imap.{host}.test", port=993, tls=Tls.IMPLICIT, username=name)
    smtp = Server(host=f"smtp.{host}.test", port=465, tls=Tls.IMPLICIT)
    return Mailbox(name=name, address=f"{name}@commsd.test", imap=imap, smtp=smtp)


class House:
    """Mailboxes whose folders beat while they are well, and a watchman who looks every ten seconds."""

    def __init__(self, log: Log, world: ScriptedWorld, *boxes: Mailbox, tell: tuple[str, ...] = ("duty",)) -> None:
        self.log, self.world, self.tell = log, world, tell
        self.boxes = {each.name: each for each in boxes or (box("support"), box("sales", "two"))}
        self.firm = Firm(name="Example Ltd", timezone="Europe/Berlin", people=PEOPLE)
        self.silent: set[tuple[str, str]] = set()
        self.logins: dict[str, Login] = {}
        self.heartbeat = False
        self.sends = True
        self.begin()

    def begin(self, node: str = "node/1") -> None:
        """As after a restart: nothing in memory."""
        self.claims = Claims(self.log, self.world.world, node)
        self.pulse = Pulse(Metrics(), self.world.world)
        for name in self.boxes:
            for part in ("watch", "sent"):
                self.pulse.watch(name, "mailbox", part)
        posts = {name: post_of(self.boxes, name, self.tell, self.firm, KEY) for name in self.boxes}
        hosts = {name: each.smtp.host for name, each in self.boxes.items() if each.smtp}
        preferred = next(iter(posts.values()))
        self.watchman = Watchman(
            self.boxes,
            TEN,
            self.heartbeat,
            Exits(posts=posts, hosts=hosts, preferred=preferred),
            self.firm,
            self.log,
            self.claims,
            self.world.world,
            self.pulse,
            self._logins,
        )

    async def _logins(self) -> Mapping[str, Login]:
        return self.logins

    async def goes_on(self, by: timedelta, step: timedelta | None = None) -> None:
        """Time passes; every folder that is not silent is read through, notices leave, and the watchman looks."""
        end, step = self.world.now + by, step or timedelta(minutes=1 if by < 2 * TEN else 5)
        while True:
            for name in self.boxes:
                for part in ("watch", "sent"):
                    if (name, part) in self.silent:
                        self.pulse.fail(name, "mailbox", "IMAP server: no answer within 10 s", part)
                    else:
                        self.pulse.beat(name, "mailbox", part)
            if await self.watchman.once() and self.sends:
                await self._send()
            if self.world.now >= end:
                return
            self.world.advance(min(step, end - self.world.now))

    async def _send(self) -> None:
        owed = schema.deliveries
        due = update(owed).where(owed.c.kind == "notice", owed.c.due_at <= self.world.now)
        sent = due.values(state="sent", settled_at=self.world.now)
        await self.log.writer.write(lambda c: c.execute(sent))

    async def dies(self, *names: str) -> None:
        self.silent |= {(name, part) for name in names for part in ("watch", "sent")}

    async def events(self) -> list[tuple[str, str]]:
        """Type and channel of each event, in order."""
        table = schema.outbox
        rows = await self.log.read(lambda c: c.execute(select(table).order_by(table.c.id)).all())
        return [(row.type, row.record["channel"]) for row in rows]

    async def rows(self) -> list[Any]:
        table = schema.deliveries
        order = select(table).where(table.c.kind == "notice").order_by(table.c.created_at, table.c.id)
        return list(await self.log.read(lambda c: c.execute(order).all()))

    async def notices(self) -> list[tuple[str, str, str]]:
        """Via, recipient and subject of each notice."""
        return [(row.via, row.recipient, _subject(bytes(row.payload))) for row in await self.rows()]

    async def text(self) -> str:
        """The last notice's."""
        return bytes((await self.rows())[-1].payload).decode()

    async def owes(self, via: str, number: int = 1, **more: Any) -> None:
        """Acknowledgements that wait."""
        now = self.world.now
        owed = [
            Delivery(
                id=self.world.world.new_id(),
                kind=DeliveryKind.ACK,
                key=f"ack:{via}:{each}:{now}",
                via=via,
                recipient=f"customer-{each}@example.org",
                payload=b"x",
                created_at=now,
                due_at=now,
            )
            for each in range(number)
        ]
        owed = [replace(each, **more) for each in owed]
        await self.log.decide((), lambda items: Change(deliveries=tuple(owed)))

    async def set_all(self, **values: Any) -> None:
        table = schema.deliveries
        await self.log.writer.write(lambda c: c.execute(update(table).values(**values)))

    def gauge(self, name: str, channel: str) -> float | None:
        return self.pulse.metrics.registry.get_sample_value(name, {"channel": channel})


def _subject(payload: bytes) -> str:
    if payload.startswith(b"{"):
        return str(orjson.loads(payload)["subject"])
    if b"\r\nSubject: " not in payload:
        return payload.decode()
    unfolded = payload.decode().replace("\r\n ", " ")
    return unfolded.partition("\r\nSubject: ")[2].partition("\r\n")[0]


@pytest.fixture
def house(log: Log, scripted_world: ScriptedWorld) -> House:
    return House(log, scripted_world)


HOUR = timedelta(hours=1)
SOON = timedelta(minutes=1, seconds=30)


async def test_nothing_is_said_while_all_is_well(house: House) -> None:
    await house.goes_on(HOUR)
    assert (await house.events(), await house.notices()) == ([], [])
    assert house.watchman.well


async def test_a_mailbox_that_is_not_read_falls_and_rises_once_and_people_hear_of_both(house: House) -> None:
    await house.goes_on(HOUR)
    await house.dies("support")
    await house.goes_on(TEN - timedelta(seconds=30))
    assert await house.events() == []
    await house.goes_on(timedelta(seconds=30) + SOON)
    assert await house.events() == [("channel.degraded", "support")]
    assert await house.notices() == [("sales", "duty@commsd.test", "Mailbox support is not read")]
    await house.goes_on(HOUR)
    house.silent.clear()
    await house.goes_on(timedelta(minutes=4))
    assert await house.events() == [("channel.degraded", "support"), ("channel.recovered", "support")]
    assert (await house.notices())[1:] == [("support", "duty@commsd.test", "Mailbox support works again")]
    await house.goes_on(HOUR)
    assert len(await house.notices()) == 2


async def test_the_notice_says_since_when_what_it_means_and_what_to_do(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    text = await house.text()
    for said in (
        "It worked last on Wednesday 4 March 10:01.",
        "What it said: IMAP server: no answer within 10 s",
        "To do: see that the IMAP server runs and takes our login: commsd check --online",
        "What customers write there is acknowledged when it works again",
        "Times are those of Europe/Berlin.",
    ):
        assert said in text.replace("=\r\n", ""), said


async def test_a_dead_folder_of_answers_is_told_of_while_the_inbox_works(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    house.silent = {("support", "sent")}
    await house.goes_on(TEN + SOON)
    assert [said for _, _, said in await house.notices()] == ["Mailbox support does not show what our people answered"]
    states = {each.name: each.working for each in house.pulse.states()}
    assert states == {"support": False, "sales": True}


async def test_of_several_the_worst_comes_first_and_one_dead_server_is_told_of_once(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    house = House(log, scripted_world, box("anna"), box("support"), box("sales", "two"))
    await house.goes_on(timedelta(minutes=1))
    house.silent = {("anna", "sent"), ("support", "watch"), ("support", "sent")}
    await house.goes_on(TEN + SOON)
    ((_, _, subject),) = await house.notices()
    assert subject == "Mailboxes and lines: 2 out of order. First: Mailbox support is not read"
    text = (await house.text()).replace("=\r\n", "").replace("\r\n", "\n")
    both = "Mailbox support is not read.\nMailbox anna does not show what our people answered.\n   Since"
    assert both in text
    assert text.count("What it said:") == text.count("To do:") == 1
    assert "To do: see that the IMAP server runs and takes our login" in text


async def test_a_restart_says_nothing_again_and_forgets_nothing(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    for life in range(2, 5):
        house.begin(f"node/{life}")
        await house.claims.inherit()
        await house.goes_on(timedelta(minutes=5))
    assert (await house.events(), len(await house.notices())) == ([("channel.degraded", "support")], 1)
    house.silent.clear()
    house.begin("node/5")
    await house.claims.inherit()
    await house.goes_on(timedelta(minutes=5))
    assert await house.events() == [("channel.degraded", "support"), ("channel.recovered", "support")]


async def test_reloads_while_it_is_down_are_no_recovery(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    for _ in range(4):
        house.begin()
        await house.goes_on(timedelta(seconds=90), step=timedelta(seconds=10))
        assert "mailbox support" in house.pulse.degraded_by_name()
    assert await house.events() == [("channel.degraded", "support")]


async def test_a_login_that_is_refused_right_after_an_outage_is_no_recovery(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    house.silent.clear()
    await house.goes_on(timedelta())
    house.world.advance(timedelta(seconds=10))
    await house.dies("support")
    await house.goes_on(timedelta(minutes=8))
    assert await house.events() == [("channel.degraded", "support")]
    house.silent.clear()
    await house.goes_on(timedelta(minutes=4))
    assert (await house.events())[1:] == [("channel.recovered", "support")]


async def test_what_was_unread_while_we_were_down_alarms_nobody_at_the_start(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    house.world.advance(timedelta(hours=8))
    house.begin("node/2")
    await house.claims.inherit()
    await house.goes_on(HOUR)
    assert (await house.events(), await house.notices()) == ([], [])


async def test_a_process_that_dies_again_and_again_does_not_hide_that_nothing_is_read(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support", "sales")
    for life in range(2, 7):
        house.begin(f"node/{life}")
        await house.claims.inherit()
        await house.goes_on(timedelta(minutes=3))
        assert not house.watchman.well or life < 5
    assert {each for each, _ in await house.events()} == {"channel.degraded"}


async def test_one_dead_server_with_three_hundred_mailboxes_is_one_notice(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    many = [box(f"box-{number}") for number in range(300)]
    house = House(log, scripted_world, *many, box("apart", "two"))
    await house.goes_on(timedelta(seconds=30))
    for number in range(0, 300, 100):  # they fall within a minute, as their last looks were
        await house.dies(*(f"box-{each}" for each in range(number, number + 100)))
        await house.goes_on(timedelta(seconds=20), step=timedelta(seconds=20))
    await house.goes_on(TEN + SOON)
    assert len([each for each, _ in await house.events()]) == 300
    assert [(via, to) for via, to, _ in await house.notices()] == [("apart", "duty@commsd.test")]
    assert "Mailboxes and lines: 300 out of order." in (await house.notices())[0][2]
    await house.goes_on(timedelta(minutes=30))
    assert len(await house.notices()) == 1
    assert len(await house.text()) < 30_000


async def test_what_lasts_is_told_again_after_four_hours_and_then_daily(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    for hours, told in ((3.5, 1), (1, 2), (22, 2), (3, 3)):
        await house.goes_on(timedelta(hours=hours), step=timedelta(minutes=9))
        assert len(await house.notices()) == told, hours
    assert len(await house.events()) == 1


async def test_a_fall_that_was_over_before_anybody_was_told_is_no_notice(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN, step=timedelta(seconds=10))
    assert len(await house.events()) == 1
    house.silent.clear()
    await house.goes_on(timedelta(minutes=10), step=timedelta(seconds=10))
    assert [said for _, _, said in await house.notices()] == [
        "Mailbox support is not read",
        "Mailbox support works again",
    ]


async def test_acknowledgements_that_wait_make_a_mailbox_late(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.owes("support")
    await house.goes_on(TEN + SOON)
    assert await house.events() == [("channel.degraded", "support")]
    assert await house.notices() == [("sales", "duty@commsd.test", "Mailbox support does not send: what is owed waits")]
    await house.set_all(state="sent", settled_at=house.world.now)
    await house.goes_on(timedelta(minutes=3))
    assert (await house.events())[1:] == [("channel.recovered", "support")]


async def test_one_customers_own_server_that_says_later_is_no_alarm_while_others_get_theirs(house: House) -> None:
    await house.owes("support")
    await house.goes_on(timedelta(minutes=5))
    await house.owes("support", state=DeliveryState.SENT, settled_at=house.world.now)
    await house.goes_on(HOUR)
    assert await house.events() == []


async def test_paused_acknowledgements_are_not_late(house: House) -> None:
    now = house.world.now
    pause = Pause(what="acks", name="support", until=now + timedelta(days=1), why="test", by="anna", made_at=now)
    await house.log.decide((), lambda items: Change(pauses=(pause,)))
    await house.owes("support")
    await house.goes_on(HOUR)
    assert await house.events() == []


async def test_a_login_that_ends_soon_is_told_of_before_it_does(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    house.logins = {"support": Login(ends_at=house.world.now + timedelta(days=3, minutes=5))}
    await house.goes_on(timedelta(minutes=4))
    assert await house.events() == []
    await house.goes_on(timedelta(minutes=3))
    assert await house.events() == [("channel.degraded", "support")]
    assert "its OAuth login ends" in (await house.notices())[0][2]


async def test_a_folder_left_alone_for_its_uids_is_told_of_at_once(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    table, now = schema.checkpoints, house.world.now
    row = {"place": "support/watch", "uidvalidity": 1, "last_uid": 1, "enrolled_at": now, "moved_at": now}
    await house.log.writer.write(lambda c: c.execute(table.insert().values(**row, stopped_at=now)))
    await house.goes_on(SOON)
    assert "is left alone" in (await house.notices())[0][2]


async def test_where_every_mailbox_is_dead_the_notice_waits_at_the_one_for_notices(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support", "sales")
    await house.goes_on(TEN + SOON)
    assert [(via, to) for via, to, _ in await house.notices()] == [("support", "duty@commsd.test")]
    assert not house.watchman.well


async def test_an_alarm_that_its_mailbox_does_not_get_rid_of_leaves_by_another(house: House) -> None:
    house.sends = False
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    (first,) = await house.rows()
    await house.set_all(attempts=2)  # sales takes it up, and its server is away
    await house.goes_on(timedelta(minutes=6))
    assert [(row.via, row.state, row.reason) for row in await house.rows()] == [
        ("sales", "cancelled", "passed-on"),
        ("support", "queued", None),
    ]
    assert (await house.notices())[1][2] == "Mailbox support is not read"
    for _ in range(6):  # and that one's too: it does not go round and round
        await house.set_all(attempts=2)
        await house.goes_on(timedelta(minutes=6))
    assert len([row for row in await house.rows() if row.key.startswith(first.key)]) == 4


@pytest.mark.parametrize(
    ("tell", "told"),
    [
        ((), {("sales", "sales@commsd.test")}),
        (("anna", "duty"), {("sales", "anna@commsd.test"), ("sales", "duty@commsd.test")}),
        (("hook",), {("webhook", "https://hook.commsd.test/x")}),
        (("mobile",), {("sms", "+493023125011")}),
    ],
)
async def test_each_of_those_to_tell_is_told_their_way(
    log: Log, scripted_world: ScriptedWorld, tell: tuple[str, ...], told: set[tuple[str, str]]
) -> None:
    house = House(log, scripted_world, tell=tell)
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    assert {(via, to) for via, to, _ in await house.notices()} == told
    assert all(said.startswith("Mailbox support is not read") for _, _, said in await house.notices())


async def test_a_route_with_hours_is_told_in_them(log: Log, scripted_world: ScriptedWorld) -> None:
    house = House(log, scripted_world, tell=("day",))
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN + SOON)
    (row,) = await house.rows()
    assert row.due_at.isoformat() == "2026-03-04T11:00:00+00:00"  # 12:00 in Berlin


async def test_of_two_nodes_one_speaks_and_both_show_it(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    other = House(house.log, house.world)
    other.begin("other/1")
    other.silent = {(name, part) for name in other.boxes for part in ("watch", "sent")}  # it watches nothing itself
    await house.dies("support")
    for _ in range(30):
        await house.goes_on(timedelta(seconds=0))
        await other.goes_on(timedelta(seconds=0))
        house.world.advance(timedelta(seconds=30))
    assert await house.events() == [("channel.degraded", "support")]
    assert len(await house.notices()) == 1
    for each in (house, other):
        assert {state.name: state.working for state in each.pulse.states()} == {"support": False, "sales": True}
        assert each.pulse.degraded_by_name() == {"mailbox support": "unread"}


async def test_the_feed_tells_of_it_with_the_channels_name(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(TEN)
    sequencer = Sequencer(house.log, house.claims, house.world.world)
    while await sequencer.once():
        pass
    table = schema.feed
    (text,) = await house.log.read(lambda c: c.execute(select(table.c.event)).scalars().all())
    event = orjson.loads(text)
    assert event["type"] == "commsd.channel.degraded.v1"
    data = event["data"]
    assert (data["channel"], data["kind"], data["reason"], data["by"]) == ("support", "mailbox", "unread", "machine")
    assert event["subject"] == data["id"]


async def test_the_figures_say_how_long_a_mailbox_went_unread(house: House) -> None:
    await house.goes_on(timedelta(minutes=1))
    await house.dies("support")
    await house.goes_on(timedelta(minutes=7))
    assert house.gauge("commsd_channel_unread_age_seconds", "support") == 420
    assert house.gauge("commsd_channel_unread_age_seconds", "sales") == 0


# --- the heartbeat


class Beating:
    """The duty that sends them, and what comes of them."""

    def __init__(self, house: House, every: timedelta = HOUR) -> None:
        house.heartbeat = True
        house.begin()
        self.house = house
        self.duty = Heartbeat(house.boxes, every, KEY, house.log, house.claims, house.world.world)

    async def rows(self) -> list[Any]:
        table = schema.deliveries
        order = select(table).where(table.c.kind == "heartbeat").order_by(table.c.created_at, table.c.id)
        return list(await self.house.log.read(lambda c: c.execute(order).all()))

    async def comes_round(self, via: str, at: datetime | None = None) -> None:
        table, owed = schema.deliveries, schema.deliveries.c
        theirs = (owed.kind == "heartbeat") & (owed.via == via)
        values = {"state": "sent", "reason": RETURNED, "settled_at": at or self.house.world.now}
        await self.house.log.writer.write(lambda c: c.execute(update(table).where(theirs).values(**values)))


async def test_each_mailbox_writes_to_itself_once_in_its_time(house: House) -> None:
    beating = Beating(house)
    for _ in range(2):
        while await beating.duty.once():
            pass
    assert [(row.via, row.recipient) for row in await beating.rows()] == [
        ("support", "support@commsd.test"),
        ("sales", "sales@commsd.test"),
    ]
    await beating.comes_round("support")
    house.world.advance(HOUR - timedelta(seconds=1))
    assert not await beating.duty.once()
    house.world.advance(timedelta(seconds=1))
    assert await beating.duty.once()
    assert len(await beating.rows()) == 3, "the one of sales still waits for its server: no second is made"


async def test_a_heartbeat_that_is_lost_is_told_of_and_one_that_comes_round_again_too(house: House) -> None:
    beating = Beating(house)
    await house.goes_on(timedelta(minutes=1))
    await beating.duty.once()
    await house.set_all(state="sent", settled_at=house.world.now)
    await beating.comes_round("sales")
    await house.goes_on(TEN + SOON)
    assert "does not get its own heartbeat back" in (await house.notices())[0][2]
    assert await house.events() == [("channel.degraded", "support")]
    assert house.gauge("commsd_heartbeat_age_seconds", "sales") == 690
    await beating.comes_round("support")
    await house.goes_on(timedelta(minutes=3))
    assert (await house.events())[1:] == [("channel.recovered", "support")]


async def test_old_heartbeats_are_forgotten(house: House) -> None:
    beating = Beating(house)
    await beating.duty.once()
    await beating.comes_round("support")
    await beating.comes_round("sales")
    house.world.advance(timedelta(days=8))
    await beating.duty.once()
    assert len(await beating.rows()) == 2


async def test_without_a_heartbeat_none_is_missed(house: House) -> None:
    now = house.world.now
    await house.owes("support", kind=DeliveryKind.HEARTBEAT, state=DeliveryState.SENT, settled_at=now)
    await house.goes_on(HOUR)
    assert await house.events() == []
