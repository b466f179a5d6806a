"""A file of contacts into the log, on both stores: each row whole or not at all, and twice the same as once."""

import io
from typing import Any

from sqlalchemy import func, select

from commsd.core import key
from commsd.core.contact import Contact, Identity, identity_of
from commsd.core.entry import Hand
from commsd.core.organisation import Mark
from commsd.crm.card import Entry, Reading, entry_of
from commsd.crm.contact_csv import sheet_of
from commsd.crm.contact_import import Report, import_contacts
from commsd.crm.organisation_set import FirmSaid, put_organisation
from commsd.store import schema
from commsd.store.log import Log
from tests.house import items_of

HAND = Hand(by="anna")
FILE = """external_id,name,email,phone,tier,company
1,Jane Clarke,jane@example.org,+493023125099,gold,example.org
2,John Clarke,john@example.org,+493023125099,,example.org
3,Broken,nobody,,,
4,Ann,ann@example.org,,,unknown firm
"""


def entries(text: str, **reading: Any) -> list[Entry]:
    return [entry_of(card, Reading(**{"system": "crm", **reading})) for card in sheet_of(io.StringIO(text), {}).cards]


async def taken(log: Log, text: str, *, check: bool = False, **reading: Any) -> Report:
    return await import_contacts(log, entries(text, **reading), HAND, check=check)


def counts(report: Report) -> tuple[int, int, int, list[int]]:
    return report.new, report.changed, report.unchanged, [each.line for each in report.broken]


async def contact(log: Log, address: str) -> Contact | None:
    identity = identity_of(address)
    assert identity
    return (await items_of(log, *key.of_addresses(address))).contacts.get(identity)


async def outbox(log: Log) -> list[str]:
    table = schema.outbox
    return list(await log.read(lambda c: list(c.execute(select(table.c.type).order_by(table.c.id)).scalars())))


async def test_rows_go_in_by_themselves_and_a_second_time_nothing_changes(log: Log) -> None:
    mark = Mark("crm", "f")
    firm = (
        await log.decide([key.of_mark(mark)], put_organisation(mark, FirmSaid(domains=("example.org",)), HAND))
    ).organisations[0]
    first = await taken(log, FILE)
    jane, before = await contact(log, "jane@example.org"), await outbox(log)
    second = await taken(log, FILE)
    assert counts(first) == (3, 0, 0, [4])
    assert counts(second) == (0, 0, 3, [4])
    assert first.unplaced == second.unplaced == [5]
    assert jane is not None
    assert (jane.name, jane.tier, jane.organisation_id) == ("Jane Clarke", "gold", firm.id)
    assert Identity("crm", "1") in jane.identities
    assert Identity("phone", "+493023125099") in jane.shared
    assert await outbox(log) == before


async def test_a_changed_row_changes_its_contact_alone(log: Log) -> None:
    await taken(log, FILE)
    report = await taken(log, FILE.replace("Jane Clarke,jane@example.org", "Jane Smith,jane@example.org"))
    assert counts(report) == (0, 1, 2, [4])
    jane = await contact(log, "jane@example.org")
    assert jane is not None
    assert (jane.name, jane.tier) == ("Jane Smith", "gold")


async def test_a_check_tells_the_same_and_records_nothing(log: Log) -> None:
    checked = await taken(log, FILE, check=True)
    people = await log.read(lambda c: c.execute(select(func.count()).select_from(schema.contacts)).scalar())
    assert people == 0
    assert await outbox(log) == []
    assert counts(checked) == counts(await taken(log, FILE))
    assert counts(await taken(log, FILE, check=True)) == (0, 0, 3, [4])


async def test_one_number_under_two_names_without_ids_is_told_and_not_guessed(log: Log) -> None:
    text = "name,phone\nJane,+493023125099\nJohn,+493023125099\nJane,+493023125099\n"
    for new, unchanged in ((1, 1), (0, 2)):
        assert counts(await taken(log, text)) == (new, 0, unchanged, [3])
    known = await contact(log, "+493023125099")
    assert known is not None
    assert known.name == "Jane"


async def test_two_contacts_become_one_only_where_the_import_is_told_so(log: Log) -> None:
    await taken(log, "name,email\nJane,jane@example.org\n")
    await taken(log, "name,phone\nJane,+493023125099\n")
    row = "name,email,phone\nJane,jane@example.org,+493023125099\n"
    refused = await taken(log, row)
    united = await taken(log, row, merge=True)
    assert counts(refused) == (0, 0, 0, [2])
    assert "merge" in refused.broken[0].what
    assert counts(united) == (0, 1, 0, [])
    by_mail, by_phone = await contact(log, "jane@example.org"), await contact(log, "+493023125099")
    assert by_mail == by_phone


async def test_an_import_never_takes_away_what_it_does_not_say(log: Log) -> None:
    await taken(log, "external_id,email,language,no_calls\n1,jane@example.org,de,yes\n")
    await taken(log, "external_id,email,language,no_calls\n1,,,\n")
    jane = await contact(log, "jane@example.org")
    assert jane is not None
    assert (jane.language, jane.wishes.no_calls, jane.revision) == ("de", True, 1)


async def test_many_rows_are_taken_in_order_and_told_of(log: Log) -> None:
    text = "external_id,email\n" + "".join(f"{each},p{each}@example.org\n" for each in range(450))
    told: list[int] = []
    report = await import_contacts(log, entries(text), HAND, done=lambda so_far: told.append(so_far.rows))
    assert (report.new, told) == (450, [200, 400, 450])
    assert (await outbox(log)).count("contact.created") == 450


async def test_one_id_under_two_names_is_told_and_not_guessed(log: Log) -> None:
    text = "external_id,name,email\n1,Jane,jane@example.org\n1,John,john@example.org\n1,Jane,jane@example.com\n"
    assert counts(await taken(log, text)) == (1, 1, 0, [3])
    known = await contact(log, "jane@example.org")
    assert known is not None
    assert known.name == "Jane"
    assert await contact(log, "john@example.org") is None
