"""What the board says: records become the words, shapes and times of its rows. Nothing is read here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from commsd.core.link import OF_A_CALL
from commsd.core.number import parse_number
from commsd.core.pause import MACHINE, Pause
from commsd.core.record import Json, together
from commsd.sla.notice.call_words import held_because, times
from commsd.store.query import Row

CLOCKS: Mapping[str, str] = {
    "ack": "Acknowledge",
    "first_response": "First answer",
    "next_response": "Next answer",
    "update": "Send an update",
    "callback": "Call back",
    "promise": "Keep a promise",
    "resolution": "Solve it",
}

STATES: Mapping[str, tuple[str, str]] = {
    "late": ("▲", "late"),
    "soon": ("◆", "due soon"),
    "running": ("●", "in time"),
    "paused": ("❚❚", "paused"),
}
"""Shape and text of a state; the colour is the style sheet's."""

CALLS: Mapping[str, tuple[str, str]] = {
    "waiting": ("running", "waiting"),
    "needs_number": ("soon", "no number yet"),
    "held": ("paused", "held"),
    "claimed": ("taken", "taken by"),
    "dialling": ("taken", "dialling"),
    "talking": ("taken", "talking"),
    "confirm": ("soon", "what came of it?"),
    "escalated": ("late", "escalated"),
}

UNKNOWN = "unknown"
HEARD = 3
"""Messages of one callback that can be heard from the board: the last ones."""

_CHANNELS = {"email": "Mail", "letter": "Letter", "fax": "Fax", "sms": "SMS", "phone": "Call", "in_person": "Visit"}
_SUPPRESSED = "No acknowledgement"
_OBSERVED = "Acknowledgement, not sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """How a mailbox or line does, as its duty knows.

    working None: not known yet. said: what is wrong, in a few words and without names of people.
    """

    name: str
    kind: str
    working: bool | None = None
    last_success: datetime | None = None
    said: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was read for one view of the board. due, calls, recent: records; cases, contacts: those they name.

    spoken: missed calls with a message that can be heard. machines: tries that a machine seems to have answered.
    """

    now: datetime
    due: Sequence[Row] = ()
    due_total: int = 0
    calls: Sequence[Row] = ()
    calls_total: int = 0
    oldest_call: datetime | None = None
    recent: Sequence[Row] = ()
    cases: Mapping[str, Row] = field(default_factory=dict)
    contacts: Mapping[str, Row] = field(default_factory=dict)
    lag: timedelta = timedelta(0)
    unsent: Mapping[str, int] = field(default_factory=dict)
    pauses: Sequence[Pause] = ()
    spoken: frozenset[str] = frozenset()
    machines: frozenset[str] = frozenset()


def due_rows(seen: Snapshot, zone: ZoneInfo) -> list[dict[str, Any]]:
    """What is owed, the longest due first."""
    return [_due_row(row.record, seen, zone) for row in seen.due]


def call_rows(seen: Snapshot, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Calls to make, the longest due first."""
    return [_call_row(_whole(row), seen, zone) for row in seen.calls]


def log_rows(seen: Snapshot, zone: ZoneInfo) -> list[dict[str, Any]]:
    """What happened, newest first."""
    return [_log_row(_whole(row), seen, zone) for row in seen.recent]


def channel_rows(states: Sequence[ChannelState], now: datetime) -> list[dict[str, Any]]:
    """How each channel does, the broken ones first."""
    ordered = sorted(states, key=lambda state: (state.working is not False, state.name))
    return [_channel_row(state, now) for state in ordered]


def pause_rows(seen: Snapshot, zone: ZoneInfo) -> list[dict[str, str]]:
    """What is paused, by whom, until when and why."""
    return [_pause_row(pause, seen.now, zone) for pause in seen.pauses]


def observed(names: Sequence[str]) -> str:
    """What the observe mode of these means to whoever looks."""
    return f"Observe mode for {', '.join(names)}: customers get nothing. What would have gone out is marked, not sent."


def late(clock: Json, now: datetime) -> str:
    """Which of STATES a clock is in."""
    if clock["state"] == "paused":
        return "paused"
    if clock["state"] == "breached" or _past(clock["due_at"], now):
        return "late"
    return "soon" if _past(clock["warn_at"], now) else "running"


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `2 h 05 min`, `14 min`, `40 s`, `3 d 4 h`."""
    seconds = int(abs(length).total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours < 1:
        return f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60:02} min"
    return f"{days} d {hours % 24} h"


def at(instant: datetime, now: datetime, zone: ZoneInfo) -> str:
    """A time as people say it: the hour today, the weekday within a week, else the date."""
    local, today = instant.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%a %H:%M}" if abs(local - today) < timedelta(days=6) else f"{local:%Y-%m-%d}"


def _pause_row(pause: Pause, now: datetime, zone: ZoneInfo) -> dict[str, str]:
    what = {"acks": "Acknowledgements", "dialling": "Dialling"}.get(pause.what, pause.what)
    return {
        "what": f"{what} of {pause.name}" if pause.name else f"All {what.lower()}",
        "until": at(pause.until, now, zone),
        "by": "commsd itself" if pause.by == MACHINE else pause.by,
        "why": pause.why,
    }


def _due_row(clock: Json, seen: Snapshot, zone: ZoneInfo) -> dict[str, Any]:
    state = late(clock, seen.now)
    case = _named(seen.cases, clock["case_id"])
    due, told = _instant(clock["due_at"]), _instant(clock.get("promised_at"))
    shape, text = STATES[state]
    return {
        "id": clock["id"],
        "state": state,
        "shape": shape,
        "state_text": text,
        "what": CLOCKS.get(clock["clock"], clock["clock"]),
        "who": _person(seen, case.get("contact_id")),
        "contact": case.get("contact_id"),
        "subject": case.get("subject") or "",
        "owner": case.get("owner") or case.get("team") or "",
        "due_at": clock["due_at"],
        "due": _owed_at(due, told, seen.now, zone),
        "left": remaining(due, seen.now),
    }


def _owed_at(due: datetime | None, told: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """The time the customer was told, which is later than the clock's: told times are rounded up."""
    if due is None:
        return "not now"
    return f"promised {at(told, now, zone)}" if told else f"due {at(due, now, zone)}"


def remaining(due: datetime | None, now: datetime) -> str:
    """How much time is left, or by how much it is late."""
    if due is None:
        return ""
    return f"late by {span(now - due)}" if due < now else f"in {span(due - now)}"


def _call_row(callback: Json, seen: Snapshot, zone: ZoneInfo) -> dict[str, Any]:
    due = _instant(callback["due_at"])
    state, text = CALLS.get(callback["state"], ("running", callback["state"]))
    if due and due < seen.now and state == "running":
        state, text = "late", "waiting too long"
    misses, tries = len(callback["misses"]), len(callback["attempts"])
    held = callback["state"] == "held"
    who = _person(seen, callback["contact_id"], callback["number"])
    unknown = "number withheld" if misses else "no number known"
    number = spoken(callback["number"]) if callback["number"] else unknown
    return {
        "id": callback["id"],
        "state": state,
        "shape": {"taken": "◉"}.get(state) or STATES[state][0],
        "state_text": f"{text} {callback['owner'] or 'somebody'}" if callback["state"] == "claimed" else text,
        "state_word": callback["state"],
        "claimable": callback["state"] in ("waiting", "escalated"),
        "deeds": dict.fromkeys((act.value for act in OF_A_CALL), None),
        "asks": f"{seen.now.astimezone(zone):%Y-%m-%dT%H:%M}",
        "why": held_because(callback.get("held")) if held else _live(callback, seen),
        "heard": [miss for miss in callback["misses"][-HEARD:] if miss in seen.spoken],
        "about": (callback.get("purpose") or "")[:120],
        "who": who if callback["number"] or who != UNKNOWN else "Somebody",
        "contact": callback["contact_id"],
        "number": number if number != who else "",
        "dial": None if held else callback["number"],
        "line": callback["line"] or "",
        "rang": f"rang {misses} times" if misses > 1 else "rang once" if misses else "asked in writing",
        "tries": f"tried {times(tries)}" if tries else "",
        "due_at": callback["due_at"],
        "due": at(due, seen.now, zone) if due else "",
        "left": remaining(due, seen.now),
    }


def _live(callback: Json, seen: Snapshot) -> str:
    """Who is on the telephone for it and since when; what the last try came to."""
    last = callback["attempts"][-1] if callback["attempts"] else None
    back = callback.get("passed") or ()
    if back and (last is None or last["at"] < back[-1]["at"]):
        return f"given back by {back[-1]['by'] or 'somebody'}: {back[-1]['why'] or 'no reason given'}"
    if last is None:
        return ""
    who, since = last["by"] or "somebody", span(seen.now - datetime.fromisoformat(last["at"]))
    match callback["state"]:
        case "dialling":
            return f"{who} is rung first, for {since}"
        case "talking":
            return f"{who} talks to the customer, for {since}"
        case "confirm":
            seems = "a machine seems to have answered, and nobody" if last["id"] in seen.machines else "nobody"
            return f"{who} has rung; {seems} has said what came of it"
    return f"last try: {str(last['result']).replace('_', ' ')}, {since} ago" if last["result"] else ""


def _log_row(fact: Json, seen: Snapshot, zone: ZoneInfo) -> dict[str, Any]:
    recorded = datetime.fromisoformat(fact["recorded_at"])
    parties = fact["parties"] or []
    outbound = fact["direction"] == "outbound"
    roles = ("to", "callee") if outbound else ("from", "caller")
    party: Json = next((party for party in parties if party["role"] in roles), {})
    return {
        "id": fact["id"],
        "at": at(recorded, seen.now, zone),
        "iso": fact["recorded_at"],
        "way": {"inbound": "in", "outbound": "out"}.get(fact["direction"], "us"),
        "arrow": {"inbound": "→", "outbound": "←"}.get(fact["direction"], "·"),
        "title": title(fact),
        "tone": tone(fact),
        "who": party.get("name") or _person(seen, fact["contact_id"], party.get("address")),
        "contact": fact["contact_id"],
        "subject": fact["subject"] or (_named(seen.cases, fact["case_id"]).get("subject") or ""),
        "language": (fact["language"] or "").upper(),
        "place": fact["mailbox"] or fact["line"] or "",
        "reason": fact["reason"] or (fact["agent"] or "" if fact["actor"] == "agent" else ""),
    }


def title(fact: Json) -> str:
    """What happened, in two words."""
    kind, outcome, inbound = fact["kind"], fact["outcome"], fact["direction"] == "inbound"
    channel = _CHANNELS.get(fact["channel"], fact["channel"].replace("_", " ").capitalize())
    match kind, outcome:
        case "ack", "suppressed":
            return _OBSERVED if fact["reason"] == "no-ack:observe" else _SUPPRESSED
        case "ack", "failed":
            return "Acknowledgement failed"
        case "ack", _:
            return "Acknowledged"
        case "call", "missed":
            return "Missed call"
        case "call", _:
            return "Call" if inbound else "Called back"
        case "message", _:
            return channel if inbound else f"{channel} answered"
        case "attempt", _:
            return "Tried to call"
        case "close", _:
            return "Callback closed" if fact["detail"].get("callback_id") else "Case closed"
        case "hold" | "release" | "reopen" | "set", _:
            return f"Case: {kind}"
    return str(kind).replace("_", " ").capitalize()


def tone(fact: Json) -> str:
    """How a row is coloured: good (somebody was reached), bad, quiet, or plain."""
    if fact["outcome"] in ("missed", "failed"):
        return "bad"
    if fact["outcome"] == "suppressed" or fact["direction"] == "internal" or fact["automation"] != "none":
        return "quiet"
    return "good" if fact["direction"] == "outbound" and fact["outcome"] == "reached" else "plain"


def _channel_row(state: ChannelState, now: datetime) -> dict[str, Any]:
    shape = {True: "●", False: "▲", None: "◌"}[state.working]
    text = {True: "works", False: "does not work", None: "not tried yet"}[state.working]
    return {
        "name": state.name,
        "kind": state.kind,
        "state": {True: "good", False: "late", None: "paused"}[state.working],
        "shape": shape,
        "text": text,
        "said": state.said or "",
        "last": f"{span(now - state.last_success)} ago" if state.last_success else "",
    }


def _whole(row: Row) -> Json:
    return together(row.record, row.personal)


def _named(rows: Mapping[str, Row], thing_id: str | None) -> Json:
    row = rows.get(thing_id or "")
    return _whole(row) if row else {}


def _person(seen: Snapshot, contact_id: str | None, otherwise: str | None = None) -> str:
    contact = _named(seen.contacts, contact_id)
    if contact.get("name"):
        return str(contact["name"])
    identities = contact.get("identities") or []
    return spoken(otherwise or (identities[0]["value"] if identities else UNKNOWN))


def spoken(address: str) -> str:
    """A number with its spaces; anything else as it is."""
    number = parse_number(address)
    return number.as_dialled_from("") if number else address


def _past(text: str | None, now: datetime) -> bool:
    return text is not None and datetime.fromisoformat(text) < now


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
