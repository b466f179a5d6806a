"""What is asked and answered in a call that nobody could take: keys, words, silence, wishes; telephony.md 1c."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.phone.prompts import LANGUAGES
from commsd.channels.phone.rounds import OWN_PERSON
from commsd.channels.phone.speech import ASKED, OFFERED, hints, pressed
from commsd.core.agent import Absence
from commsd.core.callback import CloseReason, State
from commsd.core.clock import State as ClockState
from commsd.core.contact import Contact, Identity
from commsd.core.interaction import Outcome
from commsd.core.policy import ClockKind
from tests.channels.phone.documents import faults, nesting
from tests.channels.phone.hotline import (
    ANNA,
    BO,
    CUSTOMER,
    DANE,
    FIRM,
    HOTLINE,
    TUESDAY,
    Books,
    fields,
    house,
)
from tests.channels.phone.on_paper import Line

ENGLISH = LANGUAGES["en"]


def offered(**changes: object) -> Line:
    """A caller to whom a callback is being offered."""
    line = Line(house(rounds=(), languages=("en",), **changes))
    line.asks("voice")
    return line


def again(first: Line, minutes: int, **changes: object) -> Line:
    """The same customer rings once more."""
    forget(first.books)
    return Line(house(**changes), start=first.told.start + timedelta(minutes=minutes), books=first.books)


def forget(books: Books) -> None:
    """What was said in one call is not asked of the next, which has the same SID on paper."""
    books.answered = {}
    for call in list(books.interactions.values()):
        books.interactions[call.id] = replace(call, external_ids=())


# Keys


def test_a5_who_presses_1_hears_the_number_digit_by_digit_and_is_asked_what_it_is_about() -> None:
    line = offered()
    heard = line.asks("offer-1", 8, Digits="1")
    assert "0, 3, 0, 2, 3, 1, 2, 5, 0, 9, 9" in heard.says
    assert ENGLISH.purpose in heard.says
    assert heard.asks == {"Record": "message"}


def test_a6_the_purpose_is_kept_as_audio() -> None:
    line = offered()
    line.asks("offer-1", 8, Digits="1")
    line.asks("message", 30, RecordingSid="RE7", RecordingDuration="6")
    line.over(31)
    assert line.call.external("twilio.recording-sid") == "RE7"
    assert line.callback.state is State.WAITING


@pytest.mark.parametrize("language", LANGUAGES)
def test_a6_no_line_asks_twilio_for_a_transcript(language: str, shared: Path) -> None:
    line = Line(house(rounds=(), languages=(language,)))
    line.asks("voice")
    heard = line.asks("offer-1", 8, Digits="1")
    record = heard.root.find("Record")
    assert record is not None
    assert "transcribe" not in record.attrib
    assert faults(line.books.answered["offer-1"], shared) == []


def test_a5_silence_hears_the_choice_once_more_and_then_the_promise() -> None:
    line = offered()
    assert line.asks("offer-1", 8).asks == {"Gather": "offer-2"}
    last = line.asks("offer-2", 16)
    assert last.verbs[-1] == "Hangup"
    assert "We will ring you today, by half past two in the afternoon" in last.says


def test_a4_every_prompt_counts_silence_as_an_answer() -> None:
    line = offered()
    for heard in (line.asks("offer-1", 8), line.asks("offer-2", 16, Digits="2"), line.asks("number-1", 24)):
        for gather in heard.root.iter("Gather"):
            assert gather.attrib["actionOnEmptyResult"] == "true"
            assert gather.attrib["action"]


def test_a_caller_who_needs_nothing_presses_9_and_is_owed_no_call() -> None:
    line = offered()
    heard = line.asks("offer-1", 8, Digits="9")
    assert ENGLISH.declined in heard.says
    assert heard.verbs == ("Say", "Hangup")
    line.over(10)
    assert (line.call.outcome, line.call.reason) == (Outcome.MISSED, "declined_by_customer")
    assert (line.callback.state, line.callback.close_reason) == (State.CLOSED, CloseReason.DECLINED_BY_CUSTOMER)
    assert line.callback.misses == (line.call.id,)
    assert [clock for clock in line.books.clocks.values() if clock.value.clock is ClockKind.CALLBACK] == []
    assert "callback.closed" in line.books.events


def test_who_declines_also_ends_what_was_owed_before() -> None:
    first = offered()
    first.over(5)
    second = again(first, 40, rounds=(), languages=("en",))
    second.asks("voice")
    second.asks("offer-1", 8, Digits="9")
    second.over(9)
    assert second.callback.close_reason is CloseReason.DECLINED_BY_CUSTOMER
    assert len(second.callback.misses) == 2
    (clock,) = [c.value for c in second.books.clocks.values() if c.value.clock is ClockKind.CALLBACK]
    assert (clock.state, clock.reason) == (ClockState.CANCELLED, "callback_closed")


def test_who_rings_again_after_declining_is_owed_a_call_again() -> None:
    first = offered()
    first.asks("offer-1", 8, Digits="9")
    first.over(10)
    second = again(first, 10, rounds=())
    second.asks("voice")
    second.over(5)
    assert second.callback.open
    assert second.callback.due_at is not None


def test_a5_a_withheld_caller_may_decline_but_is_not_asked_to() -> None:
    line = Line(house(rounds=(), languages=("en",)), caller="anonymous")
    heard = line.asks("voice")
    assert ENGLISH.menu_more not in heard.says
    assert ENGLISH.declined in line.asks("offer-1", 8, Digits="9").says


# Words


@pytest.mark.parametrize("language", LANGUAGES)
def test_a5_a_line_listens_in_its_language_with_hints(language: str, shared: Path) -> None:
    line = Line(house(rounds=(), languages=(language,)))
    gather = line.asks("voice").root.find("Gather")
    assert gather is not None
    assert gather.attrib["input"] == "dtmf speech"
    assert gather.attrib["language"] == LANGUAGES[language].tag
    assert gather.attrib["hints"] == hints(OFFERED, language) != ""
    assert set(gather.attrib) <= set(nesting(shared)["Gather"]["attributes"])


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("Yes, please.", "1"),
        ("Ja bitte", "1"),
        ("ya, boleh", "1"),
        ("I would like another number", "2"),
        ("et andet nummer", "2"),
        ("Eine Nachricht hinterlassen.", "3"),
        ("tinggalkan pesan", "3"),
        ("No need to call", "9"),
        ("Ich brauche keinen Rückruf", "9"),
        ("not another number", None),
        ("no", None),
        ("mumble", None),
    ],
)
def test_a5_what_is_said_counts_as_the_key_that_means_it(said: str, key: str | None) -> None:
    assert pressed({"SpeechResult": said, "Confidence": "0.82"}, OFFERED) == key


@pytest.mark.parametrize("confidence", ["0.49", "0", "", "nan", "high", None])
def test_a5_what_twilio_is_not_sure_of_falls_back_to_the_keys(confidence: str | None) -> None:
    said = {"SpeechResult": "no need to call"} | ({"Confidence": confidence} if confidence is not None else {})
    assert pressed(said, OFFERED) is None
    line = offered()
    heard = line.asks("offer-1", 8, **said)
    assert heard.asks == {"Gather": "offer-2"}
    assert ENGLISH.menu_again in heard.says


@pytest.mark.parametrize(
    ("said", "key"), [("no", "2"), ("nein, falsch", "2"), ("yes", "1"), ("that is not right", None)]
)
def test_a5_a_number_read_back_is_confirmed_by_word_too(said: str, key: str | None) -> None:
    assert pressed({"SpeechResult": said, "Confidence": "0.9"}, ASKED) == key


def test_a5_a_number_denied_by_word_is_asked_for_again_and_not_rung() -> None:
    line = offered()
    line.asks("offer-1", 8, Digits="2")
    line.asks("number-1", 20, Digits="03023125088")
    heard = line.asks("confirm-1", 30, SpeechResult="no", Confidence="0.9")
    assert heard.asks == {"Gather": "number-2"}
    assert ENGLISH.ask_number in heard.says
    line.over(31)
    assert line.callback.number == CUSTOMER


def test_a5_what_is_not_understood_after_the_read_back_asks_again_and_keeps_the_number_meanwhile() -> None:
    line = offered()
    line.asks("offer-1", 8, Digits="2")
    line.asks("number-1", 20, Digits="03023125088")
    assert line.asks("confirm-1", 30, SpeechResult="hm well", Confidence="0.3").asks == {"Gather": "number-2"}
    line.over(31)
    assert line.callback.number == "+493023125088"


@given(st.text(max_size=60), st.text(max_size=8))
def test_a10_nothing_a_caller_says_is_spoken_or_breaks_the_document(said: str, confidence: str) -> None:
    heard = offered().asks("offer-1", 8, SpeechResult=said, Confidence=confidence)
    assert heard.verbs[-1] == "Hangup"
    if len(said) > 12:
        assert said not in heard.says


# Another number


REGIONS = frozenset({"DE", "DK"})


@pytest.mark.parametrize(
    ("digits", "why"),
    [
        ("0900123456", "premium"),
        ("00881612345678", "satellite"),
        ("0018765550123", "Jamaica"),
        ("00442079460123", "not one of our regions"),
        (HOTLINE.replace("+49", "0"), "our own line"),
        (ANNA.replace("+49", "0"), "one of us"),
    ],
)
def test_a5_a_number_given_on_the_keys_is_screened(digits: str, why: str) -> None:
    line = offered()
    line.house = replace(line.house, regions=REGIONS)
    line.asks("offer-1", 8, Digits="2")
    assert line.asks("number-1", 20, Digits=digits).asks == {"Gather": "number-2"}, why
    line.over(30)
    assert line.callback.number == CUSTOMER


# Rounds


def customer_of(owner: str) -> Books:
    books = Books()
    books.contacts["c"] = Contact(
        id="c", created_at=TUESDAY, identities=(Identity("phone", CUSTOMER),), owner=owner, language="en"
    )
    return books


def phones(line: Line, step: str = "voice") -> list[str | None]:
    heard = line.asks(step) if step == "voice" else line.dial_over(int(step.partition("-")[2]), bridged=False)
    dial = heard.root.find("Dial")
    return [] if dial is None else [noun.text for noun in dial]


def test_a2_the_contacts_own_person_is_rung_first_and_alone() -> None:
    line = Line(house(rounds=(("service",),)), books=customer_of("bo"))
    assert phones(line) == [BO]
    assert phones(line, f"dial-{OWN_PERSON}") == [ANNA, BO]
    assert line.dial_over(1, bridged=False, after=60).asks == {"Gather": "offer-1"}


def test_a2_who_was_rung_alone_is_not_rung_alone_again() -> None:
    line = Line(house(rounds=(("anna",), ("service",))), books=customer_of("anna"))
    assert phones(line) == [ANNA]
    assert line.dial_over(OWN_PERSON, bridged=False).asks == {"Dial": "dial-2"}


def test_a2_without_rounds_nobody_is_rung_not_even_the_own_person() -> None:
    assert Line(house(rounds=()), books=customer_of("anna")).asks("voice").asks == {"Gather": "offer-1"}


def test_a2_the_deputy_is_rung_for_an_own_person_who_is_away() -> None:
    away = replace(FIRM.people.agents["anna"], away=(Absence(TUESDAY.date(), TUESDAY.date()),), deputy="bo")
    people = replace(FIRM.people, agents={**FIRM.people.agents, "anna": away})
    line = Line(replace(house(rounds=(("anna",),)), firm=replace(FIRM, people=people)), books=customer_of("anna"))
    assert phones(line) == [BO]
    assert line.dial_over(OWN_PERSON, bridged=False).asks == {"Gather": "offer-1"}


def test_a2_a_round_may_ring_one_after_the_other(shared: Path) -> None:
    line = Line(house(rounds=(("service",),), sequential=True))
    dial = line.asks("voice").root.find("Dial")
    assert dial is not None
    assert dial.attrib["sequential"] == "true"
    assert faults(line.books.answered["voice"], shared) == []


def test_a8_a_line_speaks_in_the_voice_that_was_chosen_for_the_language() -> None:
    line = Line(house(rounds=(), languages=("en",), voices={"en": "Polly.Brian-Neural"}))
    assert {say.attrib["voice"] for say in line.asks("voice").root.iter("Say")} == {"Polly.Brian-Neural"}


# Legs that come back


def test_a_leg_that_comes_back_under_our_own_number_is_cut_and_is_no_call(shared: Path) -> None:
    line = Line(caller=HOTLINE)
    assert line.asks("voice").verbs == ("Reject",)
    assert faults(line.books.answered["voice"], shared) == []
    line.over(3, "busy")
    assert not line.books.interactions
    assert line.books.timer is None


def test_a_call_forwarded_by_one_of_us_is_not_rung_back_to_them() -> None:
    line = Line(house(rounds=(("anna", "bo"),)))
    heard = line._asks("voice", fields(ForwardedFrom=ANNA), 0)
    dial = heard.root.find("Dial")
    assert dial is not None
    assert [noun.text for noun in dial] == [BO]


def test_one_of_us_whose_telephone_is_a_line_is_never_rung() -> None:
    looped = replace(FIRM.people.agents["anna"], phone=HOTLINE)
    people = replace(FIRM.people, agents={**FIRM.people.agents, "anna": looped})
    line = Line(replace(house(rounds=(("anna", "bo"),)), firm=replace(FIRM, people=people)))
    assert phones(line) == [BO]


# Verdicts


def test_d3_six_telephones_that_nobody_takes_are_one_missed_call() -> None:
    agents = {f"a{n}": replace(FIRM.people.agents["anna"], id=f"a{n}", phone=f"+4930231250{20 + n}") for n in range(6)}
    firm = replace(FIRM, people=replace(FIRM.people, agents=agents))
    line = Line(replace(house(rounds=(tuple(agents),)), firm=firm))
    assert len(phones(line)) == 6
    for place, agent in enumerate(agents.values()):
        line.told.told(f"leg-1-{place}", fields("no-answer", CallSid=f"CA9{place}", To=agent.phone or ""), 20)
    line.dial_over(1, bridged=False)
    line.over(30)
    assert line.callback.misses == (line.call.id,)


@pytest.mark.parametrize(("seconds", "reason"), [(4, "short"), (9, "short"), (10, None), (50, None)])
def test_d4_a_talk_of_seconds_is_short_and_a_person_decides(seconds: int, reason: str | None) -> None:
    line = Line()
    line.asks("voice")
    line.dial_over(1, bridged=True, after=20, status="completed", DialCallDuration=str(seconds))
    assert (line.call.outcome, line.call.reason) == (Outcome.REACHED, reason)
    assert not line.books.callbacks


def rings_and_drops(books: Books, minute: int, total: int = 1) -> Line:
    forget(books)
    line = Line(house(rounds=()), start=TUESDAY + timedelta(minutes=minute), books=books)
    line.asks("voice")
    line.told.told("status", fields("completed", CallDuration=str(total)), 1)
    line.passes(1)
    return line


def test_a_number_that_rings_only_to_be_seen_is_merged_and_marked() -> None:
    books = Books()
    tags = [rings_and_drops(books, minute).call.tags for minute in range(6)]
    assert tags == [(), (), (), (), (), ("ping",)]
    (callback,) = books.callbacks.values()
    assert len(callback.misses) == 6
    assert rings_and_drops(books, 20, total=4).call.tags == ()


def test_a_bridge_that_is_followed_by_a_failed_transfer_is_answered() -> None:
    line = Line()
    line.asks("voice")
    line.dial_over(1, bridged=True, after=60, status="failed", DialCallDuration="45")
    line.over(70, "failed")
    assert line.call.outcome is Outcome.REACHED


@pytest.mark.parametrize("caller", ["anonymous", "+266696687", "", "sip:bob@pbx.example.com", "client:tommy", "12345"])
def test_a_caller_without_a_number_to_ring_is_never_dropped(caller: str) -> None:
    line = Line(house(rounds=(), languages=("en",)), caller=caller)
    heard = line.asks("voice")
    assert ENGLISH.menu_without_number in heard.says
    line.asks("offer-1", 8, Digits="3")
    line.asks("message", 40, RecordingSid="RE3")
    line.over(41)
    assert (line.callback.state, line.callback.number) == (State.NEEDS_NUMBER, None)
    assert line.call.external("twilio.recording-sid") == "RE3"


def test_w9_a_fallback_request_that_reaches_us_is_our_own_fault() -> None:
    line = Line(house(rounds=()))
    line._asks("voice", fields(ErrorCode="11200", ErrorUrl="https://calls.example.com/twilio/voice"), 0)
    line._asks("message", fields("completed", RecordingSid="RE4"), 20)
    line.over(21)
    assert (line.call.outcome, line.call.reason) == (Outcome.MISSED, "fallback")
    assert line.call.external("twilio.recording-sid") == "RE4"


def test_two_owed_calls_of_one_case_each_keep_a_clock_whoever_rings() -> None:
    books, other = Books(), "+493023125088"
    numbers = (CUSTOMER, other, DANE)
    identities = tuple(Identity("phone", number) for number in numbers)
    books.contacts["c"] = Contact(id="c", created_at=TUESDAY, identities=identities, language="en")
    for minute, caller in ((0, CUSTOMER), (30, other)):
        line = Line(house(rounds=()), start=TUESDAY + timedelta(minutes=minute), caller=caller, books=books)
        line.asks("voice")
        line.over(5)
        forget(books)
    for minute, caller in ((50, DANE), (60, CUSTOMER)):
        line = Line(house(), start=TUESDAY + timedelta(minutes=minute), caller=caller, books=books)
        line.asks("voice")
        line.dial_over(1, bridged=True, after=30, status="completed")
        forget(books)
        running = [clock.value for clock in books.clocks.values() if clock.owed]
        owed = {miss for callback in books.callbacks.values() if callback.open for miss in callback.misses}
        assert [clock.opened_by in owed for clock in running if clock.clock is ClockKind.CALLBACK] == [True]
    (left,) = [callback for callback in books.callbacks.values() if callback.open]
    assert (left.number, left.due_at) == (other, TUESDAY + timedelta(minutes=150))


def test_a1_who_rings_while_another_call_of_the_case_is_late_is_promised_a_time_all_the_same() -> None:
    books, other = Books(), "+493023125088"
    identities = (Identity("phone", CUSTOMER), Identity("phone", other))
    books.contacts["c"] = Contact(id="c", created_at=TUESDAY, identities=identities, language="en")
    line = Line(house(rounds=()), books=books)
    line.asks("voice")
    line.over(5)
    forget(books)
    late = Line(house(rounds=()), start=TUESDAY + timedelta(hours=2, minutes=10), caller=other, books=books)
    assert "We will ring you today, by a quarter to five in the afternoon" in late.asks("voice").says
