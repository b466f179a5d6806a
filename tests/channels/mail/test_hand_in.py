"""How the mails of a folder come to their decisions: in few round trips, a batch ahead of what is decided."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from commsd.channels.mail.hand_in import BATCH, TEXT
from commsd.errors import Unreachable
from commsd.store.log import Log
from tests.channels.mail.test_watch import House, house_at, letter
from tests.eventually import eventually
from tests.fakes.imap_script import CUT, Say
from tests.fakes.imap_shelf import ImapShelf
from tests.world import ScriptedWorld

T = TypeVar("T")


class Cutting(ImapShelf):
    """Hangs up when it is asked for this UID."""

    cuts_at = 0

    def answer(self, name: str, command: str) -> Say:
        if name == "UID FETCH" and self.cuts_at in self._named(command):
            return CUT
        return super().answer(name, command)


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> AsyncIterator[House]:
    async with Cutting() as shelf:
        yield await house_at(shelf, log, scripted_world)


def fill(house: House, mails: int) -> None:
    for uid in range(1, mails + 1):
        house.shelf.put(uid, letter(f"mail {uid}", sender=f"jane{uid}"))


async def test_i7_what_is_small_comes_with_its_text_in_one_round_trip(house: House) -> None:
    watch = house.watch()
    await watch.once()
    house.shelf.put(1, letter("small"))
    before = len(house.shelf.asked)
    await watch.once()
    asked = [line for line in house.shelf.asked[before:] if line.startswith("UID")]
    assert asked == [
        "UID SEARCH UID 1:*",
        "UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.65536>)",
        "UID SEARCH UID 1:*",
    ]
    assert await house.acks() == 1


async def test_i7_a_header_that_does_not_end_in_the_beginning_is_asked_for_and_read_to_its_end(house: House) -> None:
    watch = house.watch()
    await watch.once()
    trace = b"".join(b"X-Trace-%d: %s\r\n" % (number, b"x" * 900) for number in range(TEXT // 900 + 1))
    house.shelf.put(1, trace + b"Auto-Submitted: auto-replied\r\n" + letter("from a machine"))
    house.shelf.put(2, letter("from a person", sender="june"))
    await watch.once()
    assert [asked for asked in house.shelf.fetched() if "HEADER" in asked] == [
        "UID FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER]<0.1048576>)"
    ]
    assert (await house.subjects(), await house.acks()) == (["from a machine", "from a person"], 1)


async def test_the_next_batch_is_fetched_while_the_one_before_is_decided(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = house.watch()
    await watch.once()
    fill(house, BATCH + 1)
    may_commit, commit = asyncio.Event(), house.log.engine.commit

    async def held_up(f: Callable[[Connection], T]) -> T:
        await may_commit.wait()
        return await commit(f)

    monkeypatch.setattr(house.log.engine, "commit", held_up)
    watching = asyncio.create_task(watch.once())
    await eventually(lambda: any(asked.startswith(f"UID FETCH {BATCH + 1} ") for asked in house.shelf.asked))
    may_commit.set()
    assert await watching
    assert (await house.acks(), (await house.checkpoint()).last_uid) == (BATCH + 1, BATCH + 1)


async def test_i16_a_cut_during_the_next_batch_costs_nothing_of_the_one_before(house: House) -> None:
    assert isinstance(house.shelf, Cutting)
    watch = house.watch()
    await watch.once()
    fill(house, BATCH + 2)
    house.shelf.cuts_at = BATCH + 2
    with pytest.raises(Unreachable):
        await watch.once()
    assert (await house.acks(), (await house.checkpoint()).last_uid) == (BATCH, BATCH)
    house.shelf.cuts_at = 0
    await watch.once()
    assert (await house.acks(), (await house.checkpoint()).last_uid) == (BATCH + 2, BATCH + 2)
