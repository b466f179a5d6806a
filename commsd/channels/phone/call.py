"""A call as a fold over its webhooks: missed until bridged. Order and repetition of webhooks make no difference.

Pure. Here: what is known of the call, and the verdict. What its caller hears next stands in step.py and scene.py, what
it changes in intake.py.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from commsd.channels.phone.call_state import CallState, Leg, Report
from commsd.channels.phone.step import OURS, Stage, Step, declines, step_of, takes_back
from commsd.core.fact import replace
from commsd.core.interaction import DECLINED, Outcome
from commsd.core.open_items import WebhookEntry

TERMINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Statuses of a leg that is over; `initiated` and words not known here are not."""

SILENCE = timedelta(seconds=180)
"""Without an event for so long, a call without proof of a talk counts as missed; interface.md section 5."""

GRACE = timedelta(seconds=20)
"""How long after the call's end a Dial that was handed out may still report."""

MIN_TALK = timedelta(seconds=10)
"""A bridge shorter than this is "short": a callback is for a person to propose. telephony.md D4."""

PING, PINGS = timedelta(seconds=3), 5
"""Shorter than the one, and oftener a day than the other, a call rings to be rung back. telephony.md section 3."""

TALK = timedelta(seconds=2)
"""An accepted leg that lasted no longer is no talk without Twilio's word for it: the caller had gone."""


def fold(sid: str, entries: Iterable[WebhookEntry], answered: Mapping[str, bytes]) -> CallState | None:
    """The call after these webhooks, whatever their order. None without any that is ours.

    answered: the TwiML given so far, which says what Dials were handed out and whether a callback was offered.
    """
    known = [(step, entry) for entry in entries if (step := step_of(entry.step))]
    if not known:
        return None
    own = [entry for step, entry in known if entry.fields.get("CallSid") == sid and step.stage is not Stage.ASKED]
    ends = [entry for _, entry in known if _over(entry, sid)]
    ended = min(ends, key=_noticed, default=None)
    told = _first([entry for step, entry in known if step.stage not in OURS and _over(entry, sid)], "CallStatus")
    asked = _first([entry for step, entry in known if step.stage in OURS and _over(entry, sid)], "CallStatus")
    return CallState(
        sid=sid,
        caller=_first(own, "From") or "",
        called=_first(own, "To") or "",
        forwarded_from=_first(own, "ForwardedFrom") or "",
        country=_first(own, "FromCountry"),
        caller_name=_first(own, "CallerName"),
        direction=_first(own, "Direction"),
        first_at=min(_begun(entry) for _, entry in known),
        last_at=max(entry.received_at for _, entry in known),
        ended_at=_noticed(ended) if ended else None,
        hung_up_at=min((_instant(entry) for entry in ends), default=None),
        status=asked or told,
        total=_seconds(_first(ends, "CallDuration")),
        dials=_dials(answered),
        offered=_offered(answered) or any(step.stage in _AFTER_OFFER for step, _ in known),
        declined=any(step.stage is Stage.OFFER and declines(entry.fields) for step, entry in known),
        reports={_round(step): _report(entry) for step, entry in _by_id(known)},
        legs=_legs(known),
        typed=_typed(known),
        recording_sid=_recording(known),
        fallback=any(is_fallback(entry.fields) for entry in own),
        swept=all(step.stage in OURS for step, _ in known),
        asked_at=max((entry.received_at for step, entry in known if step.stage is Stage.ASKED), default=None),
        differs=told is not None and asked is not None and told != asked,
    )


def state_with(state: CallState, answered: Mapping[str, bytes]) -> CallState:
    """The call after these answers too."""
    return replace(state, dials=_dials(answered), offered=state.offered or _offered(answered))


def _dials(answered: Mapping[str, bytes]) -> frozenset[int]:
    return frozenset(int(found) for body in answered.values() for found in _DIAL.findall(body))


def _offered(answered: Mapping[str, bytes]) -> bool:
    return any(_OFFER.search(body) for body in answered.values())


_AFTER_OFFER = frozenset({Stage.OFFER, Stage.NUMBER, Stage.CONFIRM})
"""Who comes there was offered a callback, perhaps in the static words of which no answer is kept."""

_DIAL = re.compile(rb'action="[^"]*/dial-(\d+)[#"]')
_OFFER = re.compile(rb'action="[^"]*/offer-\d+[#"]')


def is_fallback(fields: Mapping[str, str]) -> bool:
    """Whether Twilio came here because it could not use another answer: docs/voice/twiml, fallback URL."""
    return fields.get("ErrorCode", "0") != "0" and "ErrorUrl" in fields


def _by_id(known: list[tuple[Step, WebhookEntry]]) -> list[tuple[Step, WebhookEntry]]:
    """What Dials reported. Of a step told twice, a report that two people were joined is not overwritten."""
    told = [pair for pair in known if _reports(*pair)]
    return sorted(told, key=lambda pair: (_true(pair[1].fields.get("DialBridged")) is True, _spelled(pair[1])))


def _spelled(entry: WebhookEntry) -> list[tuple[str, str]]:
    return sorted(entry.fields.items())


def _first(entries: Iterable[WebhookEntry], name: str) -> str | None:
    """The field in the earliest webhook that has it; field order breaks ties, so that arrival order cannot."""
    found = [entry for entry in entries if entry.fields.get(name)]
    if len(found) == 1:  # as it mostly is: to spell it out would cost more than all else here
        return found[0].fields[name]
    return min(found, key=lambda e: (e.received_at, _spelled(e))).fields[name] if found else None


def _over(entry: WebhookEntry, sid: str) -> bool:
    return entry.fields.get("CallSid") == sid and entry.fields.get("CallStatus") in TERMINAL


def _begun(entry: WebhookEntry) -> datetime:
    """When the call was there: of one found in Twilio's list, its StartTime."""
    return _instant(entry, "StartTime") if entry.route == Stage.SWEPT.value else entry.received_at


def _noticed(entry: WebhookEntry) -> datetime:
    """When its end was noticed: of a call found in Twilio's list, when it was over there."""
    return _instant(entry) if entry.route == Stage.SWEPT.value else entry.received_at


def _round(step: Step) -> int:
    return 0 if step.stage is Stage.SWEPT else step.number


def _reports(step: Step, entry: WebhookEntry) -> bool:
    return step.stage is Stage.DIAL or (step.stage is Stage.SWEPT and "DialBridged" in entry.fields)


def _instant(entry: WebhookEntry, name: str = "Timestamp") -> datetime:
    """When it happened by Twilio's clock, where it says so (RFC 2822), else when it reached us."""
    try:
        stamp = parsedate_to_datetime(entry.fields[name])
        return (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return entry.received_at


def _seconds(text: str | None) -> timedelta | None:
    return timedelta(seconds=int(text)) if text and text.isascii() and text.isdigit() and len(text) < 8 else None


def _true(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").lower())


def _report(entry: WebhookEntry) -> Report:
    fields = entry.fields
    return Report(
        bridged=_true(fields.get("DialBridged")),
        status=fields.get("DialCallStatus"),
        leg_sid=fields.get("DialCallSid"),
        talk=_seconds(fields.get("DialCallDuration")),
    )


def _legs(known: list[tuple[Step, WebhookEntry]]) -> dict[tuple[int, int], Leg]:
    told: dict[tuple[int, int], list[tuple[Step, WebhookEntry]]] = {}
    for step, entry in known:
        if step.stage in (Stage.WHISPER, Stage.KEY, Stage.LEG):
            told.setdefault((step.places[0], step.places[1]), []).append((step, entry))
    legs = {place: _leg(about) for place, about in told.items()}
    looked_up = [pair for pair in known if pair[0].stage in OURS]
    for step, entry in sorted(looked_up, key=lambda pair: (pair[1].received_at, _spelled(pair[1]))):
        if step.stage is Stage.SWEPT and entry.fields.get("DialCallSid"):
            legs[0, 0] = _leg_in_list(entry)
        if step.stage is Stage.ASKED:
            legs = {place: _leg_as_asked(leg, entry) for place, leg in legs.items()}
    return legs


def _leg(about: list[tuple[Step, WebhookEntry]]) -> Leg:
    """One leg from all that was told of it. Of several statuses a last one counts, then Twilio's own order."""
    entries = [entry for _, entry in about]
    statuses = [entry for step, entry in about if step.stage is Stage.LEG]
    pressed = [e.received_at for step, e in about if step.stage is Stage.KEY and e.fields.get("Digits") == "1"]
    latest = max(statuses, key=lambda e: (_ended(e), _sequence(e), _spelled(e)), default=None)
    return Leg(
        sid=_first(entries, "CallSid"),
        number=_first(entries, "To"),
        status=latest.fields.get("CallStatus") if latest else None,
        picked_up=any(step.stage is not Stage.LEG or e.fields.get("CallStatus") == "in-progress" for step, e in about),
        accepted_at=min(pressed, default=None),
        ended_at=min((_instant(entry) for entry in statuses if _ended(entry)), default=None),
    )


def _ended(entry: WebhookEntry) -> bool:
    return entry.fields.get("CallStatus") in TERMINAL


def _sequence(entry: WebhookEntry) -> int:
    text = entry.fields.get("SequenceNumber", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else -1


def _leg_as_asked(leg: Leg, entry: WebhookEntry) -> Leg:
    """The leg as Twilio's REST API knows it: `Child-SID` holds its status. An end wins over none."""
    status, over = entry.fields.get(f"Child-{leg.sid}"), leg.status in TERMINAL
    if status is None or (over and status not in TERMINAL):
        return leg
    return replace(
        leg,
        status=status,
        picked_up=status in ("in-progress", "completed") or (leg.picked_up and status not in TERMINAL),
        conflict=leg.conflict or (over and status != leg.status),
    )


def _leg_in_list(entry: WebhookEntry) -> Leg:
    """The leg that Twilio's list joins to the call."""
    fields = entry.fields
    return Leg(sid=fields["DialCallSid"], number=fields.get("DialCallTo"), status=fields.get("DialCallStatus"))


def _typed(known: list[tuple[Step, WebhookEntry]]) -> tuple[str, ...]:
    given = {step.number: entry.fields.get("Digits", "") for step, entry in known if step.stage is Stage.NUMBER}
    back = {step.number for step, e in known if step.stage is Stage.CONFIRM and takes_back(e.fields)}
    return tuple(given[number] for number in sorted(given, reverse=True) if given[number] and number not in back)


def _recording(known: list[tuple[Step, WebhookEntry]]) -> str | None:
    """The message left; not one that Twilio calls absent or failed."""
    of = {Stage.MESSAGE, Stage.RECORDING}
    entries = [entry for step, entry in known if step.stage in of and entry.fields.get("RecordingSid")]
    void = {e.fields["RecordingSid"] for e in entries if e.fields.get("RecordingStatus") in ("absent", "failed")}
    return min((e.fields["RecordingSid"] for e in entries if e.fields["RecordingSid"] not in void), default=None)


def timer_at(state: CallState) -> datetime:
    """When a call without proof of a talk counts as missed: its end if every Dial reported, else a while later."""
    if state.ended_at is None:
        return state.last_at + SILENCE
    return state.ended_at if state.dials <= state.reports.keys() else state.ended_at + GRACE


def must_ask(state: CallState) -> bool:
    """Whether Twilio is to be asked before the verdict: one of us had accepted, and no report says what came of it."""
    unheard = state.accepted is not None and state.bridged is None and not state.dials <= state.reports.keys()
    return unheard and (state.asked_at is None or state.asked_at + GRACE < timer_at(state))


def verdict(state: CallState, now: datetime) -> Outcome | None:
    """Reached on proof that two people were joined (D2), missed when no proof can come any more, else not yet known."""
    if state.bridged:
        return Outcome.REACHED
    if now < timer_at(state):
        return None
    return Outcome.REACHED if talked(state) else Outcome.MISSED


def talked(state: CallState) -> bool:
    """A leg answered and accepted, whose Dial has not said otherwise, and which outlived the accepting key."""
    for (number, place), leg in state.legs.items():
        report = state.reports.get(number)
        taken = leg.picked_up and leg.accepted_at is not None and not state.taken_from(number, place)
        if not taken or leg.accepted_at is None or (report and report.bridged is False):
            continue
        ends = [at for at in (leg.ended_at, state.hung_up_at, state.ended_at) if at is not None]
        if not ends or min(ends) - leg.accepted_at > TALK:
            return True
    return False


def reason_for(state: CallState, *, closed: bool) -> str:
    """Why nobody talked to the caller; telephony.md section 3. closed: nobody was rung because of the hours."""
    if state.declined:
        return DECLINED
    if state.fallback:
        return "fallback"
    if state.recording_sid:
        return "message_left"
    if state.swept:
        return "call_list"
    if closed and not state.dials:
        return "closed"
    if state.reports and state.offered:
        return "no_answer"
    if state.legs:
        return "abandoned_ringing"
    return "nobody_rung" if state.offered else "abandoned_greeting"


def is_short(state: CallState) -> bool:
    """Whether two people were joined for so little time that somebody should look whether it was a talk; D4."""
    report = state.bridged
    return report is not None and report.talk is not None and report.talk < MIN_TALK


def is_glimpse(state: CallState) -> bool:
    """Whether it rang so briefly that, often enough a day (PINGS), it rings only to be seen."""
    return state.total is not None and state.total < PING
