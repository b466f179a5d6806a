"""The folder `print/` is the list of what waits: written whole, told of once, emptied by posting, safe to kill."""

import os
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from commsd.channels.mail import printing
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.posted import posted
from commsd.channels.mail.printing import Print
from commsd.core import key
from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.interaction import Delivery, DeliveryKind
from commsd.core.ledger import DebtKind, debts
from commsd.store import letters, schema
from commsd.store.claims import Claims
from commsd.store.debts import books
from commsd.store.log import Log
from commsd.store.rows import delivery_of
from tests.channels.mail.paper_house import FIRM, arrived, desk
from tests.house import TERMS
from tests.world import ScriptedWorld


class Killed(BaseException):
    """What a test does to the process at one line."""


class House:
    """A fax mailbox and the duty that prints for it."""

    def __init__(self, log: Log, world: ScriptedWorld, folder: Path, node: str = "node") -> None:
        self.log, self.world, self.folder, self.desk = log, world, folder, desk()
        self.duty = self.another(node)

    def another(self, node: str = "node", at: Path | None = None) -> Print:
        """The duty of the next life, or of another node."""
        claims = Claims(self.log, self.world.world, node)
        boxes = {"paper": self.desk.mailbox}
        return Print(at or self.folder, boxes, FIRM, self.desk.post, self.log, claims, self.world.world)

    async def takes(self, number: int = 1, at: Desk | None = None) -> Delivery:
        """A fax comes in, for which a page is owed."""
        arrival, at = arrived(self.world.now, uid=number, message_id=f"<{number}@x.test>"), at or self.desk
        change = await self.log.decide(keys_of(arrival, at), lambda items: intake(arrival, items, at, TERMS))
        return next(owed for owed in change.deliveries if owed.kind is DeliveryKind.LETTER)

    async def posts(self, letter: Delivery) -> Change:
        """Somebody posted it."""
        hand = Hand(by="anna")
        return await self.log.decide((key.of_delivery(letter.id),), lambda items: posted(letter.id, items, TERMS, hand))

    async def notices(self) -> list[Delivery]:
        """What our people are told."""
        rows = await self.log.read(lambda c: c.execute(schema.deliveries.select()).all())
        return [owed for owed in map(delivery_of, rows) if owed.kind is DeliveryKind.NOTICE]

    async def ledger(self) -> list[DebtKind]:
        """All debts about acknowledgements."""
        found = debts(await self.log.read(lambda c: books(c, self.world.now)), self.world.now)
        return [debt.kind for debt in found if debt.kind in (DebtKind.ACK_STUCK, DebtKind.ACK_WAITING)]

    @property
    def files(self) -> list[str]:
        """What lies in the folder."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def house(log: Log, scripted_world: ScriptedWorld, tmp_path: Path) -> House:
    return House(log, scripted_world, tmp_path / "print")


def text(owed: Delivery) -> str:
    mail = message_from_bytes(owed.payload, _class=EmailMessage, policy=default)
    return str(mail.get_content()).replace("\r\n", "\n")


async def test_a_page_is_written_as_it_was_decided_and_its_person_is_told(house: House) -> None:
    letter = await house.takes()
    assert await house.duty.once()
    assert house.files == [printing.file_name(letter)]
    assert (house.folder / house.files[0]).read_bytes() == letter.payload
    (notice,) = await house.notices()
    assert notice.recipient == "anna@commsd.test"
    assert f"commsd letters posted {letter.id}" in text(notice)
    assert str(house.folder) in text(notice)


async def test_the_name_of_a_file_tells_nothing_of_the_customer(house: House) -> None:
    letter = await house.takes()
    assert letter.recipient.removeprefix("+") not in printing.file_name(letter)


async def test_nothing_is_written_or_told_twice(house: House) -> None:
    await house.takes()
    await house.duty.once()
    assert not await house.duty.once()
    assert not await house.another().once()
    assert (len(house.files), len(await house.notices())) == (1, 1)


async def test_letters_that_came_together_are_told_in_one_notice(house: House) -> None:
    sent = [await house.takes(number) for number in (1, 2, 3)]
    await house.duty.once()
    (notice,) = await house.notices()
    assert all(letter.id in text(notice) for letter in sent)
    assert len(house.files) == 3


@pytest.mark.parametrize("line", ["os.fsync", "os.replace", "_sync", "decide"])
async def test_killed_between_file_and_commit_there_is_one_file_one_letter_one_notice(
    house: House, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.takes()

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        target = house.log if line == "decide" else os if line.startswith("os.") else printing
        patched.setattr(target, line.rpartition(".")[2], kill)
        with pytest.raises(Killed):
            await house.duty.once()
    assert await house.another().once()
    assert len(house.files) == 1
    assert not house.files[0].startswith(".")
    assert len(await house.log.read(letters.waiting)) == 1
    assert len(await house.notices()) == 1


async def test_posting_takes_the_file_away_and_leaves_what_is_not_ours(house: House) -> None:
    first, second = await house.takes(1), await house.takes(2)
    await house.duty.once()
    (house.folder / "notes.txt").write_text("mine")
    await house.posts(first)
    assert not await house.duty.once()
    assert house.files == sorted([printing.file_name(second), "notes.txt"])


async def test_a_letter_of_observe_mode_is_never_written(house: House) -> None:
    at = replace(house.desk, mailbox=replace(house.desk.mailbox, observe=True))
    await house.takes(at=at)
    assert not await house.duty.once()
    assert house.files == []


async def test_a_folder_that_was_lost_is_filled_again_by_the_next_life_and_nobody_is_told_again(house: House) -> None:
    letter = await house.takes()
    await house.duty.once()
    (house.folder / printing.file_name(letter)).unlink()
    await house.another().once()
    assert house.files == [printing.file_name(letter)]
    assert len(await house.notices()) == 1


async def test_of_two_nodes_one_prints(house: House, tmp_path: Path) -> None:
    await house.takes()
    other = house.another("other/1", tmp_path / "elsewhere")
    assert await house.duty.once()
    assert not await other.once()
    assert not (tmp_path / "elsewhere").exists()
    assert len(await house.notices()) == 1


async def test_only_its_owner_and_group_may_read_a_page(house: House) -> None:
    await house.takes()
    await house.duty.once()
    assert (house.folder / house.files[0]).stat().st_mode & 0o137 == 0
    assert house.folder.stat().st_mode & 0o027 == 0


async def test_the_ledger_lists_a_waiting_page_and_calls_it_stuck_only_after_its_clock(house: House) -> None:
    letter = await house.takes()
    await house.duty.once()
    house.world.advance(letter.due_at - house.world.now)
    assert await house.ledger() == [DebtKind.ACK_WAITING]
    house.world.advance(timedelta(minutes=2))
    assert await house.ledger() == [DebtKind.ACK_STUCK]
    await house.posts(letter)
    assert await house.ledger() == []
