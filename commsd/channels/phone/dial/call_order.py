"""The order of a call of ours, as it was committed before Twilio hears of it. Pure."""

from dataclasses import dataclass
from datetime import datetime

RING = 25
"""Seconds for which our person is rung: below the usual pick-up of a mobile's voicemail. telephony.md P5."""

TIME_LIMIT = 3600
"""Seconds that a call lasts at most, both legs of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """A call to be placed, as it was committed. to, from_: E.164. url: …/twilio/dial/CALLBACK/ATTEMPT.

    document: the TwiML itself where Twilio cannot reach us, and then no url. limit: seconds that it may last.
    fallback: where Twilio asks when we do not answer; None: of us again.
    """

    callback_id: str
    attempt_id: str
    agent: str
    line: str
    to: str
    from_: str
    at: datetime
    url: str | None
    document: bytes | None = None
    limit: int = TIME_LIMIT
    fallback: str | None = None
