"""Calls and people of the Twilio stand-in: what a call is, how its webhooks and its REST record spell it.

Field names are those of Twilio's voice request, status callback and Call resource. What happens to a call stands in
exchange_leg.py and exchange_dial.py.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import phonenumbers

API_VERSION = "2010-04-01"
TRUTH = "?"
"""Among the keys of a person: 1 after a talk with somebody, 2 after a machine."""

TERMINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
# Twilio's page on the Call resource: 487 is our own time-out or cancel, 404 a number that leads nowhere
SIP_CODES: Mapping[str, int] = {"completed": 200, "busy": 486, "no-answer": 487, "canceled": 487, "failed": 404}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who has a telephone, and what he does when it rings. The default never answers.

    answers_after: seconds of ringing; None = never. presses: keys at every prompt, or a tuple: one entry a prompt, then
    nothing; what is no key is said, and TRUTH is the key for what he met. talks_for: seconds until he hangs up a talk.
    hangs_up_after: seconds from the answer until he hangs up, whatever is going on then. voicemail: a machine answers,
    presses nothing and records for talks_for seconds. busy, unreachable: what the network says instead of ringing.
    """

    answers_after: float | None = None
    presses: str | tuple[str, ...] = "1"
    says: str = ""
    talks_for: float = 60.0
    hangs_up_after: float | None = None
    voicemail: bool = False
    busy: bool = False
    unreachable: bool = False

    @property
    def answered_by(self) -> str:
        """What machine detection finds."""
        return "machine_end_beep" if self.voicemail else "human"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who rings us. hangs_up_after: seconds from the first ring; None = listens to the end.

    keys: one entry a prompt ("" = silence), then silence; an entry that is no keys is said. says: what he answers where
    speech is heard, and what he leaves after the tone, for speaks_for seconds; empty = he records nothing.
    confidence: how well he is understood.
    """

    hangs_up_after: float | None = None
    keys: tuple[str, ...] | list[str] = ()
    says: str = ""
    speaks_for: float = 3.0
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class Spoken:
    """One thing heard on a leg: a sentence, or the URL of a sound."""

    text: str
    language: str = ""
    voice: str = ""
    play: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What somebody left after the tone."""

    sid: str
    call_sid: str
    at: datetime
    seconds: float
    text: str


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One leg as Twilio knows it. `gone` is set when the far end or the API ended it, `over` after its last webhook."""

    sid: str
    account_sid: str
    from_: str
    to: str
    direction: str  # inbound, outbound-api, outbound-dial
    created_at: datetime
    parent_sid: str | None = None
    status: str = "queued"
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    updated_at: datetime | None = None
    bridged_at: datetime | None = None
    queued_ms: int = 0
    met_machine: bool = False
    answered_by: str | None = None
    status_callback: str | None = None
    status_method: str = "POST"
    events: frozenset[str] = frozenset({"completed"})
    sequence: int = 0
    spoken: list[Spoken] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def finished(self) -> bool:
        return self.status in TERMINAL

    @property
    def bridged(self) -> bool:
        """Whether it was joined to another."""
        return self.bridged_at is not None

    @property
    def seconds(self) -> int:
        """Whole seconds from answer to end; 0 while it lasts or when nobody answered."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return round((self.ended_at - self.answered_at).total_seconds())


def sid(prefix: str, new_id: Callable[[], str]) -> str:
    """A Twilio id: two letters and 32 hexadecimal digits, whatever the world's ids look like."""
    return prefix + sha256(new_id().encode()).hexdigest()[:32]


def rfc2822(instant: datetime) -> str:
    """As Twilio writes instants: "Sat, 21 Nov 2026 10:00:00 +0000"."""
    return format_datetime(instant)


def region(number: str) -> str:
    """The country of a number as Twilio puts it in FromCountry; empty when there is none to tell."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


def call_fields(call: Call, status: str | None = None) -> dict[str, str]:
    """What every voice webhook of this call carries, empty geography included (empty values are signed too)."""
    fields = {
        "AccountSid": call.account_sid,
        "ApiVersion": API_VERSION,
        "CallSid": call.sid,
        "CallStatus": status or call.status,
        "Direction": call.direction,
    }
    for names, number in ((("From", "Caller"), call.from_), (("To", "Called"), call.to)):
        country = region(number)
        for name in names:
            fields |= {name: number, f"{name}City": "", f"{name}State": "", f"{name}Zip": "", f"{name}Country": country}
    if call.parent_sid:
        fields["ParentCallSid"] = call.parent_sid
    if call.answered_by:
        fields["AnsweredBy"] = call.answered_by
    if call.direction == "inbound":
        # Twilio sends percent-encoded JSON here, so the form encodes it twice
        fields["CallToken"] = quote('{"parentCallInfoToken":"' + call.sid[2:] + '"}')
        if fields["FromCountry"] == "US":
            fields["StirVerstat"] = "TN-Validation-Passed-A"
    return fields


def progress_fields(call: Call, status: str, sequence: int, at: datetime) -> dict[str, str]:
    """A status callback. CallDuration is in seconds, Duration in begun minutes."""
    fields = call_fields(call, status) | {
        "Timestamp": rfc2822(at),
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
    }
    fields.pop("CallToken", None)
    if status in TERMINAL:
        fields |= {"CallDuration": str(call.seconds), "SipResponseCode": str(SIP_CODES[status])}
        if status == "completed":
            fields["Duration"] = str(-(-call.seconds // 60))
    return fields


def call_record(call: Call, price: str | None = None) -> dict[str, Any]:
    """The Call resource, as the REST API answers it. price: what it cost, below zero; None while nobody knows."""
    uri = f"/{API_VERSION}/Accounts/{call.account_sid}/Calls/{call.sid}"
    return {
        "sid": call.sid,
        "date_created": rfc2822(call.created_at),
        "date_updated": rfc2822(call.updated_at or call.created_at),
        "parent_call_sid": call.parent_sid,
        "account_sid": call.account_sid,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "phone_number_sid": None,
        "status": call.status,
        "start_time": rfc2822(call.started_at) if call.started_at else None,
        "end_time": rfc2822(call.ended_at) if call.ended_at else None,
        "duration": str(call.seconds) if call.ended_at else None,
        "price": price,
        "price_unit": "USD",
        "direction": call.direction,
        "answered_by": call.answered_by,
        "api_version": API_VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(call.queued_ms),
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {part.lower(): f"{uri}/{part}.json" for part in ("Recordings", "Events", "Notifications")},
    }
