"""What the caller hears next: TwiML documents as bytes. Pure.

Which scene comes when stands in call.NEXT. Every document ends: in a way on (action of Dial, Gather, Record), or in
words of leave and a hang-up. twilio's builder escapes all text but checks nothing: the tests hold each document to
Twilio's table of verbs (docs/voice/twiml).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast
from xml.sax.saxutils import escape

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from commsd.channels.phone.line_check import NOUNS
from commsd.channels.phone.prompts import OF_COUNTRY, spoken
from commsd.channels.phone.prompts.spoken import Spoken
from commsd.channels.phone.speech import ASKED, OFFERED, Words, hints

# The library ships no types for its builders.
_response = cast("Callable[[], Any]", VoiceResponse)
_dial = cast("Callable[..., Any]", Dial)
_gather_noun = cast("Callable[..., Any]", Gather)

RETRY_TWIML = "#rc=2&rp=ct,rt,5xx&ct=1500&rt=5000"
"""Connection overrides for URLs that answer with TwiML: docs/usage/webhooks/webhooks-connection-overrides."""

RETRY_STATUS = "#rc=3&rp=ct,rt,5xx&ct=2000&rt=4000"
"""And for those that only tell. Without them Twilio asks once more only when it cannot connect."""

MEDIA_TYPE = "text/xml"
_PROMPT_SECONDS = 6
_TYPING_SECONDS = 10
_SPEECH_SECONDS = 2
_WHISPER_SECONDS = 5
_MESSAGE_SECONDS = 180
_LEG_EVENTS = "initiated ringing answered completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What every document of one call needs. url: …/twilio/call/SID. callable_: we know a number to ring.

    back: the promise in words, "" where none can be given. kept_place: a callback was owed already. unrung: the caller
    wishes not to be rung, and asked for no call in this one. brief: the caller likes few words.
    """

    spoken: Spoken
    firm: str
    line: str
    url: str
    callable_: bool = True
    back: str = ""
    kept_place: bool = False
    unrung: bool = False
    brief: bool = False

    def say(self, text: str, **words: str) -> str:
        """A text with its words put in."""
        return text.format(firm=_plain(self.firm), line=_plain(self.line), **words)


def language_for(contact: str | None, country: str | None, languages: Sequence[str], default: str) -> tuple[str, str]:
    """The language to speak and why: the contact's, else by the caller's country, else the line's first."""
    spoken_here = [language.partition("-")[0] for language in languages] or [default]
    known = (contact or "").partition("-")[0]
    if known in spoken_here:
        return known, "contact"
    by_country = OF_COUNTRY.get(country or "", "")
    if by_country in spoken_here:
        return by_country, "header"
    return spoken_here[0], "default"


def back_words(texts: Spoken, *, person: str | None, when: str, to_given_number: bool) -> str:
    """The promise: who rings, by when, on which number."""
    where = texts.given_number if to_given_number else texts.this_number
    if person:
        return texts.back_person.format(person=_plain(person), when=when, where=where)
    return texts.back_we.format(when=when, where=where)


def ring(
    talk: Talk,
    number: int,
    phones: Sequence[str],
    *,
    seconds: int,
    caller_id: str | None,
    greet: bool,
    sequential: bool = False,
) -> bytes:
    """Greets and rings one round; each of our people hears a whisper first and presses 1.

    caller_id: our own number where the caller's cannot be shown; None lets the caller's through. sequential: one after
    the other, each for these seconds, so that a voicemail that is quick to answer starves nobody.
    """
    made = _ringing(replace(talk, url=_URL), number, tuple(phones), seconds, caller_id, greet, sequential)
    return made.replace(_URL.encode(), escape(talk.url, {'"': "&quot;"}).encode())


_URL = "\ue000"
"""Stands for a call's URL in a document that many calls share: no text of ours can have it, see `_plain`."""


@lru_cache(maxsize=256)
def _ringing(
    talk: Talk, number: int, phones: tuple[str, ...], seconds: int, caller_id: str | None, greet: bool, sequential: bool
) -> bytes:
    document = _response()
    if greet:
        _say(document, talk, talk.say(talk.spoken.greeting))
    shown: dict[str, object] = {"caller_id": caller_id} if caller_id else {}
    if sequential:
        shown["sequential"] = True
    dial = _dial(action=_on(talk, f"dial-{number}"), method="POST", timeout=seconds, answer_on_bridge=True, **shown)
    for place, phone in enumerate(phones[:NOUNS]):
        dial.number(
            phone,
            url=_on(talk, f"whisper-{number}-{place}"),
            method="POST",
            status_callback=_told(talk, f"leg-{number}-{place}"),
            status_callback_method="POST",
            status_callback_event=_LEG_EVENTS,
        )
    document.append(dial)
    return _bytes(document)


def whisper(talk: Talk, number: int, place: int, attempt: int) -> bytes:
    """What one of our people hears on picking up. Ends in Hangup: a whisper that merely ends bridges a voicemail."""
    document = _response()
    gather = _gather(talk, f"key-{number}-{place}-{attempt}", _WHISPER_SECONDS, num_digits=1)
    _say(gather, talk, talk.say(talk.spoken.whisper))
    document.append(gather)
    document.hangup()
    return _bytes(document)


def accepted() -> bytes:
    """Ends the whisper at once, which joins the two."""
    return _bytes(_response())


def not_taken(talk: Talk, why: str = "") -> bytes:
    """Ends the leg of one who did not press 1, or, with the words that say why, came too late."""
    document = _response()
    if why:
        _say(document, talk, talk.say(why))
    document.hangup()
    return _bytes(document)


def offer(talk: Talk, opening: str) -> bytes:
    """An opening, the promise, and what else the caller may choose. Who says nothing, or hangs up, is rung."""
    texts = talk.spoken
    menu = texts.menu if talk.callable_ else texts.menu_without_number
    words = [opening, texts.kept_place if talk.kept_place else "", talk.back if talk.callable_ else "", menu]
    more = talk.spoken.menu_more if talk.callable_ and not talk.brief else ""
    said = [word for word in words if word]
    return _prompt(talk, said, "offer-1", _PROMPT_SECONDS, heard=OFFERED, more=more, num_digits=1)


def menu_again(talk: Talk, attempt: int) -> bytes:
    """The choice once more, shorter, after a key that means nothing."""
    step = f"offer-{attempt}"
    return _prompt(talk, [talk.spoken.menu_again], step, _PROMPT_SECONDS, heard=OFFERED, num_digits=1)


def ask_number(talk: Talk, attempt: int, *, again: bool) -> bytes:
    """Asks for a number on the keys, ended by the hash key."""
    text = talk.spoken.ask_again if again else talk.spoken.ask_number
    return _prompt(talk, [text], f"number-{attempt}", _TYPING_SECONDS, finish_on_key="#")


def read_back(talk: Talk, attempt: int, digits: str) -> bytes:
    """Reads a typed number back, digit by digit, with the promise."""
    words = [talk.say(talk.spoken.read_back, digits=_slowly(digits)), talk.back, talk.spoken.correct]
    return _prompt(talk, words, f"confirm-{attempt}", _PROMPT_SECONDS, heard=ASKED, num_digits=1)


def record(talk: Talk) -> bytes:
    """Asks for a message, consent first."""
    texts = talk.spoken
    rung = texts.record if talk.callable_ else texts.record_without_number
    return _recorded(talk, [texts.record_unrung if talk.unrung else rung])


def purpose(talk: Talk, digits: str) -> bytes:
    """Asks somebody who agreed to be rung what it is about, consent first. digits: "" where they were read back.

    Who likes few words is not asked.
    """
    texts = talk.spoken
    agreed = [talk.say(texts.agreed, digits=_slowly(digits))] if digits else []
    if talk.brief:
        document = _response()
        _leave(document, talk, agreed)
        return _bytes(document)
    return _recorded(talk, [*agreed, texts.purpose])


def _recorded(talk: Talk, words: Sequence[str]) -> bytes:
    """A Record. Twilio asks for no action after silence, so the leave stands in here too."""
    document = _response()
    for text in words:
        _say(document, talk, text)
    document.record(
        action=_on(talk, "message"),
        method="POST",
        max_length=_MESSAGE_SECONDS,
        timeout=5,
        finish_on_key="#",
        play_beep=True,
        recording_status_callback=_told(talk, "recording"),
        recording_status_callback_method="POST",
        recording_status_callback_event="completed absent",
    )
    _leave(document, talk, [])
    return _bytes(document)


def leave(talk: Talk, *, recorded: bool = False) -> bytes:
    """The promise once more, and goodbye."""
    document = _response()
    _leave(document, talk, [talk.spoken.recorded] if recorded else [], recorded=recorded)
    return _bytes(document)


def turned_away() -> bytes:
    """Ends a leg of our own that came back to us, unanswered, so that the call it belongs to rings on elsewhere."""
    document = _response()
    document.reject(reason="busy")
    return _bytes(document)


def closing(talk: Talk, text: str) -> bytes:
    """One text and the end: after a talk, or to a colleague."""
    document = _response()
    _say(document, talk, talk.say(text))
    document.hangup()
    return _bytes(document)


def static(texts: Spoken, firm: str, *, callable_: bool, url: str = "") -> bytes:
    """What goes out when nothing better could be made in time: it needs no store and no rules.

    url: of the call, where it was not offered anything yet; "" for words of leave alone.
    """
    document = _response()
    talk = Talk(spoken=texts, firm=firm, line="", url=url)
    _say(document, talk, talk.say(texts.cannot_connect))
    if url:
        if callable_:
            _say(document, talk, texts.will_ring)
        gather = _gather(talk, "offer-1", _PROMPT_SECONDS, num_digits=1)
        _say(gather, talk, texts.menu if callable_ else texts.menu_without_number)
        document.append(gather)
    _say(document, talk, texts.will_ring if callable_ else texts.noted)
    _say(document, talk, texts.goodbye)
    document.hangup()
    return _bytes(document)


def fallback(
    languages: Sequence[str], firm: str, *, address_as: Mapping[str, str] | None = None, action: str | None = None
) -> bytes:
    """The document for Twilio's fallback URL, kept outside our host: apology, promise, a message. For `commsd twiml`.

    action: where Twilio goes after the message; without it Twilio asks for this very document again.
    """
    document = _response()
    texts = [spoken(language, address_as or {}) for language in languages]
    for each in texts:
        talk = Talk(spoken=each, firm=firm, line="", url="")
        for text in (each.cannot_connect, each.will_ring, each.after_tone):
            _say(document, talk, talk.say(text))
    onward = {"action": action, "method": "POST"} if action else {}
    document.record(max_length=_MESSAGE_SECONDS, timeout=5, finish_on_key="#", play_beep=True, **onward)
    for each in texts:
        _say(document, Talk(spoken=each, firm=firm, line="", url=""), each.goodbye)
    document.hangup()
    return _bytes(document)


def _prompt(
    talk: Talk,
    words: Sequence[str],
    step: str,
    seconds: int,
    *,
    heard: Words | None = None,
    more: str = "",
    **keys: object,
) -> bytes:
    """A Gather; the leave behind it is heard only where Twilio could not reach us for what follows.

    heard: what may be said instead of pressing a key. more: what comes after a breath.
    """
    document = _response()
    gather = _gather(talk, step, seconds, **_speech(talk, heard or {}), **keys)
    for text in words:
        _say(gather, talk, text)
    if more:
        gather.pause(length=1)
        _say(gather, talk, more)
    document.append(gather)
    _leave(document, talk, [])
    return _bytes(document)


def _leave(document: Any, talk: Talk, words: Sequence[str], *, recorded: bool = False) -> None:
    texts = talk.spoken
    last = talk.back if talk.callable_ else "" if recorded else texts.noted
    for text in (*words, last, texts.goodbye):
        if text:
            _say(document, talk, text)
    document.hangup()


def _speech(talk: Talk, heard: Words) -> dict[str, object]:
    """What lets a Gather listen, where we know words of the language."""
    known = hints(heard, talk.spoken.tag.partition("-")[0])
    if not known:
        return {"input": "dtmf"}
    return {
        "input": "dtmf speech",
        "language": talk.spoken.tag,
        "hints": known,
        "speech_timeout": _SPEECH_SECONDS,
    }


def _gather(talk: Talk, step: str, seconds: int, **more: object) -> Any:
    asked = {"input": "dtmf", **more}
    return _gather_noun(action=_on(talk, step), method="POST", timeout=seconds, action_on_empty_result=True, **asked)


def _slowly(digits: str) -> str:
    return ", ".join(digit for digit in digits if digit.isdigit())


def _say(document: Any, talk: Talk, text: str) -> None:
    document.say(text, voice=talk.spoken.voice, language=talk.spoken.tag)


def _on(talk: Talk, step: str) -> str:
    return f"{talk.url}/{step}{RETRY_TWIML}"


def _told(talk: Talk, step: str) -> str:
    return f"{talk.url}/{step}{RETRY_STATUS}"


def _plain(text: str) -> str:
    """Names from the configuration, without what XML cannot hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _bytes(document: Any) -> bytes:
    return str(document).encode()
