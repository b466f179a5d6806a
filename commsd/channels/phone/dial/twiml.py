"""The documents our own people are led through on a call of ours, as bytes of TwiML. Pure.

Every document ends: in a way on (action of Gather or Dial), or in words of leave and a hang-up; docs/voice/twiml.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from commsd.channels.phone.dial.step import TRIES, Stage, Step
from commsd.channels.phone.dial.wording import Wording
from commsd.channels.phone.prompts.spoken import Spoken
from commsd.channels.phone.twiml import RETRY_STATUS, RETRY_TWIML

# The library ships no types for its builders.
_response = cast("Callable[[], Any]", VoiceResponse)
_dial = cast("Callable[..., Any]", Dial)
_gather = cast("Callable[..., Any]", Gather)

RING = timedelta(seconds=30)
"""How long the customer is rung: longer than our people, who are at their desks."""

_KEY_SECONDS = 5
_RESULT_SECONDS = 10
INLINE = 4000
"""Characters that Twilio takes as a document in the order of a call: the `Twiml` parameter of Calls."""

_LEG_EVENTS = "initiated ringing answered completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How one of our people is spoken to. url: …/twilio/dial/CALLBACK/ATTEMPT; None: Twilio cannot reach us."""

    spoken: Spoken
    words: Wording
    url: str | None


def brief(voice: Voice, sentences: Sequence[str], attempt: int) -> bytes:
    """Who is to be rung and why; press 1. Silence hangs up, so a voicemail never takes a callback."""
    document = _response()
    gather = _prompt(voice, Step(Stage.KEY, attempt), _KEY_SECONDS)
    for text in (*sentences, voice.words.accept):
        _say(gather, voice, text)
    document.append(gather)
    document.hangup()
    return _bytes(document)


def connect(voice: Voice, number: str, line: str, *, limit: timedelta, detects: bool = False) -> bytes:
    """Rings the customer, who sees the number he rang and hears no silence: he is joined as he picks up.

    number, line: E.164. limit: of the talk. detects: Twilio tells us whether a machine answered, beside the talk.
    """
    document = _response()
    _say(document, voice, voice.words.connecting)
    _ring(document, voice, number, line, limit, detects=detects)
    return _bytes(document)


def ask_result(voice: Voice, attempt: int, *, machine: bool = False) -> bytes:
    """What came of the talk, by key. Who says nothing is asked in writing. machine: one seems to have answered."""
    document = _response()
    gather = _prompt(voice, Step(Stage.RESULT, attempt), _RESULT_SECONDS)
    _say(gather, voice, voice.words.result_machine if machine else voice.words.result)
    document.append(gather)
    _say(document, voice, voice.words.last)
    document.hangup()
    return _bytes(document)


def last_words(voice: Voice, *sentences: str) -> bytes:
    """The end of the call."""
    document = _response()
    for text in sentences:
        _say(document, voice, text)
    document.hangup()
    return _bytes(document)


def fallback(voices: Sequence[Voice]) -> bytes:
    """The document for `fallback_url`, kept outside our host: what our people hear when we do not answer Twilio."""
    document = _response()
    for voice in voices:
        for text in (voice.words.failed, voice.words.again):
            _say(document, voice, text)
    document.hangup()
    return _bytes(document)


def inline(voice: Voice, sentences: Sequence[str], number: str, line: str, *, limit: timedelta) -> bytes:
    """The whole call in one document, where Twilio cannot reach us and so cannot tell us of a key.

    The brief comes twice, with a pause in which our person may ring off; then the customer is rung.
    """
    document = _response()
    for _ in range(TRIES):
        for text in sentences:
            _say(document, voice, text)
        _say(document, voice, voice.words.unless)
        document.pause(length=_KEY_SECONDS)
    _ring(document, voice, number, line, limit)
    return _bytes(document)


def inline_by_key(voice: Voice, sentences: Sequence[str], onward: str) -> bytes:
    """The same, and the customer is rung only where a key was pressed. onward: from `connect_address`.

    Without an `actionOnEmptyResult` nobody goes there in silence: it runs on to the hang-up.
    """
    document = _response()
    for _ in range(TRIES):
        gather = _gather(input="dtmf", num_digits=1, action=onward, method="POST", timeout=_KEY_SECONDS)
        for text in (*sentences, voice.words.accept):
            _say(gather, voice, text)
        document.append(gather)
    document.hangup()
    return _bytes(document)


def connect_address(url: str, number: str, line: str, *, limit: timedelta) -> str:
    """Where Twilio goes when a key was pressed. url: of a Bin that holds `connect_bin`."""
    return f"{url}?{urlencode({'Customer': number, 'Line': line, 'Limit': round(limit.total_seconds())})}"


def connect_bin() -> bytes:
    """What the TwiML Bin under `connect_url` holds: Twilio fills in what `connect_address` names."""
    document = _response()
    ring = round(RING.total_seconds())
    dial = _dial(caller_id="{{Line}}", answer_on_bridge=True, timeout=ring, time_limit="{{Limit}}")
    dial.number("{{Customer}}")
    document.append(dial)
    return _bytes(document)


def _ring(document: Any, voice: Voice, number: str, line: str, limit: timedelta, *, detects: bool = False) -> None:
    onward = {"action": _on(voice, Step(Stage.TALK)), "method": "POST"} if voice.url else {}
    dial = _dial(
        caller_id=line,
        answer_on_bridge=True,
        timeout=round(RING.total_seconds()),
        time_limit=round(limit.total_seconds()),
        **onward,
    )
    told = (
        {
            "status_callback": _told(voice, Step(Stage.LEG)),
            "status_callback_method": "POST",
            "status_callback_event": _LEG_EVENTS,
        }
        if voice.url
        else {}
    )
    heard = (
        {
            "machine_detection": "DetectMessageEnd",
            "amd_status_callback": _told(voice, Step(Stage.AMD)),
            "amd_status_callback_method": "POST",
        }
        if voice.url and detects
        else {}
    )
    dial.number(number, **told, **heard)
    document.append(dial)


def _prompt(voice: Voice, step: Step, seconds: int) -> Any:
    return _gather(
        input="dtmf",
        num_digits=1,
        action=_on(voice, step),
        method="POST",
        timeout=seconds,
        action_on_empty_result=True,
    )


def _say(document: Any, voice: Voice, text: str) -> None:
    document.say(text, voice=voice.spoken.voice, language=voice.spoken.tag)


def _on(voice: Voice, step: Step) -> str:
    return f"{voice.url}/{step}{RETRY_TWIML}"


def _told(voice: Voice, step: Step) -> str:
    return f"{voice.url}/{step}{RETRY_STATUS}"


def _bytes(document: Any) -> bytes:
    return str(document).encode()
