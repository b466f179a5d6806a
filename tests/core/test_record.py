"""Records: what a thing is outside, and that nothing of it is lost on the way to the store and back."""

import orjson
import pytest

from commsd.core.callback import Callback
from commsd.core.case import Case, ClockRecord
from commsd.core.contact import Contact
from commsd.core.interaction import Interaction
from commsd.core.record import apart, record, thing_of, together
from tests.core.items import Books, call_from, mail_from, only, result_of


def things() -> list[object]:
    books = Books()
    books.take(mail_from())
    books.take(call_from())
    callback = next(iter(books.callbacks.values()))
    books.take(result_of(callback, "voicemail", note="said nothing", questions=("When?",)))
    files = list(books.files.values())
    return [
        *books.contacts.values(),
        *books.callbacks.values(),
        *(file.case for file in files),
        *(clock for file in files for clock in file.clocks),
        *(fact for file in files for fact in file.interactions),
    ]


@pytest.mark.parametrize("thing", things(), ids=lambda thing: type(thing).__name__)
def test_a_thing_survives_its_record_as_json(thing: object) -> None:
    kind = type(thing)
    bare, personal = apart(kind, record(thing))
    back = orjson.loads(orjson.dumps({"bare": bare, "personal": personal}))
    assert thing_of(kind, together(back["bare"], back["personal"])) == thing


@pytest.mark.parametrize("thing", things(), ids=lambda thing: type(thing).__name__)
def test_a_bare_record_holds_nothing_personal(thing: object) -> None:
    bare, _ = apart(type(thing), record(thing))
    text = orjson.dumps(bare).decode().lower()
    assert [word for word in ("jane", "example.org", "23125099", "delivery", "said nothing") if word in text] == []


@pytest.mark.parametrize("thing", things(), ids=lambda thing: type(thing).__name__)
def test_an_erased_record_can_still_be_read(thing: object) -> None:
    bare, _ = apart(type(thing), record(thing))
    assert isinstance(thing_of(type(thing), bare), type(thing))


def test_the_names_outside_are_those_of_the_interface() -> None:
    books = Books()
    books.take(call_from())
    file = only(books.files.values())
    clock = record(file.clocks[0])
    assert {"clock", "n", "case_id", "state", "due_at", "elapsed_ms", "waited_ms", "rules_version"} <= clock.keys()
    fact = record(file.interactions[0])
    assert {"raw", "ring_ms", "talk_ms", "total_ms", "external_ids", "case_cause"} <= fact.keys()
    assert fact["occurred_at"] == "2026-03-10T09:00:00.000Z"
    assert {Interaction, Contact, Case, Callback, ClockRecord}
