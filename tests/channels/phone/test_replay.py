"""Twilio's own samples, in any order and number: one call, as if each had come once; telephony.md W3 to W7."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commsd.channels.phone.call import fold, reason_for, timer_at, verdict
from commsd.channels.phone.call_state import CallState
from commsd.core.interaction import Outcome
from commsd.core.open_items import WebhookEntry
from tests.channels.phone.hotline import LEG, SID, TUESDAY, Books, fields
from tests.channels.phone.on_paper import Line

STEPS = {  # kind of a sample -> where Twilio sends it, and whose CallSid it bears
    "voice": ("voice", SID),
    "fallback": ("voice", SID),
    "call-status": ("leg-1-0", LEG),
    "dial-action": ("dial-1", SID),
    "gather": ("offer-1", SID),
    "record-action": ("message", SID),
    "recording": ("recording", SID),
}
HANDED_OUT = {
    "voice": b'<Response><Dial action="https://x/twilio/call/CA1/dial-1#rc=2"/></Response>',
    "dial-1": b'<Response><Gather action="https://x/twilio/call/CA1/offer-1#rc=2"/></Response>',
}


@cache
def samples(shared: Path) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = json.loads((shared / "twilio/webhooks/samples.json").read_text())
    return tuple(each for each in found if each["kind"] in STEPS)


def entry(sample: dict[str, Any], place: int) -> WebhookEntry:
    step, sid = STEPS[sample["kind"]]
    said = dict(sample["pairs"]) | {"CallSid": sid}
    if sid == LEG:
        said |= {"Direction": "outbound-dial", "ParentCallSid": SID}
    return WebhookEntry(id=place, received_at=TUESDAY, route=step.partition("-")[0], step=step, fields=said)


def folded(entries: list[WebhookEntry]) -> CallState:
    state = fold(SID, entries, HANDED_OUT)
    assert state
    return state


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(seed=st.randoms(use_true_random=False))
def test_w3_every_sample_three_times_and_shuffled_ends_as_one_ordered_pass(shared: Path, seed: random.Random) -> None:
    once = [entry(sample, place) for place, sample in enumerate(samples(shared))]
    thrice = [entry(sample, place) for place, sample in enumerate(samples(shared) * 3)]
    seed.shuffle(thrice)
    state = folded(thrice)
    assert state == folded(once)
    assert verdict(state, timer_at(state)) is verdict(folded(once), timer_at(folded(once)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_w7_unknown_fields_are_kept_and_optional_ones_may_lack(shared: Path, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(samples(shared)))
    pairs = data.draw(st.sets(st.sampled_from(sorted({name for name, _ in sample["pairs"]} - {"CallSid"}))))
    more = data.draw(st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=12), max_size=3))
    whole = entry(sample, 1)
    left = {name: value for name, value in whole.fields.items() if name not in pairs}
    state = folded(
        [WebhookEntry(id=1, received_at=TUESDAY, route=whole.route, step=whole.step, fields={**more, **left})]
    )
    assert verdict(state, timer_at(state)) in (Outcome.MISSED, Outcome.REACHED)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("dial-action-completed-bridged", Outcome.REACHED),
        ("dial-action-completed-not-bridged", Outcome.MISSED),
        ("dial-action-no-answer", Outcome.MISSED),
        ("dial-action-busy", Outcome.MISSED),
        ("dial-action-failed", Outcome.MISSED),
        ("dial-action-canceled", Outcome.MISSED),
        ("dial-action-caller-already-gone", Outcome.MISSED),
    ],
)
def test_d2_only_a_bridge_makes_a_dial_a_talk(shared: Path, name: str, outcome: Outcome) -> None:
    (sample,) = [each for each in samples(shared) if each["name"] == name]
    state = folded([entry(sample, 1)])
    assert verdict(state, timer_at(state)) is outcome


def test_a7_a_message_ended_by_hanging_up_counts_and_an_absent_recording_does_not(shared: Path) -> None:
    known = {each["name"]: entry(each, place) for place, each in enumerate(samples(shared))}
    left = folded([known["record-action-hangup"]])
    assert left.recording_sid
    assert reason_for(left, closed=False) == "message_left"
    absent = known["recording-status-absent"]
    said = {**absent.fields, "RecordingSid": left.recording_sid}
    void = WebhookEntry(id=9, received_at=TUESDAY, route="recording", step="recording", fields=said)
    assert folded([known["record-action-hangup"], void]).recording_sid is None


def test_w4_a_voice_request_sent_again_gets_the_same_bytes_and_makes_nothing_new() -> None:
    line = Line(books=Books())
    line.asks("voice")
    first = line.books.answered["voice"]
    before = dict(line.books.interactions)
    line._asks("voice", fields(**{"I-Twilio-Retry": "2"}), 2)
    assert line.change.result == first
    assert line.books.interactions == before
