"""Who is named to whom, in which form and with which times: acknowledgements as a mailbox owes them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.parser import BytesParser
from zoneinfo import ZoneInfo

import pytest

from commsd.channels.mail.account import FollowUp
from commsd.channels.mail.dates import Reader
from commsd.channels.mail.desk import phone_hours
from commsd.channels.mail.holiday import Holidays
from commsd.channels.mail.region import region_of, region_of_address
from commsd.core import key
from commsd.core.agent import Absence
from commsd.core.calendar import Calendar, Window
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.entry import Hand
from commsd.crm.actions import set_case
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.channels.mail.ack_facts import TEXTS
from tests.channels.mail.written_to import PEOPLE, Office, ack_text, mail
from tests.house import OFFICE, TERMS
from tests.world import ScriptedWorld

PASS = "mx.example.com; dmarc=pass header.from=example.org"
ASKS = "When will my order be delivered? I have been waiting for it since Monday.\n"


@pytest.fixture
async def office(sqlite_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Office]:
    engine = open_engine(sqlite_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    yield Office(log, scripted_world)
    await log.close()


async def jane(office: Office, *more: Identity, owner: str | None = "bo", timezone: str | None = None) -> Contact:
    """Jane is on file, as a colleague wrote her down."""
    contact = Contact(
        id=office.world.world.new_id(),
        created_at=office.world.now,
        name="Jane Clarke-Smith",
        owner=owner,
        timezone=timezone,
        identities=(Identity("email", "jane@example.org"), *more),
    )
    keys = tuple(key.of_identity(each) for each in contact.identities)
    await office.log.decide(keys, lambda _: Change(contacts=(contact,)))
    return contact


async def test_owner_and_name_on_file_are_told_to_a_proven_sender(office: Office) -> None:
    await jane(office)
    text = ack_text(await office.write(mail(ASKS, authentication_results=PASS)))
    assert "Dear Jane Clarke-Smith," in text
    assert "Bo Lind" in text
    assert "Anna Berg" not in text


@pytest.mark.parametrize(
    "results", [None, "evil.example; dmarc=pass header.from=example.org", "mx.example.com; dmarc=none"]
)
async def test_nothing_on_file_is_told_to_whoever_writes_the_name(office: Office, results: str | None) -> None:
    await jane(office)
    proof = {"authentication_results": results} if results else {}
    text = ack_text(await office.write(mail(ASKS, **proof)))
    assert "Dear Jane Clarke," in text
    assert "Anna Berg" in text
    assert "Smith" not in text
    assert "Bo Lind" not in text


async def test_the_owner_of_the_case_comes_before_the_contacts(office: Office) -> None:
    await jane(office, owner="anna")
    first = await office.write(mail(ASKS, authentication_results=PASS))
    case_id = first.cases[0].id
    await office.log.decide((key.of_case(case_id),), set_case(case_id, Hand(by="anna"), TERMS, attrs={"owner": "bo"}))
    office.world.advance(timedelta(hours=1))
    again = await office.write(mail(ASKS + "One thing more.\n", authentication_results=PASS))
    assert again.interactions[0].case_id == case_id
    assert "Bo Lind" in ack_text(again)


async def test_the_deputy_is_named_while_the_owner_is_away(office: Office) -> None:
    away = replace(PEOPLE.agents["anna"], deputy="bo", away=(Absence(date(2026, 3, 1), date(2026, 3, 31)),))
    people = replace(PEOPLE, agents={**PEOPLE.agents, "anna": away})
    office.desk = replace(office.desk, firm=replace(office.desk.firm, people=people))
    text = ack_text(await office.write(mail(ASKS)))
    assert "Bo Lind" in text
    assert "+49 30 23125012" in text
    assert "Anna" not in text


DANISH_OVER_ENGLISH = "Hvor er min ordre 2041? Jeg har ventet en uge.\n\nOn Monday Anna wrote:\n> We sent it to you.\n"


@pytest.mark.parametrize(
    ("text", "greeting"),
    [
        (DANISH_OVER_ENGLISH, "Kære Jane Clarke"),
        ("Ok, thanks!\n", "Guten Tag Jane Clarke,"),
        ("2041 2042 2043 2044 2045 2046\n", "Guten Tag Jane Clarke,"),
    ],
)
async def test_a9_the_writers_own_words_give_the_language_and_too_few_of_them_the_accounts_first(
    office: Office, text: str, greeting: str
) -> None:
    office.desk = replace(office.desk, firm=replace(office.desk.firm, languages=("de", "en", "da", "id")))
    change = await office.write(mail(text, subject="2041"))
    assert ack_text(change).startswith(greeting)


async def test_a_second_person_in_the_matter_gets_the_whole_letter(office: Office) -> None:
    first = await office.write(mail(ASKS))
    reference = first.interactions[0].external_ids[0].id
    office.world.advance(timedelta(hours=1))
    second = await office.write(
        mail(
            "I am the husband, and wait as well.\n", sender="Tom Clarke <tom@example.org>", in_reply_to=f"<{reference}>"
        )
    )
    assert second.interactions[0].case_id == first.interactions[0].case_id
    assert "Dear Tom Clarke," in ack_text(second)
    again = await office.write(
        mail("And one thing more.\n", sender="Tom Clarke <tom@example.org>", in_reply_to=f"<{reference}>")
    )
    assert ack_text(again).startswith("Thank you, the message that came in ")
    third = await office.write(
        mail("And another one.\n", sender="Tom Clarke <tom@example.org>", in_reply_to=f"<{reference}>")
    )
    assert third.result == "no-ack:in-conversation"
    assert (await office.write(mail("More of mine.\n", in_reply_to=f"<{reference}>"))).result == "ack"


@pytest.mark.parametrize(
    ("follow_up", "results"),
    [
        (FollowUp.FULL, ["ack", "ack", "ack"]),
        (FollowUp.SHORT, ["ack", "ack", "no-ack:in-conversation"]),
        (FollowUp.NONE, ["ack", "no-ack:in-conversation", "no-ack:in-conversation"]),
    ],
)
async def test_further_writings_get_what_is_configured(office: Office, follow_up: FollowUp, results: list[str]) -> None:
    office.desk = replace(office.desk, mailbox=replace(office.desk.mailbox, follow_up=follow_up))
    given = []
    for number in range(3):
        given.append((await office.write(mail(f"{ASKS}{number}\n"))).result)
        office.world.advance(timedelta(minutes=40))
    assert given == results


async def test_a_late_acknowledgement_tells_the_true_time_and_no_false_promise(office: Office) -> None:
    raw = mail(ASKS)
    waited = office.world.now
    office.world.advance(timedelta(minutes=50))
    text = ack_text(await office.write(raw, came=waited))
    assert "It came in at 10:00 and" in text
    assert "today, Wednesday 4 March, by 14:00" in text
    assert "later than usual" in text
    office.world.advance(timedelta(hours=6))  # 16:50; what came at 10:00 was due at 14:00
    too_late = ack_text(await office.write(mail(ASKS, sender="x@y.example"), came=waited))
    assert " by " not in too_late
    assert "on Wednesday 4 March at 10:00" in too_late


async def test_what_came_while_closed_is_not_said_to_wait_once_we_are_open(office: Office) -> None:
    sunday = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
    office.world.now = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
    mailed = replace(office.desk.mailbox, max_age=timedelta(days=3))
    office.desk = replace(office.desk, mailbox=mailed)
    text = ack_text(await office.write(mail(ASKS), came=sunday))
    assert "Sunday 8 March at 13:00 and is now with Anna Berg" in text
    assert "closed" not in text
    assert "When we open" not in text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "a public holiday (Good Friday)."),
        ("de", "an einem Feiertag (Karfreitag)."),
        ("da", "en helligdag. Når vi åbner"),
        ("id", "hari libur nasional. Setelah"),
    ],
)
async def test_a_holiday_is_named_where_it_has_a_name_in_the_readers_language(
    office: Office, language: str, said: str
) -> None:
    good_friday = datetime(2026, 4, 3, 8, 0, tzinfo=UTC)
    office.world.now = good_friday
    calendar = replace(OFFICE, dates={date(2026, 4, 3): ()})
    terms = replace(TERMS, versions=(replace(TERMS.versions[0], calendars={"office": calendar}),))
    firm = replace(office.desk.firm, languages=(language,))
    office.desk = replace(office.desk, firm=firm, holidays=Holidays(country="DE-BE"))
    assert said in ack_text(await office.write(mail("2041\n"), terms=terms))


def test_a_day_the_firm_closes_of_its_own_is_no_public_holiday() -> None:
    calendar = replace(OFFICE, dates={date(2026, 3, 4): (), date(2026, 4, 3): ()})
    holidays = Holidays(country="DE-BE")
    assert holidays.closed_for(calendar, datetime(2026, 3, 4, 9, tzinfo=UTC), "en") is None
    assert holidays.closed_for(calendar, datetime(2026, 4, 3, 9, tzinfo=UTC), "en") == "Good Friday"
    assert holidays.closed_for(OFFICE, datetime(2026, 4, 3, 9, tzinfo=UTC), "en") is None  # open on holidays
    assert Holidays().closed_for(calendar, datetime(2026, 4, 3, 9, tzinfo=UTC), "en") is None


async def test_a1_precedence_can_be_left_out(office: Office) -> None:
    change = await office.write(mail(ASKS))
    assert b"\r\nPrecedence: bulk\r\n" in change.deliveries[0].payload
    office.desk = replace(office.desk, mailbox=replace(office.desk.mailbox, precedence=False))
    change = await office.write(mail(ASKS, sender="tom@example.org"))
    assert b"Precedence" not in change.deliveries[0].payload


async def test_a8_html_is_a_second_part_with_the_same_words(office: Office) -> None:
    office.at_public("https://contact.example.com")
    office.desk = replace(office.desk, mailbox=replace(office.desk.mailbox, html=True))
    change = await office.write(mail(ASKS, sender='"Jane & <b>Co</b>" <jane@example.org>'))
    payload = change.deliveries[0].payload
    read = BytesParser(policy=policy.default).parsebytes(payload)
    assert read.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    html = read.get_body(("html",))
    assert html is not None
    shown = str(html.get_content())
    assert len(payload) < 16 * 1024
    assert payload.isascii()
    assert "Anna Berg" in shown
    assert shown.count('<a href="https://contact.example.com/c/') == 1
    for stranger in ("<img", "<script", "src=", "<b>"):
        assert stranger not in shown


@pytest.mark.parametrize(
    ("address", "numbers", "timezone", "region"),
    [
        ("j@kunde.at", (), None, "AT"),
        ("j@kunde.ch", (), None, "CH"),
        ("j@kunde.co.uk", (), None, "GB"),
        ("j@example.org", (), None, None),
        ("j@startup.io", (), None, None),
        ("j@kunde.at", ("+493023125011",), None, "DE"),
        ("j@kunde.at", ("+493023125011", "+442079460018"), None, "AT"),
        ("j@example.org", (), "Europe/Vienna", "AT"),
        ("j@example.org", (), "Asia/Jakarta", "ID"),
        ("j@example.org", (), "UTC", None),
    ],
)
def test_numbers_are_written_for_the_country_somebody_is_in(
    address: str, numbers: tuple[str, ...], timezone: str | None, region: str | None
) -> None:
    contact = Contact(
        id="c",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        timezone=timezone,
        identities=tuple(Identity("phone", number) for number in numbers),
    )
    assert region_of(contact, address) == region
    assert region_of(None, address) == region_of_address(address)


async def test_an_austrian_is_given_a_number_that_can_be_dialled_there(office: Office) -> None:
    text = ack_text(
        await office.write(mail("Wann kommt meine Bestellung? Ich warte seit Montag.\n", sender="Petra <p@kunde.at>"))
    )
    assert "+49 30 23125011" in text
    german = await office.write(
        mail("Wann kommt meine Bestellung? Ich warte seit Montag.\n", sender="Petra <p@kunde.de>")
    )
    assert "unter 030 23125011" in ack_text(german)


def windows(**days: tuple[Window, ...]) -> Calendar:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return Calendar(name="x", tz="Europe/Berlin", weekly={names.index(day): hours for day, hours in days.items()})


MORNING, AFTERNOON, SHORT = Window(540, 720), Window(780, 1020), Window(540, 840)


@pytest.mark.parametrize(
    ("calendar", "language", "said"),
    [
        (OFFICE, "en", "Monday to Friday, 9:00 to 17:00"),
        (
            windows(**dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (MORNING, AFTERNOON))),
            "en",
            "Monday to Friday, 9:00 to 12:00 and 13:00 to 17:00",
        ),
        (
            windows(**dict.fromkeys(("mon", "tue", "wed", "thu"), (Window(540, 1020),)), fri=(SHORT,)),
            "de",
            "montags bis donnerstags von 9:00 bis 17:00 Uhr und freitags von 9:00 bis 14:00 Uhr",
        ),
        (
            windows(**dict.fromkeys(("mon", "tue", "wed", "thu"), (MORNING, AFTERNOON)), fri=(SHORT,)),
            "da",
            "mandag til torsdag kl. 9.00-12.00 og 13.00-17.00, fredag kl. 9.00-14.00",
        ),
        (windows(mon=(SHORT,), wed=(SHORT,), fri=(SHORT,)), "en", ""),
        (windows(mon=(Window(1200, 1800),)), "en", ""),
        (windows(), "en", ""),
    ],
)
def test_phone_hours_are_said_in_a_sentence_or_not_at_all(calendar: Calendar, language: str, said: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    reader = Reader(zone=berlin, service_zone=berlin, now=datetime(2026, 3, 4, 9, tzinfo=UTC))
    hours = phone_hours(calendar)
    assert (TEXTS.of(language).dates.hours(hours, reader) if hours else "") == said


@pytest.mark.parametrize(
    ("sender", "date", "named"),
    [
        ("jane@firm.com.au", "Wed, 04 Mar 2026 20:00:00 +1100", True),
        ("jane@firm.com.au", "Wed, 04 Mar 2026 09:00:00 +0000", True),
        ("jane@example.org", "Wed, 04 Mar 2026 09:00:00 +0000", True),  # anybody's
        ("jane@example.org", "", True),
        ("jane@example.org", "Wed, 04 Mar 2026 04:00:00 -0500", True),
        ("jane@example.org", "Wed, 04 Mar 2026 10:00:00 +0100", False),
        ("jane@kunde.de", "Wed, 04 Mar 2026 09:00:00 +0000", False),
        ("jane@kunde.de", "Wed, 04 Mar 2026 10:00:00 +0100", False),
        ("jane@kunde.de", "Wed, 04 Mar 2026 04:00:00 -0500", True),  # on a journey
        ("jane@kunde.at", "Wed, 04 Mar 2026 09:00:00 +0000", False),  # their clocks read the same
    ],
)
async def test_our_zone_is_named_where_the_writers_clock_may_read_another_time(
    office: Office, sender: str, date: str, named: bool
) -> None:
    text = ack_text(await office.write(mail(ASKS, sender=f"Jane Clarke <{sender}>", date=date)))
    assert ("by 14:00 Berlin time" in text) is named
    assert ("today, Wednesday 4 March, by 14:00" in text) is not named
