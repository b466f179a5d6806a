"""What the server had before we came stays the past, however it comes back; and what is new stays new."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from commsd.channels.mail.message import decode
from commsd.channels.mail.trace import passed_at
from commsd.store import schema
from commsd.store.log import Log
from tests.channels.mail.test_watch import House, house_at, letter
from tests.fakes.imap_script import Say
from tests.fakes.imap_shelf import MORNING, ImapShelf
from tests.world import ScriptedWorld


class Undated(ImapShelf):
    """Its dates are none."""

    def answer(self, name: str, command: str) -> Say:
        said = super().answer(name, command)
        return Say(said.data.replace(b'INTERNALDATE "', b'INTERNALDATE "Sun, '), said.then)


def passed(raw: bytes, at: datetime) -> bytes:
    return f"Received: from mx.example.org by mail.commsd.test; {at:%a, %d %b %Y %H:%M:%S} +0000\r\n".encode() + raw


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> AsyncIterator[House]:
    async with ImapShelf() as shelf:
        yield await house_at(shelf, log, scripted_world)


async def enrolled(house: House, at: datetime) -> None:
    table = schema.checkpoints
    await house.log.writer.write(lambda c: c.execute(table.update().values(enrolled_at=at)))
    house.claims.forget("support/watch")


async def enrolled_at(house: House) -> datetime:
    progress = await house.claims.progress("support/watch")
    assert progress
    return progress.enrolled_at


@pytest.mark.parametrize("before", [timedelta(days=240), timedelta(hours=2)])
async def test_n21_mails_restored_without_their_date_are_as_old_as_their_trace(house: House, before: timedelta) -> None:
    watch = house.watch()
    await watch.once()
    now = house.world.now
    house.shelf.put(1, passed(letter("restored"), now - before), at=now, flags="\\Seen")
    house.shelf.put(2, passed(letter("new", sender="joe"), now), at=now, flags="\\Seen")
    house.shelf.put(3, passed(letter("fetched late", sender="eve"), now - before), at=now)
    await watch.once()
    assert await house.subjects() == ["restored", "new", "fetched late"]
    assert [fact.reason for fact in await house.seen()] == ["no-ack:too-old", None, None]


async def test_n21_a_customer_whose_clock_is_wrong_is_answered(house: House) -> None:
    watch = house.watch()
    await watch.once()
    now = house.world.now
    old = letter("clock").replace(b"04 Mar 2026", b"04 Mar 1996")
    house.shelf.put(1, passed(old, now), at=now)
    await watch.once()
    assert await house.acks() == 1


@pytest.mark.parametrize("known", [False, True])
async def test_i6_numbers_given_anew_by_a_server_without_dates_bring_no_answers_to_the_past(
    log: Log, scripted_world: ScriptedWorld, known: bool
) -> None:
    async with Undated() as shelf:
        house = await house_at(shelf, log, scripted_world)
        for uid in range(1, 10):
            shelf.put(uid, letter(f"past {uid}", sender=f"jane{uid}"))
        watch = house.watch()
        await watch.once()
        shelf.renumber(99, by=1000)
        new = letter("meanwhile", sender="joe")
        shelf.put(1500, passed(new, house.world.now) if known else new)
        await watch.once()
        assert await house.acks() == (1 if known else 0)
        shelf.put(1501, letter("after it", sender="jim"))
        await watch.once()
        assert await house.acks() == (2 if known else 1)


async def test_n21_a_clock_that_was_ahead_at_the_first_start_makes_nothing_old(house: House) -> None:
    watch = house.watch()
    await watch.once()
    await enrolled(house, house.world.now + timedelta(hours=12))
    house.shelf.put(1, letter("while we were down"), at=house.world.now - timedelta(hours=3))
    await house.watch().once()
    assert await house.acks() == 1
    assert await enrolled_at(house) == house.world.now
    house.shelf.put(2, letter("moved in", sender="joe"), at=house.world.now - timedelta(hours=2))
    await house.watch().once()
    assert await house.acks() == 1


async def test_i6_a_last_look_dated_ahead_hides_nothing_from_a_rescan(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = house.watch()
    await watch.once()
    table = schema.checkpoints
    ahead = house.world.now + timedelta(days=40)
    await house.log.writer.write(lambda c: c.execute(table.update().values(moved_at=ahead)))
    house.shelf.renumber(8)
    house.shelf.put(1, letter("new"), at=house.world.now)
    await house.watch().once()
    since = next(asked for asked in house.shelf.asked if "SINCE" in asked)
    assert since == f"UID SEARCH SINCE {house.world.now - timedelta(days=1):%-d-%b-%Y}"


async def test_i19_a_server_that_knows_all_mails_by_the_same_id_is_not_believed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.shelf.more["CAPABILITY"] = Say(b"* CAPABILITY IMAP4rev1 IDLE OBJECTID\r\n")
    given = house.shelf.item
    same = b" EMAILID (M0) RFC822.SIZE"
    monkeypatch.setattr(house.shelf, "item", lambda uid, asked: given(uid, asked).replace(b" RFC822.SIZE", same))
    watch = house.watch()
    await watch.once()
    for uid in range(1, 6):
        house.shelf.put(uid, letter(f"mail {uid}", sender=f"jane{uid}"), at=house.world.now)
    await watch.once()
    assert (len(await house.subjects()), await house.acks()) == (5, 5)


@pytest.mark.parametrize(
    ("trace", "at"),
    [
        ("by mx; Wed, 04 Mar 2026 10:00:01 +0100", datetime(2026, 3, 4, 9, 0, 1, tzinfo=UTC)),
        ("by mx (odd; comment); Wed, 04 Mar 2026 09:00:01 -0000", datetime(2026, 3, 4, 9, 0, 1, tzinfo=UTC)),
        ("by mx; Wed, 04 Mar 2026 09:00:01 +0000 (UTC)", datetime(2026, 3, 4, 9, 0, 1, tzinfo=UTC)),
        ("by mx; Thu, 01 Jan 1970 00:00:00 +0000", None),
        ("by mx; some day", None),
        ("by mx; Wed, 99 Mar 2026 09:00:01 +9999", None),
        ("by mx", None),
    ],
)
def test_n21_the_topmost_trace_tells_when_a_mail_came(trace: str, at: datetime | None) -> None:
    raw = f"Received: {trace}\r\nReceived: by other; Mon, 02 Mar 2026 09:00:00 +0000\r\n".encode() + letter("traced")
    assert passed_at(decode(raw, folder_date=MORNING)) == at
