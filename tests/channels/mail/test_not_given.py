"""Mails that a server names and does not give: the mailbox goes on, and none of them is lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from commsd.channels.mail.hand_in import RECENT
from commsd.channels.mail.not_given import LOOKS, PROOFS, SHOWS_UP, SUSPECT, UNPROVEN, NotGiven
from commsd.errors import CommsdError
from commsd.store.log import Log
from tests.channels.mail.test_watch import House, house_at, letter
from tests.fakes.imap_script import CUT, SILENCE, Say
from tests.fakes.imap_shelf import ImapShelf
from tests.world import ScriptedWorld

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
HUGE = Say(b"* 1 FETCH (UID 3 BODY[]<0> {9000000}\r\n")


class Poisoned(ImapShelf):
    """says: what comes instead of a FETCH that names `bad`. body: what the text of it is, None for no line at all."""

    def __init__(self) -> None:
        super().__init__()
        self.bad = 0
        self.says: Say | None = None
        self.body: bytes | None = None
        self.gives = True

    def answer(self, name: str, command: str) -> Say:
        if name == "UID FETCH" and self.says and self.bad in self._named(command):
            return self.says
        return super().answer(name, command)

    def item(self, uid: int, command: str) -> bytes:
        if uid == self.bad and not self.says and not self.gives:
            if self.body is None:
                return b""
            if "HEADER" not in command:
                return b"* 1 FETCH (UID %d BODY[]<0> %s)\r\n" % (uid, self.body)
        return super().item(uid, command)


class Slow(ImapShelf):
    """Says what is long in pieces, a pause between them."""

    pause = 0.0

    def _say(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if not self.pause or len(data) <= 5000:
            super()._say(writer, data)
            return
        loop = asyncio.get_running_loop()
        for number, start in enumerate(range(0, len(data), 10_000)):
            loop.call_later(number * self.pause, writer.write, data[start : start + 10_000])


@pytest.fixture
async def poisoned(log: Log, scripted_world: ScriptedWorld) -> AsyncIterator[tuple[House, Poisoned]]:
    async with Poisoned() as shelf:
        yield await house_at(shelf, log, scripted_world), shelf


async def turns(house: House, times: int, deadline: float = 10.0) -> None:
    """One engine, as the supervisor runs it: a failure is followed by another connection."""
    access = house.access
    access._deadline = deadline
    watch = house.watch()
    watch._connect = access.connect
    for _ in range(times):
        try:
            await watch.once()
        except CommsdError:
            continue


@pytest.mark.parametrize("says", [Say(b"* BYE Internal error\r\n", then="cut"), CUT, SILENCE, HUGE])
async def test_n1_a_mail_that_breaks_every_connection_stops_no_other_and_is_recorded(
    poisoned: tuple[House, Poisoned], says: Say
) -> None:
    house, shelf = poisoned
    shelf.put(1, letter("past"))
    await house.watch().once()
    shelf.bad, shelf.says = 3, says
    for uid in range(2, 8):
        shelf.put(uid, letter(f"mail {uid}", sender=f"jane{uid}"))
    await turns(house, SUSPECT + PROOFS + 1, deadline=0.5)
    assert sorted(await house.subjects()) == ["", "mail 2", "mail 4", "mail 5", "mail 6", "mail 7"]
    assert await house.acks() == 5
    assert [fact.reason for fact in await house.seen() if not fact.subject] == ["no-ack:unparsable"]


async def test_n1_a_lone_mail_over_which_connections_break_is_given_time(poisoned: tuple[House, Poisoned]) -> None:
    """Nothing tells whether it is the mail or the line."""
    house, shelf = poisoned
    await house.watch().once()
    shelf.put(3, letter("alone"))
    shelf.bad, shelf.says = 3, CUT
    await turns(house, 10)
    shelf.says = None
    await house.watch().once()
    assert (await house.subjects(), await house.acks()) == (["alone"], 1)


async def test_i20_a_mail_that_is_named_and_not_given_is_waited_for_however_many_come_after_it(
    poisoned: tuple[House, Poisoned],
) -> None:
    house, shelf = poisoned
    watch = house.watch()
    await watch.once()
    shelf.bad, shelf.gives = 3, False
    for uid in range(1, 101):
        shelf.put(uid, letter(f"mail {uid}", sender=f"jane{uid}"))
    await watch.once()
    assert await house.acks() == RECENT + 1
    shelf.gives = True
    await house.watch().once()
    assert await house.acks() == 100


async def test_i20_a_mail_that_is_never_given_is_recorded_and_one_that_is_gone_is_not(
    poisoned: tuple[House, Poisoned],
) -> None:
    house, shelf = poisoned
    watch = house.watch()
    await watch.once()
    shelf.bad, shelf.gives = 2, False
    for uid in (1, 2, 3):
        shelf.put(uid, letter(f"mail {uid}", sender=f"jane{uid}"))
    for _ in range(LOOKS):
        await watch.once()
    assert await house.subjects() == ["mail 1", "mail 3"]
    house.world.advance(SHOWS_UP)
    await watch.once()
    assert [fact.reason for fact in await house.seen() if not fact.subject] == ["no-ack:unparsable"]
    shelf.put(4, letter("expunged"))
    shelf.bad = 4
    await watch.once()
    del shelf.mails[4]
    for _ in range(LOOKS):
        house.world.advance(SHOWS_UP)
        await watch.once()
    assert len(await house.seen()) == 3


@pytest.mark.parametrize("body", [b"NIL", b'""', b"{4}\r\nFrom"])
async def test_n1_a_text_that_is_missing_once_is_asked_for_again(poisoned: tuple[House, Poisoned], body: bytes) -> None:
    house, shelf = poisoned
    watch = house.watch()
    await watch.once()
    shelf.bad, shelf.gives, shelf.body = 1, False, body
    shelf.put(1, letter("whole in the end"))
    await watch.once()
    assert await house.subjects() == []
    shelf.gives = True
    await watch.once()
    assert (await house.subjects(), await house.acks()) == (["whole in the end"], 1)


async def test_n1_a_mail_whose_text_never_comes_is_decided_by_its_header(poisoned: tuple[House, Poisoned]) -> None:
    house, shelf = poisoned
    watch = house.watch()
    await watch.once()
    shelf.bad, shelf.gives, shelf.body = 1, False, b"NIL"
    shelf.put(1, letter("only a header"))
    for _ in range(LOOKS):
        await watch.once()
        house.world.advance(SHOWS_UP)
    assert (await house.subjects(), await house.acks()) == (["only a header"], 1)


async def test_i17_a_slow_line_is_not_a_silent_one(log: Log, scripted_world: ScriptedWorld) -> None:
    """Longer than the deadline in all, and never silent for so long."""
    async with Slow() as shelf:
        house = await house_at(shelf, log, scripted_world)
        await house.watch().once()
        for uid in range(1, 5):
            shelf.put(uid, letter(f"mail {uid}", size=10_000, sender=f"jane{uid}"))
        shelf.pause = 0.15
        await turns(house, 1, deadline=0.5)
        assert await house.acks() == 4


async def test_i17_a_backlog_over_a_slow_line_is_fetched_in_smaller_batches(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    async with Slow() as shelf:
        house = await house_at(shelf, log, scripted_world)
        await house.watch().once()
        for uid in range(1, 9):
            shelf.put(uid, letter(f"mail {uid}", size=30_000, sender=f"jane{uid}"))
        shelf.pause = 0.06
        await turns(house, 8, deadline=0.3)
        assert await house.acks() == 8


# --- the arithmetic


def test_n1_a_connection_that_breaks_without_another_mail_proves_nothing_soon() -> None:
    given = NotGiven()
    for _ in range(10):
        given.died([1], NOW, proven=False)
    assert not given.is_hopeless(1, NOW + UNPROVEN - timedelta(seconds=1))
    assert given.is_hopeless(1, NOW + UNPROVEN)


def test_n1_mails_that_were_only_nearby_are_cleared_when_they_come() -> None:
    given = NotGiven()
    for _ in range(SUSPECT):
        given.died([1, 2, 3], NOW, proven=True)
    given.given(2)
    assert [given.is_suspect(uid) for uid in (1, 2, 3)] == [True, False, True]
    assert (given.lowest({3, 1}), given.lasting((1, 2, 3))) == (1, 2)


def test_i6_other_numbers_are_other_mails() -> None:
    given = NotGiven()
    given.begin(7)
    given.missed(1, NOW)
    given.begin(8)
    assert given.lowest({1}) is None
