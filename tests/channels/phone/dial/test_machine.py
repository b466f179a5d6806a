"""Whether a machine answers the customer's end: asked of Twilio where wished, a hint, no proof (telephony.md P8)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from commsd.channels.phone.dial.attempt import MACHINES, AttemptState, fold
from commsd.channels.phone.dial.exchange import Exchange as Attempts
from commsd.channels.phone.dial.scene import TALK_LIMIT, document, whole_document
from commsd.channels.phone.dial.step import Stage, Step
from commsd.channels.phone.dial.twiml import connect, connect_bin
from commsd.channels.phone.dial.wording import wording
from commsd.channels.phone.line import Dialling
from commsd.channels.phone.twiml import RETRY_STATUS
from commsd.core.callback import CloseReason, State
from commsd.core.change import Change
from commsd.core.entry import Result
from commsd.core.interaction import MACHINE_HEARD, Interaction, Outcome
from commsd.demo.exchange import Person, Tamper, Webhook
from commsd.store import schema
from tests.channels.phone.dial.conftest import TAKES, TALKS, Desk
from tests.channels.phone.dial.test_attempt import DIALLED, TALK, Said, told
from tests.channels.phone.dial.test_documents import ATTEMPT, CALLBACK, errand
from tests.channels.phone.documents import faults
from tests.channels.phone.hotline import ACCOUNT, ANNA, CUSTOMER, HOTLINE, LEG, PUBLIC, SID, TUESDAY

MACHINE = Person(answers_after=4, voicemail=True, talks_for=20)
SILENT = Person(answers_after=3, presses=("1",))
"""Takes the call, and presses nothing afterwards."""

LANGUAGES = ("en", "de", "da", "id")
OTHERS = {
    "en": ("press one", "press three", "press four"),
    "de": ("die Eins", "die Drei", "die Vier"),
    "da": ("tryk et", "tryk tre", "tryk fire"),
    "id": ("tekan satu", "tekan tiga", "tekan empat"),
}
TWO = {"en": "press two", "de": "die Zwei", "da": "tryk to", "id": "tekan dua"}


@pytest.fixture
def dialling(request: pytest.FixtureRequest) -> Dialling:
    """With detection, where a test says nothing else."""
    wished = getattr(request, "param", None)
    return wished if isinstance(wished, Dialling) else Dialling(machine_detection=True)


def heard(word: str, sid: str = LEG) -> Said:
    """The webhook of Twilio's page on detection: the fields it lists, and no more."""
    fields = {"CallSid": sid, "AccountSid": ACCOUNT, "AnsweredBy": word, "MachineDetectionDuration": "3400"}
    return "amd", fields


def state(said: Sequence[Said]) -> AttemptState:
    return fold(told(said), DIALLED)


def number_of(body: bytes) -> ElementTree.Element:
    (number,) = ElementTree.fromstring(body).iter("Number")
    return number


def test_p8_the_customers_leg_is_listened_to_and_twilio_told_where_to_say_what_it_heard(shared: Path) -> None:
    listening = replace(errand(), detects=True)
    body = document(listening, Step(Stage.KEY, 1), {"Digits": "1"}, AttemptState(), TUESDAY)
    assert faults(body, shared) == []
    number = number_of(body)
    assert number.get("machineDetection") == "DetectMessageEnd"
    assert number.get("amdStatusCallback") == f"{PUBLIC}/twilio/dial/{CALLBACK.id}/{ATTEMPT}/amd{RETRY_STATUS}"
    assert number.get("amdStatusCallbackMethod") == "POST"
    assert b"async" not in body.lower(), "those belong to orders of calls alone: 21263"


def test_p8_off_there_is_nothing_of_it_in_the_document() -> None:
    body = document(errand(), Step(Stage.KEY, 1), {"Digits": "1"}, AttemptState(), TUESDAY)
    assert set(number_of(body).attrib) == {"statusCallback", "statusCallbackMethod", "statusCallbackEvent"}


def test_p8_without_a_public_address_there_is_nowhere_to_tell_it_and_nothing_is_asked() -> None:
    hidden = replace(errand(base=None), detects=True)
    dial = connect(hidden.voice, CUSTOMER, HOTLINE, limit=TALK_LIMIT, detects=True)
    for body in (whole_document(hidden, TUESDAY), connect_bin(), dial):
        assert number_of(body).attrib == {}


@pytest.mark.parametrize("word", sorted(MACHINES))
def test_p8_a_machine_on_the_customers_leg_is_seen_in_whatever_order_and_however_often(word: str) -> None:
    plain = state(TALK)
    for said in ([*TALK, heard(word)], [heard(word), *TALK], [heard(word), *reversed(TALK), heard(word)]):
        seen = state(said)
        assert (seen.machine, seen.bridged, seen.digits) == (True, plain.bridged, plain.digits)


@given(
    st.lists(st.sampled_from([heard("machine_end_beep"), heard("human"), heard("fax", SID)]), max_size=4),
    st.integers(0, 10_000),
)
def test_p8_the_hint_is_all_that_changes_and_it_keeps_no_clock_running(hints: list[Said], later: int) -> None:
    known = told(TALK)
    after = timedelta(seconds=later)
    beside = [replace(entry, id=entry.id + 100, received_at=entry.received_at + after) for entry in told(hints)]
    plain, seen = fold(known, DIALLED), fold([*known, *beside], DIALLED)
    assert replace(seen, machine=False) == plain
    assert seen.machine == (heard("machine_end_beep") in hints)


@pytest.mark.parametrize("said", [heard("human"), heard("unknown"), heard("robot_of_2030"), heard("")])
def test_p8_a_person_or_a_word_nobody_knows_is_no_machine(said: Said) -> None:
    assert not state([*TALK, said]).machine
    assert not state([*TALK, ("amd", {"CallSid": LEG})]).machine


@pytest.mark.parametrize("sid", [SID, "CA" + "9" * 32, ""])
def test_p8_what_was_heard_on_another_leg_says_nothing_of_the_customers(sid: str) -> None:
    assert not state([*TALK, heard("machine_end_beep", sid)]).machine
    assert state([heard("machine_end_beep", sid)]) == state([])


def test_p8_a_status_of_the_leg_that_names_the_machine_will_do_where_the_webhook_is_lost() -> None:
    said = [(step, {**fields, "AnsweredBy": "machine_end_beep"} if step == "leg" else fields) for step, fields in TALK]
    assert state(said).machine


@pytest.mark.parametrize("language", LANGUAGES)
def test_p8_the_question_after_the_call_asks_about_the_machine_first(language: str, shared: Path) -> None:
    known = AttemptState(reported=True, machine=True)
    words = wording(language)
    asked = words.result_machine.index(TWO[language])
    assert all(asked < words.result_machine.index(key) for key in OTHERS[language])
    for step in (Step(Stage.TALK), Step(Stage.RESULT, 1)):
        body = document(errand(language), step, {"Digits": ""}, known, TUESDAY)
        assert faults(body, shared) == []
        says = [each.text or "" for each in ElementTree.fromstring(body).iter("Say")]
        assert words.result_machine in says
        assert words.result not in says
        plain = document(errand(language), step, {"Digits": ""}, replace(known, machine=False), TUESDAY).decode()
        assert words.result_machine not in plain


async def _journalled(desk: Desk) -> list[dict[str, str]]:
    """What is kept of detection, the oldest first."""
    asked = select(schema.journal).where(schema.journal.c.step == "amd").order_by(schema.journal.c.id)
    rows = await desk.phone.means.log.read(lambda connection: connection.execute(asked).all())
    assert all(row.route == "dial-amd" and row.consumed for row in rows)
    return [dict(row.fields) for row in rows]


async def _tells(desk: Desk, word: str, sid: str, *, attempt: str | None = None) -> int | None:
    owed = await desk.callback()
    url = f"{PUBLIC}/twilio/dial/{owed.id}/{attempt or owed.attempts[0].id}/amd"
    _, fields = heard(word, sid)
    sent = await desk.phone.exchange.post.deliver(Webhook(kind="amd", url=url, fields=fields))
    await desk.phone.settled()
    return sent.status


async def _attempt(desk: Desk) -> Interaction:
    (attempt,) = await desk.attempts()
    return attempt


def _said(desk: Desk) -> str:
    return " ".join(each.text for each in desk.phone.exchange.spoken(desk.orders()[0]))


async def test_p8_a_machine_is_kept_in_the_journal_and_named_first_in_the_question(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people.update({ANNA: Person(answers_after=3, presses=("1", "2")), CUSTOMER: MACHINE})
    await desk.turn()
    (customer,) = desk.phone.exchange.children(desk.orders()[0])
    (kept,) = await _journalled(desk)
    assert (kept["CallSid"], kept["AnsweredBy"]) == (customer.sid, "machine_end_beep")
    assert wording("de").result_machine in _said(desk)
    owed, attempt = await desk.callback(), await _attempt(desk)
    assert (owed.state, owed.attempts[0].result) == (State.WAITING, "voicemail")
    assert (MACHINE_HEARD in attempt.tags, attempt.detail.result) == (True, Result.VOICEMAIL)


async def test_p8_q4_a_machine_that_was_heard_closes_nothing_and_plans_nothing(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people.update({ANNA: SILENT, CUSTOMER: MACHINE})
    await desk.turn()
    owed, attempt = await desk.callback(), await _attempt(desk)
    assert (owed.state, owed.attempts[0].bridged, owed.attempts[0].result) == (State.CONFIRM, True, None)
    assert (attempt.outcome, attempt.tags) == (Outcome.REACHED, (MACHINE_HEARD,))
    assert attempt.revision == 2, "while they talk nothing is told of the attempt"


async def test_p8_a_person_who_was_reached_all_the_same_is_reached(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people.update({ANNA: TAKES, CUSTOMER: MACHINE})
    await desk.turn()
    assert (await desk.callback()).close_reason is CloseReason.REACHED


async def test_p8_after_a_person_the_question_is_the_usual_one(desk: Desk) -> None:
    await desk.missed()
    await desk.turn()
    assert [each["AnsweredBy"] for each in await _journalled(desk)] == ["human"]
    assert wording("de").result in _said(desk)
    assert (await _attempt(desk)).tags == ()


async def _unheard(desk: Desk) -> str:
    """A talk of which no detection was told, and whose result nobody said; the customer's leg."""
    await desk.missed()
    desk.phone.exchange.people.update({ANNA: SILENT, CUSTOMER: TALKS})
    desk.phone.exchange.tamper = lambda hook: Tamper(
        lost=hook.kind == "amd" or hook.url.partition("#")[0].endswith("/leg")
    )
    await desk.turn()
    desk.phone.exchange.tamper = lambda hook: Tamper()
    (customer,) = desk.phone.exchange.children(desk.orders()[0])
    return customer.sid


async def test_p8_a_hint_that_comes_late_or_again_is_added_once_and_moves_nothing(desk: Desk) -> None:
    customer = await _unheard(desk)
    owed, before = await desk.callback(), await _attempt(desk)
    assert before.tags == ()
    assert [await _tells(desk, "machine_end_beep", customer) for _ in range(3)] == [204] * 3
    after = await _attempt(desk)
    assert (after.tags, after.revision) == ((MACHINE_HEARD,), before.revision + 1)
    assert replace(after, tags=(), revision=before.revision, recorded_at=before.recorded_at) == before
    assert await desk.callback() == owed


async def test_p8_a_hint_and_a_result_taken_in_together_are_both_kept(desk: Desk) -> None:
    customer = await _unheard(desk)
    owed, exchange = await desk.callback(), Attempts(desk.phone.settings, desk.phone.means)
    attempt, now = owed.attempts[0].id or "", desk.phone.clockwork.now
    _, fields = heard("machine_end_beep", customer)
    await exchange.note(attempt, Step(Stage.AMD), "", fields, None, now)
    await exchange.note(attempt, Step(Stage.RESULT), "", {"CallSid": SID, "Digits": "2"}, None, now)
    await exchange.settle(owed.id, attempt)
    known = await _attempt(desk)
    assert (known.tags, known.detail.result) == ((MACHINE_HEARD,), Result.VOICEMAIL)


async def test_p8_of_a_person_who_was_erased_nothing_is_told_any_more(desk: Desk) -> None:
    customer = await _unheard(desk)
    before = await _attempt(desk)
    gone = replace(before, revision=before.revision + 1, erased_at=desk.phone.clockwork.now)
    await desk.phone.means.log.decide((), lambda _: Change(interactions=(gone,)))
    assert await _tells(desk, "machine_end_beep", customer) == 204
    known = await _attempt(desk)
    assert (known.revision, known.tags) == (gone.revision, ())


@pytest.mark.parametrize("word", ["machine_end_beep", "fax"])
async def test_p8_a_word_about_a_call_that_is_not_ours_changes_nothing(desk: Desk, word: str) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = SILENT
    await desk.turn()
    owed, before = await desk.callback(), await _attempt(desk)
    nobody = "0192f0c0-0000-7000-8000-000000000002"
    assert await _tells(desk, word, "CA" + "9" * 32) == 204
    assert await _tells(desk, word, desk.orders()[0].sid) == 204
    assert await _tells(desk, word, SID, attempt=nobody) == 204
    assert (await desk.callback(), await _attempt(desk)) == (owed, before)


@pytest.mark.parametrize("dialling", [Dialling()], indirect=True)
async def test_p8_off_no_machine_is_listened_for_and_the_question_is_the_usual_one(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people.update({ANNA: SILENT, CUSTOMER: MACHINE})
    await desk.turn()
    assert await _journalled(desk) == []
    assert wording("de").result in _said(desk)
    assert (await _attempt(desk)).tags == ()
