"""The page where a customer asks to be rung, over HTTP: looking does nothing, pressing does it once."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from commsd.core import key
from commsd.core.callback import State
from commsd.core.case import CaseFile, CaseState
from commsd.core.change import Change
from commsd.core.clock import State as ClockState
from commsd.core.customer_link import CustomerLink, customer_link_of, customer_token, link_to
from commsd.core.entry import Hand
from commsd.core.interaction import Channel, Kind
from commsd.core.policy import ClockKind
from commsd.crm.actions import close_case
from commsd.crm.call_actions import claim_callback, close_callback
from commsd.crm.contact_set import Said, set_contact
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.channels.mail.written_to import KEY, Office, ack_text, mail, page_served
from tests.house import TERMS
from tests.world import ScriptedWorld

JANE = "jane@example.org"
NOON = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)


@pytest.fixture
async def office(sqlite_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Office]:
    engine = open_engine(sqlite_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    made = Office(log, scripted_world)
    made.at_public("https://contact.example.com")
    yield made
    await log.close()


@pytest.fixture
async def client(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    async with page_served(office) as url, httpx.AsyncClient(base_url=url, timeout=20) as made:
        yield made


def path(change: Change) -> str:
    """The link that stands in the acknowledgement."""
    found = re.search(r"https://contact\.example\.com(/c/[a-z2-7]+\.[a-z2-7]+)", ack_text(change))
    assert found is not None
    return found[1]


async def file_of(office: Office, change: Change) -> CaseFile:
    case_id = change.cases[0].id
    return (await office.items(case_id)).files[case_id]


async def owed(office: Office, change: Change) -> list[tuple[str | None, State, datetime | None]]:
    items = await office.items(change.cases[0].id)
    return [(each.number, each.state, each.due_at) for each in items.callbacks]


async def test_looking_changes_nothing_and_tells_nothing(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    before = await file_of(office, change)
    shown = await client.get(path(change))
    assert shown.status_code == 200
    assert shown.text.count("<form") == shown.text.count("<button") == 1
    for secret in ("Jane", "jane@example.org", "2041", change.cases[0].id):
        assert secret not in shown.text
    assert await file_of(office, change) == before
    assert await owed(office, change) == []


async def test_the_page_asks_for_a_number_only_where_we_know_none(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    before = (await client.get(path(change))).text
    assert "Enter your number and press the button" in before
    assert " required" in before
    await client.post(path(change), data={"number": "+44 20 7946 0018"})
    after = (await client.get(path(change))).text
    assert "You may leave both fields empty; then we use the number we know." in after
    assert " required" not in after
    assert "7946" not in after


async def test_pressing_with_a_number_owes_one_call_and_says_by_when(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    done = await client.post(path(change), data={"number": "+44 20 7946 0018"})
    assert done.status_code == 200
    assert "We will ring you on Wednesday 4 March, by 12:00 Berlin time." in done.text  # nobody told us her zone
    assert await owed(office, change) == [("+442079460018", State.WAITING, NOON)]
    file = await file_of(office, change)
    web = [fact for fact in file.interactions if fact.channel is Channel.WEB]
    assert [(fact.kind, fact.promised_at) for fact in web] == [(Kind.MESSAGE, None), (Kind.ACK, NOON)]
    running = {r.value.clock: r.value.due_at for r in file.clocks if r.value.state is ClockState.RUNNING}
    assert running[ClockKind.PROMISE] == NOON


async def test_the_page_tells_a_time_in_the_hours_in_which_the_customer_wishes_to_be_rung(
    office: Office, client: httpx.AsyncClient
) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    said = Said(wishes={"hours": "mon-fri 09:00-11:00"}, fields={"timezone": "Europe/Berlin"})
    await office.log.decide(key.of_addresses(JANE), set_contact(JANE, said, Hand(by="anna")))
    for _ in range(2):  # pressed again it is told from what is owed
        done = await client.post(path(change), data={"number": "+493023125099"})
        assert "We will ring you on Thursday 5 March, by 11:00." in done.text
    assert await owed(office, change) == [("+493023125099", State.WAITING, NOON)]


async def test_pressing_again_is_harmless(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    first = await client.post(path(change), data={"number": "+442079460018"})
    facts = len((await file_of(office, change)).interactions)
    for data in ({"number": "+44 20 7946 0018"}, {"number": ""}, {}):
        again = await client.post(path(change), data=data)
        assert again.text == first.text
    assert len((await file_of(office, change)).interactions) == facts
    assert len(await owed(office, change)) == 1


async def test_without_a_number_it_is_asked_for_and_then_taken(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    asks = await client.post(path(change))
    assert "only the number is missing" in asks.text
    assert "<form" in asks.text
    assert [state for _, state, _ in await owed(office, change)] == [State.NEEDS_NUMBER]
    await client.post(path(change), data={"number": "+442079460018"})
    assert await owed(office, change) == [("+442079460018", State.WAITING, NOON)]


@pytest.fixture
def no_line(office: Office) -> None:
    """A firm that has mailboxes only."""
    office.desk = replace(office.desk, mailbox=replace(office.desk.mailbox, line=None))


async def test_without_a_line_a_number_is_enough_and_one_given_later_counts(no_line: None, office: Office) -> None:
    async with page_served(office) as url, httpx.AsyncClient(base_url=url, timeout=20) as browser:
        change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
        asks = await browser.post(path(change))
        assert "only the number is missing" in asks.text
        done = await browser.post(path(change), data={"number": "+442079460018"})
        assert "We will ring you on Wednesday 4 March, by 12:00" in done.text
        assert await owed(office, change) == [("+442079460018", State.WAITING, NOON)]
        await browser.post(path(change), data={"number": "+442079460019"})
    assert await owed(office, change) == [("+442079460019", State.WAITING, NOON)]


async def test_a_number_corrected_after_somebody_took_the_call_reaches_them(
    office: Office, client: httpx.AsyncClient
) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    await client.post(path(change), data={"number": "+442079460018"})
    (callback,) = (await office.items(change.cases[0].id)).callbacks
    taken = claim_callback(callback.id, Hand(by="anna", agent_id="anna", agent="Anna Berg"))
    await office.log.decide((key.of_callback(callback.id), key.of_case(callback.case_id)), taken)
    await client.post(path(change), data={"number": "+442079460019"})
    assert await owed(office, change) == [("+442079460019", State.CLAIMED, NOON)]


async def promises(office: Office, change: Change) -> list[tuple[ClockState, datetime | None]]:
    records = [r for r in (await file_of(office, change)).clocks if r.value.clock is ClockKind.PROMISE]
    return [(record.value.state, record.value.due_at) for record in records]


async def test_a_time_agreed_anew_is_the_only_one_that_is_owed(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    for when in ("", "2026-03-05T11:30", "2026-03-06T10:00"):
        await client.post(path(change), data={"number": "+442079460018", "when": when})
    running = [due for state, due in await promises(office, change) if state is ClockState.RUNNING]
    assert running == [datetime(2026, 3, 6, 9, 0, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("hours", "after"), [(1, ClockState.CANCELLED), (3, ClockState.BREACHED)], ids=["in time", "late already"]
)
async def test_a_call_that_is_closed_is_promised_no_longer(
    office: Office, client: httpx.AsyncClient, hours: int, after: ClockState
) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    await client.post(path(change), data={"number": "+442079460018"})
    office.world.advance(timedelta(hours=hours))
    (callback,) = (await office.items(change.cases[0].id)).callbacks
    close = close_callback(callback.id, Hand(by="anna", agent_id="anna", agent="Anna Berg"), TERMS, note="wrote")
    await office.log.decide((key.of_callback(callback.id), key.of_case(callback.case_id)), close)
    file = await file_of(office, change)
    assert [state for state, _ in await promises(office, change)] == [after]
    assert [r.value.clock for r in file.clocks if r.owed and r.value.clock is ClockKind.PROMISE] == []


async def test_another_number_replaces_the_first(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    await client.post(path(change), data={"number": "+44 20 7946 0018"})
    await client.post(path(change), data={"number": "+44 20 7946 0019"})
    assert [number for number, _, _ in await owed(office, change)] == ["+442079460019"]


async def test_a_number_that_is_none_is_told_and_nothing_done(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    told = await client.post(path(change), data={"number": "12<script>"})
    assert told.status_code == 422
    assert "We cannot ring this number." in told.text
    assert "<script>" not in told.text
    assert await owed(office, change) == []


async def test_a_time_of_their_own_is_agreed_on(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    done = await client.post(path(change), data={"number": "+442079460018", "when": "2026-03-05T11:30"})
    assert "We will ring you on Thursday 5 March at 11:30 Berlin time." in done.text
    assert (await owed(office, change))[0][2] == datetime(2026, 3, 5, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2026-03-07T11:30", "on Monday 9 March at 9:00"),  # a Saturday
        ("2026-03-04T10:10", "on Wednesday 4 March at 12:00"),  # sooner than we promise
    ],
)
async def test_a_time_we_cannot_keep_is_moved(office: Office, client: httpx.AsyncClient, when: str, said: str) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    done = await client.post(path(change), data={"number": "+442079460018", "when": when})
    assert said in done.text


@pytest.mark.parametrize(
    "when",
    [
        "2020-01-01T10:00",
        "2026-03-04T09:59",
        "2026-06-01T10:00",
        "2027-01-01T10:00",
        "0001-01-01T00:00",
        "9999-12-31T23:59",
        "2026-03-05T14:00Z",
        "2026-02-30T10:00",
        "tomorrow",
    ],
)
async def test_a_time_that_cannot_be_is_said_beside_the_form(
    office: Office, client: httpx.AsyncClient, when: str
) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    told = await client.post(path(change), data={"number": "+442079460018", "when": when})
    assert told.status_code == 422
    assert "Please choose one that lies ahead, within the next 60 days." in told.text
    assert 'value="+442079460018"' in told.text
    assert await owed(office, change) == []


@pytest.mark.parametrize(
    "number",
    [
        "0900 1234567",
        "+1 900 555 1234",
        "+44 909 8790000",
        "+979 1 2345 6789",
        "+870 773 111 111",
        "+44 70 1234 5678",
        "+49 30 23125 011",
        "+49 30 23125 010",
    ],
)
async def test_no_costly_number_and_none_of_ours_is_taken(
    office: Office, client: httpx.AsyncClient, number: str
) -> None:
    office.desk = replace(office.desk, firm=replace(office.desk.firm, lines=frozenset({"+493023125010"})))
    async with page_served(office) as url, httpx.AsyncClient(base_url=url, timeout=20) as browser:
        change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
        told = await browser.post(path(change), data={"number": number})
    assert told.status_code == 422
    assert "We cannot ring this number." in told.text
    assert await owed(office, change) == []


async def test_a_stranger_neither_moves_nor_learns_the_time_of_anothers_call(
    office: Office, client: httpx.AsyncClient
) -> None:
    hers = await office.write(mail("Please call me on +44 20 7946 0018 about the parcel.\n"))
    theirs = await office.write(
        mail("Where is my thing? I would like to know.\n", sender="Al <al@attacker.example>", subject="thing")
    )
    for when in ("2026-04-29T12:00", "2026-03-04T14:00", ""):
        done = await client.post(path(theirs), data={"number": "+44 20 7946 0018", "when": when})
        assert "We will ring you.</p>" in done.text
        assert await owed(office, hers) == [("+442079460018", State.WAITING, NOON)]


async def test_a_stranger_who_writes_the_number_neither_moves_nor_learns_the_time(office: Office) -> None:
    hers = await office.write(mail("Please call me on +44 20 7946 0018 about the parcel.\n"))
    office.world.advance(timedelta(minutes=20))
    for words in ("Please call me on +44 20 7946 0018.", "Please call me tomorrow at 10 on +44 20 7946 0018."):
        theirs = await office.write(mail(words + "\n", sender="Al <al@attacker.example>", subject="thing"))
        assert "We will also ring you on +44 20 7946 0018." in ack_text(theirs)
        assert await owed(office, hers) == [("+442079460018", State.WAITING, NOON)]


async def test_joining_others_calls_is_limited_too(office: Office, client: httpx.AsyncClient) -> None:
    await office.write(mail("Please call me on +44 20 7946 0018 about the parcel.\n"))
    theirs = await office.write(
        mail("Where is my thing? I would like to know.\n", sender="Al <al@attacker.example>", subject="thing")
    )
    for _ in range(15):
        await client.post(path(theirs), data={"number": "+44 20 7946 0018"})
    web = [fact for fact in (await file_of(office, theirs)).interactions if fact.channel is Channel.WEB]
    assert len([fact for fact in web if fact.kind is Kind.MESSAGE]) == 10


@pytest.mark.parametrize(
    ("text", "address_as", "title", "done"),
    [
        (
            "Wann kommt meine Bestellung? Ich warte seit Montag.",
            "",
            "Dürfen wir Sie anrufen?",
            "Wir rufen Sie am Mittwoch",
        ),
        ("Hvornår kommer min ordre? Jeg venter på den.", "", "Må vi ringe til dig?", "Vi ringer til dig onsdag"),
        ("Hvornår kommer min ordre? Jeg venter på den.", "de", "Må vi ringe til Dem?", "Vi ringer til Dem onsdag"),
        ("Kapan pesanan saya datang? Saya sudah menunggu.", "", "Bolehkah kami menelepon", "Kami akan menelepon Anda"),
    ],
)
async def test_the_page_speaks_the_customers_language(
    office: Office, client: httpx.AsyncClient, text: str, address_as: str, title: str, done: str
) -> None:
    if address_as:
        firm = replace(office.desk.firm, address_as={"da": address_as})
        office.desk = replace(office.desk, firm=firm)
    async with page_served(office) as url, httpx.AsyncClient(base_url=url, timeout=20) as browser:
        change = await office.write(mail(text + "\n"))
        assert title in (await browser.get(path(change))).text
        assert done in (await browser.post(path(change), data={"number": "+442079460018"})).text


async def test_a_link_ends_and_a_cut_one_is_none(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    link = path(change)
    for broken in (
        link[:-1],
        "/c/none",
        "/c/" + customer_token(b"another key", link_to(change.interactions[0].id, NOON)),
    ):
        assert (await client.get(broken)).status_code == 404
        assert (await client.post(broken)).status_code == 404
    office.world.advance(timedelta(days=32))
    over = await client.post(link, data={"number": "+442079460018"})
    assert over.status_code == 404
    assert "This link no longer works" in over.text
    assert await owed(office, change) == []


async def test_another_site_cannot_press_the_button(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    sent = await client.post(path(change), data={"number": "+442079460018"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert sent.status_code == 403
    assert await owed(office, change) == []


async def test_whoever_holds_the_link_cannot_flood_the_case(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    for last in range(20):
        await client.post(path(change), data={"number": f"+44 20 7946 00{last:02}"})
    web = [fact for fact in (await file_of(office, change)).interactions if fact.channel is Channel.WEB]
    assert len([fact for fact in web if fact.kind is Kind.MESSAGE]) == 10
    assert len(await owed(office, change)) == 1


async def test_a_closed_case_is_open_again_and_its_ack_clock_met(office: Office, client: httpx.AsyncClient) -> None:
    change = await office.write(mail("Where is my parcel? It should have come on Monday.\n"))
    case_id = change.cases[0].id
    await office.log.decide((key.of_case(case_id),), close_case(case_id, Hand(by="anna"), TERMS))
    office.world.advance(timedelta(minutes=5))
    done = await client.post(path(change), data={"number": "+442079460018"})
    assert done.status_code == 200
    file = await file_of(office, change)
    assert file.case.state is CaseState.OPEN
    acks = [r.value.state for r in file.clocks if r.value.clock is ClockKind.ACK]
    assert acks == [ClockState.CANCELLED, ClockState.MET]


def test_a_token_names_its_message_and_fits_a_line() -> None:
    link = CustomerLink("0195a1b2-7000-7000-8000-0123456789ab", NOON.date())
    token = customer_token(KEY, link)
    assert customer_link_of(KEY, token) == link
    assert customer_link_of(KEY, token.upper()) == link
    assert len(token) < 80
    assert customer_link_of(b"x", token) is None
    odd = CustomerLink("preview-1", NOON.date())
    assert customer_link_of(KEY, customer_token(KEY, odd)) == odd
