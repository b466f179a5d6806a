"""The places of a call that we place: to our own person first, then to the customer. Pure.

A step is named in the URL handed to Twilio; its text stays what it is for ever. What it sounds like stands in scene.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """What a webhook of an attempt is about. ANSWERED are asked for TwiML, OURS we note ourselves, the others tell."""

    AGENT = "agent"  # one of our people picked up
    KEY = "key"  # and pressed something, or nothing
    TALK = "talk"  # the customer's leg is over
    RESULT = "result"  # what came of the talk, on the keys
    FALLBACK = "fallback"  # Twilio could not have one of the documents
    STATUS = "status"  # of our person's leg
    LEG = "leg"  # of the customer's
    AMD = "amd"  # what Twilio's answering machine detection took the customer's end for
    CREATED = "created"  # Twilio's answer to our order of a call
    ASKED = "asked"  # what its REST API said of it later


ANSWERED = frozenset({Stage.AGENT, Stage.KEY, Stage.TALK, Stage.RESULT, Stage.FALLBACK})
OURS = frozenset({Stage.CREATED, Stage.ASKED})

TRIES = 2
"""How often our person is asked to press a key."""

RESULT_KEYS: Mapping[str, str] = {"1": "reached", "2": "voicemail", "3": "wrong_person", "4": "call_again"}
"""What came of the talk, by key; the words are those of interface.md section 4."""

_STAGES = {stage.value: stage for stage in Stage}
_STEP = re.compile(r"([a-z]+)(?:-(\d))?")
_COUNTED: Mapping[Stage, int] = {Stage.KEY: TRIES, Stage.RESULT: TRIES}


@dataclass(frozen=True, slots=True)
class Step:
    """One place in an attempt: `agent`, `key-2`, `result-1`. number: which try, 1 where the stage has none."""

    stage: Stage
    number: int = 1

    def __str__(self) -> str:
        return f"{self.stage.value}-{self.number}" if self.stage in _COUNTED else self.stage.value


def step_of(text: str) -> Step | None:
    """The step a URL names; None for one that we never hand out."""
    match = _STEP.fullmatch(text)
    if match is None or match[1] not in _STAGES:
        return None
    stage = _STAGES[match[1]]
    number = int(match[2]) if match[2] else 0
    if stage not in _COUNTED:
        return Step(stage) if match[2] is None else None
    return Step(stage, number) if 1 <= number <= _COUNTED[stage] else None


def journal_name(attempt_id: str) -> str:
    """Under which name the webhooks of an attempt are journalled, in place of a CallSid."""
    return f"dial:{attempt_id}"
