"""What one of our people hears at a step of a call of ours: which document, with which brief. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.channels.phone.dial import twiml
from commsd.channels.phone.dial.attempt import AttemptState, Ended, ended
from commsd.channels.phone.dial.step import RESULT_KEYS, TRIES, Stage, Step
from commsd.channels.phone.dial.twiml import Voice
from commsd.channels.phone.dial.wording import wording
from commsd.channels.phone.line import Line
from commsd.channels.phone.prompts import spoken
from commsd.core.agent import Agent
from commsd.core.callback import Callback
from commsd.core.firm import Firm
from commsd.core.number import parse_number

TALK_LIMIT = timedelta(hours=1)
"""The longest talk that we pay for; telephony.md P5."""

_NAME, _PURPOSE = 60, 120
_REMEMBERED = timedelta(days=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What our person is rung for. base: the public URL without a slash at its end; None: Twilio cannot reach us.

    connect_url: what then joins the two; None: they are joined without a key. wanted: the attempt is the callback's own
    and the call still owed. customer: the contact's name. other_number: it was given by a caller who rang from another
    one; its owner is told so. telephony.md section 7. detects: a machine at the customer's end is listened for.
    """

    firm: Firm
    line: Line
    base: str | None
    connect_url: str | None = None
    callback: Callback
    attempt_id: str
    agent: Agent | None
    customer: str | None
    wanted: bool
    other_number: bool = False
    detects: bool = False

    @property
    def voice(self) -> Voice:
        """How our person is spoken to."""
        languages = (self.agent.languages if self.agent else ()) or self.firm.languages or ("en",)
        language = languages[0].partition("-")[0]
        url = f"{self.base}/twilio/dial/{self.callback.id}/{self.attempt_id}" if self.base else None
        return Voice(spoken=spoken(language, self.firm.address_as), words=wording(language), url=url)


def document(errand: Errand, step: Step, fields: Mapping[str, str], state: AttemptState, now: datetime) -> bytes:
    """The answer to this step of the attempt."""
    voice, words = errand.voice, errand.voice.words
    match step.stage:
        case Stage.AGENT:
            return _brief(errand, voice, 1, now)
        case Stage.KEY if fields.get("Digits") == "1":
            return _connect(errand, voice)
        case Stage.KEY:
            return _brief(errand, voice, step.number + 1, now) if step.number < TRIES else twiml.last_words(voice)
        case Stage.TALK:
            return _after(voice, state, now)
        case Stage.RESULT if fields.get("Digits", "") in RESULT_KEYS:
            return twiml.last_words(voice, words.noted)
        case Stage.RESULT:
            again = step.number < TRIES
            return _ask(voice, step.number + 1, state) if again else twiml.last_words(voice, words.last)
    if state.accepted_at is None:
        return _brief(errand, voice, 1, now)
    return _after(voice, state, now)


def _brief(errand: Errand, voice: Voice, attempt: int, now: datetime) -> bytes:
    if not errand.wanted:
        return twiml.last_words(voice, voice.words.gone)
    return twiml.brief(voice, tuple(brief_sentences(errand, now)), attempt)


def _connect(errand: Errand, voice: Voice) -> bytes:
    if not errand.wanted or errand.callback.number is None:
        return twiml.last_words(voice, voice.words.gone)
    number, line = errand.callback.number, errand.line.number.e164
    return twiml.connect(voice, number, line, limit=TALK_LIMIT, detects=errand.detects)


def _after(voice: Voice, state: AttemptState, now: datetime) -> bytes:
    """After the customer's leg: the result is asked, or it is said why there was no talk."""
    words = voice.words
    how = ended(state, now)
    if how is Ended.BRIDGED:
        return _ask(voice, 1, state)
    said = {Ended.BUSY: words.busy, Ended.NO_ANSWER: words.no_answer}.get(how or Ended.TECHNICAL, words.failed)
    return twiml.last_words(voice, said, words.again)


def _ask(voice: Voice, attempt: int, state: AttemptState) -> bytes:
    return twiml.ask_result(voice, attempt, machine=state.machine)


def brief_sentences(errand: Errand, now: datetime) -> Iterator[str]:
    """Who is rung back, since when it is owed, and what about. What a customer gave us is cut short and made plain."""
    words, callback = errand.voice.words, errand.callback
    yield words.opening.format(firm=plain(errand.firm.name), line=plain(errand.line.name))
    yield _since(errand, now)
    if errand.customer:
        yield words.name.format(name=plain(errand.customer)[:_NAME])
    number = parse_number(callback.number or "")
    if number:
        digits = number.as_dialled_from(errand.line.number.region)
        yield words.number.format(digits=", ".join(sign for sign in digits if sign.isdigit()))
    if errand.other_number:
        yield words.other
    if callback.purpose:
        yield words.purpose.format(purpose=plain(callback.purpose)[:_PURPOSE])


def whole_document(errand: Errand, now: datetime) -> bytes:
    """The call in one document, without what is not needed where it would be too long for Twilio."""
    sentences = tuple(brief_sentences(errand, now))
    document = _inline(errand, sentences)
    return document if len(document.decode()) <= twiml.INLINE else _inline(errand, sentences[:1])


def _inline(errand: Errand, sentences: Sequence[str]) -> bytes:
    number, line = errand.callback.number or "", errand.line.number.e164
    if errand.connect_url:
        onward = twiml.connect_address(errand.connect_url, number, line, limit=TALK_LIMIT)
        return twiml.inline_by_key(errand.voice, sentences, onward)
    return twiml.inline(errand.voice, sentences, number, line, limit=TALK_LIMIT)


def _since(errand: Errand, now: datetime) -> str:
    words, texts, callback = errand.voice.words, errand.voice.spoken, errand.callback
    if not callback.misses:
        return words.asked
    if now - callback.opened_at >= _REMEMBERED:
        return words.long_ago
    zone = errand.firm.zone
    then = callback.opened_at.astimezone(zone)
    return words.rang.format(day=texts.day(then.date(), now.astimezone(zone).date()), clock=texts.clock(then.time()))


def plain(text: str) -> str:
    """A text on one line, without what XML cannot hold."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
