"""The places of a conversation with a caller, and what follows each: a table. Pure.

A step is named in the URL handed to Twilio; its text stays what it is for ever. What it sounds like stands in scene.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from commsd.channels.phone.speech import ASKED, MESSAGE, NOTHING, OFFERED, OTHER_NUMBER, YES, pressed


class Stage(StrEnum):
    """What a webhook of a call is about. The first seven are asked for TwiML, the others tell."""

    VOICE = "voice"
    DIAL = "dial"
    OFFER = "offer"
    NUMBER = "number"
    CONFIRM = "confirm"
    MESSAGE = "message"
    WHISPER = "whisper"
    KEY = "key"
    LEG = "leg"
    RECORDING = "recording"
    STATUS = "status"
    ASKED = "asked"
    SWEPT = "swept"


ANSWERED = frozenset(
    {Stage.VOICE, Stage.DIAL, Stage.OFFER, Stage.NUMBER, Stage.CONFIRM, Stage.MESSAGE, Stage.WHISPER, Stage.KEY}
)
OURS = frozenset({Stage.ASKED, Stage.SWEPT})
"""What we note ourselves of Twilio's REST API: no webhook may say so."""

_STAGES = {stage.value: stage for stage in Stage}
_STEP = re.compile(r"([a-z]+)((?:-\d{1,2}){0,3})")
_PLACES: Mapping[Stage, int] = {
    Stage.DIAL: 1,
    Stage.OFFER: 1,
    Stage.NUMBER: 1,
    Stage.CONFIRM: 1,
    Stage.WHISPER: 2,
    Stage.KEY: 3,
    Stage.LEG: 2,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One place in the conversation: `dial-1`, `offer-2`, `key-1-0-1` (round, leg, try). Its text names it for ever."""

    stage: Stage
    places: tuple[int, ...] = ()

    def __str__(self) -> str:
        return "-".join((self.stage.value, *(str(place) for place in self.places)))

    @property
    def number(self) -> int:
        """The round or the try; 1 where the stage has none."""
        return self.places[0] if self.places else 1


@lru_cache(maxsize=1024)
def step_of(text: str) -> Step | None:
    """The step a URL names; None for one that we never hand out."""
    match = _STEP.fullmatch(text)
    if match is None or match[1] not in _STAGES:
        return None
    step = Step(_STAGES[match[1]], tuple(int(place) for place in match[2].split("-")[1:]))
    return step if len(step.places) == _PLACES.get(step.stage, 0) else None


class Scene(StrEnum):
    """What the caller hears next."""

    RING = "ring"
    APOLOGY = "apology"
    CLOSED = "closed"
    MENU_AGAIN = "menu_again"
    ASK_NUMBER = "ask_number"
    ASK_AGAIN = "ask_again"
    READ_BACK = "read_back"
    RECORD = "record"
    PURPOSE = "purpose"
    RECORDED = "recorded"
    PROMISE = "promise"
    DECLINED = "declined"
    TALKED = "talked"
    COLLEAGUE = "colleague"
    OURSELVES = "ourselves"


NEXT: Mapping[tuple[Stage, str], Scene] = {
    (Stage.VOICE, "open"): Scene.RING,
    (Stage.VOICE, "nobody"): Scene.APOLOGY,
    (Stage.VOICE, "closed"): Scene.CLOSED,
    (Stage.VOICE, "colleague"): Scene.COLLEAGUE,
    (Stage.VOICE, "ourselves"): Scene.OURSELVES,
    (Stage.DIAL, "talked"): Scene.TALKED,
    (Stage.DIAL, "next_round"): Scene.RING,
    (Stage.DIAL, "nobody"): Scene.APOLOGY,
    (Stage.DIAL, "colleague"): Scene.COLLEAGUE,
    (Stage.OFFER, "keep"): Scene.PROMISE,
    (Stage.OFFER, "agreed"): Scene.PURPOSE,
    (Stage.OFFER, "number"): Scene.ASK_NUMBER,
    (Stage.OFFER, "message"): Scene.RECORD,
    (Stage.OFFER, "declined"): Scene.DECLINED,
    (Stage.OFFER, "unclear"): Scene.MENU_AGAIN,
    (Stage.NUMBER, "valid"): Scene.READ_BACK,
    (Stage.NUMBER, "bad"): Scene.ASK_AGAIN,
    (Stage.NUMBER, "given_up"): Scene.RECORD,
    (Stage.CONFIRM, "keep"): Scene.PROMISE,
    (Stage.CONFIRM, "agreed"): Scene.PURPOSE,
    (Stage.CONFIRM, "change"): Scene.ASK_AGAIN,
    (Stage.CONFIRM, "given_up"): Scene.RECORD,
    (Stage.MESSAGE, "left"): Scene.RECORDED,
    (Stage.MESSAGE, "silent"): Scene.PROMISE,
}
"""The caller's way; telephony.md section 6a. Every way ends in PROMISE, RECORDED, DECLINED, TALKED, COLLEAGUE.

OURSELVES is no caller: a leg to one of our people that was forwarded back to the line it came from.
"""

TRIES = 3
"""How often a number may be typed before we ask for a message instead."""


def heard_after(step: Step, fields: Mapping[str, str], *, callable_: bool, valid: bool = False) -> str:
    """What a caller's answer at a prompt means, as NEXT knows it. valid: whether the typed number can be rung.

    callable_: we know a number to ring. Silence keeps it: who says nothing twice is rung all the same.
    """
    if step.stage is Stage.OFFER:
        word = _OFFERED.get(pressed(fields, OFFERED) or "", "unclear")
        if word == "agreed" and not callable_:
            word = "unclear"
        return "keep" if word == "unclear" and step.number > 1 else word
    if step.stage is Stage.NUMBER:
        return "valid" if valid else "given_up" if step.number >= TRIES else "bad"
    if step.stage is Stage.CONFIRM:
        word = _CONFIRMED.get(pressed(fields, ASKED), "change")
        return "given_up" if word == "change" and step.number >= TRIES else word
    return "left" if fields.get("RecordingSid") else "silent"


_CONFIRMED: Mapping[str | None, str] = {"": "keep", YES: "agreed"}
_OFFERED = {YES: "agreed", OTHER_NUMBER: "number", MESSAGE: "message", NOTHING: "declined"}


def takes_back(fields: Mapping[str, str]) -> bool:
    """Whether the number that was read back is not the right one."""
    return pressed(fields, ASKED) == OTHER_NUMBER


def declines(fields: Mapping[str, str]) -> bool:
    """Whether the caller wants no call from us."""
    return pressed(fields, OFFERED) == NOTHING
