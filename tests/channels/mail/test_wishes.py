"""What a contact wishes, and what the acknowledgement of their mail makes of it; whose firm they write from."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from commsd.channels.mail.ack import AckFacts, render
from commsd.core import key
from commsd.core.callback import State
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.fact import replace
from commsd.core.organisation import Organisation
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.channels.mail.ack_facts import FACTS, READERS, TEXTS
from tests.channels.mail.written_to import Office, ack_text, mail
from tests.world import ScriptedWorld

PASS = "mx.example.com; dmarc=pass header.from=example.org"
ASKS = "When will my order be delivered? I have been waiting for it since Monday.\n"
PHONE = Identity("phone", "+442079460018")


@pytest.fixture
async def office(sqlite_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Office]:
    engine = open_engine(sqlite_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    yield Office(log, scripted_world)
    await log.close()


async def jane(office: Office, *more: Identity, wishes: Wishes, language: str | None = None) -> Contact:
    contact = Contact(
        id=office.world.world.new_id(),
        created_at=office.world.now,
        identities=(Identity("email", "jane@example.org"), *more),
        wishes=wishes,
        language=language,
    )
    keys = tuple(key.of_identity(each) for each in contact.identities)
    await office.log.decide(keys, lambda _: Change(contacts=(contact,)))
    return contact


async def acme(office: Office, **more: Any) -> None:
    firm = Organisation(id=office.world.world.new_id(), created_at=office.world.now, domains=("example.org",))
    firm = replace(firm, **more)
    await office.log.decide((key.of_organisation(firm.id),), lambda _: Change(organisations=(firm,)))


def wished(language: str = "en", **more: Any) -> AckFacts:
    return replace(FACTS, **READERS[language], wishes=Wishes(**more))


@pytest.mark.parametrize("language", READERS)
def test_who_wants_it_brief_gets_two_lines(language: str) -> None:
    short = render(wished(language, brief=True), TEXTS).text
    assert len(short.strip().split("\n\n")[0].splitlines()) <= 2
    assert len(short) < len(render(wished(language), TEXTS).text) / 2


@pytest.mark.parametrize("language", READERS)
def test_who_writes_only_is_offered_no_talk(language: str) -> None:
    text = render(wished(language, write_only=True), TEXTS).text
    assert "23125" not in text
    assert "https://calls.example.com" not in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("language", READERS)
def test_who_wants_no_calls_is_told_where_to_ring_and_not_offered_to_be_rung(language: str) -> None:
    text = render(wished(language, no_calls=True), TEXTS).text
    assert "23125" in text
    assert "https://calls.example.com" not in text
    alone = render(replace(wished(language, no_calls=True), person_phone=None), TEXTS).text
    assert "https://calls.example.com" not in alone


async def test_the_acknowledgement_of_a_mail_keeps_to_the_wish_on_file(office: Office) -> None:
    await jane(office, wishes=Wishes(brief=True))
    text = ack_text(await office.write(mail(ASKS)))
    assert len(text.strip().splitlines()) <= 4
    assert "Dear" not in text


async def test_who_wants_calls_only_is_rung_at_the_number_on_file_and_told_so(office: Office) -> None:
    await jane(office, PHONE, wishes=Wishes(call_only=True))
    change = await office.write(mail(ASKS))
    (callback,) = change.callbacks
    assert (callback.number, callback.state, callback.asked_at_time) == (PHONE.value, State.WAITING, False)
    assert "we will also ring you" in ack_text(change).replace("We", "we")


@pytest.mark.parametrize(("reply_to", "told"), [("jane@example.org", True), ("mallory@example.org", False)])
async def test_the_number_on_file_is_read_out_to_nobody_but_whose_it_is(
    office: Office, reply_to: str, told: bool
) -> None:
    await jane(office, PHONE, wishes=Wishes())
    change = await office.write(mail("Please call me back, thank you very much.\n", reply_to=reply_to))
    assert [callback.number for callback in change.callbacks] == [PHONE.value]
    text = ack_text(change)
    assert ("7946" in text) is told
    assert ("… 18" in text) is not told


async def test_a_number_that_stands_in_the_mail_itself_is_repeated_to_who_gets_the_answer(office: Office) -> None:
    await jane(office, wishes=Wishes())
    change = await office.write(mail("Please call me on +44 20 7946 0018.\n", reply_to="desk@example.org"))
    assert "7946" in ack_text(change)


async def test_who_answers_in_somebody_elses_case_does_not_learn_their_number(office: Office) -> None:
    first = await office.write(mail("Please call me on +44 20 7946 0018.\n"))
    hers = first.interactions[0].external_ids[0].id
    asked = "Could you please call me as well? Thank you.\n"
    change = await office.write(mail(asked, sender="Mallory <mallory@example.net>", in_reply_to=f"<{hers}>"))
    assert "7946" not in ack_text(change)


async def test_who_wants_calls_only_is_owed_one_call_however_often_they_write(office: Office) -> None:
    await jane(office, PHONE, wishes=Wishes(call_only=True))
    first = await office.write(mail(ASKS))
    office.world.advance(timedelta(minutes=30))
    again = await office.write(mail(ASKS + "One thing more, please.\n"))
    assert {each.id for each in again.callbacks} <= {first.callbacks[0].id}


async def test_who_wants_calls_only_and_gave_no_number_is_answered_in_writing(office: Office) -> None:
    await jane(office, wishes=Wishes(call_only=True))
    change = await office.write(mail(ASKS))
    assert change.callbacks == ()
    assert "answer" in ack_text(change)


async def test_who_wants_no_calls_is_owed_none_for_a_mail(office: Office) -> None:
    await jane(office, PHONE, wishes=Wishes(no_calls=True, call_only=True))
    assert (await office.write(mail(ASKS))).callbacks == ()


@pytest.mark.parametrize("language", ["da", "da-DK"])
async def test_the_contacts_language_comes_before_that_of_the_mail(office: Office, language: str) -> None:
    await jane(office, wishes=Wishes(), language=language)
    change = await office.write(mail(ASKS))
    assert (change.interactions[0].language, change.interactions[0].language_cause) == ("da", "contact")
    assert ack_text(change).startswith("Kære Jane Clarke")


async def test_who_looks_after_the_firm_is_named_to_its_people(office: Office) -> None:
    await acme(office, owner="bo", tier="gold")
    change = await office.write(mail(ASKS, authentication_results=PASS))
    assert "Bo Lind" in ack_text(change)
    assert change.cases[0].attrs["tier"] == "gold"
    assert change.interactions[0].organisation_id == change.contacts[0].organisation_id is not None
