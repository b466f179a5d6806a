"""Who wants answers in writing alone: a missed call stays owed until one of us has written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commsd.core.address_book import AddressBook
from commsd.core.callback import CloseReason, State, held, word_of
from commsd.core.clock import State as ClockState
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.interaction import Actor, Automation, Kind
from commsd.core.screen import WRITE_ONLY
from tests.core.items import JANE, NUMBER, Books, answer_to, call_from, mail_from

MADE = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
JANE_WRITES = Contact(
    id="jane",
    created_at=MADE,
    identities=(Identity("email", JANE), Identity("phone", NUMBER)),
    wishes=Wishes(write_only=True),
)


def missed(contact: Contact = JANE_WRITES) -> Books:
    books = Books()
    books.contacts = {contact.id: contact}
    books.take(call_from())
    books.callbacks[books.callback.id] = held(books.callback, WRITE_ONLY)
    books.wait(hours=1)
    return books


def answered(books: Books, **more: Any) -> None:
    (case_id,) = books.files
    books.take(answer_to(case_id=case_id, **more))


def clocks_of(books: Books) -> set[ClockState]:
    (file,) = books.files.values()
    return {clock.value.state for clock in file.clocks if clock.value.clock.value == "callback"}


def test_a_missed_call_of_who_wants_writing_keeps_its_case_and_its_clock() -> None:
    books = missed()
    assert books.callback.state is State.HELD
    assert clocks_of(books) == {ClockState.RUNNING}


def test_it_settles_the_call_too_where_the_number_and_the_address_are_shared_with_somebody() -> None:
    both = tuple(Identity(kind, value) for kind, value in JANE_WRITES.identities)
    books = missed()
    books.contacts[JANE_WRITES.id] = replace(JANE_WRITES, identities=(), shared=both)
    answered(books)
    assert (books.callback.state, books.callback.close_reason) == (State.CLOSED, CloseReason.ANSWERED_OTHER_CHANNEL)


def test_it_settles_the_call_too_where_the_case_is_still_that_of_who_went_into_them() -> None:
    books = missed()
    (before,) = books.files.values()
    books.files[before.case.id] = replace(before, case=replace(before.case, contact_id="gone"))
    books.contacts["gone"] = Contact(id="gone", created_at=MADE, merged_into=JANE_WRITES.id)
    answered(books)
    assert books.callback.state is State.CLOSED
    (file,) = books.files.values()
    assert [fact.contact_id for fact in file.interactions if fact.kind is Kind.MESSAGE] == [JANE_WRITES.id]


def test_a_written_answer_settles_the_call_of_who_wants_writing_and_its_clock() -> None:
    books = missed()
    answered(books)
    ended = books.callback
    assert (ended.state, ended.close_reason) == (State.CLOSED, CloseReason.ANSWERED_OTHER_CHANNEL)
    assert ClockState.RUNNING not in clocks_of(books)
    (file,) = books.files.values()
    (close,) = [fact for fact in file.interactions if fact.kind is Kind.CLOSE]
    assert close.caused_by == ended.closed_by
    assert close.detail.callback_id == ended.id


def test_the_call_settled_in_writing_is_told_to_readers_as_closed() -> None:
    books = missed()
    before = books.callback
    (case_id,) = books.files
    change = books.take(answer_to(case_id=case_id))
    assert word_of(books.callback, before) == "closed"
    assert {"callback.closed", "interaction.recorded"} <= {event.type for event in change.events}


@pytest.mark.parametrize(
    "more", [{"partial": True}, {"actor": Actor.MACHINE}, {"automation": Automation.AUTO_REPLY}], ids=str
)
def test_what_does_not_answer_settles_no_call(more: dict[str, Any]) -> None:
    books = missed()
    answered(books, **more)
    assert books.callback.open


def test_an_answer_sent_before_the_call_settles_nothing() -> None:
    books = missed()
    answered(books, occurred_at=books.now - timedelta(hours=2))
    assert books.callback.open


def test_who_has_no_such_wish_is_rung_although_somebody_wrote() -> None:
    books = missed(replace(JANE_WRITES, wishes=Wishes(no_calls=True)))
    answered(books)
    assert books.callback.open


def test_who_wants_writing_and_asks_for_a_call_all_the_same_is_owed_that_call() -> None:
    books = missed()
    asked = replace(books.callback, asked_at_time=True)
    books.callbacks[asked.id] = asked
    answered(books)
    assert books.callback.open


def test_a_customers_own_mail_settles_no_call() -> None:
    books = missed()
    (case_id,) = books.files
    books.take(mail_from(case_id=case_id))
    assert books.callback.open


def test_who_says_that_writing_is_wished_has_owed_calls_held_for_it_and_may_ask_for_one_later() -> None:
    books = missed(replace(JANE_WRITES, wishes=Wishes()))
    books.callbacks[books.callback.id] = replace(books.callback, state=State.WAITING, held=None)
    book = AddressBook(books.items)
    book.put(JANE_WRITES)
    change = book.change("anna", {})
    assert [call.held for call in change.callbacks] == [WRITE_ONLY]
    assert [(said.number, said.lifted) for said in change.opt_outs] == [(NUMBER, False)]
