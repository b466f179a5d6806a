"""A reply to a notice is obeyed once and is no customer's writing; what cannot be done is said once. Both stores."""

from dataclasses import dataclass, replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import select

from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.message import decode
from commsd.channels.mail.notice import about, as_mail, note_id
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.core import key
from commsd.core.agent import Agent, People, Route
from commsd.core.case import Case, CaseFile, CaseState
from commsd.core.change import Change, change_of
from commsd.core.clock import State
from commsd.core.entry import Hand
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, Direction, Kind
from commsd.core.link import Act
from commsd.crm import actions
from commsd.crm.mending import merge_case
from commsd.sla.notice.notice import Notice
from commsd.sla.notice.offer import offers
from commsd.store import schema
from commsd.store.log import Log
from commsd.store.rows import delivery_of
from tests.channels.mail.written import mail
from tests.crm.serving import Fact, call_from, mail_from
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld

KEY = b"k" * 32
ANNA = Agent(id="anna", name="Anna Berg", mail=("anna@example.com", "a.berg@private.example"))
PEOPLE = People(agents={"anna": ANNA}, routes={"duty": Route(id="duty", mail=("duty@watch.example",))})
SERVER = Server(host="127.0.0.1", port=25, tls=Tls.NONE)
DESK = Desk(
    mailbox=Mailbox(name="support", address="support@example.com", imap=SERVER, smtp=SERVER, team="service"),
    firm=Firm(name="Example Ltd", timezone="Europe/Berlin", people=PEOPLE),
    us=Us(addresses=frozenset({"support@example.com"}), internal_domains=frozenset({"example.com"}), key=KEY),
    texts=load_texts(),
    key=KEY,
)
OUT_OF_OFFICE = (
    ("Auto-Submitted: auto-replied",),
    ("X-Auto-Response-Suppress: All",),
    ("Subject: Automatic reply: Overdue",),
    ("Subject: Abwesenheitsnotiz: Overdue",),
    ("Precedence: bulk",),
)


@dataclass
class Office:
    """A customer's case, the notices about it, and what comes back."""

    log: Log
    world: ScriptedWorld
    desk: Desk = DESK
    replies: int = 0

    async def happened(self, *keys: str, fact: Fact) -> Change:
        return await self.log.decide(keys, lambda items: change_of(fact(items), items, TERMS))

    async def wrote(self) -> str:
        """A customer's mail; gives its case."""
        return (
            (await self.happened(*key.of_addresses("jane@example.org"), fact=mail_from("jane@example.org"))).cases[0].id
        )

    async def rang(self) -> tuple[str, str]:
        """A missed call; gives its case and callback."""
        number = "+493023125099"
        change = await self.happened(*key.of_addresses(number), key.of_call("CA1"), fact=call_from(number))
        return change.cases[0].id, change.callbacks[0].id

    def told(
        self, case_id: str | None, callback_id: str | None = None, recipient: str = "anna@example.com", **more: str
    ) -> Notice:
        return Notice(
            key=f"notice:{case_id}:{recipient}",
            recipient=recipient,
            subject="Overdue",
            text="It is overdue.\n",
            at=self.world.now,
            case_id=case_id,
            callback_id=callback_id,
            agent=more.get("agent", "anna"),
        )

    async def reply(
        self,
        notice: Notice | str,
        body: str,
        *extra: str,
        sender: str = "Anna Berg <anna@example.com>",
        subject: str = "Re: Overdue",
        **headers: str,
    ) -> Change:
        """A mail that answers the notice, taken in as the watch would. notice: or the id it answers."""
        answered = notice if isinstance(notice, str) else note_id(notice, KEY, "example.com")
        self.replies += 1
        fields = {"from_": sender, "subject": subject, "message_id": f"<reply-{self.replies}@example.com>"} | headers
        fields["return_path"] = f"<{sender.rpartition('<')[2].strip('<>')}>"
        extra = (f"In-Reply-To: <{answered}>", *extra) if answered else extra
        if any(each.startswith("Subject:") for each in extra):
            fields["subject"] = next(each for each in extra if each.startswith("Subject:")).partition(": ")[2]
            extra = tuple(each for each in extra if not each.startswith("Subject:"))
        return await self.take(mail(*extra, body=body, without=(), **fields))

    async def take(self, raw: bytes) -> Change:
        arrival = Arrival(message=decode(raw, folder_date=self.world.now), place="support/watch", uid=self.replies)
        return await self.log.decide(
            keys_of(arrival, self.desk), lambda items: intake(arrival, items, self.desk, TERMS)
        )

    async def file(self, case_id: str) -> CaseFile:
        return (await items_of(self.log, key.of_case(case_id))).files[case_id]

    async def case(self, case_id: str) -> Case:
        return (await self.file(case_id)).case

    async def states(self, case_id: str) -> dict[str, State]:
        return {record.value.clock.value: record.value.state for record in (await self.file(case_id)).clocks}

    async def deliveries(self) -> list[Delivery]:
        rows = await self.log.read(lambda c: c.execute(select(schema.deliveries)).all())
        return [delivery_of(row) for row in rows]

    async def back(self) -> EmailMessage:
        """The one notice that went back."""
        (owed,) = await self.deliveries()
        assert (owed.kind, owed.via) == ("notice", "support")
        return read(owed.payload)


def read(raw: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)


@pytest.fixture
async def office(log: Log, scripted_world: ScriptedWorld) -> Office:
    return Office(log, scripted_world)


@pytest.mark.parametrize(
    ("body", "reason", "clock"),
    [
        ("done", "closed", State.CANCELLED),
        ("Junk, as ever", "junk", State.CANCELLED),
        ("erledigt", "closed", State.CANCELLED),
    ],
)
async def test_done_and_junk_close_the_case(office: Office, body: str, reason: str, clock: State) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(case_id), body)
    case = await office.case(case_id)
    assert (case.state, case.close_reason) == (CaseState.CLOSED, reason)
    assert set((await office.states(case_id)).values()) == {clock}
    note = change.interactions[0]
    assert (note.kind, note.direction, note.case_id, note.agent) == (
        Kind.NOTE,
        Direction.INTERNAL,
        case_id,
        "Anna Berg",
    )
    assert await office.deliveries() == []


async def test_answered_stops_the_clocks(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "answered elsewhere")
    assert await office.states(case_id) == {"ack": State.MET, "first_response": State.MET}
    assert (await office.file(case_id)).interactions[-1].agent_id == "anna"


async def test_holding_makes_the_last_answer_a_partial_one_and_the_clock_runs_again(office: Office) -> None:
    case_id = await office.wrote()
    hand = Hand(by="anna", agent_id="anna", agent="Anna Berg")
    await office.log.decide((key.of_case(case_id),), actions.answered_elsewhere(case_id, hand, TERMS))
    assert (await office.states(case_id))["first_response"] is State.MET
    await office.reply(office.told(case_id), "holding")
    assert await office.states(case_id) == {"ack": State.MET, "first_response": State.RUNNING}


async def test_mine_makes_me_the_owner_of_a_case_without_a_call(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "Mine")
    assert (await office.case(case_id)).owner == "anna"


@pytest.mark.parametrize("named", [True, False], ids=["the notice names the callback", "only the case"])
@pytest.mark.parametrize(
    ("body", "state", "reason", "result"),
    [
        ("claim", "claimed", None, None),
        ("reached", "closed", "reached", "reached"),
        ("Reached her, she is happy", "closed", "reached", "reached"),
        ("again 15:00", "waiting", None, "call_again"),
        ("voicemail", "waiting", None, "voicemail"),
        ("wrong number", "waiting", None, "wrong_person"),
        ("declined", "closed", "declined_by_customer", "declined"),
    ],
)
async def test_a_result_moves_the_callback(
    office: Office, named: bool, body: str, state: str, reason: str | None, result: str | None
) -> None:
    case_id, callback_id = await office.rang()
    change = await office.reply(office.told(case_id, callback_id if named else None), body)
    callback = (await items_of(office.log, key.of_callback(callback_id))).callback(callback_id)
    assert callback
    assert (callback.state, callback.close_reason) == (state, reason)
    assert [attempt.result for attempt in callback.attempts] == ([result] if result else [])
    assert change.result == f"reply:{(result or 'claim').replace('_', '-')}"
    if result == "call_again":
        assert callback.due_at == office.world.now.replace(hour=14)  # 15:00 in Berlin
    if "happy" in body:
        assert (await office.file(case_id)).interactions[-1].detail.note == body


async def test_reached_about_a_mail_is_a_talk_that_answers_it(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "reached, explained it all")
    talk = (await office.file(case_id)).interactions[-1]
    assert (talk.kind, talk.channel, talk.detail.result) == (Kind.CALL, "phone", "reached")
    assert (await office.states(case_id))["first_response"] is State.MET


async def test_a_reply_opens_no_case_and_starts_no_clock(office: Office) -> None:
    case_id = await office.wrote()
    before = await office.states(case_id)
    change = await office.reply(office.told(case_id), "Whatever do you want from me?", sender="a.berg@private.example")
    assert change.result == "reply:not-understood"
    assert (change.cases, change.contacts, change.clocks) == ((), (), ())
    assert await office.states(case_id) == before
    cases = await office.log.read(lambda c: c.execute(select(schema.cases.c.id)).scalars().all())
    assert cases == [case_id]
    assert [owed.kind for owed in await office.deliveries()] == ["notice"]


async def test_what_is_not_understood_is_said_with_what_can_be_written(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "Whatever")
    back = await office.back()
    assert back["To"] == "anna@example.com"
    assert back["Auto-Submitted"] == "auto-generated"
    assert back["In-Reply-To"] == "<reply-1@example.com>"
    text = back.get_content()
    for word in ("done", "junk", "answered", "holding", "claim", "reached", "again 15:00", "wrong number", case_id):
        assert word in text
    assert "Whatever" not in text


async def test_the_word_after_being_told_is_obeyed(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "Whatever")
    back = await office.back()
    await office.reply(str(back["Message-ID"]).strip("<>"), "done")
    assert (await office.case(case_id)).state is CaseState.CLOSED
    assert len(await office.deliveries()) == 1


async def test_what_never_learns_is_told_a_few_times_only(office: Office) -> None:
    """An autoresponder that marks nothing ends after three rounds."""
    case_id = await office.wrote()
    answered = note_id(office.told(case_id), KEY, "example.com")
    for _ in range(6):
        change = await office.reply(answered, "I am on holiday.")
        if change.deliveries:
            answered = str(read(change.deliveries[0].payload)["Message-ID"]).strip("<>")
    assert len(await office.deliveries()) == 3


async def test_the_same_reply_seen_twice_is_obeyed_and_answered_once(office: Office) -> None:
    case_id = await office.wrote()
    notice = office.told(case_id)
    for _ in range(2):
        await office.reply(notice, "Whatever", message_id="<same@example.com>")
        await office.reply(notice, "answered", message_id="<other@example.com>")
    assert len(await office.deliveries()) == 1
    sent = [f for f in (await office.file(case_id)).interactions if f.direction is Direction.OUTBOUND]
    assert len(sent) == 1


@pytest.mark.parametrize("body", ["done", "answered", "holding", "reached", "claim 1", "again 15:00"])
async def test_what_can_no_longer_be_done_is_said(office: Office, body: str) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id), "done")
    change = await office.reply(office.told(case_id), body)
    assert change.result in ("reply:refused", "reply:not-understood")
    text = (await office.back()).get_content()
    assert "Your reply was not carried out" in text
    assert ("closed" in text) or body in ("claim 1", "holding")
    assert (await office.case(case_id)).state is CaseState.CLOSED


async def test_a_time_that_has_passed_is_refused(office: Office) -> None:
    case_id, callback_id = await office.rang()
    change = await office.reply(office.told(case_id, callback_id), "again 2020-01-01 10:00")
    assert change.result == "reply:refused"
    assert "lies in the past" in (await office.back()).get_content()


async def test_a_word_for_several_cases_is_for_none(office: Office) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(None), "done")
    assert change.result == "reply:not-understood"
    assert (await office.case(case_id)).state is CaseState.OPEN
    assert "several cases" in (await office.back()).get_content()


@pytest.mark.parametrize("marks", OUT_OF_OFFICE, ids=lambda marks: marks[0])
@pytest.mark.parametrize("body", ["done", "I am away until Monday."])
async def test_an_out_of_office_is_neither_obeyed_nor_answered(
    office: Office, marks: tuple[str, ...], body: str
) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(case_id), body, *marks)
    assert str(change.result).startswith("no-ack:")
    assert await office.deliveries() == []
    assert (await office.case(case_id)).state is CaseState.OPEN


async def test_a_bounce_of_a_notice_is_neither_obeyed_nor_answered(office: Office) -> None:
    case_id = await office.wrote()
    notice = note_id(office.told(case_id), KEY, "example.com")
    change = await office.take(mail(f"References: <{notice}>", from_="anna@example.com", return_path="<>", body="done"))
    assert change.result == "no-ack:null-return-path"
    assert (await office.case(case_id)).state is CaseState.OPEN


@pytest.mark.parametrize(
    "forged",
    [
        lambda true: true.replace("note1.", "note1.a"),
        lambda true: f"{true.partition('@')[0][:-1]}@example.com",
        lambda true: "note1.aaaa.bbbb@example.com",
    ],
)
async def test_a_forged_id_is_no_reply_at_all(office: Office, forged: object) -> None:
    case_id = await office.wrote()
    assert callable(forged)
    wrong = forged(note_id(office.told(case_id), KEY, "example.com"))
    change = await office.reply(wrong, "done", sender="anna@example.com")
    assert change.result == "no-ack:own-address"
    assert (await office.case(case_id)).state is CaseState.OPEN


async def test_a_customer_to_whom_a_notice_was_passed_on_is_a_customer(office: Office) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(case_id), "done", sender="Jane <jane@example.org>")
    assert change.result == "ack"
    assert change.interactions[0].kind is Kind.MESSAGE
    assert (await office.case(case_id)).state is CaseState.OPEN


@pytest.mark.parametrize("sender", ["duty@watch.example", "DUTY@watch.example", "someone@example.com"])
async def test_a_route_and_the_house_are_obeyed_without_a_name(office: Office, sender: str) -> None:
    case_id = await office.wrote()
    change = await office.reply(office.told(case_id, recipient=sender, agent=""), "done", sender=sender)
    assert (await office.case(case_id)).state is CaseState.CLOSED
    assert change.interactions[0].agent_id is None


async def test_whoever_got_the_notice_may_answer_it_also_from_an_address_we_do_not_know(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(office.told(case_id, recipient="Temp@Agency.example"), "done", sender="temp@agency.example")
    assert (await office.case(case_id)).state is CaseState.CLOSED


async def test_the_id_survives_a_change_of_case(office: Office) -> None:
    case_id = await office.wrote()
    await office.reply(note_id(office.told(case_id), KEY, "example.com").upper(), "done")
    assert (await office.case(case_id)).state is CaseState.CLOSED


async def test_a_mailbox_that_cannot_send_says_nothing_back(office: Office) -> None:
    office.desk = replace(DESK, mailbox=replace(DESK.mailbox, smtp=None))
    await office.reply(office.told(await office.wrote()), "Whatever")
    assert await office.deliveries() == []


def mailto(office: Office, case_id: str, callback_id: str | None, act: Act, agent: str | None = "anna") -> str:
    """The subject of the mail that the mail program opens."""
    found = offers(
        case_id,
        callback_id=callback_id,
        agent=agent,
        now=office.world.now,
        key=KEY,
        public_url=None,
        mailbox="support@example.com",
    )
    subjects = [parse_qs(urlsplit(offer.url).query)["subject"][0] for offer in found]
    assert all(unquote(urlsplit(offer.url).path) == "support@example.com" for offer in found)
    return next(subject for subject in subjects if subject.startswith(act.value))


@pytest.mark.parametrize("change_of_case", [str, str.upper])
async def test_a_mail_from_a_link_does_what_the_link_says_whatever_stands_in_it(
    office: Office, change_of_case: object
) -> None:
    case_id = await office.wrote()
    assert callable(change_of_case)
    subject = change_of_case(mailto(office, case_id, None, Act.DONE))
    change = await office.reply("", "\n-- \nAnna\n", subject=subject)
    assert change.result == "reply:done"
    assert (await office.case(case_id)).state is CaseState.CLOSED


async def test_a_mail_from_a_claim_link_takes_the_callback(office: Office) -> None:
    case_id, callback_id = await office.rang()
    await office.reply("", "", subject=mailto(office, case_id, callback_id, Act.CLAIM))
    items = await items_of(office.log, key.of_callback(callback_id))
    callback = items.callback(callback_id)
    assert callback
    assert (callback.state, callback.owner) == ("claimed", "anna")
    assert items.files[case_id].interactions[-1].reason == "reply:claim"


@pytest.mark.parametrize("days", [29, 31])
async def test_a_mail_from_a_link_is_good_for_thirty_days(office: Office, days: int) -> None:
    case_id = await office.wrote()
    subject = mailto(office, case_id, None, Act.DONE)
    office.world.advance(timedelta(days=days))
    change = await office.reply("", "", subject=subject)
    assert change.result == ("reply:done" if days < 30 else "reply:refused")
    assert ((await office.case(case_id)).state is CaseState.CLOSED) == (days < 30)


async def test_a_token_with_one_letter_changed_is_an_ordinary_subject(office: Office) -> None:
    case_id = await office.wrote()
    subject = mailto(office, case_id, None, Act.DONE)
    forged = subject[:-3] + ("a" if subject[-3] != "a" else "b") + subject[-2:]
    assert (await office.reply("", "", subject=forged)).result == "no-ack:own-address"
    assert (await office.case(case_id)).state is CaseState.OPEN


async def test_a_token_in_a_customers_mail_does_nothing(office: Office) -> None:
    case_id = await office.wrote()
    change = await office.reply("", "", subject=mailto(office, case_id, None, Act.DONE), sender="jane@example.org")
    assert change.interactions[0].kind is Kind.MESSAGE
    assert (await office.case(case_id)).state is CaseState.OPEN


def test_a_notices_id_is_short_enough_and_tells_all(scripted_world: ScriptedWorld) -> None:
    case_id, callback_id = scripted_world.world.new_id(), scripted_world.world.new_id()
    notice = Notice(
        key="notice",
        recipient="anna@example.com",
        subject="",
        text="",
        at=scripted_world.now,
        case_id=case_id,
        callback_id=callback_id,
        agent="somebody with quite a long name in the configuration",
    )
    known = note_id(notice, KEY, "mail.customer-service.example.com", tries=2)
    assert len(known) < 200
    found = about(KEY, f"<{known}>")
    assert found
    assert (found.case_id, found.callback_id, found.tries) == (case_id, callback_id, 2)
    assert about(b"x" * 32, known) is None


def test_two_notices_about_one_case_have_two_ids(scripted_world: ScriptedWorld) -> None:
    first = Notice(
        key="a", recipient="anna@example.com", subject="", text="", at=scripted_world.now, case_id="c", agent="anna"
    )
    assert note_id(first, KEY, "example.com") != note_id(replace(first, key="b"), KEY, "example.com")


def test_a_notice_is_the_same_bytes_each_time(scripted_world: ScriptedWorld) -> None:
    notice = Notice(key="a", recipient="anna@example.com", subject="Late", text="Hello\n", at=scripted_world.now)
    raw = as_mail(notice, sender="support@example.com", firm_name="Example Ltd", key=KEY)
    assert raw == as_mail(notice, sender="support@example.com", firm_name="Example Ltd", key=KEY)
    assert read(raw)["X-Auto-Response-Suppress"] == "All"


@pytest.mark.parametrize("quoted", ["done", "junk<br>done"])
async def test_the_order_of_an_html_reply_is_read_from_its_writers_own_words(office: Office, quoted: str) -> None:
    case_id = await office.wrote()
    above = '<div style="display:none">junk</div><div>Hi,</div>'
    body = f"{above}<blockquote>{quoted}</blockquote><div>answered elsewhere</div>"
    change = await office.reply(office.told(case_id), body, content_type="text/html; charset=utf-8")
    assert change.result == "reply:answered"


async def into_another(office: Office) -> tuple[str, str, str]:
    """A case that went with its owed call, the one it went into, and the call."""
    gone, callback_id = await office.rang()
    stays = await office.wrote()
    hand = Hand(by="anna", agent_id="anna", agent="Anna Berg")
    await office.log.decide((key.of_case(gone), key.of_case(stays)), merge_case(gone, stays, hand, TERMS))
    return gone, stays, callback_id


@pytest.mark.parametrize("linked", [True, False], ids=["a link", "a word"])
async def test_a_reply_about_a_case_that_went_into_another_is_done_to_that_one_and_says_so(
    office: Office, linked: bool
) -> None:
    gone, stays, _ = await into_another(office)
    if linked:
        change = await office.reply("", "", subject=mailto(office, gone, None, Act.ANSWERED))
    else:
        change = await office.reply(office.told(gone), "answered")
    assert change.result == "reply:answered"
    assert change.interactions[0].case_id == stays
    assert (await office.states(stays))["first_response"] is State.MET
    back = await office.back()
    assert back["Subject"].startswith("Done, but to another case: ")
    assert gone in back.get_content()
    assert stays in back.get_content()


async def test_a_result_reaches_the_call_that_went_along(office: Office) -> None:
    gone, _, callback_id = await into_another(office)
    assert (await office.reply(office.told(gone), "reached")).result == "reply:reached"
    callback = (await items_of(office.log, key.of_callback(callback_id))).callback(callback_id)
    assert callback
    assert callback.close_reason == "reached"


async def test_junk_about_a_case_that_went_into_another_voids_nothing(office: Office) -> None:
    gone, stays, _ = await into_another(office)
    assert (await office.reply(office.told(gone), "junk")).result == "reply:refused"
    assert (await office.case(stays)).state is CaseState.OPEN


@pytest.mark.parametrize("body", ["reached", "claim"])
async def test_where_several_calls_are_owed_a_word_without_one_is_asked_back(office: Office, body: str) -> None:
    gone, callback_id = await office.rang()
    number = "+493023125098"
    other = await office.happened(*key.of_addresses(number), key.of_call("CA2"), fact=call_from(number))
    hand = Hand(by="anna", agent_id="anna", agent="Anna Berg")
    into = other.cases[0].id
    await office.log.decide((key.of_case(gone), key.of_case(into)), merge_case(gone, into, hand, TERMS))
    change = await office.reply(office.told(into), body)
    assert change.result == "reply:not-understood"
    assert "2 calls" in (await office.back())["Subject"]
    change = await office.reply(office.told(into, callback_id), body)
    assert change.result == f"reply:{body}"
