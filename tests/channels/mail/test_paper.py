"""A fax or letter becomes one acknowledgement: by mail where we know an address, else a page for the post."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.posted import posted
from commsd.channels.mail.sender_pattern import SenderPattern
from commsd.core import key
from commsd.core.agent import Absence
from commsd.core.callback import State as CallState
from commsd.core.change import Change
from commsd.core.clock import State
from commsd.core.contact import CUSTOMER, Contact, Identity, Wishes
from commsd.core.entry import Hand
from commsd.core.interaction import (
    Actor,
    Channel,
    ContactMatch,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Kind,
    Outcome,
)
from commsd.core.pause import Pause
from commsd.core.policy import ClockKind
from commsd.errors import NotFound, Refused
from commsd.store.log import Log
from tests.channels.mail.paper_house import arrived, desk, observing
from tests.channels.mail.written_to import Office, mail
from tests.house import TERMS
from tests.world import ScriptedWorld

FAX = "+493023125099"
HAND = Hand(by="anna", agent_id="anna", agent="Anna Berg")


@pytest.fixture
def house(log: Log, scripted_world: ScriptedWorld) -> "House":
    return House(log, scripted_world)


class House:
    """A store into which faxes are taken."""

    def __init__(self, log: Log, world: ScriptedWorld) -> None:
        self.log, self.world = log, world

    async def knows(
        self,
        *identities: Identity,
        language: str | None = None,
        name: str = "Petra Weber",
        wishes: Wishes | None = None,
    ) -> None:
        """There is a contact with these identities."""
        contact = Contact(
            id=self.world.world.new_id(),
            created_at=self.world.now,
            name=name,
            identities=identities,
            language=language,
            wishes=wishes or Wishes(),
        )
        await self.log.decide((), lambda items: Change(contacts=(contact,)))

    async def takes(self, at: Desk, *, uid: int = 1, **changed: str) -> Change:
        """A fax comes in."""
        arrival = arrived(self.world.now, uid=uid, **changed)
        return await self.log.decide(keys_of(arrival, at), lambda items: intake(arrival, items, at, TERMS))

    async def posts(self, delivery_id: str) -> Change:
        """Somebody posted the page."""
        return await self.log.decide(
            (key.of_delivery(delivery_id),), lambda items: posted(delivery_id, items, TERMS, HAND)
        )


def of_kind(change: Change, kind: DeliveryKind) -> Sequence[Delivery]:
    return [owed for owed in change.deliveries if owed.kind is kind]


def read(owed: Delivery) -> EmailMessage:
    mail = message_from_bytes(owed.payload, _class=EmailMessage, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


async def test_a_fax_of_a_known_contact_is_acknowledged_at_his_mail_address(house: House) -> None:
    await house.knows(Identity("phone", FAX), Identity("email", "petra@example.org"), language="de")
    change = await house.takes(desk())
    (owed,) = change.deliveries
    assert (owed.kind, owed.recipient, owed.via) == (DeliveryKind.ACK, "petra@example.org", "paper")
    mail = read(owed)
    assert mail["Subject"] == "Wir haben Ihr Fax erhalten"
    assert mail["In-Reply-To"] is None  # the id is the gateway's
    text = mail.get_content()
    assert text.startswith("Guten Tag Petra Weber,")
    assert "vielen Dank für Ihr Fax." in text
    assert "Anna Berg" in text
    fact = change.interactions[0]
    assert (fact.channel, fact.actor, fact.customer, fact.contact_match) == (
        Channel.FAX,
        Actor.CUSTOMER,
        FAX,
        ContactMatch.EXACT,
    )
    assert fact.reason is None


async def test_the_gateways_own_address_gets_nothing_and_is_nobodys(house: House) -> None:
    change = await house.takes(desk())
    assert all("gateway" not in owed.recipient for owed in change.deliveries)
    assert all("gateway" not in party.address for fact in change.interactions for party in fact.parties)
    assert all("gateway" not in identity.value for contact in change.contacts for identity in contact.identities)


async def test_a_fax_from_a_number_without_mail_address_gets_a_page(house: House) -> None:
    change = await house.takes(desk())
    (owed,) = change.deliveries
    assert (owed.kind, owed.via, owed.state, owed.recipient) == (
        DeliveryKind.LETTER,
        "print",
        DeliveryState.QUEUED,
        FAX,
    )
    ack = next(fact for fact in change.interactions if fact.kind is Kind.ACK)
    assert (ack.channel, ack.outcome, ack.customer) == (Channel.LETTER, Outcome.PENDING, FAX)
    html = owed.payload.decode()
    assert "Ihr Fax ist bei uns angekommen" in html  # by the country of the number
    assert owed.id in html
    assert f"It came by fax from {FAX}" in html


async def test_a_page_is_due_when_its_clock_is(house: House) -> None:
    change = await house.takes(desk())
    (owed,) = change.deliveries
    clock = change.clock(ClockKind.ACK)
    assert clock is not None
    assert owed.due_at == clock.value.due_at


async def test_who_wants_calls_only_is_promised_the_call_on_paper_and_no_written_answer(house: House) -> None:
    known = (Identity(CUSTOMER, "4711"), Identity("phone", FAX))
    await house.knows(*known, language="de", wishes=Wishes(call_only=True))
    numbered = desk(Channel.LETTER, senders=(SenderPattern(body=r"Kunde (?P<customer>\d+)"),))
    change = await house.takes(numbered, subject="Post", body="Kunde 4711\r\n")
    (callback,) = change.callbacks
    assert (callback.number, callback.state, callback.asked_at_time) == (FAX, CallState.WAITING, False)
    html = of_kind(change, DeliveryKind.LETTER)[0].payload.decode()
    assert "Wir rufen Sie bis Mittwoch, 4. März, unter … 99 an." in html
    assert "schreibt Ihnen" not in html
    ack = next(fact for fact in change.interactions if fact.kind is Kind.ACK)
    assert ack.promised_at == callback.due_at
    assert [record.promised_at for record in change.clocks if record.value.clock is ClockKind.FIRST_RESPONSE] == [None]


async def test_a_page_that_anybody_may_have_asked_for_reads_out_no_number_on_file(house: House) -> None:
    await house.knows(Identity(CUSTOMER, "4711"), Identity("phone", FAX), wishes=Wishes(call_only=True))
    numbered = desk(Channel.LETTER, senders=(SenderPattern(body=r"Kunde (?P<customer>\d+)"),))
    change = await house.takes(numbered, subject="Post", body="Kunde 4711\r\n")
    assert [callback.number for callback in change.callbacks] == [FAX]
    html = of_kind(change, DeliveryKind.LETTER)[0].payload.decode()
    assert "… 99" in html
    assert "23125099" not in html


async def test_a_fax_machine_is_not_rung_also_where_calls_only_are_wished(house: House) -> None:
    await house.knows(Identity("phone", FAX), wishes=Wishes(call_only=True))
    change = await house.takes(desk())
    assert change.callbacks == ()
    assert "schreibt Ihnen" in of_kind(change, DeliveryKind.LETTER)[0].payload.decode()


async def test_the_mail_about_a_letter_promises_the_call_too_where_calls_only_are_wished(house: House) -> None:
    known = (Identity(CUSTOMER, "4711"), Identity("phone", FAX), Identity("email", "petra@example.org"))
    await house.knows(*known, language="de", wishes=Wishes(call_only=True))
    numbered = desk(Channel.LETTER, senders=(SenderPattern(body=r"Kunde (?P<customer>\d+)"),))
    change = await house.takes(numbered, subject="Post", body="Kunde 4711\r\n")
    assert [callback.number for callback in change.callbacks] == [FAX]
    text = read(of_kind(change, DeliveryKind.ACK)[0]).get_content()
    assert "Wir rufen Sie heute" in text
    assert "Antwort erhalten" not in text


@pytest.mark.parametrize("channel", [Channel.LETTER, Channel.FAX])
async def test_who_wants_calls_only_and_whose_number_is_owed_a_call_in_anothers_matter_is_acknowledged(
    house: House, channel: Channel
) -> None:
    asked = await Office(house.log, house.world).write(mail(f"Please call me on {FAX}.\n", sender="tom@example.org"))
    await house.knows(Identity(CUSTOMER, "4711"), Identity("phone", FAX), wishes=Wishes(call_only=True))
    numbered = desk(channel, senders=(SenderPattern(body=r"Kunde (?P<customer>\d+)"),), line="hotline")
    change = await house.takes(numbered, subject="Post", body="Kunde 4711\r\n")
    first, joined = asked.callbacks[0], change.callbacks[0]
    assert (joined.id, joined.number, joined.due_at, joined.open) == (first.id, FAX, first.due_at, True)
    fact = change.interactions[0]
    assert (fact.outcome, fact.reason, fact.customer) == (Outcome.REACHED, None, "customer:4711")
    assert fact.case_id not in (None, first.case_id)
    assert change.clock(ClockKind.ACK) is not None
    assert len(of_kind(change, DeliveryKind.LETTER)) == 1


async def test_a_fax_too_old_to_be_answered_by_a_machine_opens_no_call(house: House) -> None:
    await house.knows(Identity("phone", FAX), wishes=Wishes(call_only=True))
    arrival = arrived(house.world.now - timedelta(days=2))
    at = desk()
    change = await house.log.decide(keys_of(arrival, at), lambda items: intake(arrival, items, at, TERMS))
    assert change.callbacks == ()


async def test_posting_stops_the_ack_clock_and_no_other(house: House) -> None:
    change = await house.takes(desk())
    house.world.advance(timedelta(minutes=5))
    after = await house.posts(change.deliveries[0].id)
    assert after.result is True
    (sent,) = after.deliveries
    assert (sent.state, sent.status_raw, sent.settled_at) == (DeliveryState.SENT, "posted by anna", house.world.now)
    assert [fact.outcome for fact in after.interactions] == [Outcome.REACHED]
    assert {clock.value.clock: clock.value.state for clock in after.clocks} == {ClockKind.ACK: State.MET}


async def test_posting_twice_is_harmless(house: House) -> None:
    change = await house.takes(desk())
    await house.posts(change.deliveries[0].id)
    again = await house.posts(change.deliveries[0].id)
    assert again.result is False
    assert (again.deliveries, again.interactions, again.events) == ((), (), ())


async def test_what_is_no_letter_cannot_be_posted(house: House) -> None:
    with pytest.raises(NotFound):
        await house.posts("0195a1b2-0000-7000-8000-000000000001")


async def test_in_observe_mode_nothing_is_printed_or_mailed(house: House) -> None:
    change = await house.takes(observing(desk()))
    (owed,) = change.deliveries
    assert (owed.kind, owed.state, owed.reason) == (DeliveryKind.LETTER, DeliveryState.SUPPRESSED, "no-ack:observe")
    assert change.interactions[0].reason == "no-ack:observe"
    assert change.result == "no-ack:observe"
    with pytest.raises(Refused):
        await house.posts(owed.id)


async def test_a_fax_whose_sender_hides_his_number_gets_a_page_with_an_empty_window(house: House) -> None:
    change = await house.takes(desk(), subject="Facsimile received from unknown")
    (owed,) = change.deliveries
    assert (owed.kind, owed.recipient) == (DeliveryKind.LETTER, "")
    html = owed.payload.decode()
    assert '<div class="to"></div>' in html
    assert "write it into the empty window" in html
    assert change.interactions[0].case_id  # somebody has to answer it
    assert change.clock(ClockKind.FIRST_RESPONSE)


async def test_a_machine_nobody_knows_is_told_to_a_person_and_answered_never(house: House) -> None:
    change = await house.takes(desk(), subject="Dokument 4711", from_="Gateway <noreply@gateway.test>")
    assert change.result == "no-ack:no-sender"
    assert change.interactions[0].reason == "no-ack:no-sender"
    assert [(owed.kind, owed.recipient) for owed in change.deliveries] == [(DeliveryKind.NOTICE, "anna@commsd.test")]
    text = read(change.deliveries[0]).get_content()
    assert "no pattern fits" in text
    assert change.clock(ClockKind.FIRST_RESPONSE), "and it is owed an answer"


async def test_where_the_mailbox_has_no_person_its_team_is_told(house: House) -> None:
    change = await house.takes(desk(person=None), subject="Dokument", from_="Gateway <noreply@gateway.test>")
    assert [owed.recipient for owed in change.deliveries] == ["anna@commsd.test", "bo@commsd.test"]


async def test_the_same_mail_again_is_no_second_fax(house: House) -> None:
    await house.takes(desk())
    again = await house.takes(desk(), uid=2)
    assert again.result == "no-ack:duplicate"
    assert again.deliveries == ()


async def test_two_scans_in_one_second_with_the_same_words_are_two_letters(house: House) -> None:
    subject = "Scanned from a Xerox Multifunction Printer"
    first = await house.takes(desk(Channel.LETTER), message_id="<1@x.test>", subject=subject)
    second = await house.takes(desk(Channel.LETTER), message_id="<2@x.test>", subject=subject, uid=2)
    assert [len(of_kind(change, DeliveryKind.LETTER)) for change in (first, second)] == [1, 1]
    assert first.interactions[0].case_id != second.interactions[0].case_id


async def test_two_faxes_from_one_number_are_two_matters_of_one_contact(house: House) -> None:
    first = await house.takes(desk(), message_id="<1@x.test>")
    second = await house.takes(desk(), message_id="<2@x.test>", uid=2)
    one, other = first.interactions[0], second.interactions[0]
    assert one.contact_id == other.contact_id
    assert one.case_id != other.case_id


async def test_our_number_for_the_customer_finds_him(house: House) -> None:
    await house.knows(Identity(CUSTOMER, "4711"), Identity("email", "petra@example.org"))
    numbered = desk(Channel.LETTER, senders=(SenderPattern(body=r"Kunde (?P<customer>\d+)"),))
    change = await house.takes(numbered, subject="Post", body="Kunde 4711\r\n")
    assert [owed.recipient for owed in change.deliveries] == ["petra@example.org"]


async def test_a_customer_of_whom_we_know_only_our_number_is_found_again(house: House) -> None:
    numbered = desk(Channel.LETTER, senders=(SenderPattern(body=r"Kunde (?P<customer>\d+)"),))
    first = await house.takes(numbered, body="Kunde 4711\r\n", message_id="<1@x.test>")
    second = await house.takes(numbered, body="Kunde 4711\r\n", message_id="<2@x.test>", uid=2)
    assert [contact.identities for contact in first.contacts] == [(Identity(CUSTOMER, "4711"),)]
    assert second.contacts == ()
    assert second.interactions[0].contact_id == first.interactions[0].contact_id


async def test_a_mailbox_that_sends_nothing_acknowledges_from_that_of_the_notices(house: House) -> None:
    await house.knows(Identity("phone", FAX), Identity("email", "petra@example.org"))
    change = await house.takes(desk(smtp=False, sender=True))
    (owed,) = change.deliveries
    assert (owed.via, owed.recipient) == ("support", "petra@example.org")
    assert "support@commsd.test" in read(owed)["From"]
    ack = next(fact for fact in change.interactions if fact.kind is Kind.ACK)
    assert ack.mailbox == "paper"


async def test_where_no_mailbox_sends_even_a_known_address_gets_a_page(house: House) -> None:
    await house.knows(Identity("phone", FAX), Identity("email", "petra@example.org"))
    change = await house.takes(desk(smtp=False))
    assert [owed.kind for owed in change.deliveries] == [DeliveryKind.LETTER]
    assert "petra@example.org" not in change.deliveries[0].payload.decode()


@pytest.mark.parametrize("known", [True, False])
async def test_a_pause_holds_mail_and_page_back_alike(house: House, known: bool) -> None:
    if known:
        await house.knows(Identity("phone", FAX), Identity("email", "petra@example.org"))
    now = house.world.now
    pause = Pause(what="acks", name="", until=now + timedelta(hours=1), why="a test", by="anna", made_at=now)
    await house.log.decide((), lambda items: Change(pauses=(pause,)))
    change = await house.takes(desk())
    assert (change.result, change.deliveries) == ("no-ack:paused", ())


async def test_an_old_fax_is_recorded_and_not_acknowledged(house: House) -> None:
    arrival = arrived(house.world.now - timedelta(days=2))
    at = desk()
    change = await house.log.decide(keys_of(arrival, at), lambda items: intake(arrival, items, at, TERMS))
    assert (change.result, change.deliveries) == ("no-ack:too-old", ())


async def test_the_page_speaks_the_contacts_language(house: House) -> None:
    await house.knows(Identity("phone", FAX), language="da", name="Mette Holm")
    change = await house.takes(desk())
    html = change.deliveries[0].payload.decode()
    assert "Kære Mette Holm" in html
    assert '<html lang="da">' in html


async def test_nothing_a_stranger_wrote_becomes_markup(house: House) -> None:
    named = desk(senders=(SenderPattern(subject=r"fax (?P<name>.+)", body=r"at (?P<address>.+)"),))
    change = await house.takes(named, subject="fax <b>Petra</b> $subject", body='at <script>"x"</script> {name}\r\n')
    html = change.deliveries[0].payload.decode()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


async def test_a_deputy_is_named_while_the_person_is_away(house: House) -> None:
    at, today = desk(), house.world.now.date()
    people = at.firm.people
    anna = replace(people.agents["anna"], deputy="bo", away=(Absence(today, today),))
    at = replace(at, firm=replace(at.firm, people=replace(people, agents={**people.agents, "anna": anna})))
    change = await house.takes(at)
    html = change.deliveries[0].payload.decode()
    assert "Bo Lind" in html
    assert "Anna Berg" not in html
