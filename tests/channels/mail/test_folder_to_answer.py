"""A mail in a real folder becomes one acknowledgement at a real server, and a human's answer stops the clocks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from sqlalchemy import select

from commsd.channels.mail import imap
from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.imap_login import Credentials
from commsd.channels.mail.notice import note_id
from commsd.channels.mail.reading import INBOX, SENT
from commsd.channels.mail.send import Send
from commsd.channels.mail.sent_copy import SentCopies
from commsd.channels.mail.session import Session
from commsd.channels.mail.submission import Server as Submitted
from commsd.channels.mail.submission import Submission
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.channels.mail.watch import Watch
from commsd.core.agent import Agent, People
from commsd.core.case import CaseFile
from commsd.core.change import Change, Checkpoint
from commsd.core.clock import State
from commsd.core.firm import Firm
from commsd.core.interaction import Interaction
from commsd.core.key import of_addresses
from commsd.demo.smtp import Fault, SmtpSink
from commsd.errors import CommsdError
from commsd.sla.notice.notice import Notice
from commsd.sla.rules.in_force import Rules
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.open_items import records
from commsd.store.originals import original
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from commsd.world import World
from tests.house import TERMS, items_of
from tests.neighbours.dovecot import Dovecot
from tests.world import ScriptedWorld

ANNA = Agent(id="anna", name="Anna Berg", mail=("anna@commsd.test",), phone="+493023125011")


def letter(
    sender: str = "Jane Clarke <jane@example.org>", subject: str = "Delivery of order 2041", **headers: str
) -> bytes:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, "support@commsd.test", subject
    mail["Message-ID"] = headers.pop("message_id", f"<{subject.replace(' ', '.')}@example.org>")
    mail["Date"] = "Wed, 04 Mar 2026 09:00:00 +0000"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Good morning, could you tell me when my order will be delivered? I have been waiting for it.\n")
    return mail.as_bytes()


@dataclass
class House:
    """A mailbox with all that watches it."""

    dovecot: Dovecot
    sink: SmtpSink
    log: Log
    world: ScriptedWorld
    user: str
    desk: Desk
    rules: Rules
    claims: Claims
    submission: Submission = field(init=False)

    def __post_init__(self) -> None:
        self.submission = Submission(Submitted(host="127.0.0.1", port=self.sink.port, tls="none"))

    async def _connect(self) -> Session:
        endpoint = imap.Endpoint(self.dovecot.host, self.dovecot.port, "none")
        return await imap.connect(endpoint, Credentials(self.user, self.dovecot.password), deadline=10)

    def shared(self) -> tuple[Log, Claims, Rules, World, Pulse]:
        return self.log, self.claims, self.rules, self.world.world, Pulse(Metrics(), self.world.world)

    async def watch(self) -> bool:
        return await Watch(self.desk, INBOX, self._connect, *self.shared()).once()

    async def watch_sent(self) -> bool:
        return await Watch(self.desk, SENT, self._connect, *self.shared()).once()

    async def send(self) -> bool:
        return await Send("support", self.submission, *self.shared()).once()

    def deliver(self, raw: bytes, folder: str = "INBOX") -> None:
        self.dovecot.deliver(self.user, raw, folder, internal_date=self.world.now)

    async def acks(self) -> list[EmailMessage]:
        """What customers got."""
        while await self.send():
            pass
        reading = BytesParser(EmailMessage, policy=policy.default)
        return [reading.parsebytes(taken.raw) for taken in self.sink.accepted]

    async def interactions(self) -> list[Interaction]:
        table = schema.interactions
        found = await self.log.read(lambda c: records(c, Interaction, table, table.c.current))
        return sorted(found, key=lambda known: known.id)

    async def case(self, address: str) -> CaseFile:
        (file,) = (await items_of(self.log, *of_addresses(address))).files.values()
        return file


@pytest.fixture
async def house(dovecot: Dovecot, log: Log, scripted_world: ScriptedWorld, tmp_path: Path) -> AsyncIterator[House]:
    user = dovecot.user("support@commsd.test")
    firm = Firm(name="Example Ltd", timezone="Europe/Berlin", people=People(agents={"anna": ANNA}))
    server = Server(host=dovecot.host, port=dovecot.port, tls=Tls.NONE)
    mailbox = Mailbox(name="support", address="support@commsd.test", imap=server, smtp=server, person="anna")
    us = Us(addresses=frozenset({"support@commsd.test"}), key=b"k" * 32)
    desk = Desk(mailbox=mailbox, firm=firm, us=us, texts=load_texts(), key=b"k" * 32)
    rules = Rules(log)
    await rules.bring_in(TERMS.versions[0], {}, scripted_world.now)
    async with SmtpSink() as sink:
        claims = Claims(log, scripted_world.world, "node")
        house = House(dovecot, sink, log, scripted_world, user, desk, rules, claims)
        await house.watch()
        await house.watch_sent()
        yield house
        await house.submission.close()


async def test_a_customers_mail_gets_one_acknowledgement_that_names_person_and_time(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    (ack,) = await house.acks()
    assert ack["To"] == "jane@example.org"
    assert ack["In-Reply-To"] == "<Delivery.of.order.2041@example.org>"
    assert ack["Auto-Submitted"] == "auto-replied"
    assert house.sink.accepted[0].sender == ""
    text = ack.get_content()
    assert "Anna Berg" in text
    assert "14:00" in text  # 10:00 in Berlin plus four open hours


async def test_the_acknowledgement_stops_its_clock_and_no_other(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    file = await house.case("jane@example.org")
    states = {record.value.clock.value: record.value.state for record in file.clocks}
    assert states == {"ack": State.MET, "first_response": State.RUNNING}
    promised = [known.promised_at for known in file.interactions if known.promised_at]
    (running,) = [record for record in file.clocks if record.value.state is State.RUNNING]
    assert promised == [running.promised_at]


async def test_a_mail_that_lay_there_before_is_not_acknowledged(
    house: House, dovecot: Dovecot, scripted_world: ScriptedWorld
) -> None:
    house.user = dovecot.user("other@commsd.test")
    house.desk = replace(house.desk, mailbox=replace(house.desk.mailbox, name="other"))
    house.deliver(letter())
    await house.watch()
    await house.watch()
    assert await house.interactions() == []


async def test_reading_marks_nothing_as_seen(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    assert all(r"\Seen" not in flags for flags in house.dovecot.flags(house.user).values())


async def test_the_same_mail_again_gets_no_second_acknowledgement(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    house.deliver(letter())
    await house.watch()
    assert len(await house.acks()) == 1
    assert len(await house.log.read(lambda c: c.execute(select(schema.sightings)).all())) == 1


@pytest.mark.parametrize("header", ["auto-replied", "auto-generated; reason=x"])
async def test_a_machine_is_recorded_and_gets_nothing(house: House, header: str) -> None:
    house.deliver(letter(Auto_Submitted=header))
    await house.watch()
    assert await house.acks() == []
    (fact,) = await house.interactions()
    assert fact.reason == "no-ack:auto-submitted"
    assert fact.case_id is None


async def test_a_mail_that_cannot_be_read_is_recorded_and_the_next_is_acknowledged(house: House) -> None:
    house.deliver(b"From: \xff\xfe\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\x00\xff")
    house.deliver(letter(subject="The next one"))
    await house.watch()
    assert len(await house.acks()) == 1
    assert len([fact for fact in await house.interactions() if fact.kind == "message"]) == 2


async def test_the_answer_in_the_sent_folder_stops_the_clock(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    house.world.advance(timedelta(hours=1))
    answer = letter(sender="Anna Berg <anna@commsd.test>", subject="Re: Delivery", message_id="<a1@commsd.test>")
    answer = answer.replace(b"To: support@commsd.test", b"To: jane@example.org")
    answer = answer.replace(b"Date:", b"In-Reply-To: <Delivery.of.order.2041@example.org>\r\nDate:")
    house.deliver(answer, "Sent")
    await house.watch_sent()
    file = await house.case("jane@example.org")
    assert {record.value.state for record in file.clocks} == {State.MET}
    assert file.interactions[-1].agent_id == "anna"


async def test_our_own_acknowledgement_in_the_sent_folder_answers_nobody(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    house.deliver(house.sink.accepted[0].raw, "Sent")
    await house.watch_sent()
    file = await house.case("jane@example.org")
    assert State.RUNNING in {record.value.state for record in file.clocks}


async def test_in_a_folder_numbered_anew_the_time_before_commsd_stays_the_past(
    house: House, dovecot: Dovecot, scripted_world: ScriptedWorld
) -> None:
    house.user = dovecot.user("other@commsd.test")
    house.desk = replace(house.desk, mailbox=replace(house.desk.mailbox, name="other"))
    house.deliver(letter(subject="Before"))
    scripted_world.advance(timedelta(hours=1))
    await house.watch()
    scripted_world.advance(timedelta(hours=1))
    house.deliver(letter(subject="After"))
    before = Checkpoint(place="other/watch", uidvalidity=1, last_uid=1)
    await house.log.decide((), lambda items: Change(checkpoint=before))
    await house.watch()
    assert [fact.subject for fact in await house.interactions() if fact.kind == "message"] == ["After"]


async def test_in_observe_mode_all_is_decided_and_nothing_sent(house: House) -> None:
    house.desk = replace(house.desk, mailbox=replace(house.desk.mailbox, observe=True))
    house.deliver(letter())
    await house.watch()
    assert await house.acks() == []
    message, ack = await house.interactions()
    assert message.reason == ack.reason == "no-ack:observe"
    file = await house.case("jane@example.org")
    assert {record.value.clock.value for record in file.clocks} == {"first_response"}


async def test_a_server_that_says_later_gets_the_same_bytes_later(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.sink.stop()
    await house.send()
    await house.sink.start()
    assert await house.acks() == []
    house.world.advance(timedelta(seconds=6))
    assert len(await house.acks()) == 1


async def test_a_refused_acknowledgement_is_recorded_and_not_tried_again(house: House) -> None:
    async with SmtpSink(faults={"jane@example.org": Fault.RCPT_550}) as refusing:
        submission = Submission(Submitted(host="127.0.0.1", port=refusing.port, tls="none"))
        house.deliver(letter())
        await house.watch()
        await Send("support", submission, *house.shared()).once()
        await submission.close()
    house.world.advance(timedelta(days=1))
    assert await house.acks() == []
    ack = next(fact for fact in await house.interactions() if fact.kind == "ack")
    assert ack.outcome == "failed"


async def test_a_second_writing_in_the_same_matter_gets_two_lines(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    house.deliver(letter(subject="Re: Delivery of order 2041", message_id="<two@example.org>"))
    await house.watch()
    first, second = await house.acks()
    assert len(second.get_content().split()) < len(first.get_content().split()) / 2
    assert "14:00" in second.get_content()  # the first promise still holds, and is said again
    house.deliver(letter(subject="Re: Delivery of order 2041", message_id="<three@example.org>"))
    await house.watch()
    assert len(await house.acks()) == 2


async def test_a_mail_of_thirty_megabytes_is_acknowledged_and_kept_whole(house: House) -> None:
    large = letter() + b"x" * 76 + b"\r\n" + (b"y" * 76 + b"\r\n") * 400_000
    house.deliver(large)
    await house.watch()
    assert len(await house.acks()) == 1
    message = next(fact for fact in await house.interactions() if fact.kind == "message")
    assert message.original is not None
    assert await original(house.log, message.original.sha256) == large


async def test_a_folder_numbered_anew_is_not_acknowledged_again(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    before = Checkpoint(place="support/watch", uidvalidity=1, last_uid=99_999)
    await house.log.decide((), lambda items: Change(checkpoint=before))
    await house.watch()
    assert len(await house.acks()) == 1


async def test_a_reply_to_a_notice_in_the_folder_is_obeyed_and_never_acknowledged(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    case = (await house.case("jane@example.org")).case
    notice = Notice(
        key="notice:1", recipient="anna@commsd.test", subject="Late", text="", at=house.world.now, case_id=case.id
    )
    answered = f"<{note_id(notice, house.desk.key, 'commsd.test')}>"
    anna = "Anna Berg <anna@commsd.test>"
    reply = letter(sender=anna, subject="Late", message_id="<1@x.test>", In_Reply_To=answered)
    house.deliver(reply.replace(b"Good morning,", b"junk\r\n"))
    house.deliver(letter(sender=anna, subject="Late", message_id="<2@x.test>", In_Reply_To=answered))
    await house.watch()
    await house.watch()
    file = await house.case("jane@example.org")
    assert file.case.close_reason == "junk"
    assert [fact.reason for fact in file.interactions if fact.kind == "note"] == ["reply:junk", "reply:not-understood"]
    assert sorted(mail["To"] for mail in await house.acks()) == ["anna@commsd.test", "jane@example.org"]


async def test_d7_a_mail_moved_out_and_back_or_restored_gets_no_second_acknowledgement(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    with house.dovecot.login(house.user) as session:
        session.create("Archive")
        for source, target in (("INBOX", "Archive"), ("Archive", "INBOX")):
            session.select(source)
            assert session.uid("MOVE", "1:*", target)[0] == "OK"
    await house.watch()
    (raw,) = house.dovecot.messages(house.user)
    house.deliver(raw)  # as a backup puts it back
    await house.watch()
    assert len(await house.acks()) == 1
    assert len(await house.log.read(lambda c: c.execute(select(schema.sightings)).all())) == 2


async def test_d4_a_copy_that_dovecot_has_in_its_sent_folder_is_found(house: House) -> None:
    house.deliver(letter())
    await house.watch()
    await house.acks()
    raw = house.sink.accepted[0].raw

    @asynccontextmanager
    async def line() -> AsyncIterator[Session]:
        session = await house._connect()
        try:
            yield session
        finally:
            session.abort()

    copies = SentCopies("support", line)
    assert not await copies.has(raw)
    house.deliver(raw, "Sent")
    assert await copies.has(raw)


async def test_i6_a_uidvalidity_that_dovecot_changed_brings_no_second_acknowledgement(house: House) -> None:
    house.deliver(letter(subject="Before"))
    await house.watch()
    await asyncio.to_thread(house.dovecot.stop)
    await asyncio.to_thread(house.dovecot.renumber, house.user)
    house.dovecot.start()  # by this thread, with which it ends
    house.deliver(letter(subject="After"))
    await house.watch()
    assert await house.watch() is False
    assert sorted(mail["Subject"].rpartition(": ")[2] for mail in await house.acks()) == ["After", "Before"]
    progress = await house.claims.progress("support/watch")
    assert progress is not None
    assert progress.checkpoint.renumbered in (0, 1)


async def test_i16_mail_that_came_while_dovecot_was_killed_is_acknowledged_after_it(house: House) -> None:
    house.deliver(letter(subject="Before"))
    await house.watch()
    await asyncio.to_thread(house.dovecot.kill)
    with pytest.raises(CommsdError):
        await house.watch()
    house.dovecot.start()  # by this thread, with which it ends
    house.deliver(letter(subject="After"))
    await house.watch()
    assert len(await house.acks()) == 2
