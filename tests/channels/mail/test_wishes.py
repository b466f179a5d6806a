"""What a contact wishes, and what the acknowledgement of their mail makes of it; whose firm they write from."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from commsd.channels.mail.ack import AckFacts, render
from commsd.channels.mail.owed_ack import ANSWERING
from commsd.config.unit import Minutes
from commsd.core import key
from commsd.core.calendar import Calendar, Window
from commsd.core.callback import State
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.fact import replace
from commsd.core.interaction import Kind
from commsd.core.open_items import Terms
from commsd.core.organisation import Organisation
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.channels.mail.ack_facts import FACTS, READERS, TEXTS, facts
from tests.channels.mail.test_tone import CALLED as CALLED_BY
from tests.channels.mail.test_tone import DUE
from tests.channels.mail.written_to import Office, ack_text, mail
from tests.house import TERMS
from tests.world import ScriptedWorld

PASS = "mx.example.com; dmarc=pass header.from=example.org"
ASKS = "When will my order be delivered? I have been waiting for it since Monday.\n"
PHONE = Identity("phone", "+442079460018")
ALWAYS = Calendar(name="office", tz="Europe/Berlin", weekly={day: (Window(0, 1440),) for day in range(7)}, dates={})


@pytest.fixture
async def office(sqlite_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Office]:
    engine = open_engine(sqlite_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    yield Office(log, scripted_world)
    await log.close()


def _open(calendar: Calendar) -> Terms:
    """The house's rules, with these opening hours."""
    return replace(TERMS, versions=(replace(TERMS.versions[0], calendars={"office": calendar}),))


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


SECOND = {
    "en": "as well|still",
    "de": "auch die|bleibt dabei",
    "da-du": "også|stadig",
    "da-De": "også|stadig",
    "id": "juga|tetap",
}
NOT_BY_CALL_ALONE = {
    "en": "answer|also|ring you as well|written",
    "de": "[Dd]ie Antwort|antwortet|Außerdem|schreibt",
    "da-du": "svaret|får svar|Vi ringer også",
    "da-De": "svaret|får svar|Vi ringer også",
    "id": "[Jj]awab|juga akan|ditulis",
}


@pytest.mark.parametrize("language", READERS)
@pytest.mark.parametrize("situation", ["open", "closed", "closed holiday", "open late"])
def test_who_wants_it_brief_gets_few_words_that_say_all(language: str, situation: str) -> None:
    full = facts(language, situation)
    few = render(replace(full, wishes=Wishes(brief=True)), TEXTS).text
    known = _said(full)
    assert [words for words in known if words not in few] == []
    assert len(few.split()) <= 60
    assert len(few) < len(render(full, TEXTS).text) * 0.7
    assert "\n\n\n" not in few


def _said(full: AckFacts) -> list[str]:
    """Who, since when, by when, where to ring: as the full letter has it."""
    letter = render(full, TEXTS).text
    number = "030 23125011" if full.language == "de" else "+49 30 23125011"
    promised = next(each for each in sorted(DUE.values()) if each in letter)
    return ["Anna Berg", promised, number]


@pytest.mark.parametrize("language", READERS)
def test_a_first_writing_in_few_words_is_not_answered_as_a_further_one(language: str) -> None:
    first, further = facts(language), facts(language, "open short")
    brief = Wishes(brief=True)
    assert not re.search(SECOND[language], render(replace(first, wishes=brief), TEXTS).text)
    assert re.search(SECOND[language], render(replace(further, wishes=brief), TEXTS).text)
    assert len(render(replace(further, wishes=brief), TEXTS).text) < len(render(first, TEXTS).text) / 2


@pytest.mark.parametrize("language", READERS)
@pytest.mark.parametrize("situation", ["open without-phone", "open without-time", "open called", "open without-person"])
def test_few_words_name_the_way_to_a_call_that_the_letter_would_name_first(language: str, situation: str) -> None:
    full = facts(language, situation)
    few = render(replace(full, wishes=Wishes(brief=True)), TEXTS).text
    way = {
        "open without-phone": full.call_me_url or "",
        "open without-person": full.call_me_url or "",
        "open without-time": "23125011",
        "open called": "20 7946 0018",
    }[situation]
    assert way in few
    assert way in render(full, TEXTS).text


@pytest.mark.parametrize("language", READERS)
@pytest.mark.parametrize("situation", ["open called", "closed called", "open called late", "open called short"])
@pytest.mark.parametrize("brief", [False, True])
def test_who_wants_calls_only_is_told_of_the_call_and_of_no_written_answer(
    language: str, situation: str, brief: bool
) -> None:
    called = facts(language, situation.replace(" late", ""), late="late" in situation)
    text = render(replace(called, wishes=Wishes(call_only=True, brief=brief)), TEXTS).text
    assert re.findall(NOT_BY_CALL_ALONE[language], text) == []
    assert [each for each in DUE.values() if each in text] == []
    assert any(each in text for each in CALLED_BY.values())
    assert "20 7946 0018" in text


def test_who_wants_calls_only_is_rung_by_the_time_of_the_answer_where_the_call_has_none() -> None:
    timeless = replace(facts(situation="open called no-time"), wishes=Wishes(call_only=True))
    text = render(timeless, TEXTS).text
    assert f"We will ring you {DUE['en', 'open']}, on 020 7946 0018." in text
    assert "answer" not in text
    assert "We will ring you on 020 7946 0018." in render(replace(timeless, promised_at=None), TEXTS).text


def test_who_wants_calls_only_and_gave_no_number_is_still_promised_the_answer() -> None:
    text = render(replace(facts(situation="open called no-number"), wishes=Wishes(call_only=True)), TEXTS).text
    assert "who will answer you today" in text


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
    assert text.startswith("Thank you, your message came in at ")
    assert "Dear" not in text


async def test_who_wants_calls_only_is_rung_at_the_number_on_file_and_told_so(office: Office) -> None:
    await jane(office, PHONE, wishes=Wishes(call_only=True))
    change = await office.write(mail(ASKS))
    (callback,) = change.callbacks
    assert (callback.number, callback.state, callback.asked_at_time) == (PHONE.value, State.WAITING, False)
    text = ack_text(change)
    assert "We will ring you on" in text
    assert "answer" not in text
    told = next(fact.promised_at for fact in change.interactions if fact.kind is Kind.ACK)
    assert told == callback.due_at
    assert [record.promised_at for record in change.clocks if record.value.clock in ANSWERING] == [None]


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ("mon-fri 11:00-16:00", "today, Wednesday 4 March, by 12:00"),
        ("mon-fri 15:00-16:30", "today, Wednesday 4 March, by 16:30"),
        ("mon-fri 16:00-20:00", "today, Wednesday 4 March, by 17:00"),
        ("mon-fri 09:00-11:00", "on Thursday 5 March, by 11:00"),
        ("sat 09:00-12:00, mon 10:00-11:00", "on Monday 9 March, by 11:00"),
        ("sat-sun 09:00-12:00", "We will ring you on 030"),
        ("24x7", "today, Wednesday 4 March, by 12:00"),
    ],
)
@pytest.mark.parametrize("asks", ["Please call me back, thank you very much.\n", ASKS])
async def test_the_time_told_for_a_call_keeps_to_the_hours_in_which_its_customer_wishes_to_be_rung(
    office: Office, hours: str, said: str, asks: str
) -> None:
    await jane(office, Identity("phone", "+493023125099"), wishes=Wishes(call_only=True, hours=hours))
    change = await office.write(mail(asks, date="Wed, 04 Mar 2026 10:00:00 +0100"))
    assert [callback.due_at for callback in change.callbacks] == [datetime(2026, 3, 4, 11, tzinfo=UTC)]
    assert said in ack_text(change)


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ("mon-fri 18:30-22:00", "today, Wednesday 4 March, by 20:00"),
        ("mon-fri 06:00-09:00", "on Thursday 5 March, by 9:00"),
        ("24x7", "today, Wednesday 4 March, by 12:00"),
        ("mon-fri 20:00-22:00", "We will ring you on 030"),
        ("sat 09:00-12:00", "We will ring you on 030"),
    ],
)
async def test_no_time_is_told_for_a_call_at_which_nobody_is_rung(office: Office, hours: str, said: str) -> None:
    """The desk never closes; the customer's night is from eight to eight; 40 open hours on, it is a person's matter."""
    await jane(office, Identity("phone", "+493023125099"), wishes=Wishes(call_only=True, hours=hours))
    raw = mail(ASKS, date="Wed, 04 Mar 2026 10:00:00 +0100")
    assert said in ack_text(await office.write(raw, terms=_open(ALWAYS)))


async def test_no_time_is_told_for_a_call_that_a_person_gets_at_once_since_its_hours_are_far(office: Office) -> None:
    """Friday at three is 39 hours after it is due, and 41 from now."""
    office.desk = replace(office.desk, firm=replace(office.desk.firm, quiet=Minutes(22 * 60, 60)))
    await jane(office, Identity("phone", "+493023125099"), wishes=Wishes(call_only=True, hours="fri 03:00-05:00"))
    raw = mail(ASKS, date="Wed, 04 Mar 2026 10:00:00 +0100")
    assert "We will ring you on 030" in ack_text(await office.write(raw, terms=_open(ALWAYS)))


@pytest.mark.parametrize(
    ("opens", "said"), [(date(2026, 4, 29), "on Wednesday 29 April"), (date(2026, 5, 6), "on 030")]
)
async def test_no_time_is_told_for_a_call_that_is_more_than_sixty_days_off(
    office: Office, opens: date, said: str
) -> None:
    """The desk closes for a long while after this Wednesday."""
    season = Calendar(
        name="office",
        tz="Europe/Berlin",
        weekly={},
        dates=dict.fromkeys((date(2026, 3, 4), opens), (Window(540, 1020),)),
    )
    await jane(office, Identity("phone", "+493023125099"), wishes=Wishes(call_only=True, hours="wed 09:00-11:00"))
    raw, terms = mail(ASKS, date="Wed, 04 Mar 2026 10:00:00 +0100"), _open(season)
    assert f"We will ring you {said}" in ack_text(await office.write(raw, terms=terms))


async def test_the_time_told_for_a_call_keeps_to_the_quiet_hours_of_the_configuration(office: Office) -> None:
    office.desk = replace(office.desk, firm=replace(office.desk.firm, quiet=Minutes(15 * 60, 8 * 60)))
    await jane(office, Identity("phone", "+493023125099"), wishes=Wishes(call_only=True, hours="mon-fri 14:00-16:00"))
    raw = mail(ASKS, date="Wed, 04 Mar 2026 10:00:00 +0100")
    assert "today, Wednesday 4 March, by 15:00" in ack_text(await office.write(raw))


async def test_the_hours_somebody_wishes_are_read_by_the_clock_of_their_number(office: Office) -> None:
    await jane(office, PHONE, wishes=Wishes(call_only=True, hours="mon-fri 13:00-14:00"))
    assert "by 15:00" in ack_text(await office.write(mail(ASKS)))


async def test_a_time_the_customer_asks_for_comes_before_the_hours_they_wish(office: Office) -> None:
    await jane(office, PHONE, wishes=Wishes(hours="mon-fri 15:00-16:00"))
    change = await office.write(mail("Please call me tomorrow at 10 on +44 20 7946 0018.\n"))
    assert "on Thursday 5 March at 10:00" in ack_text(change)


@pytest.mark.parametrize("words", ["Please call me after six.", "Please call me next Monday at 7:00."])
async def test_who_wants_calls_only_and_names_a_time_that_is_not_ours_is_told_no_other(
    office: Office, words: str
) -> None:
    await jane(office, PHONE, wishes=Wishes(call_only=True))
    text = ack_text(await office.write(mail(words, date="Wed, 04 Mar 2026 10:00:00 +0100")))
    assert "ring you" in text
    assert " by " not in text.partition("ring you")[2].partition(".")[0]


def test_the_time_told_to_who_wants_calls_only_is_that_of_the_call() -> None:
    called = replace(facts(situation="open called"), wishes=Wishes(call_only=True))
    assert called.call is not None
    assert (called.told_at, called.written_by) == (called.call.by, None)
    assert replace(called, wishes=Wishes()).told_at == called.promised_at


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
