"""From a caller's webhook to what is heard and what is recorded: every path walked, every leaf a promise."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urldefrag, urlsplit

import pytest

from commsd.channels.phone.call import fold
from commsd.channels.phone.intake import AskTwilio, MoreKeys, answer, settle
from commsd.channels.phone.prompts import LANGUAGES
from commsd.channels.phone.seen import House, Seen
from commsd.channels.phone.step import Stage, Step, step_of
from commsd.core import key
from commsd.core.agent import Absence
from commsd.core.calendar import Window
from commsd.core.callback import CloseReason, State
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.interaction import Outcome, Role
from commsd.core.policy import ClockKind
from tests.channels.phone.documents import Document, faults, read
from tests.channels.phone.hotline import (
    ANNA,
    BO,
    CUSTOMER,
    DANE,
    FIRM,
    FRIDAY_EVENING,
    HOTLINE,
    HOUSE,
    JAKARTAN,
    LONDONER,
    SID,
    TUESDAY,
    Books,
    Told,
    dialled,
    fields,
    house,
    leg_fields,
)
from tests.channels.phone.on_paper import KEYS, Line

SECOND = timedelta(seconds=1)


def test_d1_the_first_webhook_makes_the_call_durable_and_unseen() -> None:
    line = Line()
    line.asks("voice")
    assert (line.call.outcome, line.call.revision) == (Outcome.PENDING, 1)
    assert line.books.timer == TUESDAY + 180 * SECOND
    assert not line.books.callbacks
    assert not line.books.events
    assert line.change.consumed == (1,)


def test_r5_a_call_of_which_twilio_told_two_ends_says_so_in_the_log() -> None:
    line = Line()
    line.asks("voice")
    line.over(60)
    line.told.told("asked", {"CallSid": SID, "CallStatus": "failed"}, 62)
    line.passes(100)
    assert (line.call.outcome, line.call.status_raw, line.call.tags) == (Outcome.MISSED, "failed", ("conflict",))


def test_a_caller_is_greeted_and_the_first_round_rings() -> None:
    heard = Line().asks("voice")
    assert heard.verbs == ("Say", "Dial")
    assert "Example & Sons <Ltd>" in heard.says
    dial = heard.root.find("Dial")
    assert dial is not None
    assert [noun.text for noun in dial] == [ANNA]
    assert dial.attrib["answerOnBridge"] == "true"
    assert dial.attrib["timeout"] == "20"
    assert "callerId" not in dial.attrib


@pytest.mark.parametrize("caller", ["anonymous", "+266696687", "", "sip:bob@pbx.example.com", "client:tommy", "12345"])
def test_a2_a_withheld_caller_is_shown_to_us_as_our_own_number(caller: str) -> None:
    dial = Line(caller=caller).asks("voice").root.find("Dial")
    assert dial is not None
    assert dial.attrib["callerId"] == HOTLINE


def test_a2_a_round_rings_those_who_are_there_each_once() -> None:
    line = Line(house(rounds=(("service", "anna"),)))
    dial = line.asks("voice").root.find("Dial")
    assert dial is not None
    assert [noun.text for noun in dial] == [ANNA, BO]
    away = replace(FIRM.people.agents["anna"], away=(Absence(TUESDAY.date(), TUESDAY.date()),))
    people = replace(FIRM.people, agents={**FIRM.people.agents, "anna": away})
    dial = Line(replace(line.house, firm=replace(FIRM, people=people))).asks("voice").root.find("Dial")
    assert dial is not None
    assert [noun.text for noun in dial] == [BO]


def test_a2_who_is_on_a_callback_is_left_out_while_somebody_else_is_free() -> None:
    line = Line(replace(HOUSE, busy=frozenset({ANNA})))
    assert _rung(line.asks("voice")) == [BO], "the round of Anna alone would be wasted"
    everybody = Line(replace(HOUSE, busy=frozenset({ANNA, BO})))
    assert _rung(everybody.asks("voice")) == [ANNA], "better a busy tone than nobody"


def _rung(heard: Document) -> list[str | None]:
    dial = heard.root.find("Dial")
    return [noun.text for noun in dial] if dial is not None else []


def test_a2_round_after_round_rings_then_comes_the_offer() -> None:
    line = Line()
    line.asks("voice")
    assert line.dial_over(1, bridged=False).asks == {"Dial": "dial-2"}
    assert line.dial_over(2, bridged=False, after=40).asks == {"Gather": "offer-1"}


def test_a1_the_promise_is_the_due_time_rounded_up_to_the_quarter() -> None:
    line = Line(house(rounds=(("anna",),)), start=TUESDAY + timedelta(minutes=4))
    line.asks("voice")
    assert "heute bis vierzehn Uhr fünfundvierzig" in line.dial_over(1, bridged=False).says


def test_the_promise_never_lies_past_closing() -> None:
    late = datetime.fromisoformat("2026-03-10T13:52:00Z")  # 14:52 in Berlin, due 16:52; at 16:55 the office closes
    early = _closing_at(16 * 60 + 55)
    line = Line(early, start=late)
    line.asks("voice")
    line.dial_over(1, bridged=False)
    assert "heute bis sechzehn Uhr 55" in line.dial_over(2, bridged=False, after=40).says


def _closing_at(minute: int) -> House:
    version = HOUSE.terms.versions[0]
    office = replace(version.calendars["office"], weekly={day: (Window(540, minute),) for day in range(5)})
    return replace(HOUSE, terms=replace(HOUSE.terms, versions=(replace(version, calendars={"office": office}),)))


def test_out_of_hours_nobody_is_rung_and_monday_is_promised() -> None:
    line = Line(start=FRIDAY_EVENING)
    heard = line.asks("voice")
    assert heard.asks == {"Gather": "offer-1"}
    assert "geschlossen" in heard.says
    assert "am Montag bis elf Uhr" in heard.says
    line.over(5)
    assert line.call.reason == "closed"
    assert line.callback.due_at == datetime.fromisoformat("2026-03-09T10:00:00Z")


def test_without_rounds_the_offer_comes_straight_away() -> None:
    heard = Line(house(rounds=())).asks("voice")
    assert heard.asks == {"Gather": "offer-1"}
    assert "heute bis vierzehn Uhr dreißig" in heard.says


@pytest.mark.parametrize(
    ("caller", "language", "words"),
    [
        (LONDONER, "en", "by half past one in the afternoon, London time"),
        (DANE, "da", "i dag, senest klokken halv tre om eftermiddagen"),
        (JAKARTAN, "id", "besok, hari Rabu, mulai pukul tiga sore, Waktu Indonesia Barat"),
        (CUSTOMER, "de", "heute bis vierzehn Uhr dreißig zurück"),
        ("+12025550143", "en", "by half past nine in the morning, New York time"),
        ("anonymous", "en", "We cannot see your number."),
    ],
)
def test_the_caller_hears_the_own_language_and_clock(caller: str, language: str, words: str) -> None:
    line = Line(house(rounds=()), caller=caller)
    line.told.entries.clear()
    heard = _asks_any(line)
    assert words in heard.says
    assert line.call.language == language
    assert all(say.attrib["voice"] == LANGUAGES[language].voice for say in heard.root.iter("Say"))


def _asks_any(line: Line) -> Document:
    """As Line.asks, with whatever keys the decision wants."""
    said = fields(caller=line.caller)
    line.told.told("voice", said)
    step = step_of("voice")
    assert step
    keys: tuple[str, ...] = (key.of_call(SID),)
    change = answer(SID, step, said, line.books.items(line.told.entries), line.house, keys)
    if isinstance(change.result, MoreKeys):
        change = answer(SID, step, said, line.books.items(line.told.entries), line.house, change.result.keys)
    line.books.take(change)
    assert isinstance(change.result, bytes)
    return read(change.result)


def test_a_known_contact_hears_the_contacts_language_and_owner() -> None:
    books = Books()
    books.contacts["c"] = Contact(
        id="c", created_at=TUESDAY, identities=(Identity("phone", CUSTOMER),), language="da-DK", owner="anna"
    )
    line = Line(house(rounds=()), books=books)
    assert "Anna Berg eller en kollega ringer tilbage til dig i dag" in line.asks("voice").says
    assert (line.call.language, line.call.language_cause) == ("da", "contact")


def test_a_blocked_caller_is_promised_nothing() -> None:
    books = Books()
    books.contacts["c"] = Contact(id="c", created_at=TUESDAY, identities=(Identity("phone", CUSTOMER),), blocked=True)
    line = Line(house(rounds=()), books=books)
    assert line.asks("voice").verbs == ("Say", "Hangup")
    line.over()
    assert not line.books.callbacks


def test_d1_hanging_up_while_it_rings_makes_a_callback_with_a_clock_from_the_first_second() -> None:
    line = Line()
    line.asks("voice")
    line.over(10)
    assert line.call.outcome is Outcome.PENDING
    line.passes(30)
    assert (line.call.outcome, line.call.revision, line.call.occurred_at) == (Outcome.MISSED, 2, TUESDAY)
    assert (line.callback.number, line.callback.line, line.callback.misses) == (CUSTOMER, "hotline", (line.call.id,))
    (clock,) = [c.value for c in line.books.clocks.values() if c.value.clock is ClockKind.CALLBACK]
    assert (clock.started_at, clock.due_at) == (TUESDAY, TUESDAY + timedelta(hours=2))
    assert line.books.timer is None
    assert line.books.events.count("interaction.recorded") == 1


def test_what_was_promised_is_kept_with_the_clock() -> None:
    line = Line(house(rounds=()), start=TUESDAY + timedelta(minutes=4))
    line.asks("voice")
    line.over(5)
    (clock,) = [c for c in line.books.clocks.values() if c.value.clock is ClockKind.CALLBACK]
    assert clock.promised_at == TUESDAY + timedelta(hours=2, minutes=15)


@pytest.mark.parametrize(
    ("rang", "caller", "language", "words", "promised"),
    [
        # 01:15 in Jakarta, due 03:15 there; nobody rings before all of Indonesia is up.
        ("2026-03-09T18:15:00Z", JAKARTAN, "id", "hari ini, mulai pukul delapan pagi", "2026-03-10T01:00:00Z"),
        # 18:10 in Berlin, due 20:10.
        ("2026-03-10T17:10:00Z", CUSTOMER, "de", "morgen, am Mittwoch ab acht Uhr zurück", "2026-03-11T07:00:00Z"),
        # 18:00 there, due as the quiet hours begin: until then he may be rung.
        ("2026-03-10T17:00:00Z", CUSTOMER, "de", "heute bis zwanzig Uhr zurück", "2026-03-10T19:00:00Z"),
        # 05:50, due at 07:50 and so told by 08:00, as they end.
        ("2026-03-10T04:50:00Z", CUSTOMER, "de", "heute ab acht Uhr zurück", "2026-03-10T07:00:00Z"),
        ("2026-03-10T05:10:00Z", CUSTOMER, "de", "heute bis acht Uhr fünfzehn zurück", "2026-03-10T07:15:00Z"),
        ("2026-03-10T16:40:00Z", LONDONER, "en", "by a quarter to seven in the evening", "2026-03-10T18:45:00Z"),
    ],
)
def test_a1_q7_a_time_is_promised_at_which_somebody_may_ring(
    rang: str, caller: str, language: str, words: str, promised: str
) -> None:
    line = Line(_always_open(), start=datetime.fromisoformat(rang), caller=caller)
    line.told.entries.clear()
    heard = _asks_any(line)
    assert words in heard.says
    line.over(5)
    (clock,) = [c for c in line.books.clocks.values() if c.value.clock is ClockKind.CALLBACK]
    assert clock.promised_at == datetime.fromisoformat(promised)
    assert clock.value.due_at == datetime.fromisoformat(rang) + timedelta(hours=2)


def test_q7_the_zone_on_file_decides_when_somebody_may_ring() -> None:
    books = Books()
    books.contacts["c"] = Contact(
        id="c", created_at=TUESDAY, identities=(Identity("phone", CUSTOMER),), timezone="Asia/Jakarta"
    )
    line = Line(_always_open(), books=books)  # due at 20:30 there
    assert "morgen, am Mittwoch ab acht Uhr Ortszeit Jakarta zurück" in line.asks("voice").says


def test_a1_where_no_time_comes_at_which_somebody_may_ring_none_is_promised() -> None:
    line = Line(house(rounds=(), languages=("en",)), caller="+18082345678")  # Hawaii is up when Berlin has gone home
    line.told.entries.clear()
    assert "We will ring you, on the number you have called from." in _asks_any(line).says


def _always_open() -> House:
    """A clock that counts day and night, and a line that may ring at any hour of ours."""
    version = HOUSE.terms.versions[0]
    always = replace(version.calendars["office"], weekly={day: (Window(0, 1440),) for day in range(7)})
    terms = replace(HOUSE.terms, versions=(replace(version, calendars={"office": always}),))
    return replace(house(rounds=()), terms=terms)


def test_press_1_and_a_bridge_is_reached_by_that_agent() -> None:
    line = Line()
    line.asks("voice")
    assert line.agent_asks("whisper-1-0", 5).verbs == ("Gather", "Hangup")
    assert line.agent_asks("key-1-0-1", 8, Digits="1").verbs == ()
    line.dial_over(1, bridged=True, after=60, status="completed", DialCallDuration="50")
    line.over(61)
    call = line.call
    assert (call.outcome, call.agent_id, call.talk) == (Outcome.REACHED, "anna", 50 * SECOND)
    assert call.address(Role.AGENT) == ANNA
    assert not line.books.callbacks


def test_a3_an_agents_voicemail_hears_two_whispers_and_the_caller_the_next_round() -> None:
    line = Line()
    line.asks("voice")
    assert line.agent_asks("whisper-1-0", 5).asks == {"Gather": "key-1-0-1"}
    assert line.agent_asks("key-1-0-1", 10).asks == {"Gather": "key-1-0-2"}
    assert line.agent_asks("key-1-0-2", 15).verbs == ("Hangup",)
    assert line.dial_over(1, bridged=False, status="completed").asks == {"Dial": "dial-2"}


def test_who_presses_1_too_late_is_told_that_the_caller_has_gone() -> None:
    line = Line()
    line.asks("voice")
    line.over(5)
    heard = line.agent_asks("whisper-1-0", 6)
    assert heard.verbs == ("Say", "Hangup")


def test_the_second_of_us_to_press_1_hears_that_the_call_is_taken() -> None:
    line = Line(house(rounds=(("anna", "bo"),)))
    line.asks("voice")
    line.agent_asks("whisper-1-0", 5)
    line.agent_asks("whisper-1-1", 6, phone=BO, sid="CA" + "b" * 32)
    assert line.agent_asks("key-1-0-1", 8, Digits="1").verbs == ()
    late = line.agent_asks("key-1-1-1", 9, phone=BO, sid="CA" + "b" * 32, Digits="1")
    assert (late.verbs, "har lige taget" in late.says) == (("Say", "Hangup"), True)  # Bo speaks Danish
    line.dial_over(1, bridged=True, after=60, status="completed", DialCallDuration="50")
    line.over(61)
    assert (line.call.outcome, line.call.agent_id) == (Outcome.REACHED, "anna")


def test_two_misses_of_one_number_make_one_callback_with_the_oldest_clock() -> None:
    books = Books()
    first = Line(house(rounds=()), books=books)
    first.asks("voice")
    first.over(5)
    books.answered = {}
    for call in list(books.interactions.values()):
        books.interactions[call.id] = replace(call, external_ids=())
    second = Line(house(rounds=()), start=TUESDAY + timedelta(minutes=30), books=books)
    assert "Platz in der Reihe bleibt" in second.asks("voice").says
    second.over(5)
    assert len(second.callback.misses) == 2
    assert second.callback.due_at == TUESDAY + timedelta(hours=2)


def test_being_reached_closes_what_was_owed() -> None:
    books = Books()
    first = Line(house(rounds=()), books=books)
    first.asks("voice")
    first.over(5)
    books.answered = {}
    for call in list(books.interactions.values()):
        books.interactions[call.id] = replace(call, external_ids=())
    second = Line(start=TUESDAY + timedelta(minutes=30), books=books)
    second.asks("voice")
    second.dial_over(1, bridged=True, status="completed")
    assert (second.callback.state, second.callback.close_reason) == (State.CLOSED, CloseReason.ANSWERED_INBOUND)


def test_d1_later_proof_corrects_a_miss() -> None:
    line = Line()
    line.asks("voice")
    line.passes(180)
    assert line.call.outcome is Outcome.MISSED
    line.dial_over(1, bridged=True, after=400, status="completed")
    assert (line.call.outcome, line.call.revision) == (Outcome.REACHED, 3)
    assert line.callback.close_reason is CloseReason.ANSWERED_INBOUND
    assert "clock.corrected" in line.books.events or "clock.met" in line.books.events


def test_a5_a_withheld_number_makes_a_callback_that_needs_one() -> None:
    line = Line(caller="anonymous")
    line.asks("voice")
    line.dial_over(1, bridged=False)
    heard = line.dial_over(2, bridged=False, after=40)
    assert "We cannot see your number" in heard.says
    assert line.asks("offer-1", 50).asks == {"Gather": "offer-2"}
    last = line.asks("offer-2", 60)
    assert last.verbs[-1] == "Hangup"
    assert "no number" in last.says
    line.over(62)
    assert (line.callback.state, line.callback.number) == (State.NEEDS_NUMBER, None)
    assert line.call.address(Role.CALLER) is None


def test_a5_a_number_given_on_the_keys_is_read_back_and_rung_instead() -> None:
    line = Line(house(rounds=(), languages=("en",)))
    line.asks("voice")
    assert line.asks("offer-1", 10, Digits="2").asks == {"Gather": "number-1"}
    heard = line.asks("number-1", 20, Digits="03023125088")
    assert heard.asks == {"Gather": "confirm-1"}
    assert "0, 3, 0, 2, 3, 1, 2, 5, 0, 8, 8" in heard.says
    assert "on the number you have given us" in heard.says
    line.asks("confirm-1", 30)
    line.over(31)
    assert line.callback.number == "+493023125088"
    assert line.call.address(Role.CALLER) == CUSTOMER


def test_hanging_up_after_the_number_was_read_back_keeps_it() -> None:
    line = Line(house(rounds=()), caller="anonymous")
    line.asks("voice")
    line.asks("offer-1", 10, Digits="2")
    line.asks("number-1", 20, Digits="03023125088")
    line.over(25)
    assert (line.callback.state, line.callback.number) == (State.WAITING, "+493023125088")
    assert line.call.address(Role.CALLER) == "+493023125088"


@pytest.mark.parametrize(
    ("caller", "digits", "meant"),
    [
        (DANE, "20123456", "+4520123456"),
        (DANE, "4520123456", "+4520123456"),
        (DANE, "004520123456", "+4520123456"),
        (DANE, "03023125088", "+493023125088"),
        (CUSTOMER, "493023125088", "+493023125088"),
        (CUSTOMER, "20123456", "+4920123456"),
        (LONDONER, "447400123456", "+447400123456"),
        ("anonymous", "03023125088", "+493023125088"),
    ],
)
def test_a5_a_number_is_read_as_it_is_dialled_where_the_caller_is_else_where_the_line_is(
    caller: str, digits: str, meant: str
) -> None:
    told = Told().told("voice", fields(caller=caller)).told("number-1", fields(caller=caller, Digits=digits), 20)
    state = fold(SID, told.entries, {})
    assert state
    typed = Seen(state, HOUSE, Books().items(told.entries)).typed
    assert typed
    assert typed.e164 == meant


@pytest.mark.parametrize("digits", ["", "110", "0900123456", "99999999999", "00881612345678"])
def test_a_number_that_cannot_be_rung_is_asked_again_then_a_message(digits: str) -> None:
    line = Line(house(rounds=()))
    line.asks("voice")
    line.asks("offer-1", 10, Digits="2")
    said = {"Digits": digits}
    assert line.asks("number-1", 20, **said).asks == {"Gather": "number-2"}
    assert line.asks("number-2", 30, **said).asks == {"Gather": "number-3"}
    assert line.asks("number-3", 40, **said).asks == {"Record": "message"}


def test_a7_a_message_is_noted_also_when_the_caller_ended_it_by_hanging_up() -> None:
    line = Line(house(rounds=()))
    line.asks("voice")
    assert line.asks("offer-1", 10, Digits="3").verbs[:2] == ("Say", "Record")
    said = fields("completed", RecordingSid="RE9", RecordingDuration="7", Digits="hangup")
    line._asks("message", said, 30)
    assert (line.call.outcome, line.call.reason) == (Outcome.MISSED, "message_left")
    assert line.call.external("twilio.recording-sid") == "RE9"


def test_a_recording_that_is_told_late_adds_data_and_opens_nothing() -> None:
    line = Line(house(rounds=()))
    line.asks("voice")
    line.asks("offer-1", 10, Digits="3")
    line.over(30)
    before = line.callback
    line.told.told("recording", {"CallSid": SID, "RecordingSid": "RE9", "RecordingStatus": "completed"}, 40)
    change = line.passes(40)
    assert line.call.external("twilio.recording-sid") == "RE9"
    assert [event.type for event in change.events] == ["interaction.updated"]
    assert line.callback == before


def test_a6_a7_a_recording_has_consent_before_it_and_no_transcript() -> None:
    line = Line(house(rounds=(), languages=("de",)))
    line.asks("voice")
    heard = line.asks("offer-1", 10, Digits="3")
    record = heard.root.find("Record")
    assert record is not None
    assert "zeichnen das auf" in heard.says
    assert "transcribe" not in record.attrib
    assert record.attrib["recordingStatusCallbackEvent"] == "completed absent"


def test_our_own_people_ring_the_line_without_owing_themselves_a_call() -> None:
    line = Line(house(rounds=(("anna", "bo"),)), caller=ANNA)
    dial = line.asks("voice").root.find("Dial")
    assert dial is not None
    assert [noun.text for noun in dial] == [BO]
    assert line.dial_over(1, bridged=False).verbs == ("Say", "Hangup")
    line.over()
    assert not line.books.interactions
    assert line.books.timer is None


def test_an_unknown_number_of_ours_still_records_the_call() -> None:
    line = Line(replace(HOUSE, lines={}))
    heard = line.asks("voice")
    assert heard.verbs[-1] == "Hangup"
    assert "Wir rufen Sie unter der Nummer zurück" in heard.says
    line.over(5)
    assert (line.callback.line, line.callback.number) == (None, CUSTOMER)


def test_observe_rings_as_ever_and_says_so_in_the_record() -> None:
    line = Line(house(observe=True))
    assert line.asks("voice").asks == {"Dial": "dial-1"}
    line.over(1)
    line.passes(30)
    assert line.call.detail.observed
    assert line.callback.open


def test_w4_the_same_step_gets_the_same_bytes_also_later() -> None:
    line = Line(house(rounds=()))
    first = line.asks("voice")
    line.books.now += timedelta(hours=1)
    again = answer(SID, Step(Stage.VOICE), fields(), line.books.items(line.told.entries), HOUSE, KEYS)
    assert again.result == line.books.answered["voice"]
    assert again.answers == ()
    assert first.verbs


def test_w9_what_twilio_could_not_use_is_not_given_again() -> None:
    line = Line(house(rounds=()))
    line.asks("voice")
    failed = fields(ErrorCode="11200", ErrorUrl="https://calls.example.com/twilio/voice")
    line.told.told("voice", failed, 2)
    again = answer(SID, Step(Stage.VOICE), failed, line.books.items(line.told.entries), HOUSE, KEYS)
    assert (again.result, again.answers) == (None, ())


def test_a1_what_is_promised_after_static_words_of_which_no_answer_is_kept_is_kept_with_the_clock() -> None:
    line = Line(house(rounds=()))
    line.told.told("voice", fields())
    line.asks("offer-1", 10, Digits="1")
    line.over(15)
    (clock,) = [c for c in line.books.clocks.values() if c.value.clock is ClockKind.CALLBACK]
    assert clock.promised_at == TUESDAY + timedelta(hours=2)
    assert line.call.reason == "nobody_rung"


def test_a_decision_without_the_callers_key_asks_for_it_and_changes_nothing() -> None:
    told = Told().told("voice", fields())
    change = settle(SID, Books().items(told.entries), HOUSE, (key.of_call(SID),))
    assert change == Change(result=MoreKeys((key.of_call(SID), *key.of_addresses(CUSTOMER))))


def test_twilio_is_asked_before_a_doubtful_verdict_only_where_it_can_be() -> None:
    line = Line()
    line.asks("voice")
    line.agent_asks("whisper-1-0", 5)
    line.agent_asks("key-1-0-1", 8, Digits="1")
    line.books.now = TUESDAY + 200 * SECOND
    items = line.books.items(line.told.entries)
    assert settle(SID, items, HOUSE, KEYS, may_ask=True).result == AskTwilio(SID)
    assert settle(SID, items, HOUSE, KEYS).interactions[0].outcome is Outcome.REACHED


# Every path

ENTRIES: dict[str, Callable[[], Line]] = {
    "open": Line,
    "closed": lambda: Line(start=FRIDAY_EVENING),
    "nobody": lambda: Line(house(rounds=())),
    "withheld": lambda: Line(caller="anonymous"),
    "withheld, closed": lambda: Line(start=FRIDAY_EVENING, caller=""),
    "colleague": lambda: Line(caller=ANNA),
    "own person": lambda: Line(books=_customer_of("bo")),
    "one after the other": lambda: Line(house(rounds=(("service",),), sequential=True)),
    "ourselves": lambda: Line(caller=HOTLINE),
    "unknown line": lambda: Line(replace(HOUSE, lines={})),
}


def _customer_of(owner: str) -> Books:
    books = Books()
    books.contacts["c"] = Contact(id="c", created_at=TUESDAY, identities=(Identity("phone", CUSTOMER),), owner=owner)
    return books


def _answers(verb: str) -> Iterator[dict[str, str]]:
    """All that can come of a verb: each kind of key, silence, each end of a Dial."""
    if verb == "Dial":
        yield from ({"DialBridged": "true"}, {"DialBridged": "false"}, {})
    elif verb == "Gather":
        yield from ({}, *({"Digits": digits} for digits in ("1", "2", "3", "7", "9", "03023125088")))
        yield from ({"SpeechResult": "yes", "Confidence": sure} for sure in ("0.9", "0.2"))
    else:
        yield from ({"RecordingSid": "RE1"}, {})


@pytest.mark.parametrize("language", ["en", "de", "da", "id"])
@pytest.mark.parametrize("entry", ENTRIES)
def test_a1_a9_every_path_is_valid_twiml_and_ends_in_words_of_leave(entry: str, language: str, shared: Path) -> None:
    seen: set[tuple[str, str, bool]] = set()
    leaves = 0
    todo: list[list[tuple[str, dict[str, str]]]] = [[("voice", {})]]
    while todo:
        path = todo.pop()
        line = ENTRIES[entry]()
        lines = {name: replace(known, languages=(language,)) for name, known in line.house.lines.items()}
        line.house = replace(line.house, lines=lines, firm=replace(line.house.firm, languages=(language,)))
        heard = Document((), "", {}, (), read(b"<Response/>").root)
        for seconds, (step, said) in enumerate(path):
            heard = line.asks(step, seconds * 10, **said)
        body = line.books.answered[path[-1][0]]
        assert faults(body, shared) == []
        assert all(_overrides(url) for url in heard.urls)
        texts = LANGUAGES[language]
        for verb, step in heard.asks.items():
            assert step not in {known for known, _ in path}, "a caller would go round in circles"
            for said in _answers(verb):
                if (state := (step, str(said), bool(line.change.answers))) not in seen:
                    seen.add(state)
                    todo.append([*path, (step, said)])
        if not heard.asks:
            leaves += 1
            assert heard.verbs == ("Reject",) if entry == "ourselves" else heard.verbs[-1] == "Hangup"
            assert entry == "ourselves" or "Say" in heard.verbs
        if "Hangup" in heard.verbs and path[-1][1].get("DialBridged") != "true" and entry != "colleague":
            assert texts.goodbye in heard.says
    assert leaves >= 1


def _overrides(url: str) -> bool:
    split = urldefrag(url)
    given = dict(parse_qsl(split.fragment))
    step = step_of(urlsplit(split.url).path.rpartition("/")[2])
    tells = step is not None and step.stage in (Stage.LEG, Stage.RECORDING)
    wanted = {"rc": "3", "ct": "2000", "rt": "4000"} if tells else {"rc": "2", "ct": "1500", "rt": "5000"}
    return given == {**wanted, "rp": "ct,rt,5xx"}


def test_a_call_taken_for_a_customers_gets_its_verdict_though_the_number_became_a_colleagues() -> None:
    people = replace(FIRM.people, agents={"bo": FIRM.people.agents["bo"]})
    before = replace(HOUSE, firm=replace(FIRM, people=people))
    line = Line(before, caller=ANNA)
    line.asks("voice")
    line.told.told("status", fields("completed", ANNA), 9)
    line.books.now = TUESDAY + timedelta(minutes=5)
    line.books.take(settle(SID, line.books.items(line.told.entries), HOUSE, KEYS))
    (call,) = line.books.interactions.values()
    assert call.outcome is Outcome.MISSED


def test_a1_opening_hours_that_come_in_force_later_close_nothing_today() -> None:
    today = HOUSE.terms.versions[-1]
    name = HOUSE.lines["hotline"].calendar
    assert name
    shut = {**today.calendars, name: replace(today.calendars[name], weekly={})}
    next_month = replace(today, id="next-month", effective_from=TUESDAY + timedelta(days=30), calendars=shut)
    house = replace(HOUSE, terms=replace(HOUSE.terms, versions=(*HOUSE.terms.versions, next_month)))
    assert "Dial" in Line(house).asks("voice").verbs
    assert "Dial" not in Line(house, start=TUESDAY + timedelta(days=35)).asks("voice").verbs


def test_w7_after_a_talk_nobody_apologises_also_where_twilio_does_not_say_that_there_was_one() -> None:
    line = Line()
    line.asks("voice")
    line.agent_asks("whisper-1-0", 5)
    line.agent_asks("key-1-0-1", 8, Digits="1")
    line.told.told("leg-1-0", leg_fields("in-progress"), 6)
    heard = line._asks("dial-1", dialled(None, "completed"), 90)
    assert heard.verbs[-1] == "Hangup"
    assert "Gather" not in heard.verbs
    line.over(91)
    line.passes(300)
    assert line.call.outcome is Outcome.REACHED
