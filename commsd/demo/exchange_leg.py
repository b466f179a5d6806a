"""One leg of a call in the Twilio stand-in: fetches TwiML, follows it verb by verb, ends with the call.

Bridging two legs stands in exchange_dial.py. Where Twilio documents nothing the choice is named.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urljoin

from commsd.demo.exchange_call import TRUTH, Call, Person, Recording, Spoken, call_fields, rfc2822, sid
from commsd.demo.exchange_office import Hand, Office
from commsd.demo.exchange_post import Webhook, WebhookFailed
from commsd.demo.twiml_reader import (
    Dial,
    Gather,
    Hangup,
    Pause,
    Play,
    Record,
    Redirect,
    Reject,
    Say,
    TwimlError,
    Verb,
    read,
)

T = TypeVar("T")
_XML = frozenset({"text/xml", "application/xml", "text/html"})
_BAD_CONTENT_TYPE = 12300
_DETECTED_AFTER_MS = 3400
_KEYS = re.compile(r"[0-9*#]+")
_MAX_DOCUMENTS = 200  # a document that redirects to itself must end some time
APOLOGY = "An application error has occurred."


class LegEnded(Exception):
    """This leg is over: a Hangup verb, the far end, or the API."""


class Rejected(Exception):
    """The call was refused unanswered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A document that was fetched, and where it came from: relative URLs in it start there."""

    url: str
    verbs: tuple[Verb, ...]


class Leg:
    """Follows TwiML for one call until the document, the call or the person ends it.

    dial: how a Dial verb is carried out; None where Twilio forbids it, in a whisper.
    """

    def __init__(
        self,
        office: Office,
        call: Call,
        hand: Hand,
        *,
        fallback_url: str | None = None,
        dial: Callable[["Leg", Dial, str], Awaitable[dict[str, str]]] | None = None,
    ) -> None:
        self.office, self.call, self.hand = office, call, hand
        self._fallback_url, self._dial = fallback_url, dial
        self._documents = 0

    async def until_gone(self, work: Awaitable[T]) -> T:
        """What `work` gives. Raises LegEnded as soon as the far end is gone."""
        task = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(self.call.gone.wait())
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not self.call.gone.is_set():
                return task.result()
            raise LegEnded
        finally:
            task.cancel()
            gone.cancel()
            await asyncio.gather(task, gone, return_exceptions=True)

    async def pass_time(self, seconds: float) -> None:
        await self.until_gone(self.office.world.sleep(seconds))

    def detect(self, person: Person, url: str | None, method: str = "POST") -> None:
        """Listens for a machine while the call goes on; `url` is told what was found."""
        self.call.answered_by = person.answered_by
        if not url:
            return
        fields = {
            "AccountSid": self.office.account_sid,
            "CallSid": self.call.sid,
            "AnsweredBy": person.answered_by,
            "MachineDetectionDuration": str(_DETECTED_AFTER_MS),
        }
        self.office.tell(self.call, Webhook(kind="amd", url=url, fields=fields, method=method, call_sid=self.call.sid))

    def answer(self) -> None:
        """Takes the call, once."""
        if self.call.status == "ringing":
            self.office.step(self.call, "answered", "in-progress")

    async def fetch(self, kind: str, url: str, method: str = "POST", extra: Mapping[str, str] | None = None) -> Page:
        """The document behind `url`, else the one behind the fallback URL. Raises LegEnded when both fail."""
        try:
            return await self._fetch(kind, url, method, extra or {})
        except WebhookFailed as failure:
            self.office.alert(failure.code, self.call, failure.url)
            if self._fallback_url:
                told = {"ErrorCode": str(failure.code), "ErrorUrl": failure.url}
                try:
                    return await self._fetch("fallback", self._fallback_url, "POST", told)
                except WebhookFailed as again:
                    self.office.alert(again.code, self.call, again.url)
        self.answer()
        self.call.spoken.append(Spoken(APOLOGY))
        raise LegEnded

    async def _fetch(self, kind: str, url: str, method: str, extra: Mapping[str, str]) -> Page:
        self._documents += 1
        if self._documents > _MAX_DOCUMENTS:
            raise LegEnded
        fields = call_fields(self.call) | dict(extra)
        hook = Webhook(kind=kind, url=url, fields=fields, method=method, call_sid=self.call.sid)
        sent = await self.office.post.deliver(hook)
        if sent.content_type not in _XML and sent.body:
            raise WebhookFailed(_BAD_CONTENT_TYPE, url)
        try:
            return Page(url=url, verbs=read(sent.body) if sent.body else ())
        except TwimlError as error:
            raise WebhookFailed(error.code, url) from error

    async def follow(self, page: Page) -> None:
        """Returns at the end of the last document. Raises LegEnded when something ended the leg before."""
        following: Page | None = page
        while following is not None:
            following = await self._read_out(following)

    async def _read_out(self, page: Page) -> Page | None:
        for verb in page.verbs:
            if self.call.gone.is_set():
                raise LegEnded
            if (onward := await self._perform(verb, page)) is not None:
                return onward
        return None

    async def _perform(self, verb: Verb, page: Page) -> Page | None:
        match verb:
            case Say() | Play() | Pause():
                await self._utter(verb)
            case Gather():
                return await self._gather(verb, page)
            case Record():
                return await self._record(verb, page)
            case Dial():
                return await self._bridge(verb, page)
            case Redirect():
                return await self.fetch("redirect", urljoin(page.url, verb.url), verb.method)
            case Reject():
                if self.call.status == "ringing":
                    raise Rejected(verb.reason)
                raise LegEnded
            case Hangup():
                self.answer()
                raise LegEnded
        return None

    async def _utter(self, verb: Say | Play | Pause) -> None:
        if isinstance(verb, Pause):
            await self.pass_time(verb.seconds)
            return
        self.answer()
        if isinstance(verb, Play):
            self.call.spoken.append(Spoken("", play=verb.url))
            await self.pass_time(1.0)
            return
        self.call.spoken.append(Spoken(verb.text, verb.language, verb.voice))
        await self.pass_time(len(verb.text.split()) / self.office.words_per_second)

    async def _gather(self, verb: Gather, page: Page) -> Page | None:
        self.answer()
        for prompt in verb.prompts:
            await self._utter(prompt)
        given = next(self.hand.keys, "")
        if given == TRUTH:
            given = "2" if self.call.met_machine else "1"
        said = given if given and not _KEYS.fullmatch(given) else self.hand.says
        if "dtmf" in verb.inputs and _KEYS.fullmatch(given):
            result = _pressed(given, verb)
        elif "speech" in verb.inputs and said:
            result = {"SpeechResult": said, "Confidence": str(self.hand.confidence), "Language": verb.language}
        else:
            await self.pass_time(verb.timeout)
            if not verb.on_empty:
                return None
            result = {}
        return await self.fetch("gather", urljoin(page.url, verb.action or page.url), verb.method, result)

    async def _record(self, verb: Record, page: Page) -> Page | None:
        self.answer()
        recording_sid = sid("RE", self.office.world.new_id)
        url = f"https://api.twilio.com/2010-04-01/Accounts/{self.office.account_sid}/Recordings/{recording_sid}"
        if not self.hand.says:
            self._recording_status(verb, page, url, recording_sid, "absent", 0)
            await self.pass_time(verb.timeout)
            return None
        began = self.office.world.now()
        hung_up = False
        try:
            await self.pass_time(min(self.hand.speaks_for, verb.max_length))
        except LegEnded:
            hung_up = True
        seconds = round((self.office.world.now() - began).total_seconds())
        kept = Recording(sid=recording_sid, call_sid=self.call.sid, at=began, seconds=seconds, text=self.hand.says)
        self.call.recordings.append(kept)
        self.office.recordings[kept.sid] = kept
        result = {
            "RecordingUrl": url,
            "RecordingSid": recording_sid,
            "RecordingDuration": str(seconds),
            "Digits": "hangup" if hung_up else "",
        }
        if hung_up:
            self.office.finish(self.call, "completed")
        self._recording_status(verb, page, url, recording_sid, "completed", seconds)
        onward = await self.fetch("record-action", urljoin(page.url, verb.action or page.url), verb.method, result)
        if hung_up:
            raise LegEnded
        return onward

    def _recording_status(self, verb: Record, page: Page, url: str, name: str, status: str, seconds: int) -> None:
        if not verb.status_callback or status not in verb.events:
            return
        fields = {
            "RecordingSource": "RecordVerb",
            "RecordingSid": name,
            "RecordingUrl": url,
            "RecordingStatus": status,
            "CallSid": self.call.sid,
            "AccountSid": self.office.account_sid,
        }
        if status == "completed":
            fields |= {
                "RecordingChannels": "1",
                "ErrorCode": "0",
                "RecordingStartTime": rfc2822(self.office.world.now()),
                "RecordingDuration": str(seconds),
            }
        target = urljoin(page.url, verb.status_callback)
        hook = Webhook(kind="recording-status", url=target, fields=fields, call_sid=self.call.sid)
        self.office.tell(self.call, hook)

    async def _bridge(self, verb: Dial, page: Page) -> Page | None:
        if self._dial is None:
            self.office.alert(12200, self.call, page.url)
            raise LegEnded
        if not verb.answer_on_bridge:
            self.answer()
        result = await self._dial(self, verb, page.url)
        if self.call.gone.is_set():
            self.office.finish(self.call, "completed" if self.call.answered_at else "no-answer")
            if verb.action and self.office.action_after_hangup:
                await self.fetch("dial-action", urljoin(page.url, verb.action), verb.method, result)
            raise LegEnded
        if verb.action is None:
            return None
        return await self.fetch("dial-action", urljoin(page.url, verb.action), verb.method, result)


def _pressed(keys: str, verb: Gather) -> dict[str, str]:
    digits, key = keys, ""
    if verb.finish_on_key and verb.finish_on_key in keys:
        digits, key = keys.split(verb.finish_on_key, 1)[0], verb.finish_on_key
    if verb.num_digits is not None and len(digits) >= verb.num_digits:
        digits, key = digits[: verb.num_digits], ""
    return {"Digits": digits, "FinishedOnKey": key}
