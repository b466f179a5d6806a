"""Calls in Twilio's list that no webhook told of -> what is noted of them, and how far the list is looked through.

Pure. What is noted is folded with all else in call.py, so a webhook that comes late makes no second call of it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime

from commsd.channels.phone.call import TERMINAL
from commsd.core.past_calls import ListedCall

OVERLAP = timedelta(hours=1)
"""So far before the newest call known the list is read again; telephony.md R6."""

LONGEST = timedelta(hours=24)
"""No call lasts longer at Twilio: one that is said to holds nothing up."""

WHISPER = timedelta(seconds=60)
"""Each of our whispers has hung up by then; a leg that lasted longer was accepted. telephony.md A3."""

GRACE = timedelta(seconds=60)
"""So long after its end a call's webhooks may still be on their way."""


def of_lines(calls: Sequence[ListedCall], enrolled: Mapping[str, datetime]) -> list[ListedCall]:
    """The calls of customers to our lines, the oldest first, none from before we had the line. enrolled: by number."""
    ours = [
        call
        for call in calls
        if call.inbound and call.parent_sid is None and call.called in enrolled
        if call.started_at >= enrolled[call.called]
    ]
    return sorted(ours, key=lambda call: (call.started_at, call.sid))


def is_over(call: ListedCall, now: datetime, met: Collection[str]) -> bool:
    """Whether it has ended, and whatever Twilio tells of it has had the time to reach us.

    met: calls that had ended when we looked last, which tells it also where our clock is slow.
    """
    told = call.ended_at is None or call.ended_at + GRACE <= now or call.sid in met
    return call.status in TERMINAL and told


def mark_after(before: datetime, calls: Collection[ListedCall], open_: Collection[ListedCall]) -> datetime:
    """Up to when the list is looked through. open_: those of our lines that are to be looked at again.

    By Twilio's clock, never by ours: a clock that is wrong skips nothing.
    """
    newest = max((call.started_at for call in calls), default=before)
    held = [call.started_at for call in open_ if newest - call.started_at < LONGEST]
    return max(before, min([newest, *held]))


def fields_of(call: ListedCall, legs: Sequence[ListedCall], now: datetime, *, whispered: bool) -> dict[str, str]:
    """What is noted, in the words of a webhook. legs: that were rung for it. whispered: by us, with a key to press.

    Without evidence of a talk the call is a missed one; telephony.md D2, R4. Where our clock is slow it ended now.
    """
    began, over = min(call.started_at, now), min(call.ended_at or call.started_at, now)
    fields = {
        "CallSid": call.sid,
        "CallStatus": call.status,
        "Direction": call.direction,
        "From": call.caller,
        "To": call.called,
        "StartTime": format_datetime(began),
        "Timestamp": format_datetime(over),
        "CallDuration": str(int((over - began).total_seconds())),
    }
    if call.caller_name:
        fields["CallerName"] = call.caller_name
    talked = [leg for leg in legs if leg.talked and (not whispered or leg.seconds > WHISPER.total_seconds())]
    if not talked:
        return fields
    leg = max(talked, key=lambda each: (each.seconds, each.sid))
    return fields | {
        "DialBridged": "true",
        "DialCallSid": leg.sid,
        "DialCallStatus": leg.status,
        "DialCallDuration": str(leg.seconds),
        "DialCallTo": leg.called,
    }
