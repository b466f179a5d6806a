"""The engine over a folder that behaves as servers do: numbers that change, mails that show up late, others' flags."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select
from structlog.testing import capture_logs

from commsd.channels.mail.access import Access
from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.reading import INBOX, SENT, Reading, done_in
from commsd.channels.mail.rounds import Rounds
from commsd.channels.mail.second_line import SecondLine
from commsd.channels.mail.session import PART
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.channels.mail.watch import LOOKS_AGAIN, FolderStopped, Watch
from commsd.core.agent import People
from commsd.core.change import Checkpoint
from commsd.core.firm import Firm
from commsd.core.interaction import Interaction
from commsd.duty import FIRST_PAUSE, supervise
from commsd.errors import CommsdError
from commsd.sla.rules.in_force import Rules
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.open_items import records
from commsd.store.originals import original, owed_originals
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.eventually import eventually
from tests.fakes.imap_script import CUT, Say
from tests.fakes.imap_shelf import MORNING, ImapShelf
from tests.house import TERMS
from tests.world import ScriptedWorld


def letter(subject: str, size: int = 0, sender: str = "jane") -> bytes:
    head = f"From: Jane <{sender}@example.org>\r\nTo: support@commsd.test\r\nSubject: {subject}\r\n"
    head += f"Message-ID: <{subject.replace(' ', '.')}@example.org>\r\nDate: Wed, 04 Mar 2026 09:00:00 +0000\r\n"
    return head.encode() + b"\r\nWhere is my parcel? I have been waiting for a week now.\r\n" + b"x" * size


@dataclass
class House:
    """One mailbox on one shelf."""

    shelf: ImapShelf
    log: Log
    world: ScriptedWorld
    desk: Desk
    rules: Rules
    claims: Claims
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        self.pulse = Pulse(Metrics(), self.world.world)

    @property
    def access(self) -> Access:
        return Access(self.shelf.endpoint, "box", self.world.world, password=lambda: "secret", deadline=10.0)

    def watch(self, reading: Reading = INBOX) -> Watch:
        connect = self.access.connect
        return Watch(self.desk, reading, connect, self.log, self.claims, self.rules, self.world.world, self.pulse)

    def starting_with(self, poll: timedelta = timedelta(seconds=30), backfill: timedelta = timedelta(0)) -> None:
        self.desk = replace(self.desk, mailbox=replace(self.desk.mailbox, poll=poll, backfill=backfill))

    async def seen(self) -> list[Interaction]:
        table = schema.interactions
        found = await self.log.read(lambda c: records(c, Interaction, table, table.c.current))
        return sorted((fact for fact in found if fact.kind == "message"), key=lambda known: known.id)

    async def subjects(self) -> list[str]:
        return [fact.subject or "" for fact in await self.seen()]

    async def acks(self) -> int:
        table = schema.deliveries
        return int(await self.log.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar() or 0))

    async def checkpoint(self) -> Checkpoint:
        progress = await self.claims.progress("support/watch")
        assert progress
        return progress.checkpoint


async def house_at(shelf: ImapShelf, log: Log, world: ScriptedWorld) -> House:
    server = Server(host="127.0.0.1", port=shelf.endpoint.port, tls=Tls.NONE)
    mailbox = Mailbox(name="support", address="support@commsd.test", imap=server, smtp=server)
    us = Us(addresses=frozenset({"support@commsd.test"}), key=b"k" * 32)
    firm = Firm(name="Example Ltd", timezone="Europe/Berlin", people=People())
    desk = Desk(mailbox=mailbox, firm=firm, us=us, texts=load_texts(), key=b"k" * 32)
    rules = Rules(log)
    await rules.bring_in(TERMS.versions[0], {}, world.now)
    return House(shelf, log, world, desk, rules, Claims(log, world.world, "node/1"))


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> AsyncIterator[House]:
    async with ImapShelf() as shelf:
        yield await house_at(shelf, log, scripted_world)


async def test_i4_a_mail_that_somebody_read_before_us_is_acknowledged_all_the_same(house: House) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("read at once"), flags=r"\Seen \Flagged")
    await watch.once()
    assert (await house.subjects(), await house.acks()) == (["read at once"], 1)


async def test_i5_nothing_but_reading_is_ever_asked(house: House) -> None:
    house.shelf.put(1, letter("past"))
    watch = house.watch()
    await watch.once()
    house.shelf.put(2, letter("new", size=200_000))
    await watch.once()
    verbs = {
        " ".join(asked.split()[:2]) if asked.startswith("UID") else asked.split()[0] for asked in house.shelf.asked
    }
    assert verbs <= {"CAPABILITY", "LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH", "LOGOUT"}
    assert all("PEEK" in asked for asked in house.shelf.fetched())


async def test_i15_what_a_server_offers_beyond_idle_is_neither_switched_on_nor_needed(house: House) -> None:
    offered = b"IDLE NOTIFY COMPRESS=DEFLATE LITERAL+ UTF8=ACCEPT BINARY CONDSTORE QRESYNC IMAP4rev2"
    house.shelf.more["CAPABILITY"] = Say(b"* CAPABILITY IMAP4rev1 " + offered + b"\r\n")
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("new"))
    await watch.once()
    assert (await house.subjects(), await house.acks()) == (["new"], 1)
    verbs = {asked.split()[0] for asked in house.shelf.asked}
    assert not verbs & {"ENABLE", "NOTIFY", "COMPRESS"}
    assert not any("BINARY" in asked or "MODSEQ" in asked.upper() for asked in house.shelf.asked)


# --- I20


async def test_i20_a_uid_that_shows_up_late_is_still_acknowledged(house: House) -> None:
    for uid in range(1, 61):
        house.shelf.put(uid, letter(f"past {uid}"))
    house.shelf.hidden = {58}
    watch = house.watch()
    await watch.once()
    house.shelf.put(61, letter("on time"))
    house.shelf.put(62, letter("late"))
    house.shelf.hidden |= {62}
    house.shelf.put(63, letter("after it"))
    await watch.once()
    assert await house.subjects() == ["on time", "after it"]
    house.shelf.hidden = {58}
    await house.watch().once()
    assert await house.subjects() == ["on time", "after it", "late"]
    assert await house.acks() == 3
    assert not await house.watch().once()


async def test_i20_a_mail_that_is_listed_and_not_given_yet_is_taken_when_it_is(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("listed"))
    given = house.shelf.item
    monkeypatch.setattr(house.shelf, "item", lambda uid, command: b"" if uid == 1 else given(uid, command))
    house.shelf.put(2, letter("given"))
    await watch.once()
    monkeypatch.setattr(house.shelf, "item", given)
    await watch.once()
    assert sorted(await house.subjects()) == ["given", "listed"]


async def test_i20_what_an_older_version_had_decided_is_not_looked_at_again(house: House) -> None:
    for uid in range(1, 6):
        house.shelf.put(uid, letter(f"past {uid}"))
    await house.watch().once()
    table = schema.checkpoints
    await house.log.writer.write(lambda c: c.execute(table.update().values(recent=None)))
    house.claims.forget("support/watch")
    await house.watch().once()
    assert await house.subjects() == []


# --- I6


async def test_i6_numbers_given_anew_bring_no_second_acknowledgement_and_lose_nothing(house: House) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(5, letter("known"))
    await watch.once()
    house.shelf.renumber(8, by=100)
    house.shelf.put(106, letter("came meanwhile"))
    await watch.once()
    assert (await house.subjects(), await house.acks()) == (["known", "came meanwhile"], 2)
    assert (await house.checkpoint()).uidvalidity == 8


@pytest.mark.parametrize("told", [None, 0])
async def test_i6_a_server_without_uidvalidity_is_looked_through_at_each_connection(
    house: House, told: int | None
) -> None:
    house.shelf.uidvalidity = told
    watch = house.watch()
    await watch.once()
    house.shelf.put(3, letter("first"))
    await watch.once()
    house.shelf.mails.clear()
    house.shelf.put(1, letter("first"))  # another first mail, as far as its UID tells
    house.shelf.put(2, letter("second"))
    for _ in range(6):
        await house.watch().once()
    assert (await house.subjects(), await house.acks()) == (["first", "second"], 2)


async def test_i6_uids_set_back_under_the_same_uidvalidity_are_noticed(house: House) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(50, letter("high"))
    await watch.once()
    house.shelf.mails.clear()
    house.shelf.put(1, letter("low"))
    await house.watch().once()
    assert await house.subjects() == ["high", "low"]


async def test_i6_a_mail_between_the_two_searches_of_a_rescan_is_not_skipped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that tells no UIDNEXT, and a mail that comes while the past is searched."""
    house.shelf.tells_uidnext = False
    await house.watch().once()
    house.shelf.put(1, letter("known"))
    await house.watch().once()
    house.shelf.renumber(8, by=10)
    searched = house.shelf.searched
    house.shelf.hidden = set()

    def meanwhile(command: str) -> list[int]:
        found = list(searched(command))
        if "SINCE" in command and 12 not in house.shelf.mails:
            house.shelf.put(12, letter("meanwhile"))
        return found

    monkeypatch.setattr(house.shelf, "searched", meanwhile)
    await house.watch().once()
    assert await house.subjects() == ["known", "meanwhile"]


async def test_i6_a_folder_whose_numbers_change_five_times_in_a_row_is_left_alone_and_told(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.watch().once()
    for times in range(1, 5):
        house.shelf.renumber(100 + times)
        await house.watch().once()
    house.shelf.renumber(200)
    for _ in range(3):
        with pytest.raises(FolderStopped):
            await house.watch().once()
    assert (await house.checkpoint()).stopped_at == house.world.now
    house.shelf.put(1, letter("waited there"))
    house.world.advance(timedelta(hours=1))
    await house.watch().once()
    assert await house.subjects() == ["waited there"]
    house.world.advance(timedelta(hours=2))
    await house.watch().once()
    assert ((await house.checkpoint()).renumbered, (await house.checkpoint()).stopped_at) == (0, None)


async def test_i6_a_restart_now_and_then_is_no_row_of_changes(house: House) -> None:
    await house.watch().once()
    for week in range(1, 9):
        house.world.advance(timedelta(days=7))
        house.shelf.renumber(100 + week)
        await house.watch().once()
    assert (await house.checkpoint()).renumbered == 1


# --- I7


async def test_i7_a_large_mail_is_never_asked_for_whole_before_its_decision(
    house: House,
) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("large", size=3 << 20))
    await watch.once()
    first, *parts = house.shelf.fetched()
    assert "RFC822.SIZE BODY.PEEK[]<0.65536>" in first
    assert parts[0].endswith(f"BODY.PEEK[]<0.{PART}>)")
    assert all(part.endswith(f".{PART}>)") for part in parts)
    (fact,) = await house.seen()
    assert fact.original
    assert await original(house.log, fact.original.sha256) == letter("large", size=3 << 20)
    assert await owed_originals(house.log, "support/watch") == ()


async def test_i7_who_writes_while_a_large_mail_is_copied_does_not_wait_for_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("large", size=5 << 20))
    item = house.shelf.item

    def then_another(uid: int, command: str) -> bytes:
        if f"<{4 * PART}." in command and 2 not in house.shelf.mails:
            house.shelf.put(2, letter("small"))
        return item(uid, command)

    monkeypatch.setattr(house.shelf, "item", then_another)
    await watch.once()
    fetched = house.shelf.fetched()
    small = next(n for n, asked in enumerate(fetched) if asked.startswith("UID FETCH 2"))
    assert any("<3145728." in asked for asked in fetched[small:])
    assert sorted(await house.subjects()) == ["large", "small"]


async def test_i7_a_copy_that_breaks_leaves_no_parts_and_is_made_after_the_restart(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("large", size=5 << 20))
    item, parts = house.shelf.item, schema.original_parts

    def breaking(uid: int, command: str) -> bytes:
        if "<2097152." in command:
            house.shelf.cut()
        return item(uid, command)

    monkeypatch.setattr(house.shelf, "item", breaking)
    with pytest.raises(CommsdError):
        await watch.once()
    assert await house.acks() == 1

    async def left() -> int:
        return int(await house.log.read(lambda c: c.execute(select(func.count()).select_from(parts)).scalar() or 0))

    async with asyncio.timeout(10):
        while await left():
            pass
    monkeypatch.setattr(house.shelf, "item", item)
    await house.watch().once()
    (fact,) = await house.seen()
    assert fact.original
    assert await house.acks() == 1


async def test_i7_a_large_mail_that_is_gone_before_it_was_copied_stays_recorded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("large", size=1 << 20))
    item = house.shelf.item
    monkeypatch.setattr(
        house.shelf, "item", lambda uid, command: b"" if f"[]<0.{PART}>" in command else item(uid, command)
    )
    await watch.once()
    (fact,) = await house.seen()
    assert (fact.original, await owed_originals(house.log, "support/watch")) == (None, ())


# --- I1


async def test_i1_an_account_has_two_connections_however_many_folders_are_watched(house: House) -> None:
    listed = b'* LIST (\\HasNoChildren \\Sent) "/" Sent\r\n* LIST () "/" Done\r\n* LIST () "/" INBOX\r\n'
    house.shelf.more["LIST"] = Say(listed)
    house.starting_with(poll=timedelta(seconds=5))
    access = house.access
    line = SecondLine(access.connect)
    shared = (house.log, house.claims, house.rules, house.world.world, house.pulse)
    inbox = Watch(house.desk, INBOX, access.connect, *shared)
    others = [Watch(house.desk, reading, access.connect, *shared) for reading in (SENT, done_in("Done"))]
    rounds = Rounds("support", others, line, timedelta(seconds=30), house.world.world)
    running = [asyncio.create_task(inbox.run()), asyncio.create_task(rounds.run())]
    await eventually(lambda: sum(asked.startswith("EXAMINE") for asked in house.shelf.asked) >= 12)
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert house.shelf.most_connections == 2
    assert {asked for asked in house.shelf.asked if asked.startswith("EXAMINE")} == {
        'EXAMINE "INBOX"', 'EXAMINE "Sent"', 'EXAMINE "Done"',
    }  # fmt: skip


async def test_i1_a_folder_that_fails_does_not_stop_the_others(house: House) -> None:
    listed = b'* LIST (\\HasNoChildren \\Sent) "/" Sent\r\n* LIST () "/" Done\r\n'
    house.shelf.more |= {"LIST": Say(listed), 'EXAMINE "Sent"': Say(b"%T NO gone\r\n")}
    access = house.access
    shared = (house.log, house.claims, house.rules, house.world.world, house.pulse)
    others = [Watch(house.desk, reading, access.connect, *shared) for reading in (SENT, done_in("Done"))]
    rounds = Rounds("support", others, SecondLine(access.connect), timedelta(seconds=30), house.world.world)
    await rounds.once()
    await rounds.once()
    assert await house.claims.progress("support/done/Done") is not None
    assert {part: known.working for _, part, known in house.pulse.parts()} == {"sent": False, "done/Done": True}
    assert house.shelf.connections == 1


async def test_i14_a_sent_folder_that_is_not_there_is_told_once_and_read_from_its_start_once_it_is(
    house: House,
) -> None:
    """What lies in it then was all sent since we look; a folder Done, which is made when it is wanted, is no news."""
    house.shelf.more["LIST"] = Say(b'* LIST () "/" INBOX\r\n')
    sent, done = house.watch(SENT), house.watch(done_in("Done"))
    with capture_logs() as logged:
        for _ in range(3):
            assert not await sent.once()
            assert not await done.once()
            house.world.advance(LOOKS_AGAIN)
    told = [line for line in logged if line["event"] == "folder.absent"]
    assert [(line["duty"], line["log_level"]) for line in told] == [("mail.sent.support", "warning")]
    assert "name it in `sent`" in told[0]["remedy"]
    assert await house.claims.progress("support/sent") is None
    house.shelf.more["LIST"] = Say(b'* LIST (\\Sent) "/" Sent\r\n* LIST () "/" INBOX\r\n')
    house.shelf.put(1, letter("Re: parcel", sender="support"))
    assert await sent.once()


# --- leases, polling, the past


def counting(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often the store has been written to since."""
    commits, commit = [], house.log.engine.commit

    async def counted(work: Callable[[Connection], object]) -> object:
        commits.append(work)
        return await commit(work)

    monkeypatch.setattr(house.log.engine, "commit", counted)
    return lambda: len(commits)


async def test_polling_every_fifty_milliseconds_writes_no_lease_each_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.starting_with(poll=timedelta(milliseconds=50))
    commits = counting(house, monkeypatch)
    running = asyncio.create_task(house.watch().run())
    await eventually(lambda: house.shelf.asked.count("IDLE") > 10)
    running.cancel()
    await asyncio.wait([running])
    assert commits() == 2  # the lease and the enrolment


async def test_i2_idle_is_given_up_and_begun_again_well_within_four_and_a_half_minutes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever `poll` says."""
    house.starting_with(poll=timedelta(hours=1))
    asked: list[float] = []

    async def idle(_session: object, seconds: float) -> bool:
        asked.append(seconds)
        await asyncio.Event().wait()
        return False

    monkeypatch.setattr("commsd.channels.mail.session.Session.idle", idle)
    running = asyncio.create_task(house.watch().run())
    await eventually(lambda: bool(asked))
    running.cancel()
    await asyncio.wait([running])
    assert 0 < asked[0] <= 270


async def test_a_server_that_offers_idle_and_refuses_it_is_asked_now_and_then(house: House) -> None:
    house.shelf.more["IDLE"] = Say(b"%T NO not here\r\n")
    running = asyncio.create_task(house.watch().run())
    await eventually(lambda: house.shelf.asked.count("NOOP") > 2)
    house.shelf.put(1, letter("heard"))
    await eventually(lambda: bool(house.shelf.fetched()))
    running.cancel()
    await asyncio.wait([running])
    assert (house.shelf.asked.count("IDLE"), house.shelf.asked.count('LOGIN "box" "secret"')) == (1, 1)


async def test_one_write_renews_the_leases_of_all_folders(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(20):
        await house.claims.hold(f"box/{n}", timedelta(seconds=90))
    commits = counting(house, monkeypatch)
    house.world.advance(timedelta(seconds=50))
    fences = [await house.claims.hold(f"box/{n}", timedelta(seconds=90)) for n in range(20)]
    assert (commits(), {fence.number for fence in fences if fence}) == (1, {1})


async def test_a_lease_that_went_to_another_node_is_not_held_any_more(house: House) -> None:
    await house.claims.hold("box/watch", timedelta(seconds=90))
    house.world.advance(timedelta(seconds=91))
    if house.log.engine.dialect == "postgresql":  # its own clock decides
        table = schema.leases
        await house.log.writer.write(lambda c: c.execute(table.update().values(expires_at=MORNING)))
    other = Claims(house.log, house.world.world, "other/1")
    assert await other.hold("box/watch", timedelta(seconds=90))
    assert await house.claims.hold("box/watch", timedelta(seconds=90)) is None


async def test_backfill_records_the_past_silently_and_goes_on_after_a_restart(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.starting_with(backfill=timedelta(days=30))
    for uid in range(1, 121):
        house.shelf.put(uid, letter(f"past {uid}"), at=MORNING - timedelta(days=2))
    house.shelf.put(121, letter("ancient"), at=MORNING - timedelta(days=60))
    item, broken = house.shelf.item, True

    def breaking(uid: int, command: str) -> bytes:
        if uid == 75 and broken:
            house.shelf.cut()
        return item(uid, command)

    monkeypatch.setattr(house.shelf, "item", breaking)
    with pytest.raises(CommsdError):
        await house.watch().once()
    assert 0 < len(await house.seen()) < 120
    broken = False
    house.shelf.put(122, letter("new"))
    await house.watch().once()
    seen = await house.seen()
    assert len(seen) == 121
    assert {fact.reason for fact in seen if (fact.subject or "").startswith("past")} == {"no-ack:too-old"}
    assert [fact.case_id is None for fact in seen].count(False) == 1
    assert await house.acks() == 1


async def test_by_default_the_past_stays_the_past(house: House) -> None:
    house.shelf.put(1, letter("past"))
    await house.watch().once()
    await house.watch().once()
    assert await house.subjects() == []


# --- connections that break


@pytest.mark.parametrize("seed", range(6))
async def test_i16_cut_at_any_byte_every_mail_is_acknowledged_once(house: House, seed: int) -> None:
    """Each connection breaks some bytes later than the one before, until one gets through."""
    watch, shelf = house.watch(), house.shelf
    await watch.once()
    for uid in range(1, 9):
        shelf.put(uid, letter(f"mail {uid}", size=400 * uid, sender=f"jane{uid}"))
    for turn in range(200):
        shelf.cut_after(shelf.sent + 40 + 61 * seed + turn * (397 + seed))
        try:
            await house.watch().once()
        except CommsdError:
            continue
        break
    else:
        pytest.fail("no connection ever got through")
    assert turn > 5
    assert sorted(await house.subjects()) == [f"mail {uid}" for uid in range(1, 9)]
    assert await house.acks() == 8


async def test_i2_a_black_hole_is_noticed_and_no_mail_is_lost(house: House) -> None:
    """The line stays open and carries nothing any more, as behind a NAT that has forgotten us."""
    access = Access(house.shelf.endpoint, "box", house.world.world, password=lambda: "secret", deadline=0.3)
    house.starting_with(poll=timedelta(milliseconds=100))
    shared = (house.log, house.claims, house.rules, house.world.world, house.pulse)
    running = asyncio.create_task(supervise(Watch(house.desk, INBOX, access.connect, *shared), house.world.world))
    await eventually(lambda: house.shelf.asked.count("IDLE") > 1)
    house.shelf.swallow(True)
    house.shelf.put(1, letter("into the void"))
    seen = len(house.shelf.asked)
    await eventually(lambda: not house.pulse.states()[0].working)
    house.shelf.swallow(False)
    await eventually(lambda: bool(house.shelf.fetched()) and "IDLE" in house.shelf.asked[seen:])
    running.cancel()
    await asyncio.wait([running])
    assert (await house.subjects(), await house.acks()) == (["into the void"], 1)


async def test_i16_a_connection_that_brought_what_was_new_is_no_failure_however_soon_it_is_cut(house: House) -> None:
    """The pause before the next one does not grow."""
    shared = (house.log, house.claims, house.rules, house.world.world, house.pulse)
    house.shelf.more["IDLE"] = CUT
    running = asyncio.create_task(supervise(Watch(house.desk, INBOX, house.access.connect, *shared), house.world.world))
    await eventually(lambda: len(house.world.slept) >= 6)
    running.cancel()
    await asyncio.wait([running])
    assert set(house.world.slept) == {FIRST_PAUSE * house.world.jitter}


# --- I19


@pytest.mark.parametrize(
    ("word", "item"), [("X-GM-EXT-1", "X-GM-MSGID 1278455344230334865"), ("OBJECTID", "EMAILID (M1)")]
)
async def test_i19_a_mail_the_server_knows_as_the_same_gets_no_second_acknowledgement(
    house: House, monkeypatch: pytest.MonkeyPatch, word: str, item: str
) -> None:
    """Though its Message-ID was rewritten when it was moved out and back."""
    house.shelf.more["CAPABILITY"] = Say(f"* CAPABILITY IMAP4rev1 IDLE {word}\r\n".encode())
    given = house.shelf.item

    def with_id(uid: int, command: str) -> bytes:
        if "HEADER" in command:
            assert item.split()[0] in command
        return given(uid, command).replace(b" RFC822.SIZE", f" {item} RFC822.SIZE".encode())

    monkeypatch.setattr(house.shelf, "item", with_id)
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("moved"))
    await watch.once()
    house.world.advance(timedelta(hours=1))
    house.shelf.put(2, letter("moved").replace(b"<moved@example.org>", b"<rewritten@outlook.test>"))
    await watch.once()
    assert (await house.subjects(), await house.acks()) == (["moved"], 1)
