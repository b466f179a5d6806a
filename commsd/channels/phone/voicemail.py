"""Duty: the sound of messages that callers left is fetched, kept with the call, and put into words if somebody can.

It is deleted at Twilio after the copy where the configuration says so. Each step is owed until the store says that it
is taken, so that a crash between two of them loses none. A call whose sound never comes stays as it is: the callback
does not wait for it. telephony.md A7, section 7.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar

import structlog

from commsd.channels.channel import Means
from commsd.channels.phone.line import Twilio
from commsd.channels.phone.recording import sound_of
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.transcribe import words_of
from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.change import Change, LogicalKey, Original
from commsd.core.event import Event
from commsd.core.interaction import Interaction, Kind, Outcome, Stored
from commsd.core.open_items import OpenItems
from commsd.errors import CommsdError, Refused
from commsd.store.originals import keep_original, original
from commsd.store.texts import RECORDING, sounds

log = structlog.get_logger()

PAUSE = 5.0
LOOK = timedelta(minutes=10)
"""How often the log is looked through, for what a restart forgot."""

SINCE = timedelta(days=2)
"""So long after the call its sound and its words are tried; the deletion for as long as the process lives."""

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 120, 600, 3600))
SOUND, WORDS, DELETION = "sound", "words", "deletion"
_PREVIEW = 280
_TEXT = "text/plain; charset=utf-8"
_NOTED = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A call whose sound is not done with. done: steps noted as taken. tried: the next one, in vain; at: not before."""

    id: str
    sid: str
    called_at: datetime
    sound: Stored | None
    done: frozenset[str]
    at: datetime
    tried: int = 0

    def step(self, steps: Sequence[str]) -> str | None:
        """The next one; None where nothing is left to do. steps: what is wanted once the sound is kept.

        After a failure another's turn comes: neither deletion nor words wait for the other for ever.
        """
        if self.sound is None:
            return None if SOUND in self.done else SOUND
        left = [step for step in steps if step not in self.done]
        return left[self.tried % len(left)] if left else None


Step = Callable[["Voicemail", _Wanted], Awaitable[_Wanted]]


class Voicemail:
    """Takes one step after the other. Stops when cancelled: what was fetched in part leaves nothing behind."""

    name = "phone.voicemail"

    def __init__(self, twilio: Twilio, rest: Rest, means: Means) -> None:
        self._twilio, self._rest, self._means = twilio, rest, means
        wanted = ((DELETION, twilio.delete_recordings), (WORDS, bool(twilio.transcriber)))
        self._steps = tuple(step for step, yes in wanted if yes)
        self._wanted: dict[str, _Wanted] = {}
        self._looked_at: datetime | None = None
        means.log.listen(self._hear)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await self.once():
                await self._means.world.sleep(PAUSE)

    async def once(self) -> bool:
        """One step with one sound; says whether there was any that could be taken."""
        now = self._means.world.now()
        if self._looked_at is None or now - self._looked_at >= LOOK:
            self._looked_at = now
            for each in await self._means.log.read(lambda c: sounds(c, now - SINCE, _NOTED, (SOUND, *self._steps))):
                self._want(each.call, each.done, now)
        due = next((wanted for wanted in self._wanted.values() if wanted.at <= now), None)
        return due is not None and await self._taken(due)

    def _hear(self, change: Change) -> None:
        now = self._means.world.now()
        for fact in change.interactions:
            if fact.kind is Kind.CALL and fact.outcome is Outcome.MISSED and fact.original is None:
                self._want(fact, frozenset(), now)

    def _want(self, call: Interaction, done: frozenset[str], now: datetime) -> None:
        sid = call.external(RECORDING)
        if sid and call.id not in self._wanted and now - call.occurred_at <= SINCE:
            self._put(_Wanted(id=call.id, sid=sid, called_at=call.occurred_at, sound=call.original, done=done, at=now))

    def _put(self, wanted: _Wanted) -> None:
        if wanted.step(self._steps) is None:
            self._wanted.pop(wanted.id, None)
        else:
            self._wanted[wanted.id] = wanted

    async def _taken(self, wanted: _Wanted) -> bool:
        """The next step with this sound, which is then noted; a sound that is refused is noted too."""
        step = wanted.step(self._steps) or ""
        try:
            after = await self._STEPS[step](self, wanted)
        except Refused as error:
            log.warning("voicemail.refused", interaction=wanted.id, what=error.what, remedy=error.remedy)
            after = await self._noted(wanted, step)
        except CommsdError as error:
            self._again(wanted, step, error)
            return False
        self._put(replace(after, tried=0, at=self._means.world.now()))
        return True

    async def _keep(self, wanted: _Wanted) -> _Wanted:
        async with sound_of(self._twilio, wanted.sid) as (media_type, parts):
            stored = await keep_original(self._means.log, self._means.world, parts, media_type)
        named = key.of_interaction(wanted.id)
        await self._means.log.decide((named,), lambda items: _with_sound(items.known.get(named), stored, items))
        log.info("voicemail.kept", interaction=wanted.id, bytes=stored.size_bytes)
        return replace(wanted, sound=stored)

    async def _put_into_words(self, wanted: _Wanted) -> _Wanted:
        assert wanted.sound is not None
        sound = await original(self._means.log, wanted.sound.sha256)
        words = await words_of(self._twilio.transcriber, sound, wanted.sound.media_type)
        return await self._noted(wanted, WORDS, words)

    async def _delete(self, wanted: _Wanted) -> _Wanted:
        await self._rest.forget_recording(wanted.sid)
        return await self._noted(wanted, DELETION)

    _STEPS: ClassVar[Mapping[str, Step]] = {SOUND: _keep, WORDS: _put_into_words, DELETION: _delete}

    async def _noted(self, wanted: _Wanted, step: str, words: str = "") -> _Wanted:
        """The step is taken, for ever; what was said goes to the log in the same commit."""
        name, call = f"{_NOTED}:{step}:{wanted.id}", key.of_interaction(wanted.id)

        def decide(items: OpenItems) -> Change:
            if items.known.get(key.of_logical(name)):
                return Change()
            said = _with_words(items.known.get(call), words, items) if words else Change()
            return said + Change(keys=(LogicalKey(key=name, interaction_id=wanted.id),))

        await self._means.log.decide((call, key.of_logical(name)), decide)
        return replace(wanted, done=wanted.done | {step})

    def _again(self, wanted: _Wanted, step: str, error: CommsdError) -> None:
        now = self._means.world.now()
        if step != DELETION and now - wanted.called_at > SINCE:
            self._put(replace(wanted, done=wanted.done | {step}))
            log.warning("voicemail.given_up", interaction=wanted.id, what=error.what, remedy=error.remedy)
            return
        if step == WORDS:
            log.warning("voicemail.not_transcribed", interaction=wanted.id, what=error.what, remedy=error.remedy)
        if step == DELETION:
            log.warning("voicemail.not_deleted", interaction=wanted.id, what=error.what, remedy=error.remedy)
        pause = RETRIES[min(wanted.tried, len(RETRIES) - 1)]
        self._wanted[wanted.id] = replace(wanted, at=now + pause, tried=wanted.tried + 1)


def _with_sound(call: Interaction | None, stored: Stored, items: OpenItems) -> Change:
    if call is None or call.original is not None:
        return Change()
    return _updated(replace(call, original=stored), items)


def _with_words(call: Interaction | None, words: str, items: OpenItems) -> Change:
    """The call with what was said in it, whole beside it, and what its callback is about; once."""
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
