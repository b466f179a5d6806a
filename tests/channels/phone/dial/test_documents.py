"""What our own people hear: every document is one that Twilio takes, and every one of them ends."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from commsd.channels.phone.dial.attempt import AttemptState, Leg
from commsd.channels.phone.dial.scene import Errand, brief_sentences, document, whole_document
from commsd.channels.phone.dial.step import ANSWERED, RESULT_KEYS, Stage, Step, step_of
from commsd.core.callback import Callback, State
from tests.channels.phone.documents import faults
from tests.channels.phone.hotline import CUSTOMER, FIRM, HOTLINE, LINE, PUBLIC, TUESDAY

CALLBACK = Callback(
    id="0192f0c0-0000-7000-8000-000000000001",
    created_at=TUESDAY,
    line="hotline",
    number=CUSTOMER,
    contact_id=None,
    case_id="case",
    state=State.DIALLING,
    due_at=None,
    opened_at=TUESDAY - timedelta(minutes=30),
    misses=("miss",),
    purpose='Order 2041 <Say>"late"\x07\n& more',
)
ATTEMPT = "0192f0c0-0000-7000-8000-000000000002"
STATES = {
    "nothing": AttemptState(),
    "talked": AttemptState(reported=True),
    "busy": AttemptState(reported=False, customer=Leg(status="busy")),
}


def errand(language: str = "en", base: str | None = PUBLIC, *, wanted: bool = True) -> Errand:
    agent = replace(FIRM.people.agents["anna"], languages=(language,))
    return Errand(
        firm=FIRM,
        line=LINE,
        base=base,
        callback=CALLBACK,
        attempt_id=ATTEMPT,
        agent=agent,
        customer="Mette & <Holm>",
        wanted=wanted,
    )


def steps() -> list[Step]:
    names = ("agent", "key-1", "key-2", "talk", "result-1", "result-2", "fallback")
    found = [step for name in names if (step := step_of(name))]
    assert {step.stage for step in found} == set(ANSWERED)
    return found


@pytest.mark.parametrize("language", ["en", "de", "da", "id", "fr"])
@pytest.mark.parametrize("wanted", [True, False])
def test_a9_every_document_passes_the_table_of_verbs_and_ends(language: str, shared: Path, *, wanted: bool) -> None:
    for step in steps():
        for digits in ("", "1", "2", "9"):
            for state in STATES.values():
                body = document(errand(language, wanted=wanted), step, {"Digits": digits}, state, TUESDAY)
                assert faults(body, shared) == []
                last = list(ElementTree.fromstring(body))[-1]
                assert last.tag == "Hangup" or "action" in last.attrib


def test_p1_nobody_is_joined_who_did_not_press_1() -> None:
    for step in steps():
        for digits in ("", "0", "2", "9"):
            assert b"<Dial" not in document(errand(), step, {"Digits": digits}, AttemptState(), TUESDAY)
    assert b"<Dial" in document(errand(), Step(Stage.KEY, 2), {"Digits": "1"}, AttemptState(), TUESDAY)
    gone = errand(wanted=False)
    assert b"<Dial" not in document(gone, Step(Stage.KEY, 1), {"Digits": "1"}, AttemptState(), TUESDAY)


def test_p1_the_customer_sees_the_number_he_rang_and_hears_no_silence() -> None:
    body = document(errand(), Step(Stage.KEY, 1), {"Digits": "1"}, AttemptState(), TUESDAY)
    dial = ElementTree.fromstring(body).find("Dial")
    assert dial is not None
    assert (dial.get("callerId"), dial.get("answerOnBridge")) == (HOTLINE, "true")
    assert dial.get("action", "").startswith(f"{PUBLIC}/twilio/dial/{CALLBACK.id}/{ATTEMPT}/talk#rc=2")
    (number,) = dial
    assert number.text == CUSTOMER
    assert number.get("statusCallback", "").endswith("/leg#rc=3&rp=ct,rt,5xx&ct=2000&rt=4000")


@pytest.mark.parametrize("language", ["en", "de", "da", "id"])
def test_fraud_typed_number_our_person_is_told_that_it_is_not_the_one_the_caller_rang_from(language: str) -> None:
    told = errand(language)
    other = replace(told, other_number=True)
    plain, with_other = (tuple(brief_sentences(each, TUESDAY)) for each in (told, other))
    assert set(with_other) - set(plain) == {told.voice.words.other}
    step = step_of("agent")
    assert step
    assert told.voice.words.other in document(other, step, {}, AttemptState(), TUESDAY).decode()


def test_a10_what_a_customer_gave_us_is_escaped_and_plain() -> None:
    body = document(errand(), Step(Stage.AGENT), {}, AttemptState(), TUESDAY)
    says = " ".join(each.text or "" for each in ElementTree.fromstring(body).iter("Say"))
    assert 'Order 2041 <Say>"late" & more' in says
    assert "Mette & <Holm>" in says
    assert "0, 3, 0, 2, 3, 1, 2, 5, 0, 9, 9" in says
    assert "today at noon" in says


def test_the_whole_call_in_one_document_is_short_enough_for_twilio(shared: Path) -> None:
    long = replace(CALLBACK, purpose="x" * 5000)
    for language in ("en", "de", "da", "id"):
        body = whole_document(replace(errand(language, base=None), callback=long), TUESDAY)
        assert faults(body, shared) == []
        assert len(body.decode()) <= 4000
        assert b"action" not in body
        assert b"statusCallback" not in body


def test_every_key_of_the_result_is_a_word_of_the_interface() -> None:
    assert set(RESULT_KEYS.values()) <= {"reached", "voicemail", "wrong_person", "call_again"}
