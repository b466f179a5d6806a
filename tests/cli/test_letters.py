"""Printed acknowledgements on the command line."""

import re
from pathlib import Path

import pytest

from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.printing import FOLDER, Print
from commsd.core.interaction import Delivery, DeliveryKind
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import real_world
from tests.channels.mail.paper_house import FIRM, arrived, desk, fax_fields
from tests.channels.mail.written import mail
from tests.cli.office import Office, built

NOBODY = "0195a1b2-0000-7000-8000-00000000dead"


@pytest.fixture
def letter(office: Office) -> Delivery:
    """A fax came, its page lies in the folder."""
    at, world = desk(), real_world()

    async def work(log: Log, rules: Rules) -> Delivery:
        arrival = arrived(world.now())
        change = await log.decide(keys_of(arrival, at), lambda items: intake(arrival, items, at, rules.terms))
        duty = Print(
            office.folder / FOLDER, {"paper": at.mailbox}, FIRM, at.post, log, Claims(log, world, "node"), world
        )
        await duty.once()
        return next(owed for owed in change.deliveries if owed.kind is DeliveryKind.LETTER)

    return office.with_log(work)


def test_nothing_waits_in_a_house_without_paper(office: Office) -> None:
    assert office.done("letters", "list").out == "no letter waits\n"
    assert office.done("letters", "list", "--json").json == []


def test_the_list_says_to_whom_by_when_and_where_the_page_lies(office: Office, letter: Delivery) -> None:
    ran = office.done("letters", "list")
    assert all(word in ran.out for word in ("+493023125099", letter.id, str(office.folder / FOLDER)))
    (told,) = office.done("letters", "list", "--json").json
    assert (told["id"], told["to"], told["state"]) == (letter.id, "+493023125099", "queued")
    assert told["post_by"] > told["created_at"]


def test_a_page_that_lies_elsewhere_is_said_not_to_be_here(office: Office, letter: Delivery) -> None:
    for path in (office.folder / FOLDER).iterdir():
        path.unlink()
    assert office.done("letters", "list", "--json").json[0]["file"] is None
    assert "not here" in office.done("letters", "list").out


def test_posting_stops_the_ack_clock_and_says_who(office: Office, letter: Delivery) -> None:
    assert any(clock["clock"] == "ack" for clock in office.done("clocks", "--json").json)
    assert office.done("letters", "posted", letter.id, "--agent", "anna").out == f"letter {letter.id} is posted\n"
    assert office.done("letters", "list", "--json").json == []
    assert not any(clock["clock"] == "ack" for clock in office.done("clocks", "--json").json)


def test_posting_twice_is_harmless_and_says_so(office: Office, letter: Delivery) -> None:
    office.done("letters", "posted", letter.id)
    assert "posted before" in office.done("letters", "posted", letter.id).out
    told = office.done("letters", "posted", letter.id, "--json").json
    assert (told["state"], told["posted_at"] is not None) == ("sent", True)


def test_the_ledger_lists_a_waiting_page_and_it_is_not_wrong(office: Office, letter: Delivery) -> None:
    ran = office.done("ledger")
    assert "a printed acknowledgement to be posted" in ran.out
    assert "+493023125099" in ran.out


@pytest.mark.parametrize("words", [("posted", NOBODY), ("posted", NOBODY, "--agent", "nobody")])
def test_an_id_or_name_nobody_knows_is_refused(office: Office, words: tuple[str, ...]) -> None:
    ran = office.commsd("letters", *words)
    assert ran.code == 1
    assert ran.err.startswith("no ")


def test_explain_judges_a_gateways_mail_as_the_daemon_does(tmp_path: Path) -> None:
    more = """
[mailbox.fax]
address = "fax@example.com"
channel = "fax"
imap = { host = "imap.example.com", username = "fax", password = { env = "PASSWORD" } }
"""
    office = Office(built(tmp_path / "config", more))
    files = {"known": fax_fields(), "unknown": fax_fields(subject="Dokument 4711", from_="X <noreply@gateway.test>")}
    for name, fields in files.items():
        (tmp_path / name).write_bytes(mail(**{**fields, "to": "fax@example.com"}))
    ran = office.done("explain", "--json", "--mail", *(str(tmp_path / name) for name in files))
    assert [(each["decision"], each["reason"]) for each in ran.json] == [("ack", None), ("no-ack", "no-ack:no-sender")]


def test_the_preview_of_a_fax_mailbox_says_fax(tmp_path: Path) -> None:
    more = """
[mailbox.fax]
address = "fax@example.com"
channel = "fax"
imap = { host = "imap.example.com", username = "fax", password = { env = "PASSWORD" } }
smtp = { host = "smtp.example.com" }
"""
    office = Office(built(tmp_path / "config", more))
    shown = office.done("ack", "preview", "fax", "--json").json
    assert shown
    assert all(re.search("fax|faks", each["subject"], re.IGNORECASE) for each in shown)
