"""Calls that wander: whatever anybody does at each step, Twilio could take every document; telephony.md A9, A3, W8."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urldefrag

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commsd.channels.phone.prompts import LANGUAGES
from commsd.channels.phone.step import Stage, step_of
from tests.channels.phone.documents import Document, faults, step
from tests.channels.phone.hotline import ANNA, CUSTOMER, FIRM, FRIDAY_EVENING, TUESDAY, house
from tests.channels.phone.on_paper import Line


@cache
def languages(shared: Path) -> dict[str, list[str]]:
    table: dict[str, list[str]] = json.loads((shared / "twilio/twiml/voices_languages.json").read_text())
    return table


CALLERS = (CUSTOMER, "+442079460123", "anonymous", "", "sip:bob@pbx.example.com", "12345", ANNA)
KEYS = ("", "1", "2", "3", "7", "9", "*", "03023125088", "0900123456")
WORDS = ("", "yes", "no", "another number", "a message", "no need to call", "<Say>&amp;")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=120)
@given(data=st.data())
def test_a9_whatever_is_done_twilio_could_take_every_document(shared: Path, data: st.DataObject) -> None:
    pick = data.draw
    line = Line(
        house(
            rounds=pick(st.sampled_from([(), (("anna",),), (("anna",), ("service",))])),
            languages=(pick(st.sampled_from(sorted(LANGUAGES))),),
            sequential=pick(st.booleans()),
        ),
        start=pick(st.sampled_from([TUESDAY, FRIDAY_EVENING])),
        caller=pick(st.sampled_from(CALLERS)),
    )
    line.house = replace(line.house, firm=replace(FIRM, address_as={"da": pick(st.sampled_from(["du", "de"]))}))
    heard, at, rung = line.asks("voice"), 0, set[str]()
    for _ in range(30):
        _is_sound(line, heard, shared)
        ways = [way for way in _ways(heard) if way not in rung]
        if not ways:
            break
        at += 7
        way = pick(st.sampled_from(ways))
        known = step_of(way)
        assert known
        if known.stage in (Stage.WHISPER, Stage.KEY):
            rung.add(way)
            said = {"Digits": pick(st.sampled_from(("", "1", "5")))} if known.stage is Stage.KEY else {}
            agents_ear = line.agent_asks(way, at, **said)
            _is_sound(line, agents_ear, shared)
            assert agents_ear.verbs == () or agents_ear.verbs[-1] == "Hangup"
            assert "Dial" not in agents_ear.verbs
            if agents_ear.asks:
                heard = replace(heard, asks={**heard.asks, "Key": agents_ear.asks["Gather"]})
        elif known.stage is Stage.DIAL:
            heard = line.dial_over(known.number, bridged=pick(st.booleans()), after=at)
        elif known.stage is Stage.MESSAGE:
            heard = line.asks(way, at, **pick(st.sampled_from(({}, {"RecordingSid": "RE1"}))))
        else:
            said = {"Digits": pick(st.sampled_from(KEYS))}
            words = {"SpeechResult": pick(st.sampled_from(WORDS)), "Confidence": pick(st.sampled_from(("0.9", "0.3")))}
            heard = line.asks(way, at, **(said if pick(st.booleans()) else words))
    else:
        raise AssertionError("a call that never ends")


def _ways(heard: Document) -> list[str]:
    """Where the call can go from here: the caller's way on, and what our people are asked on picking up."""
    whispers = [step(number.attrib["url"]) for number in heard.root.iter("Number")]
    return [*heard.asks.values(), *whispers]


def _is_sound(line: Line, heard: Document, shared: Path) -> None:
    for body in line.books.answered.values():
        assert faults(body, shared) == []
    for url in heard.urls:
        assert dict(parse_qsl(urldefrag(url).fragment)).keys() == {"rc", "rp", "ct", "rt"}
        assert not parse_qs(urldefrag(url).url.partition("?")[2])
    spoken = {say.attrib["language"] for say in heard.root.iter("Say")}
    table = languages(shared)
    assert spoken <= set(table["say_languages"])
    assert {g.attrib["language"] for g in heard.root.iter("Gather") if "language" in g.attrib} <= set(
        table["gather_languages"]
    )
