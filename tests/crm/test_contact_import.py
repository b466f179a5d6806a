"""A file of contacts into the log, on both stores: each row whole or not at all, and twice the same as once."""

import asyncio
import io
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from commsd.core import key
from commsd.core.callback import State
from commsd.core.contact import Contact, Identity, identity_of
from commsd.core.entry import Hand
from commsd.core.organisation import Mark
from commsd.crm.card import Entry, Reading, entry_of
from commsd.crm.contact_csv import sheet_of
from commsd.crm.contact_import import Report, import_contacts
from commsd.crm.organisation_merge import all_move, merge_organisations
from commsd.crm.organisation_set import FirmSaid, put_organisation
from commsd.store import organisations, schema
from commsd.store.log import Log
from tests.crm.serving import Place, rang
from tests.house import items_of

HAND = Hand(by="anna")
FILE = """external_id,name,email,phone,tier,company
1,Jane Clarke,jane@example.org,+493023125099,gold,example.org
2,John Clarke,john@example.org,+493023125099,,example.org
3,Broken,nobody,,,
4,Ann,ann@example.org,,,+493023125010
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


async def test_a_cell_that_holds_more_than_an_address_is_left_out_with_what_to_write(log: Log) -> None:
    text = "external_id,email\n1,write to jane@example.org\n2,Jane <jane@example.org>\n3,jane@example.org\n"
    report = await taken(log, text)
    assert counts(report) == (1, 0, 0, [2, 3])
    assert all("a mail address and nothing else" in each.what for each in report.broken)


async def test_a_call_held_for_a_wish_waits_again_once_a_file_takes_the_wish_back(here: Place) -> None:
    (owed,) = (await rang(here)).callbacks
    for wanted, state in (("yes", State.HELD), ("no", State.WAITING)):
        await taken(here.log, f"external_id,phone,no_calls\n1,+493023125099,{wanted}\n")
        (call,) = (await items_of(here.log, key.of_callback(owed.id))).callbacks
        assert call.state is state


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


@pytest.mark.parametrize(
    ("known", "row"),
    [
        ("name,email,customer\nAnna Berg,anna@example.org,10017\n", "name,email,customer\nBo Lind,{mail},10017\n"),
        ("name,customer\nAnna Berg,10017\n", "name,customer\nBo Lind,10017\n"),
        ("name,customer\nAnna Berg,10017\n", "name,customer,external_id\nBo Lind,10017,2\n"),
        ("name,email,phone\nAnna Berg,anna@example.org,{number}\n", "name,email,phone\nBo Lind,{mail},{number}\n"),
    ],
)
@pytest.mark.parametrize("merge", [False, True])
async def test_a_number_of_somebody_known_under_another_name_is_told_and_makes_no_two_people_one(
    log: Log, known: str, row: str, merge: bool
) -> None:
    place = {"mail": "bo@example.org", "number": "+493023125099"}
    await taken(log, known.format(**place))
    before = await outbox(log)
    for check in (True, False):
        report = await taken(log, row.format(**place), check=check, merge=merge)
        assert counts(report) == (0, 0, 0, [2])
        assert "another name" in report.broken[0].what
    assert await outbox(log) == before


@pytest.mark.parametrize(
    ("known", "row"),
    [
        ("name,email,customer\nBerg,anna@example.org,10017\n", "name,email,customer\nAnna B,anna@example.org,10017\n"),
        ("name,email,customer\nAnna Berg,anna@example.org,7\n", 'name,email,customer\n"Berg, Anna",a@example.org,7\n'),
        ("name,phone\nBerg,+493023125099\n", "name,phone\nAnna Berg,+493023125099\n"),
        ("email,customer\nanna@example.org,10017\n", "name,email,customer\nAnna,anna@example.com,10017\n"),
        ("external_id,name,customer\n1,Berg,10017\n", "external_id,name,customer\n1,Anna,10017\n"),
    ],
)
async def test_who_is_known_by_more_than_a_number_may_get_another_name(log: Log, known: str, row: str) -> None:
    await taken(log, known)
    assert counts(await taken(log, row)) == (0, 1, 0, [])


async def test_two_people_of_one_system_share_a_customer_number_whatever_their_names(log: Log) -> None:
    await taken(log, "external_id,name,customer\n1,Anna Berg,10017\n")
    assert counts(await taken(log, "external_id,name,customer\n2,Bo Lind,10017\n")) == (1, 0, 0, [])


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


async def of_firm(log: Log, address: str) -> str | None:
    known = await contact(log, address)
    assert known is not None
    return known.organisation_id


async def named(log: Log, name: str) -> tuple[str, ...]:
    return await log.read(lambda c: organisations.ids_named(c, name, None))


FIRMS = """name,email,company
Jane,jane@example.org,Bücher & Sons
John,john@example.org,  BÜCHER &  Sons
Ann,ann@example.org,booking.example
"""


async def test_an_organisation_of_a_name_nobody_has_is_made_once_for_all_its_people(log: Log) -> None:
    first = await taken(log, FIRMS)
    jane, before = await of_firm(log, "jane@example.org"), await outbox(log)
    again = await taken(log, FIRMS)
    assert (counts(first), first.firms) == ((3, 0, 0, []), 2)
    assert (counts(again), again.firms) == ((0, 0, 3, []), 0)
    assert await outbox(log) == before
    assert before.count("organisation.created") == 2
    assert jane is not None
    assert jane == await of_firm(log, "john@example.org")
    assert await named(log, "bücher & sons") == (jane,)
    assert await named(log, "booking.example") == (await of_firm(log, "ann@example.org"),)


async def test_a_domain_nobody_has_makes_an_organisation_of_that_domain(log: Log) -> None:
    text = "email,company\njane@plain.example,Plain.example\njohn@post.plain.example,plain.example.\n"
    checked, first = await taken(log, text, check=True), await taken(log, text)
    again = await taken(log, text)
    assert (checked.firms, first.firms, again.firms, counts(again)) == (1, 1, 0, (0, 0, 2, []))
    holder = await log.read(lambda c: organisations.id_of_mark(c, Mark("domain", "plain.example")))
    assert holder is not None
    assert await of_firm(log, "jane@plain.example") == await of_firm(log, "john@post.plain.example") == holder


async def test_a_domain_is_no_mark_of_an_organisation_whose_people_write_from_elsewhere(log: Log) -> None:
    text = "email,company\njane@example.org,plain.example\njohn@explain.example,plain.example\n"
    first, again = await taken(log, text), await taken(log, text)
    assert (first.firms, counts(first), again.firms, counts(again)) == (1, (2, 0, 0, []), 0, (0, 0, 2, []))
    assert await log.read(lambda c: organisations.id_of_mark(c, Mark("domain", "plain.example"))) is None
    assert (await of_firm(log, "jane@example.org"),) == await named(log, "plain.example")


async def test_a_domain_that_somebody_claims_meanwhile_leads_to_who_has_it(log: Log) -> None:
    (entry,) = entries("email,company\njane@plain.example,plain.example\n")
    claimed = FirmSaid(fields={"name": "Plain"}, domains=("plain.example",))

    def late() -> Iterator[Entry]:
        log.submit([key.of_mark(Mark("crm", "f1"))], put_organisation(Mark("crm", "f1"), claimed, HAND))
        yield entry

    report = await import_contacts(log, late(), HAND)
    assert (counts(report), report.firms) == ((1, 0, 0, []), 0)
    assert (await of_firm(log, "jane@plain.example"),) == await named(log, "Plain")


async def test_a_public_mail_provider_is_no_organisation_and_is_told_with_its_line(log: Log) -> None:
    text = "email,company\njane@example.org,Gmail.com\n"
    for check in (True, False):
        report = await taken(log, text, check=check)
        assert (counts(report), report.public, report.unplaced, report.firms) == ((1, 0, 0, []), [2], [], 0)
    assert await of_firm(log, "jane@example.org") is None


async def test_a_check_counts_the_organisations_that_would_be_made_and_makes_none(log: Log) -> None:
    checked = await taken(log, FIRMS, check=True)
    assert (counts(checked), checked.firms) == ((3, 0, 0, []), 2)
    assert await named(log, "booking.example") == ()
    await taken(log, FIRMS)
    known = await taken(log, FIRMS, check=True)
    assert (counts(known), known.firms) == ((0, 0, 3, []), 0)


async def test_a_name_of_two_organisations_is_told_with_its_line_and_not_guessed(log: Log) -> None:
    marks = [Mark("crm", "f1"), Mark("crm", "f2")]
    for mark in marks:
        said = FirmSaid(fields={"name": "Acme"})
        await log.decide([key.of_mark(mark)], put_organisation(mark, said, HAND))
    text = "name,email,company\nJane,jane@example.org,acme\nJohn,john@example.org,crm:f2\n"
    for check in (True, False):
        report = await taken(log, text, check=check)
        assert (report.unclear, report.unplaced, report.firms) == ([2], [], 0)
    assert await of_firm(log, "jane@example.org") is None
    assert await of_firm(log, "john@example.org") is not None
    of_one_of_them = await taken(log, "name,email,company\nJohn,john@example.org,ACME\n")
    assert (counts(of_one_of_them), of_one_of_them.unclear) == ((0, 0, 1, []), [])


async def test_a_row_that_is_left_out_makes_no_organisation(log: Log) -> None:
    await taken(log, "name,email\nJane,jane@example.org\n")
    await taken(log, "name,phone\nJane,+493023125099\n")
    report = await taken(log, "name,email,phone,company\nJane,jane@example.org,+493023125099,Acme\n")
    assert (counts(report), report.firms) == ((0, 0, 0, [2]), 0)
    assert await named(log, "Acme") == ()


async def test_the_name_of_an_organisation_that_went_into_another_leads_there(log: Log) -> None:
    await taken(log, "email,company\njane@example.org,Acme Limited\njohn@example.org,Acme\n")
    gone, stays = await of_firm(log, "jane@example.org"), await of_firm(log, "john@example.org")
    assert gone is not None
    assert stays is not None
    keys = [key.of_organisation(gone), key.of_organisation(stays)]
    await log.decide(keys, merge_organisations(gone, stays, HAND))
    late = await taken(log, "email,company\nann@example.org,Acme limited\n")
    assert (late.firms, await of_firm(log, "ann@example.org")) == (0, stays)
    assert await all_move(log, gone, stays, HAND) == 1
    again = await taken(log, "email,company\njane@example.org,Acme Limited\njohn@example.org,Acme\n")
    assert (counts(again), again.firms) == ((0, 0, 2, []), 0)


async def test_two_imports_at_once_make_one_organisation(log: Log) -> None:
    texts = [f"email,company\np{each}@example.org,Acme\n" for each in range(4)]
    reports = await asyncio.gather(*(taken(log, text) for text in texts))
    assert sum(report.firms for report in reports) == 1
    assert len(await named(log, "Acme")) == 1


async def test_a_name_that_several_got_meanwhile_leaves_its_row_for_the_next_time(log: Log) -> None:
    acme = FirmSaid(fields={"name": "Acme"})
    (entry,) = entries("email,company\njane@example.org,Acme\n")

    def late() -> Iterator[Entry]:
        for mark in (Mark("crm", "f1"), Mark("crm", "f2")):
            log.submit([key.of_mark(mark)], put_organisation(mark, acme, HAND))
        yield entry

    report = await import_contacts(log, late(), HAND)
    assert [each.line for each in report.broken] == [2]
    assert "import the file again" in report.broken[0].what
    assert await contact(log, "jane@example.org") is None
