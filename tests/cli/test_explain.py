"""Why: of what is in the store, and of mails on disk."""

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commsd.channels.mail.suppression import Us
from commsd.cli.judge import Bench, judged
from commsd.cli.why_text import interaction_lines
from commsd.core import key
from commsd.core.interaction import Delivery, DeliveryKind, Kind, Outcome
from commsd.core.token import ack_id
from commsd.sla.rules.opening import holiday_names
from commsd.world import real_world
from tests.channels.mail.written import ARRIVED, mail
from tests.cli.office import Office, built, commsd, within

HUMAN = "Guten Tag, ich möchte wissen, wann meine Bestellung kommt. Bitte geben Sie mir Bescheid.\n"


@pytest.mark.parametrize("name", ["interaction", "case", "clock", "Message-ID", "<Message-ID>", "address"])
def test_whatever_names_a_mail_explains_it(office: Office, name: str) -> None:
    fact = office.mail()
    clock = office.done("clocks", "--json").json[0]
    text = {
        "interaction": fact.id,
        "case": str(fact.case_id),
        "clock": clock["id"],
        "Message-ID": "one@example.org",
        "<Message-ID>": "<one@example.org>",
        "address": "jane@example.org",
    }[name]
    told = office.done("explain", text).out
    assert f"case {fact.case_id}, open" in told
    assert "no acknowledgement: no-ack:too-old" in told
    assert "matches: policy standard" in told
    assert "ack 1: running, due" in told
    assert "15 min, in all" in told


@pytest.mark.parametrize("name", ["callback", "CallSid", "number"])
def test_whatever_names_a_call_explains_it(office: Office, name: str) -> None:
    change = office.missed_call()
    text = {"callback": change.callbacks[0].id, "CallSid": "CA1", "number": "+49 30 23125099"}[name]
    told = office.done("explain", text).out
    assert f"callback {change.callbacks[0].id}: waiting" in told
    assert "callback 1: running" in told


SALES = """
[mailbox.sales]
address = "sales@example.com"
authserv_ids = ["mx.example.com"]
system_senders = ["postmaster"]
imap = { host = "imap.example.com", username = "sales", password = { env = "PASSWORD" } }
smtp = { host = "smtp.example.com" }
"""


def test_how_long_a_customer_waits_is_counted_to_this_moment(office: Office) -> None:
    fact = office.mail(occurred_at=datetime.now(UTC) - timedelta(hours=2))
    assert "the customer has waited 2 h 00 min" in office.done("explain", fact.id).out


HOURS = """
[calendar.office]
tz = "Europe/Berlin"
hours = "mon-sun 08:00-18:00"
holidays = { country = "DE", subdivision = "BE" }
[policy.standard]
calendar = "office"
first_response = "20h"
[[rule]]
policy = "standard"
"""


@pytest.mark.parametrize("in_files", [True, False], ids=["sla/", "[service]"])
def test_a_day_that_is_free_is_called_by_its_name(tmp_path: Path, in_files: bool) -> None:
    folder = built(tmp_path)
    if in_files:
        (folder / "sla").mkdir()
        (folder / "sla" / "a.toml").write_text(HOURS)
    else:
        main = (folder / "commsd.toml").read_text().replace("00:00-24:00", "08:00-18:00")
        (folder / "commsd.toml").write_text(main.replace("[store]", 'country = "DE-BE"\n[store]'))
    office, year = Office(folder), datetime.now(UTC).year - 1
    fact = office.mail(occurred_at=datetime(year, 10, 2, 15, 30, tzinfo=UTC))  # the office closes half an hour later
    name = holiday_names({"country": "DE"}, [year])[date(year, 10, 3)]
    assert f"{year}-10-03 closed: {name}" in office.done("explain", fact.id).out
    (case,) = office.done("explain", fact.id, "--json").json["cases"]
    (clock,) = (each for each in case["clocks"] if each["clock"] == "first_response")
    assert {"date": f"{year}-10-03", "hours": [], "listed": True, "name": name} in clock["why"]["odd_days"]


def test_what_came_of_a_call_is_told(office: Office) -> None:
    change = office.missed_call()
    lines = office.done("explain", change.interactions[0].id).out.splitlines()
    assert "missed" in [line.strip() for line in lines]


def test_whatever_names_a_delivery_explains_it_and_its_case(office: Office) -> None:
    fact = office.mail()

    def owed(items: Any) -> Any:
        return replace(fact, id=items.new_id(), external_ids=(), parties=(), recorded_at=items.now)

    now = datetime.now(UTC)
    delivery = Delivery(
        id=real_world().new_id(),
        kind=DeliveryKind.NOTICE,
        key="notice:1",
        via="support",
        recipient="anna@example.com",
        payload=b"...",
        created_at=now,
        due_at=now,
        case_id=fact.case_id,
    )
    office.decide((key.of_case(str(fact.case_id)),), owed, deliveries=(delivery,))
    told = office.done("explain", delivery.id).out
    assert f"notice {delivery.id}: queued" in told
    assert f"case {fact.case_id}, open" in told


def test_who_gets_told_when_is_told_by_name(office: Office) -> None:
    told = office.done("explain", office.mail(team="service").id).out
    assert "    who is told:\n      75%    " in told
    assert "Anna Berg (anna@example.com)" in told


def test_the_record_says_why_each_clock_is_due_when_it_is(office: Office) -> None:
    told = office.done("explain", office.mail().id, "--json").json
    (first,) = (each for each in told["cases"][0]["clocks"] if each["clock"] == "first_response")
    assert first["why"]["rules"]["policy"] == "standard"
    assert first["why"]["counted"][-1]["total_ms"] == first["why"]["target_ms"] == 4 * 3_600_000
    assert {each["step"] for each in first["why"]["told"]} == {"75%", "due"}
    assert {each["clock"] for each in told["cases"][0]["not_owed"]} == {"update", "resolution"}


def test_an_acknowledgement_that_was_kept_back_told_nobody_anything(office: Office) -> None:
    at = datetime(2026, 3, 10, 9, tzinfo=UTC)
    kept_back = replace(office.mail(), kind=Kind.ACK, outcome=Outcome.SUPPRESSED, promised_at=at)
    told = "\n".join(interaction_lines(kept_back, UTC))
    assert "the customer would have been told Tue 2026-03-10 09:00:00 UTC" in told


def test_an_explanation_is_a_record_for_a_program(office: Office) -> None:
    fact = office.mail()
    told = office.done("explain", fact.id, "--json").json
    assert told["cases"][0]["case"]["id"] == fact.case_id
    assert {clock["clock"] for clock in told["cases"][0]["clocks"]} == {"ack", "first_response"}


def test_what_nobody_knows_is_a_finding(office: Office) -> None:
    ran = office.commsd("explain", "nobody@example.org")
    assert ran.code == 1
    assert ran.err.startswith("nothing is known of nobody@example.org")


def test_a_mail_that_could_not_be_read_is_a_finding_and_the_others_are_judged(tmp_path: Path) -> None:
    (tmp_path / "human.eml").write_bytes(mail(body=HUMAN))
    with within(tmp_path):
        assert commsd("explain", "--mail", "human.eml").code == 0
        ran = commsd("explain", "--mail", "gone.eml", "human.eml")
    assert ran.code == 1
    assert [line.split()[-1] for line in ran.out.splitlines()] == ["gone.eml", "human.eml"]


def test_mails_from_disk_are_judged_without_any_configuration(tmp_path: Path) -> None:
    (tmp_path / "human.eml").write_bytes(mail(body=HUMAN))
    (tmp_path / "machine.eml").write_bytes(mail("Auto-Submitted: auto-replied"))
    with within(tmp_path):
        ran = commsd("explain", "--mail", "human.eml", "machine.eml", "gone.eml", ".", "--json")
    assert ran.code == 1
    assert ran.json == [
        {"file": "human.eml", "decision": "ack", "reason": None, "language": "de"},
        {"file": "machine.eml", "decision": "no-ack", "reason": "no-ack:auto-submitted", "language": "en"},
        {"file": "gone.eml", "decision": "error", "reason": "No such file or directory", "language": None},
        {"file": ".", "decision": "error", "reason": "Is a directory", "language": None},
    ]


def test_the_line_that_parts_mails_in_a_file_is_no_part_of_the_mail(tmp_path: Path) -> None:
    bench = Bench(us=Us(), languages=("en", "de"), at=ARRIVED)
    for number, first in enumerate((b"From jane Thu Mar  5\n", b">From jane\r\n", b"\r\n\n", b"From x\n\n")):
        file = tmp_path / f"{number}.eml"
        file.write_bytes(first + mail())
        assert judged(file, bench).decision == "ack"


def test_our_own_addresses_count_where_a_configuration_was_named(tmp_path: Path) -> None:
    folder = built(tmp_path / "config")
    file = tmp_path / "own.eml"
    file.write_bytes(mail(from_="Support <support@example.com>"))
    with within(tmp_path):  # the folder ./config is no choice of whoever types this
        assert commsd("explain", "--mail", str(file), "--json").json[0]["decision"] == "ack"
    (found,) = commsd("--config", str(folder), "explain", "--mail", str(file), "--json").json
    assert found["reason"] == "no-ack:own-address"


def test_mails_from_disk_are_judged_as_the_mailbox_they_came_to_judges_them(tmp_path: Path) -> None:
    folder = built(tmp_path / "config", SALES)
    (folder / "key").write_text("k" * 64)
    ours = ack_id(b"k" * 64, "a" * 64, "example.com")
    report = "Authentication-Results: mx.example.com; dmarc=fail header.from=customer.test"
    mails = {
        "no-ack:own-address": mail(from_="Anna <anna@example.com>"),
        "no-ack:own-ack": mail(message_id=f"<{ours}>"),
        "no-ack:dmarc-fail": mail(report, to="sales@example.com"),
        "no-ack:robot-sender": mail(from_="postmaster@customer.test", to="support@example.com"),
        "dmarc is not asked by support": mail(report, to="support@example.com"),
        "sales hears the postmaster": mail(from_="postmaster@customer.test", to="sales@example.com"),
    }
    files = []
    for number, raw in enumerate(mails.values()):
        files.append(tmp_path / f"{number}.eml")
        files[-1].write_bytes(raw)
    found = commsd("--config", str(folder), "explain", "--mail", *map(str, files), "--json").json
    assert [each["reason"] for each in found] == [said if said.startswith("no-ack") else None for said in mails]


def test_judging_mails_makes_no_key(tmp_path: Path) -> None:
    folder = built(tmp_path / "config")
    (tmp_path / "one.eml").write_bytes(mail())
    assert commsd("--config", str(folder), "explain", "--mail", str(tmp_path / "one.eml")).code == 0
    assert not (folder / "key").exists()


def test_a_line_a_file_for_people(tmp_path: Path) -> None:
    file = tmp_path / "list.eml"
    file.write_bytes(mail("List-Id: <news.example.org>"))
    first, second = commsd("explain", "--mail", str(file)).out.splitlines()
    assert first.split() == ["no-ack:list", "en", str(file)]
    assert second.strip().startswith("it came through a mailing list")


def test_the_corpus_is_decided_as_expected(shared: Path, tmp_path: Path) -> None:
    folder = shared / "corpus" / "mail"
    with (folder / "expected.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["expected"] in ("ack", "no-ack")][::10]
    with within(folder):
        ran = commsd("explain", "--mail", "--json", *(row["path"] for row in rows))
    assert ran.code == 0
    decided = {each["file"]: each["decision"] for each in json.loads(ran.out)}
    assert decided == {row["path"]: row["expected"] for row in rows}


def test_one_thing_is_explained_at_a_time(office: Office) -> None:
    assert office.commsd("explain", "one", "two").code == 2
