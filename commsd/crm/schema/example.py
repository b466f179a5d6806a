"""One example of every record and of every event, made by the code that makes the real ones. Pure.

A small story: Jane Clarke writes on a Wednesday morning, rings in vain at noon, and is rung back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from commsd.core.callback import Attempt, Callback, CloseReason
from commsd.core.callback import State as CallState
from commsd.core.case import Case, CaseState, ClockRecord
from commsd.core.channel_state import ChannelState, Health
from commsd.core.clock import Clock
from commsd.core.clock import State as ClockState
from commsd.core.contact import Contact, Identity
from commsd.core.external_link import ExternalLink
from commsd.core.fact import replace
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    CaseCause,
    Channel,
    ContactMatch,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
    Stored,
)
from commsd.core.organisation import Organisation
from commsd.core.policy import ClockKind
from commsd.core.record import THING, Json, apart, record
from commsd.core.ruling import Ruling
from commsd.crm.event import PREFIX, VERSION, cloud_event, outside, with_personal
from commsd.crm.schema.words import EVENTS

EPOCH = "01950000-0000-7000-8000-00000000fee4"
NINE = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)

_LINK = ExternalLink(rel="contact", system="tryton", type="party.party", id="4711", url=None)
_IDS: Mapping[str, str] = {
    thing: f"01950000-0000-7000-8000-{number:012x}" for number, thing in enumerate(EVENTS, start=0x100)
}

_CONTACT = Contact(
    id=_IDS["contact"],
    created_at=NINE,
    name="Jane Clarke",
    identities=(Identity("email", "jane@example.org"), Identity("phone", "+493023125099")),
    organisation_id=_IDS["organisation"],
    language="en",
    timezone="Europe/Berlin",
    tier="gold",
    owner="anna",
    links=(_LINK,),
)
_CLOCK = ClockRecord(
    id=_IDS["clock"],
    created_at=NINE,
    case_id=_IDS["case"],
    promised_at=NINE + timedelta(hours=4),
    value=Clock(
        clock=ClockKind.FIRST_RESPONSE,
        n=1,
        state=ClockState.RUNNING,
        reason=None,
        opened_by=_IDS["interaction"],
        stopped_by=None,
        started_at=NINE,
        due_at=NINE + timedelta(hours=4),
        warn_at=NINE + timedelta(hours=3),
        stopped_at=None,
        elapsed=timedelta(0),
        waited=timedelta(0),
        policy="standard",
        rules_version="3f2a9c",
        calendar="standard",
    ),
)
_THINGS: Mapping[str, Any] = {
    "interaction": Interaction(
        id=_IDS["interaction"],
        channel=Channel.EMAIL,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.REACHED,
        occurred_at=NINE,
        recorded_at=NINE + timedelta(milliseconds=40),
        contact_id=_IDS["contact"],
        contact_match=ContactMatch.EXACT,
        organisation_id=_IDS["organisation"],
        case_id=_IDS["case"],
        case_cause=CaseCause.NEW,
        mailbox="support",
        team="service",
        parties=(Party(Role.FROM, "jane@example.org", "Jane Clarke"), Party(Role.TO, "support@example.com")),
        subject="Delivery",
        preview="When will it come?",
        original=Stored("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "message/rfc822", 2048),
        external_ids=(ExternalId(MESSAGE_ID, "a1@mail.example.org"),),
        language="en",
        language_cause="contact",
        clocks=(record(_CLOCK),),
    ),
    "contact": _CONTACT,
    "organisation": Organisation(
        id=_IDS["organisation"],
        created_at=NINE,
        name="Clarke Ltd",
        domains=("clarke.example",),
        numbers=("+493023125000",),
        owner="anna",
        tier="gold",
        links=(replace(_LINK, rel="account", id="42"),),
    ),
    "case": Case(
        id=_IDS["case"],
        created_at=NINE,
        contact_id=_IDS["contact"],
        subject="Delivery",
        owner="anna",
        team="service",
        mailbox="support",
        opened_at=NINE,
        active_at=NINE,
        attrs={"team": "service", "tier": "gold"},
    ),
    "clock": _CLOCK,
    "callback": Callback(
        id=_IDS["callback"],
        created_at=NINE,
        line="hotline",
        number="+493023125099",
        contact_id=_IDS["contact"],
        case_id=_IDS["case"],
        state=CallState.WAITING,
        due_at=NINE + timedelta(hours=2),
        opened_at=NINE,
        misses=(_IDS["interaction"],),
        rang_at=NINE,
    ),
    "channel": ChannelState(
        id=_IDS["channel"], created_at=NINE, channel="support", kind="mailbox", since=NINE, last_success_at=NINE
    ),
    "rules": Ruling(
        id=_IDS["rules"],
        revision=2,
        created_at=NINE,
        number=2,
        rules_version="3f2a9c",
        effective_from=NINE,
        applies="new",
        policies=("standard",),
        calendars=("standard",),
    ),
}
_LATER = NINE + timedelta(hours=1)
_OTHER = "01950000-0000-7000-8000-000000000abc"
_AFTER: Mapping[str, Mapping[str, Any]] = {
    "contact.merged": {"identities": (), "merged_into": _OTHER},
    "organisation.merged": {"domains": (), "numbers": (), "links": (), "merged_into": _OTHER},
    "organisation.deleted": {
        **dict.fromkeys(("name", "owner", "tier")),
        **dict.fromkeys(("domains", "numbers", "links"), ()),
        "deleted_at": _LATER,
    },
    "contact.erased": {"name": None, "identities": (), "erased_at": _LATER},
    "interaction.erased": {"parties": (), "subject": None, "preview": None, "erased_at": _LATER},
    "case.held": {"on_hold": True},
    "case.closed": {"state": CaseState.CLOSED, "closed_at": _LATER, "close_reason": "answered"},
    "case.merged": {"state": CaseState.CLOSED, "closed_at": _LATER, "close_reason": "merged", "merged_into": _OTHER},
    "callback.claimed": {"state": CallState.CLAIMED, "owner": "anna", "claimed_until": _LATER},
    "callback.attempted": {"attempts": (Attempt(at=_LATER, by="anna", result="voicemail"),)},
    "callback.escalated": {"state": CallState.ESCALATED},
    "callback.held": {"state": CallState.HELD, "held": "type:premium_rate"},
    "callback.closed": {"state": CallState.CLOSED, "close_reason": CloseReason.REACHED, "closed_at": _LATER},
    "channel.degraded": {"state": Health.DEGRADED, "since": _LATER, "reason": "unread"},
}
_CLOCKS: Mapping[str, Mapping[str, Any]] = {
    "paused": {"state": ClockState.PAUSED, "due_at": None, "warn_at": None},
    "breached": {"state": ClockState.BREACHED, "elapsed": timedelta(hours=4), "waited": timedelta(hours=4)},
    "met": {"state": ClockState.MET, "stopped_at": _LATER, "stopped_by": _OTHER, "elapsed": timedelta(hours=1)},
    "stopped": {
        "state": ClockState.BREACHED,
        "stopped_at": _LATER,
        "stopped_by": _OTHER,
        "elapsed": timedelta(hours=5),
    },
    "cancelled": {"state": ClockState.CANCELLED, "stopped_at": _LATER, "reason": "closed", "due_at": None},
    "retargeted": {"due_at": NINE + timedelta(hours=8)},
    "corrected": {"state": ClockState.MET, "stopped_at": _LATER, "stopped_by": _OTHER},
}
_FIRST = frozenset({"recorded", "created", "opened", "started", "degraded", "changed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An outbox entry of the story."""

    event_id: str
    type: str
    thing: str
    subject: str
    at: datetime
    recorded_at: datetime
    by: str
    record: str
    partition_key: str | None = None


def record_example(thing: str) -> Json:
    """A record as a reader with every scope gets it."""
    bare, personal = apart(type(_THINGS[thing]), record(_THINGS[thing]))
    return outside(thing, bare, personal)


def event_examples() -> Mapping[str, tuple[Json, Json]]:
    """By whole type: the event for a reader without the scope of personal fields, and for one who has it."""
    words = [(thing, word) for thing, known in EVENTS.items() for word in known]
    return {
        f"{PREFIX}{thing}.{word}{VERSION}": _event(thing, word, number) for number, (thing, word) in enumerate(words, 1)
    }


def _event(thing: str, word: str, number: int) -> tuple[Json, Json]:
    value = _value(thing, word)
    bare, personal = apart(type(value), record(value))
    at = NINE if word in _FIRST else _LATER
    entry = _Entry(
        event_id=f"01950000-0000-7000-8000-{0xE000 + number:012x}",
        type=f"{thing}.{word}",
        thing=THING[type(value)],
        subject=value.id,
        at=at,
        recorded_at=at + timedelta(milliseconds=40),
        by="machine" if thing in ("clock", "channel") or word in _FIRST else "anna",
        record=orjson.dumps(bare).decode(),
        partition_key=_IDS["case"] if thing in ("interaction", "case", "callback", "clock") else value.id,
    )
    text = cloud_event(entry, number, EPOCH)
    return orjson.loads(text), orjson.loads(with_personal(text, thing, personal))


def _value(thing: str, word: str) -> Any:
    value = _THINGS[thing]
    if word in _FIRST and thing != "channel":
        return value
    changes = dict(_AFTER.get(f"{thing}.{word}", {}))
    if thing == "clock" and word in _CLOCKS:
        changes["value"] = replace(value.value, **_CLOCKS[word])
    return replace(value, revision=2, **changes)
