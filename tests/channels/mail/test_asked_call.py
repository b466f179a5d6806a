"""A writing that asks for a call opens one, on a real store; the acknowledgement says by when we ring."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commsd.core import key
from commsd.core.callback import State, claimed
from commsd.core.change import Change, change_of
from commsd.core.clock import State as ClockState
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.entry import Hand, Result, Said, callback_talk
from commsd.core.interaction import Outcome
from commsd.core.policy import ClockKind
from commsd.store.log import Log
from tests.channels.mail.written_to import Office, ack_text, mail
from tests.house import TERMS
from tests.world import ScriptedWorld

NOON = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)  # in Berlin; two open hours after ten


@pytest.fixture
def office(log: Log, scripted_world: ScriptedWorld) -> Office:
    return Office(log, scripted_world)


async def _jane_is_on_file(office: Office, wishes: Wishes | None = None) -> None:
    jane = Contact(
        id=office.world.world.new_id(),
        created_at=office.world.now,
        identities=(Identity("email", "jane@example.org"), Identity("phone", "+442079460018")),
        wishes=wishes or Wishes(),
    )
    await office.log.decide(
        tuple(key.of_identity(each) for each in jane.identities), lambda _: Change(contacts=(jane,))
    )


async def test_a_wish_with_a_number_opens_a_callback_due_by_the_policy(office: Office) -> None:
    change = await office.write(mail("Could you please call me on +44 20 7946 0018? I work until five.\n"))
    (callback,) = change.callbacks
    assert (callback.number, callback.line, callback.state) == ("+442079460018", "hotline", State.WAITING)
    assert callback.due_at == NOON
    assert callback.purpose == "Delivery of order 2041"
    assert "callback.opened" in [event.type for event in change.events]
    text = ack_text(change)
    assert "We will also ring you today, Wednesday 4 March, by 12:00, on +44 20 7946 0018." in text
    assert "answer you today, Wednesday 4 March, by 14:00" in text


async def test_who_names_no_time_is_rung_before_the_promised_one_and_who_names_one_not_before_it(
    office: Office,
) -> None:
    soon = await office.write(mail("Please ring me on +44 20 7946 0018.\n"))
    (callback,) = soon.callbacks
    assert (callback.due_at, callback.asked_at_time, callback.look_at) == (NOON, False, callback.opened_at)
    evening = await office.write(mail("Please call me after six on +44 20 7946 0019.\n", sender="tom@example.org"))
    (callback,) = evening.callbacks
    assert (callback.due_at, callback.asked_at_time, callback.look_at) == (NOON, True, NOON)


async def test_the_call_is_a_promise_that_only_a_talk_keeps(office: Office) -> None:
    change = await office.write(mail("Please ring me on +44 20 7946 0018.\n"))
    clocks = {record.value.clock: record.value for record in change.clocks}
    assert clocks[ClockKind.PROMISE].due_at == NOON
    (callback,) = change.callbacks
    said = Said(result=Result.REACHED)
    talked = await office.log.decide(
        (key.of_callback(callback.id),),
        lambda items: change_of(callback_talk(items.callbacks[0], said, Hand(by="anna"), items, TERMS), items, TERMS),
    )
    after = {record.value.clock: record.value.state for record in talked.clocks}
    assert after[ClockKind.PROMISE] is ClockState.MET
    assert not talked.callbacks[0].open


async def test_without_a_number_it_is_asked_for(office: Office) -> None:
    change = await office.write(mail("I would like to speak to a human, please. The portal does not help me.\n"))
    (callback,) = change.callbacks
    assert (callback.number, callback.state) == (None, State.NEEDS_NUMBER)
    text = ack_text(change)
    assert "please send us the number, in a reply or here: " in text
    assert "mailto:support@example.com?subject=Please%20ring%20me" in text
    assert "by 12:00" not in text


async def test_a_number_on_file_is_rung(office: Office) -> None:
    await _jane_is_on_file(office)
    change = await office.write(mail("Please call me back, thank you very much.\n"))
    assert (change.callbacks[0].number, change.callbacks[0].state) == ("+442079460018", State.WAITING)


@pytest.mark.parametrize(
    ("wishes", "text"),
    [
        (Wishes(call_only=True), "Where is my order? It should have been here on Monday.\n"),
        (Wishes(), "Please call me back, thank you very much.\n"),
    ],
)
async def test_where_the_number_on_file_is_owed_a_call_in_anothers_matter_that_call_is_joined(
    office: Office, wishes: Wishes, text: str
) -> None:
    asked = await office.write(mail("Please call me on +44 20 7946 0018.\n", sender="tom@example.org"))
    await _jane_is_on_file(office, wishes)
    change = await office.write(mail(text))
    first, joined = asked.callbacks[0], change.callbacks[0]
    assert (joined.id, joined.revision, joined.due_at) == (first.id, first.revision + 1, first.due_at)
    fact = change.interactions[0]
    assert (fact.outcome, fact.reason) == (Outcome.REACHED, None)
    assert fact.case_id not in (None, first.case_id)
    assert change.clock(ClockKind.ACK) is not None
    assert "ring you" in ack_text(change)


async def test_asking_again_joins_the_call_and_keeps_its_time(office: Office) -> None:
    first = await office.write(mail("Please call me on +44 20 7946 0018.\n"))
    office.world.advance(timedelta(minutes=30))
    again = await office.write(mail("You have not rung yet. Please call me on +44 20 7946 0018!\n"))
    assert again.callbacks[0].id == first.callbacks[0].id
    assert again.callbacks[0].due_at == NOON
    promises = [record for record in again.clocks if record.value.clock is ClockKind.PROMISE]
    assert len({record.id for record in promises}) <= 1
    assert "by 12:00" in ack_text(again)


async def test_a_number_sent_later_completes_the_call(office: Office) -> None:
    first = await office.write(mail("Please call me, thank you very much in advance.\n"))
    answer = await office.write(
        mail("Please call me on 0044 20 7946 0018.\n", in_reply_to=f"<{first.interactions[0].external_ids[0].id}>")
    )
    (callback,) = answer.callbacks
    assert (callback.id, callback.number, callback.state) == (first.callbacks[0].id, "+442079460018", State.WAITING)


async def test_a_number_alone_answers_our_offer(office: Office) -> None:
    first = await office.write(mail("Where is my order? It should have been here on Monday.\n"))
    ack = first.interactions[-1].external_ids[0].id
    office.world.advance(timedelta(minutes=10))
    answer = await office.write(mail("+44 20 7946 0018, after three\n", in_reply_to=f"<{ack}>", subject="Re: order"))
    assert answer.callbacks[0].number == "+442079460018"


@pytest.mark.parametrize(
    ("sender", "text", "number"),
    [
        ("Jane <jane@kunde.at>", "Bitte rufen Sie mich unter 0664 1234567 an.", "+436641234567"),
        ("Jane <jane@kunde.de>", "Bitte rufen Sie mich unter 030 23125 099 an.", "+493023125099"),
        ("Jane <jane@kunde.dk>", "Ring venligst til mig på 32 12 34 56.", "+4532123456"),
        ("Jane <jane@toko.id>", "Tolong telepon saya di nomor 0812 3456 7890.", "+6281234567890"),
        ("Jane <jane@example.org>", "Bitte rufen Sie mich unter 030 23125 099 an.", "+493023125099"),
        ("Jane <jane@kunde.de>", "Bitte um Rückruf zu Rechnung Nr. 030 23125099.", None),
        ("Jane <jane@kunde.de>", "Bitte um Rückruf. Ich hatte 030 23125 011 gewählt.", None),
        (
            "Jane <jane@kunde.de>",
            "Bitte um Rückruf.\n\nMit freundlichen Grüßen\nJane\nTel. 030 23125 077",
            "+493023125077",
        ),
        ("Jane <jane@kunde.de>", "Bitte um Rückruf.\n\nMit freundlichen Grüßen\nJane\nFax 030 23125 078", None),
    ],
)
async def test_the_number_is_the_writers_and_read_in_their_country(
    office: Office, sender: str, text: str, number: str | None
) -> None:
    change = await office.write(mail(text + "\n", sender=sender))
    assert change.callbacks[0].number == number


async def test_what_is_quoted_or_signed_asks_for_nothing(office: Office) -> None:
    change = await office.write(
        mail("Thank you, all is well now.\n\nKind regards\nJane\nCall me on +44 20 7946 0018\n\n> Please call me.\n")
    )
    assert change.callbacks == ()


async def test_a_machine_that_asks_gets_no_call(office: Office) -> None:
    change = await office.write(mail("Please call me back on +44 20 7946 0018.\n", auto_submitted="auto-generated"))
    assert change.callbacks == ()


async def test_whoever_borrows_a_name_gets_no_call(office: Office) -> None:
    change = await office.write(
        mail(
            "Please call me back on +44 20 7946 0018.\n",
            authentication_results="mx.example.com; dmarc=fail header.from=example.org",
        )
    )
    assert change.result == "no-ack:dmarc-fail"
    assert change.callbacks == ()


async def test_without_a_line_a_person_rings_by_hand(office: Office) -> None:
    office.desk = replace(office.desk, mailbox=replace(office.desk.mailbox, line=None))
    change = await office.write(mail("Please call me on +44 20 7946 0018.\n"))
    (callback,) = change.callbacks
    assert (callback.line, callback.number, callback.state) == (None, "+442079460018", State.WAITING)
    assert claimed(callback, "anna", office.world.now).state is State.CLAIMED
    assert "by 12:00" in ack_text(change)
    assert "on +44 20 7946 0018." in ack_text(change)
    assert "send us the number" not in ack_text(change)


async def test_without_a_line_too_it_is_one_call_for_one_number(office: Office) -> None:
    """The store's own rule does not hold here: no two rows without a line are alike to it."""
    office.desk = replace(office.desk, mailbox=replace(office.desk.mailbox, line=None))
    first = await office.write(mail("Please call me on +44 20 7946 0018.\n"))
    office.world.advance(timedelta(minutes=5))
    again = await office.write(
        mail("Please call me on +44 20 7946 0018.\n", sender="Al <al@other.example>", subject="An offer")
    )
    assert again.callbacks[0].id == first.callbacks[0].id


async def test_without_a_line_a_number_sent_later_completes_the_call(office: Office) -> None:
    office.desk = replace(office.desk, mailbox=replace(office.desk.mailbox, line=None))
    first = await office.write(mail("Please call me, thank you very much in advance.\n"))
    assert first.callbacks[0].state is State.NEEDS_NUMBER
    assert "send us the number" in ack_text(first)
    answer = await office.write(
        mail("Please call me on 0044 20 7946 0018.\n", in_reply_to=f"<{first.interactions[0].external_ids[0].id}>")
    )
    (callback,) = answer.callbacks
    assert (callback.id, callback.number, callback.state) == (first.callbacks[0].id, "+442079460018", State.WAITING)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "Please ring me"),
        ("de", "Bitte um Rückruf"),
        ("da", "Ring venligst til mig"),
        ("id", "Mohon telepon saya"),
    ],
)
async def test_the_subject_our_mail_link_writes_is_understood(office: Office, language: str, subject: str) -> None:
    assert office.desk.texts.of(language).sentences["call_me_subject"] == subject
    change = await office.write(mail("0044 20 7946 0018\n", subject=subject))
    assert change.callbacks[0].number == "+442079460018"


@pytest.mark.parametrize(
    ("text", "due", "said"),
    [
        (
            "Please call me tomorrow at 10 on +44 20 7946 0018.",
            datetime(2026, 3, 5, 9, 0, tzinfo=UTC),
            "We will also ring you on Thursday 5 March at 10:00, on +44 20 7946 0018.",
        ),
        (
            "Please call me on Monday at 3 pm on 030 23125 099.",
            datetime(2026, 3, 9, 14, 0, tzinfo=UTC),
            "We will also ring you on Monday 9 March at 15:00, on +49 30 23125099.",
        ),
        ("Please call me after six on +44 20 7946 0018.", NOON, "We will also ring you on +44 20 7946 0018."),
        ("Please call me next week on +44 20 7946 0018.", NOON, "We will also ring you on +44 20 7946 0018."),
        ("Please don't call me before 10 on +44 20 7946 0018.", NOON, "We will also ring you on +44 20 7946 0018."),
        ("Please call me today on +44 20 7946 0018.", NOON, "ring you today, Wednesday 4 March, by 12:00, on"),
    ],
)
async def test_the_call_is_promised_for_the_time_that_was_asked_for(
    office: Office, text: str, due: datetime, said: str
) -> None:
    change = await office.write(mail(text + "\n"))
    assert change.callbacks[0].due_at == due
    assert said in ack_text(change)


@pytest.mark.parametrize(
    "text",
    [
        "Bitte rufen Sie mich auf keinen Fall an, ich bin schwerhörig. Meine Nummer ist 0171 2345678.",
        "Könnten Sie aufhören, mich anzurufen? Unter 0171 2345678 will ich Ruhe.",
        "Kan du lade være med at ringe til mig? Jeg arbejder om natten.",
        "Bitte sehen Sie von Anrufen ab.",
        "Die Bitte um Rückruf hat sich erledigt.",
    ],
)
async def test_who_forbids_calls_is_promised_none(office: Office, text: str) -> None:
    change = await office.write(mail(text + "\n", sender="Petra <petra@kunde.de>"))
    assert change.callbacks == ()


@pytest.mark.parametrize(
    ("sender", "text", "number"),
    [
        ("J <j@kunde.de>", "Bitte um Rückruf unter 0900 1234567.", None),
        ("J <j@example.org>", "Please call me on +1 900 555 1234.", None),
        ("J <j@example.org>", "Please call me on +870 773 111 111.", None),
        ("J <j@example.org>", "Please call me on +49 30 23125010.", None),
        ("J <j@example.org>", "Please call me on 020 7946 0018 or 07700 900123.", None),
        ("J <j@firm.co.uk>", "Please call me on 020 7946 0018 or 07700 900123.", "+442079460018"),
        ("J <j@example.org>", "Please call me on 07700 900123 or +44 20 7946 0018.", "+442079460018"),
        ("J <j@kunde.de>", "Please call me. My order number is 030 23125999.", None),
        ("J <j@kunde.de>", "Bitte um Rückruf. Meine Kundennummer ist 030 23125999.", None),
        ("J <j@kunde.dk>", "Ring venligst til mig. Ordrenummer er 32 12 34 56.", None),
    ],
)
async def test_a_number_that_is_not_surely_the_writers_is_asked_for(
    office: Office, sender: str, text: str, number: str | None
) -> None:
    office.desk = replace(office.desk, firm=replace(office.desk.firm, lines=frozenset({"+493023125010"})))
    change = await office.write(mail(text + "\n", sender=sender))
    assert change.callbacks[0].number == number
    assert change.callbacks[0].state is (State.WAITING if number else State.NEEDS_NUMBER)


async def test_a_time_is_taken_by_the_clock_of_the_number_where_the_writers_is_unknown(office: Office) -> None:
    words = "Please call me tomorrow at 10 on +44 20 7946 0018.\n"
    change = await office.write(mail(words, date="Wed, 04 Mar 2026 09:00:00 +0000"))
    assert change.callbacks[0].due_at == datetime(2026, 3, 5, 10, 0, tzinfo=UTC)
    assert "on Thursday 5 March at 11:00 Berlin time, on +44 20 7946 0018." in ack_text(change)
