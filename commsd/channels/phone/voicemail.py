"""Duty: the sound of messages that callers left is fetched, kept with the call, and put into words if somebody can.

It is deleted at Twilio after the copy where the configuration says so. A call whose sound never comes stays as it is:
the callback does not wait for it. telephony.md A7, section 7.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from commsd.channels.channel import Means
from commsd.channels.phone.line import Twilio
from commsd.channels.phone.recording import sound_of
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.transcribe import words_of
from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.change import Change, Original
from commsd.core.event import Event
from commsd.core.interaction import Interaction, Kind, Outcome, Stored
from commsd.core.open_items import OpenItems
from commsd.errors import CommsdError, Refused
from commsd.store.originals import keep_original, original
from commsd.store.texts import RECORDING, without_sound

log = structlog.get_logger()

PAUSE = 5.0
LOOK = timedelta(minutes=10)
"""How often the log is looked through, for what a restart forgot."""

SINCE = timedelta(days=2)
"""So long after the call its sound is asked for."""

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 3600))
_PREVIEW = 280
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A call whose sound is to be had. tried: in vain; at: not before."""

    sid: str
    called_at: datetime
    at: datetime
    tried: int = 0


class Voicemail:
    """Fetches one sound after the other. Stops when cancelled: what was fetched in part leaves nothing behind."""

    name = "phone.voicemail"

    def __init__(self, twilio: Twilio, rest: Rest, means: Means) -> None:
        self._twilio, self._rest, self._means = twilio, rest, means
        self._wanted: dict[str, _Wanted] = {}
        self._delete: dict[str, datetime] = {}
        self._looked_at: datetime | None = None
        means.log.listen(self._hear)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await self.once():
                await self._means.world.sleep(PAUSE)

    async def once(self) -> bool:
        """One sound, or one deletion; says whether there was any that could be had."""
        now = self._means.world.now()
        if self._looked_at is None or now - self._looked_at >= LOOK:
            self._looked_at = now
            for call in await self._means.log.read(lambda connection: without_sound(connection, now - SINCE)):
                self._want(call, now)
        if due := next((item for item in self._wanted.items() if item[1].at <= now), None):
            return await self._kept(*due)
        if sid := next((sid for sid, at in self._delete.items() if at <= now), None):
            return await self._deleted(sid)
        return False

    def _hear(self, change: Change) -> None:
        now = self._means.world.now()
        for fact in change.interactions:
            if fact.kind is Kind.CALL and fact.outcome is Outcome.MISSED and fact.original is None:
                self._want(fact, now)

    def _want(self, call: Interaction, now: datetime) -> None:
        sid = call.external(RECORDING)
        if sid and call.id not in self._wanted:
            self._wanted[call.id] = _Wanted(sid, call.occurred_at, now)

    async def _kept(self, call_id: str, wanted: _Wanted) -> bool:
        try:
            async with sound_of(self._twilio, wanted.sid) as (media_type, parts):
                stored = await keep_original(self._means.log, self._means.world, parts, media_type)
        except Refused as error:
            del self._wanted[call_id]
            log.warning("voicemail.refused", interaction=call_id, what=error.what, remedy=error.remedy)
            return True
        except CommsdError as error:
            self._again(call_id, wanted, error)
            return False
        named = key.of_interaction(call_id)
        await self._means.log.decide((named,), lambda items: _with_sound(items.known.get(named), stored, items))
        self._wanted.pop(call_id, None)
        log.info("voicemail.kept", interaction=call_id, bytes=stored.size_bytes)
        if self._twilio.delete_recordings:
            self._delete[wanted.sid] = self._means.world.now()
        if self._twilio.transcriber:
            await self._put_into_words(call_id, stored)
        return True

    def _again(self, call_id: str, wanted: _Wanted, error: CommsdError) -> None:
        now = self._means.world.now()
        if now - wanted.called_at > SINCE:
            del self._wanted[call_id]
            log.warning("voicemail.given_up", interaction=call_id, what=error.what, remedy=error.remedy)
            return
        pause = RETRIES[min(wanted.tried, len(RETRIES) - 1)]
        self._wanted[call_id] = replace(wanted, at=now + pause, tried=wanted.tried + 1)

    async def _deleted(self, sid: str) -> bool:
        try:
            await self._rest.forget_recording(sid)
        except CommsdError as error:
            self._delete[sid] = self._means.world.now() + RETRIES[-1]
            log.warning("voicemail.not_deleted", what=error.what, remedy=error.remedy)
            return False
        del self._delete[sid]
        return True

    async def _put_into_words(self, call_id: str, stored: Stored) -> None:
        try:
            sound = await original(self._means.log, stored.sha256)
            words = await words_of(self._twilio.transcriber, sound, stored.media_type)
        except CommsdError as error:
            log.warning("voicemail.not_transcribed", interaction=call_id, what=error.what, remedy=error.remedy)
            return
        if words:
            named = key.of_interaction(call_id)
            await self._means.log.decide((named,), lambda items: with_words(items.known.get(named), words, items))


def _with_sound(call: Interaction | None, stored: Stored, items: OpenItems) -> Change:
    if call is None or call.original is not None:
        return Change()
    return _updated(replace(call, original=stored), items)


def with_words(call: Interaction | None, words: str, items: OpenItems) -> Change:
    """The call with what was said in it, whole beside it, and what its callback is about."""
    if call is None or any(each.media_type == _TEXT for each in call.attachments):
        return Change()
    content = words.encode()
    digest = hashlib.sha256(content).hexdigest()
    text = Stored(digest, _TEXT, len(content), name="transcript.txt")
    said = replace(call, attachments=(*call.attachments, text), preview=call.preview or words[:_PREVIEW])
    change = _updated(said, items) + Change(originals=(Original(sha256=digest, media_type=_TEXT, content=content),))
    owed = [c for c in items.callbacks if c.open and call.id in c.misses and not c.purpose]
    return change + sum((_about(each, words, items) for each in owed), Change())


def _about(callback: Callback, words: str, items: OpenItems) -> Change:
    moved = replace(callback, revision=callback.revision + 1, purpose=words[:_PREVIEW])
    return Change(callbacks=(moved,), events=(Event("callback.updated", moved, items.now, "machine"),))


def _updated(call: Interaction, items: OpenItems) -> Change:
    later = replace(call, revision=call.revision + 1, recorded_at=items.now)
    return Change(interactions=(later,), events=(Event("interaction.updated", later, items.now, "machine"),))
