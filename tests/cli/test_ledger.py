"""Debts and due times on the command line."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from commsd.core import key
from commsd.core.change import Change
from commsd.core.open_items import OpenItems
from commsd.core.record import instant
from tests.cli.office import Office


def test_nothing_owed_is_exit_0(office: Office) -> None:
    ran = office.done("ledger")
    assert ran.out == "nothing is owed\n"
    assert office.done("ledger", "--json").json == []


def test_what_is_due_is_listed_and_not_wrong(office: Office) -> None:
    office.missed_call()
    ran = office.done("ledger")
    assert "a callback, waiting" in ran.out
    assert ran.out.splitlines()[-1].startswith("1 owed"), "a callback and its clock are one line"
    assert all("+493023125099" in line for line in ran.out.splitlines()[1:-1])
    assert "WRONG" not in ran.out
    assert not any(debt["wrong"] for debt in office.done("ledger", "--json").json)


def test_a_writing_without_a_decision_is_wrong_and_exit_1(office: Office) -> None:
    fact = office.mail(reason=None)
    ran = office.commsd("ledger")
    assert ran.code == 1
    assert ran.out.splitlines()[1].startswith("WRONG  a writing without a decision")
    debts = office.commsd("ledger", "--json").json
    assert [(debt["kind"], debt["id"]) for debt in debts if debt["wrong"]] == [("writing_without_decision", fact.id)]


def test_a_letter_entered_by_hand_is_not_a_writing_without_a_decision(office: Office) -> None:
    office.mail(reason=None, original=None)
    assert not any(debt["wrong"] for debt in office.done("ledger", "--json").json)


def test_a_debt_says_with_whom_and_about_what(office: Office) -> None:
    office.mail()
    (*debts, _last) = office.done("ledger").out.splitlines()[1:]
    assert debts
    assert all("Jane Clarke  Delivery" in line for line in debts)


def test_an_overdue_clock_nobody_was_told_of_is_wrong(office: Office) -> None:
    office.mail(occurred_at=datetime.now(UTC) - timedelta(days=1))
    ran = office.commsd("ledger", "--json")
    assert ran.code == 1
    assert {debt["kind"] for debt in ran.json} == {"overdue_and_nobody_told"}
    assert "overdue" in office.done("clocks").out


def test_a_customer_who_was_told_an_earlier_time_stands_there_until_one_of_us_writes(office: Office) -> None:
    case_id = office.mail().case_id
    told = datetime.now(UTC) + timedelta(minutes=1)

    def moved(items: OpenItems) -> Change:
        (record,) = (r for r in items.files[case_id or ""].clocks if r.value.clock == "first_response")
        return Change(clocks=(replace(record, promised_at=told, moved_at=items.now, told=("moved",)),))

    office.with_log(lambda log, rules: log.decide((key.of_case(case_id or ""),), moved))
    (line,) = (line for line in office.done("ledger").out.splitlines() if "later than told" in line)
    assert not line.startswith("WRONG")
    (debt,) = (d for d in office.done("ledger", "--json").json if d["kind"] == "told_one_time_due_another")
    assert debt["promised_at"] == instant(told)
    assert not debt["wrong"]


def test_in_observe_mode_the_ledger_says_that_customers_get_nothing(office: Office) -> None:
    file = office.folder / "commsd.toml"
    assert "observe" not in office.done("ledger").out
    whole = file.read_text()
    file.write_text(whole.replace("[service]", '[service]\nmode = "observe"'))
    assert office.done("ledger").out.startswith("observe mode for everything: customers get nothing\n")
    sales = whole.partition("[mailbox.support]")[2].partition("[agent")[0].replace("support@", "sales@")
    file.write_text(f'{whole}\n[mailbox.sales]\nmode = "observe"{sales}')
    assert office.done("ledger").out.startswith("observe mode for mailbox sales: customers get nothing\n")
    assert office.done("ledger", "--json").json == []


def test_clocks_are_told_by_due_time(office: Office) -> None:
    case_id = office.mail().case_id
    lines = office.done("clocks").out.splitlines()[1:]
    assert all("Jane Clarke  Delivery" in line for line in lines)
    assert [line.split()[0] for line in lines] == ["ack", "first_response"]
    assert all(line.endswith(str(case_id)) for line in lines)


def test_only_what_is_due_soon_is_told_when_asked(office: Office) -> None:
    office.mail()
    assert [clock["clock"] for clock in office.done("clocks", "--due", "1h", "--json").json] == ["ack"]
    assert office.done("clocks", "--due", "1m").out == "nothing is due\n"


def test_a_time_span_that_is_none_is_a_mistake_of_usage(office: Office) -> None:
    ran = office.commsd("clocks", "--due", "soon")
    assert ran.code == 2
    assert '"soon" is not a time: write it as "1h", "15:00" or "2026-03-10 14:00"' in " ".join(ran.err.split())
