"""What a caller on file wishes, and what the voice makes of it; whose firm rings from a switchboard."""

from dataclasses import replace
from typing import Any

import pytest

from commsd.channels.phone.prompts import spoken
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.interaction import ContactMatch
from commsd.core.open_items import OpenItems
from commsd.core.organisation import Organisation
from tests.channels.phone.hotline import ANNA, CUSTOMER, TUESDAY, Books, house
from tests.channels.phone.on_paper import Line


def on_file(wishes: Wishes, language: str = "en", **more: Any) -> Books:
    books = Books()
    books.contacts["c"] = Contact(
        id="c",
        created_at=TUESDAY,
        identities=(Identity("phone", CUSTOMER),),
        language=language,
        wishes=wishes,
        **more,
    )
    return books


class Switchboard(Books):
    """The caller's number is a firm's."""

    def items(self, *args: Any, **more: Any) -> OpenItems:
        found = super().items(*args, **more)
        firm = Organisation(id="acme", created_at=TUESDAY, numbers=(CUSTOMER,), owner="anna", tier="gold")
        return replace(found, organisations=dict.fromkeys(firm.marks, firm), firms={firm.id: firm})


WRITES = {
    "en": "You will have an answer from us in writing today, by",
    "de": "Sie bekommen von uns heute, bis",
    "da": "Du får et skriftligt svar fra os i dag",
    "id": "Anda akan mendapat jawaban tertulis dari kami hari ini",
}


@pytest.mark.parametrize("language", WRITES)
def test_who_wants_answers_in_writing_is_promised_one_and_no_call(language: str) -> None:
    line = Line(house(rounds=()), books=on_file(Wishes(write_only=True), language))
    assert WRITES[language].split(",")[0] in line.asks("voice").says


def test_who_wants_no_calls_is_promised_none_but_may_ask_for_this_one() -> None:
    line = Line(house(rounds=()), books=on_file(Wishes(no_calls=True)))
    says = line.asks("voice").says
    assert "will ring you" not in says
    assert "press one" in says


RINGS = {"en": "ring", "de": "ruf", "da": "ring", "id": "menghubungi Anda"}


@pytest.mark.parametrize("wishes", [Wishes(no_calls=True), Wishes(write_only=True)], ids=["no-calls", "write-only"])
@pytest.mark.parametrize("language", RINGS)
def test_who_leaves_a_message_and_wants_no_call_is_not_told_of_one(language: str, wishes: Wishes) -> None:
    line = Line(house(rounds=()), books=on_file(wishes, language))
    line.asks("voice")
    heard = line.asks("offer-1", Digits="3")
    assert heard.verbs[:2] == ("Say", "Record")
    said = heard.says.lower().replace("anruf", "").replace("opringning", "")
    assert RINGS[language] not in said.partition("raute")[0].partition("hash")[0].partition("firkant")[0]


@pytest.mark.parametrize("wishes", [Wishes(no_calls=True), Wishes(write_only=True)], ids=["no-calls", "write-only"])
def test_who_asks_for_a_call_all_the_same_is_promised_that_call(wishes: Wishes) -> None:
    line = Line(house(rounds=()), books=on_file(wishes))
    line.asks("voice")
    line.asks("offer-1", Digits="1")
    assert "will ring you" in line.asks("message").says


def test_the_promise_keeps_to_the_hours_a_caller_wants_to_be_rung_in() -> None:
    wishes = Wishes(hours="wed-fri 15:00-16:00")
    line = Line(house(rounds=()), books=on_file(wishes, timezone="Europe/Berlin"))
    assert "tomorrow, on Wednesday, from three in the afternoon" in line.asks("voice").says


def test_who_looks_after_a_firm_rings_back_its_switchboard() -> None:
    line = Line(house(rounds=()), books=Switchboard())
    assert "Anna Berg oder jemand aus dem Team ruft Sie" in line.asks("voice").says
    line.over()
    (call,) = line.books.interactions.values()
    assert (call.contact_id, call.contact_match, call.organisation_id) == (None, ContactMatch.NONE, "acme")
    (callback,) = line.books.callbacks.values()
    assert callback.owner == "anna"
    assert line.books.contacts == {}


def test_who_looks_after_a_firm_is_rung_first_when_its_switchboard_calls() -> None:
    first = Line(house(rounds=(("bo",),)), books=Switchboard()).asks("voice")
    dial = first.root.find("Dial")
    assert dial is not None
    assert [noun.text for noun in dial] == [ANNA]


@pytest.mark.parametrize("language", WRITES)
def test_who_likes_few_words_hears_the_promise_and_fewer_of_them(language: str) -> None:
    at_length = Line(house(rounds=()), books=on_file(Wishes(), language))
    brief = Line(house(rounds=()), books=on_file(Wishes(brief=True), language))
    long, short = at_length.asks("voice").says, brief.asks("voice").says
    more = spoken(language, {}).menu_more
    assert more in long
    assert more not in short
    assert brief.asks("offer-1", Digits="9").says != short


@pytest.mark.parametrize("brief", [False, True])
def test_who_likes_few_words_and_agrees_is_not_asked_what_it_is_about(brief: bool) -> None:
    line = Line(house(rounds=()), books=on_file(Wishes(brief=brief)))
    line.asks("voice")
    heard = line.asks("offer-1", Digits="1")
    assert "0 3 0" in heard.says.replace(",", "").replace(".", "")
    assert "will ring you" in heard.says
    assert ("Record" in heard.verbs) != brief
    line.over()
    assert line.callback.open
