"""`ack settle`: what a person says of an acknowledgement that perhaps went out."""

from dataclasses import replace

import pytest

from commsd.core import key
from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.open_items import OpenItems
from tests.cli.office import Office

HELD = "0195a1b2-0000-7000-8000-0000000000aa"


@pytest.fixture
def held(office: Office) -> str:
    """An acknowledgement that perhaps went out, twice."""

    def owing(items: OpenItems) -> Change:
        owed = Delivery(
            id=HELD,
            kind=DeliveryKind.ACK,
            key="ack:held",
            via="support",
            recipient="jane@example.org",
            payload=b"bytes",
            created_at=items.now,
            due_at=items.now,
            state=DeliveryState.HELD,
            copies=2,
        )
        return Change(deliveries=(owed,))

    office.with_log(lambda log, _rules: log.decide((), owing))
    return HELD


@pytest.mark.parametrize(("verdict", "state"), [("sent", "sent"), ("again", "queued"), ("never", "cancelled")])
def test_d4_a_person_says_what_becomes_of_an_acknowledgement_that_is_held(
    office: Office, held: str, verdict: str, state: str
) -> None:
    listed = office.done("ledger", "--json").json
    assert [(debt["kind"], debt["id"], debt["wrong"]) for debt in listed] == [("ack_held", held, False)]
    assert office.done("ack", "settle", held, verdict, "--json").json == {"id": held, "state": state}
    assert [debt["kind"] for debt in office.done("ledger", "--json").json] == (
        ["ack_waiting"] if state == "queued" else []
    )


def test_what_is_not_held_is_left_alone(office: Office, held: str) -> None:
    office.done("ack", "settle", held, "sent")
    again = office.commsd("ack", "settle", held, "again")
    assert (again.code, "not held" in again.err) == (1, True)
    nobody = office.commsd("ack", "settle", "nobody", "sent")
    assert (nobody.code, "commsd ledger" in nobody.err) == (1, True)


@pytest.mark.parametrize(("verdict", "state"), [("sent", "sent"), ("never", "cancelled")])
def test_one_that_was_given_up_leaves_the_ledger(office: Office, held: str, verdict: str, state: str) -> None:
    def failing(items: OpenItems) -> Change:
        return Change(deliveries=(replace(items.deliveries[HELD], state=DeliveryState.FAILED, reason="gave-up"),))

    office.with_log(lambda log, _rules: log.decide((key.of_delivery(HELD),), failing))
    listed = office.commsd("ledger")
    assert (listed.code, "`commsd ack settle`" in listed.out) == (1, True)
    assert office.commsd("ack", "settle", held, "again").code == 1
    assert office.done("ack", "settle", held, verdict, "--json").json == {"id": held, "state": state}
    assert office.done("ledger").out == "nothing is owed\n"


def test_what_waits_under_a_pause_is_given_up(office: Office, held: str) -> None:
    """As after a copy of the store was put back: it went out already, and the copy does not know."""
    office.done("ack", "settle", held, "again")
    office.done("pause", "acks", "--for", "1h", "--why", "restored a copy")
    waiting = office.commsd("ack", "settle", held, "sent")
    assert (waiting.code, "only `never` stops it" in waiting.err) == (1, True)
    assert office.done("ack", "settle", held, "never", "--json").json == {"id": held, "state": "cancelled"}
    assert [debt["kind"] for debt in office.done("ledger", "--json").json] == ["paused"]


def test_a_word_that_is_no_verdict_is_a_mistake_of_usage(office: Office, held: str) -> None:
    assert office.commsd("ack", "settle", held, "perhaps").code == 2
