"""What our people do is seen where they do it: Sent folders, staff mailboxes, a log mailbox, Done. Real servers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from commsd.channels.mail import imap
from commsd.channels.mail.account import Mailbox, MailboxRole
from commsd.channels.mail.imap_login import Credentials
from commsd.channels.mail.reading import readings_of
from commsd.channels.mail.rounds import Rounds
from commsd.channels.mail.second_line import SecondLine
from commsd.channels.mail.session import Session
from commsd.channels.mail.watch import Watch
from commsd.core.case import CaseState
from commsd.core.clock import State
from commsd.demo.mailserver import MailServer
from tests.channels.mail.test_folder_to_answer import House, house, letter
from tests.channels.mail.test_forwarded import FORMS
from tests.channels.mail.written import mail

__all__ = ["house"]

JANE = "jane@example.org"
ANNA = "Anna Berg <anna@commsd.test>"


@dataclass
class Account:
    """One account with the folders that are read besides the INBOX, over one connection."""

    house: House
    user: str
    rounds: Rounds

    async def look(self) -> bool:
        return await self.rounds.once()

    def put(self, raw: bytes, folder: str) -> None:
        self.house.dovecot.deliver(self.user, raw, folder, internal_date=self.house.world.now)

    def create(self, folder: str) -> None:
        self.house.dovecot.create(self.user, folder)

    def move(self, folder: str, *, source: str = "INBOX") -> None:
        """All that lies there, as a mail program moves it."""
        with self.house.dovecot.login(self.user) as session:
            session.select(source)
            assert session.uid("MOVE", "1:*", folder)[0] == "OK"


def account(house: House, mailbox: Mailbox, user: str) -> Account:
    async def connect() -> Session:
        endpoint = imap.Endpoint(house.dovecot.host, house.dovecot.port, "none")
        return await imap.connect(endpoint, Credentials(user, house.dovecot.password), deadline=10)

    desk = replace(house.desk, mailbox=mailbox)
    watches = [Watch(desk, each, connect, *house.shared()) for each in readings_of(mailbox) if each.word != "watch"]
    return Account(
        house, user, Rounds(mailbox.name, watches, SecondLine(connect), timedelta(seconds=30), house.world.world)
    )


@pytest.fixture
async def support(house: House) -> AsyncIterator[Account]:
    found = account(house, house.desk.mailbox, house.user)
    await found.look()
    yield found
    found.rounds._line.abort()


async def running(house: House) -> set[str]:
    file = await house.case(JANE)
    return {each.value.clock.value for each in file.clocks if each.value.state is State.RUNNING}


def by_anna(house: House, *extra: str, **fields: str) -> bytes:
    given = {"from_": ANNA, "to": JANE, "message_id": "<a@commsd.test>", "subject": "Re: Delivery of order 2041"}
    return mail(*extra, without=("Return-Path",), **{**given, **fields})


async def question(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    house.world.advance(timedelta(minutes=30))


async def test_i14_a_mail_moved_to_done_at_dovecot_closes_its_case_and_moved_back_nothing_happens(
    house: House, support: Account
) -> None:
    await question(house)
    support.create("Done")
    await support.look()
    support.move("Done")
    house.world.advance(timedelta(minutes=5))
    await support.look()
    case = (await house.case(JANE)).case
    assert (case.state, case.close_reason) == (CaseState.CLOSED, "done-folder")
    before = await house.interactions()
    support.move("INBOX", source="Done")
    await house.watch()
    await support.look()
    assert await house.interactions() == before
    assert len(await house.acks()) == 1


async def test_i14_without_a_done_folder_nothing_fails_and_one_made_later_is_read_from_its_first_mail(
    house: House, support: Account
) -> None:
    await question(house)
    assert await support.look() is False
    support.create("INBOX.Done")
    support.move("INBOX.Done")
    house.world.advance(timedelta(minutes=5))
    assert await support.look() is True
    assert (await house.case(JANE)).case.state is CaseState.CLOSED


async def test_i14_an_answer_from_a_staff_mailbox_as_new_mail_stops_the_clock_of_the_case(house: House) -> None:
    staff = replace(house.desk.mailbox, name="anna", address="anna@commsd.test", role=MailboxRole.SENT_ONLY, smtp=None)
    anna = account(house, staff, house.dovecot.user("anna@commsd.test"))
    await anna.look()
    await question(house)
    anna.put(by_anna(house, "Thread-Topic: Delivery of order 2041"), "Sent")
    await anna.look()
    anna.rounds._line.abort()
    assert await running(house) == set()
    answer = (await house.case(JANE)).interactions[-1]
    assert (answer.mailbox, answer.agent_id, answer.case_cause) == ("anna", "anna", "subject")


async def test_i14_a_log_mailbox_records_copies_and_forwards_and_acknowledges_nobody(house: House) -> None:
    box = replace(house.desk.mailbox, name="log", address="log@commsd.test", role=MailboxRole.LOG, smtp=None, sent=())
    house.desk = replace(
        house.desk,
        us=replace(house.desk.us, addresses=house.desk.us.addresses | {"log@commsd.test", "anna@commsd.test"}),
    )
    log = account(house, box, house.dovecot.user("log@commsd.test"))
    await log.look()
    await question(house)
    log.put(by_anna(house), "INBOX")
    await log.look()
    assert await running(house) == set()
    forward = by_anna(house, to="log@commsd.test", message_id="<f@commsd.test>", body=FORMS["Outlook de"])
    log.put(forward, "INBOX")
    await log.look()
    log.rounds._line.abort()
    forwarded = (await house.interactions())[-1]
    assert forwarded.customer == "jane@customer.test"
    assert len(await house.acks()) == 1


async def test_i14_several_sent_folders_are_read_and_a_missing_one_stops_no_other(house: House) -> None:
    mailbox = replace(house.desk.mailbox, sent=("auto", "Nowhere", "Archiv/Gesendet"), done=())
    support = account(house, mailbox, house.user)
    support.create("Archiv.Gesendet")
    await support.look()
    await question(house)
    support.put(by_anna(house), "Archiv.Gesendet")
    assert await support.look() is True
    assert await running(house) == set()
    house.deliver(letter(subject="Re: Delivery of order 2041", message_id="<two@example.org>"))
    await house.watch()
    house.world.advance(timedelta(minutes=1))
    support.put(by_anna(house, message_id="<b@commsd.test>", date="Tue, 10 Mar 2026 13:00:00 +0100"), "Sent")
    await support.look()
    support.rounds._line.abort()
    assert "next_response" not in await running(house)


async def test_i14_a_server_without_special_use_and_a_mailbox_without_a_sent_folder(house: House) -> None:
    async with MailServer({"box": "sesame"}) as server:

        async def connect() -> Session:
            endpoint = imap.Endpoint(server.host, server.port, "none")
            return await imap.connect(endpoint, Credentials("box", "sesame"), deadline=10)

        watches = [Watch(house.desk, each, connect, *house.shared()) for each in readings_of(house.desk.mailbox)[1:]]
        line = SecondLine(connect)
        rounds = Rounds("support", watches, line, timedelta(seconds=30), house.world.world)
        await rounds.once()
        await question(house)
        await server.deliver("box", by_anna(house), "Sent", at=house.world.now)
        assert await rounds.once() is True
        assert await running(house) == set()
        line.abort()
