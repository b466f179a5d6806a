"""The brake on the command line: what is paused is said, held back is listed, and a person lets it go on."""

from datetime import UTC, datetime, timedelta

import pytest

from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryKind
from tests.cli.office import Office

FOR = ("--for", "1h", "--why", "a loop with a shop")


def test_nothing_is_paused_at_first(office: Office) -> None:
    assert office.done("pause").out == "nothing is paused\n"
    assert office.done("pause", "--json").json == []


def test_a_pause_says_until_when_by_whom_and_why(office: Office) -> None:
    office.done("pause", "acks", "--mailbox", "support", *FOR)
    office.done("pause", "dialling", *FOR)
    acks, dialling = office.done("pause", "--json").json
    assert (acks["what"], acks["mailbox"], acks["why"]) == ("acks", "support", "a loop with a shop")
    assert (dialling["what"], dialling["mailbox"]) == ("dialling", None)
    left = datetime.fromisoformat(acks["until"]) - datetime.now(UTC)
    assert timedelta(minutes=58) < left <= timedelta(hours=1)
    assert acks["by"].startswith("cli:")
    table = office.done("pause").out
    assert "a loop with a shop" in table
    assert "all" in table.splitlines()[2].split()


def test_a_pause_says_which_agent_pulled_it(office: Office) -> None:
    assert office.done("pause", "acks", *FOR, "--agent", "anna", "--json").json[0]["by"] == "anna"
    assert office.commsd("pause", "acks", *FOR, "--agent", "anne").code == 1
    assert office.commsd("resume", "acks", "--agent", "anne").code == 1
    assert office.done("resume", "acks", "--agent", "anna").out.startswith("nothing is paused")


def test_a_pause_again_takes_the_place_of_the_first(office: Office) -> None:
    office.done("pause", "acks", "--for", "1h", "--why", "one")
    office.done("pause", "acks", "--for", "2h", "--why", "two")
    assert [each["why"] for each in office.done("pause", "--json").json] == ["two"]


def test_resume_ends_one_pause_or_all_of_a_kind(office: Office) -> None:
    office.done("pause", "acks", "--mailbox", "support", *FOR)
    office.done("pause", "acks", *FOR)
    office.done("pause", "dialling", *FOR)
    office.done("resume", "acks", "--mailbox", "support")
    assert [(each["what"], each["mailbox"]) for each in office.done("pause", "--json").json] == [
        ("acks", None),
        ("dialling", None),
    ]
    ran = office.commsd("resume", "acks", "--mailbox", "support")
    assert ran.code != 0
    assert "paused with all others" in ran.err
    assert office.done("resume", "acks", "--json").json[0]["what"] == "dialling"
    assert "acks are not paused" in office.commsd("resume", "acks").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acks", "--why", "x"), "for how long is missing"),
        (("acks", "--for", "soon", "--why", "x"), '"soon" is not a time'),
        (("acks", "--for", "31d", "--why", "x"), "not a time up to 30d"),
        (("acks", "--for", "0s", "--why", "x"), "not a time up to 30d"),
        (("acks", "--for", "1h"), "the reason is missing"),
        (("acks", "--for", "1h", "--why", "  "), "the reason is missing"),
        (("acks", "--mailbox", "suport", *FOR), 'no mailbox "suport"'),
        (("dialling", "--mailbox", "support", *FOR), "no mailbox dials"),
    ],
)
def test_what_cannot_be_paused_so_is_refused_with_what_to_do(office: Office, words: tuple[str, ...], said: str) -> None:
    ran = office.commsd("pause", *words)
    assert ran.code != 0
    assert said in ran.err
    assert len(ran.err.splitlines()) == 2
    assert office.done("pause", "--json").json == []


def test_resume_says_who_stays_without_an_acknowledgement(office: Office) -> None:
    office.mail(reason="no-ack:paused")
    office.done("pause", "acks", *FOR)
    assert "1 writing without an acknowledgement" in office.done("resume", "acks").out


def test_only_acknowledgements_and_dialling_can_be_paused(office: Office) -> None:
    assert office.commsd("pause", "everything", *FOR).code == 2


def test_l4_the_ledger_lists_a_pause_what_it_holds_and_whom_nobody_answered(office: Office) -> None:
    held = office.mail(reason="no-ack:paused")
    owed = Delivery(
        id="11111111-1111-7111-8111-111111111111",
        kind=DeliveryKind.ACK,
        key="ack:1",
        via="support",
        recipient="jane@example.org",
        payload=b"x",
        created_at=datetime.now(UTC) - timedelta(minutes=10),
        due_at=datetime.now(UTC) - timedelta(minutes=10),
    )
    office.with_log(lambda log, rules: log.decide((), lambda items: Change(deliveries=(owed,))))
    office.done("pause", "acks", "--mailbox", "support", *FOR)
    found = {debt["kind"]: debt for debt in office.done("ledger", "--json").json}
    assert found["mail_without_acknowledgement"]["id"] == held.id
    assert found["mail_without_acknowledgement"]["what"] == "a writing without an acknowledgement, paused"
    assert found["ack_waiting"]["what"] == "an acknowledgement, paused"
    assert not found["ack_waiting"]["wrong"]
    assert found["paused"]["id"] == "acks:support"
    assert "acks of support, paused by cli:" in office.done("ledger").out
    office.done("resume", "acks")
    kinds = {debt["kind"] for debt in office.commsd("ledger", "--json").json if debt["wrong"]}
    assert kinds == {"ack_stuck"}, "what nobody sends is wrong again"


@pytest.mark.parametrize("reason", ["budget", "same-subject", "refused-before", "paused"])
def test_l4_each_brake_leaves_a_line_in_the_ledger(office: Office, reason: str) -> None:
    fact = office.mail(reason=f"no-ack:{reason}")
    found = [debt["id"] for debt in office.done("ledger", "--json").json if debt["kind"].startswith("mail_without")]
    assert found == [fact.id]


@pytest.mark.parametrize("reason", ["too-old", "in-conversation", "list"])
def test_l4_other_reasons_leave_none(office: Office, reason: str) -> None:
    office.mail(reason=f"no-ack:{reason}")
    assert not [debt for debt in office.done("ledger", "--json").json if debt["kind"].startswith("mail_without")]


def test_l4_a_closed_case_is_listed_no_more(office: Office) -> None:
    fact = office.mail(reason="no-ack:budget")
    office.done("cases", "close", fact.case_id or "")
    assert not [debt for debt in office.done("ledger", "--json").json if debt["kind"].startswith("mail_without")]
