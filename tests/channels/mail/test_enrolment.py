"""A mailbox that is called otherwise, or a name that means another account: nothing lost, no past acknowledged."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from commsd.channels.mail.access import Access
from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.enrolment import Same, compared
from commsd.channels.mail.reading import INBOX
from commsd.channels.mail.watch import Watch
from commsd.errors import TryAgain
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from tests.channels.mail.test_watch import House, house_at, letter
from tests.fakes.imap_shelf import ImapShelf
from tests.world import ScriptedWorld


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> AsyncIterator[House]:
    async with ImapShelf() as shelf:
        yield await house_at(shelf, log, scripted_world)


def called(house: House, name: str, *, user: str = "box", host: str = "127.0.0.1") -> Mailbox:
    mailbox = house.desk.mailbox
    return replace(mailbox, name=name, imap=replace(mailbox.imap, username=user, host=host))


def watch_of(house: House, mailbox: Mailbox, *others: Mailbox, shelf: ImapShelf | None = None) -> Watch:
    """As the daemon makes it, where these mailboxes are configured."""
    configured: Mapping[str, Mailbox] = {each.name: each for each in (mailbox, *others)}
    endpoint = (shelf or house.shelf).endpoint
    access = Access(endpoint, "box", house.world.world, password=lambda: "secret", deadline=10.0)
    desk = replace(house.desk, mailbox=mailbox)
    shared = (house.log, house.claims, house.rules, house.world.world, house.pulse)
    return Watch(desk, INBOX, access.connect, *shared, configured)


async def vias(house: House) -> list[str]:
    table = schema.deliveries
    return list(await house.log.read(lambda c: c.execute(select(table.c.via).order_by(table.c.id)).scalars().all()))


async def places(house: House) -> list[str]:
    table = schema.checkpoints
    found = await house.log.read(lambda c: c.execute(select(table.c.place)).scalars().all())
    return sorted(place for place in found if not place.startswith("~"))


def put(house: House, uid: int, subject: str) -> None:
    house.shelf.put(uid, letter(subject, sender=f"jane{uid}"), at=house.world.now)


async def test_i6_a_renamed_mailbox_goes_on_where_it_was_and_sends_what_it_owed(house: House) -> None:
    await watch_of(house, called(house, "support")).once()
    put(house, 1, "before")
    await watch_of(house, called(house, "support")).once()
    assert await vias(house) == ["support"]
    put(house, 2, "between")
    await watch_of(house, called(house, "help")).once()
    assert await house.subjects() == ["before", "between"]
    assert (await vias(house), await places(house)) == (["help", "help"], ["help/watch"])


async def test_i6_a_pause_goes_with_the_mailbox(house: House) -> None:
    await watch_of(house, called(house, "support")).once()
    now = house.world.now
    pause = {"until": now + timedelta(days=1), "why": "", "by": "anna", "made_at": now}
    table = schema.pauses
    await house.log.writer.write(lambda c: c.execute(insert(table).values(what="acks", name="support", **pause)))
    await watch_of(house, called(house, "help")).once()
    assert await house.log.read(lambda c: c.execute(select(table.c.name)).scalars().all()) == ["help"]


async def test_i6_a_name_that_means_another_account_does_not_acknowledge_its_past(house: House) -> None:
    await watch_of(house, called(house, "support")).once()
    async with ImapShelf() as other:
        for uid in range(1, 20):
            other.put(uid, letter(f"past {uid}", sender=f"joe{uid}"), at=house.world.now)
        await watch_of(house, called(house, "support", user="sales"), shelf=other).once()
        assert await house.acks() == 0
        other.put(20, letter("new", sender="jim"), at=house.world.now)
        await watch_of(house, called(house, "support", user="sales"), shelf=other).once()
    assert (await house.subjects(), await house.acks()) == (["new"], 1)


async def test_i6_a_name_that_was_a_mistake_and_is_set_right_loses_nothing(house: House) -> None:
    await watch_of(house, called(house, "support")).once()
    async with ImapShelf() as other:
        await watch_of(house, called(house, "support", user="sales"), shelf=other).once()
    put(house, 1, "meanwhile")
    await watch_of(house, called(house, "support")).once()
    assert (await house.subjects(), await house.acks()) == (["meanwhile"], 1)


async def test_i6_two_names_that_change_places_keep_what_each_account_was_at(house: House) -> None:
    async with ImapShelf() as other:
        mine, theirs = called(house, "support"), called(house, "sales", user="sales")
        await watch_of(house, mine, theirs).once()
        await watch_of(house, theirs, mine, shelf=other).once()
        put(house, 1, "to the one")
        other.put(1, letter("to the other", sender="joe"), at=house.world.now)
        mine, theirs = replace(mine, name="sales"), replace(theirs, name="support")
        await watch_of(house, theirs, mine, shelf=other).once()
        await watch_of(house, mine, theirs).once()
    assert sorted(await house.subjects()) == ["to the one", "to the other"]


async def test_i6_an_account_that_moved_to_another_server_is_looked_through_again(house: House) -> None:
    """Under the same UIDVALIDITY by chance: UIDs there mean nothing."""
    at_home = called(house, "support")
    await watch_of(house, at_home).once()
    for uid in range(1, 6):
        put(house, uid, f"known {uid}")
    await watch_of(house, at_home).once()
    async with ImapShelf() as other:
        other.mails, other.dates, other.flags = (
            dict(house.shelf.mails),
            dict(house.shelf.dates),
            dict(house.shelf.flags),
        )
        other.put(2, letter("came to the new server", sender="joe"), at=house.world.now)
        await watch_of(house, called(house, "support", host="localhost"), shelf=other).once()
    assert await house.acks() == 6
    assert (await house.checkpoint()).account[0] == "localhost"


async def test_i6_a_folder_of_an_older_version_learns_whose_it_is(house: House) -> None:
    await watch_of(house, called(house, "support")).once()
    table = schema.checkpoints
    await house.log.writer.write(lambda c: c.execute(table.update().values(account=None)))
    await watch_of(house, called(house, "support")).once()
    assert (await house.checkpoint()).account == ("127.0.0.1", "box", "INBOX", "support@commsd.test")


async def test_i6_a_checkpoint_that_another_node_moves_is_not_taken_over(house: House) -> None:
    await watch_of(house, called(house, "support")).once()
    house.claims = Claims(house.log, house.world.world, "other/1")
    with pytest.raises(TryAgain, match="another node"):
        await watch_of(house, called(house, "help")).once()


async def test_i6_a_mailbox_that_is_still_configured_keeps_its_checkpoint(house: House) -> None:
    support = called(house, "support")
    await watch_of(house, support).once()
    await watch_of(house, called(house, "help"), support).once()
    assert await places(house) == ["help/watch", "support/watch"]


HOME = ("mail.example.org", "box", "INBOX", "help@example.org")


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (HOME, Same.YES),
        (("mail.example.org", "Box@example.org", "INBOX", "help@example.org"), Same.YES),
        (("mail.example.org", "box", "INBOX", "other@example.org"), Same.YES),
        (("mail.example.org", "box", "Help", "help@example.org"), Same.NO),
        (("mail.example.org", "sales", "INBOX", "help@example.org"), Same.NO),
        (("imap.example.com", "box", "INBOX", "HELP@example.org"), Same.MOVED),
        (("imap.example.com", "box", "INBOX", "help@example.com"), Same.NO),
    ],
)
def test_i6_whose_folder_it_is(now: tuple[str, ...], same: Same) -> None:
    assert compared(HOME, now) is same


def test_i6_a_full_user_name_at_another_server_is_the_same_mailbox() -> None:
    before = ("a.example.org", "help@example.org", "INBOX", "help@example.org")
    assert compared(before, ("b.example.org", "help@example.org", "INBOX", "new@example.org")) is Same.MOVED
    assert compared(before, ("a.example.org", "help@example.com", "INBOX", "help@example.org")) is Same.NO
