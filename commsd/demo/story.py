"""What just happened, in plain words for whoever watches the demo: a Change -> sentences. Pure."""

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from commsd.core.callback import Callback
from commsd.core.case import ClockRecord
from commsd.core.change import Change
from commsd.core.interaction import (
    Actor,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Direction,
    Interaction,
    Kind,
    Outcome,
)
from commsd.demo.people import COLLEAGUES
from commsd.demo.table import LANGUAGES
from commsd.sla.notice.notice import OWED

_LINES = {"hotline": "the hotline", "sales": "the sales line", "workshop": "the workshop"}


def sentences(change: Change, names: Mapping[str, str], zone: ZoneInfo) -> Iterable[str]:
    """What the committed change tells, in its order. zone: for times of day.

    names: of customers and colleagues by address or number, and of customers by the ids of their cases and mails.
    """
    for copy in change.sightings:
        yield f"A further copy of {_who(copy.interaction_id, names)}'s mail; one acknowledgement is enough"
    for event in change.events:
        thing = event.thing
        if isinstance(thing, Interaction):
            yield from _touch(thing, event.type, names)
        elif isinstance(thing, Callback):
            yield from _callback(thing, event.type, names, zone)
        elif isinstance(thing, ClockRecord) and event.type == "clock.breached":
            yield f"Overdue: {OWED[thing.value.clock]} to {_who(thing.case_id, names)}"
    for delivery in change.deliveries:
        yield from _delivery(delivery, names)


def _touch(fact: Interaction, word: str, names: Mapping[str, str]) -> Iterable[str]:
    who = _who(fact.customer, names)
    match (fact.kind, fact.direction):
        case (Kind.MESSAGE, Direction.INBOUND) if word == "interaction.recorded":
            yield _letter(fact, who)
        case (Kind.MESSAGE, Direction.OUTBOUND) if fact.actor is Actor.AGENT:
            yield f"{fact.agent} has answered {who}; the clock stops"
        case (Kind.ACK, _) if fact.outcome is Outcome.REACHED and fact.channel is not Channel.SMS:
            language = LANGUAGES.get(fact.language or "", fact.language)
            yield f"{who} has the acknowledgement, in {language}"
        case (Kind.CALL, Direction.INBOUND) if fact.outcome is Outcome.MISSED and word == "interaction.recorded":
            yield f"{who} rang {_LINES.get(fact.line or '', fact.line)}, and nobody answered"
        case (Kind.CALL, Direction.INBOUND) if fact.outcome is Outcome.REACHED and word == "interaction.recorded":
            yield f"{who} rang and talked with {fact.agent}"
        case (Kind.CALL, Direction.OUTBOUND) if fact.channel is Channel.PHONE and word == "interaction.recorded":
            yield f"{fact.agent} rang {who} back: {fact.outcome}"


def _letter(fact: Interaction, who: str) -> str:
    if fact.reason:
        return f"{who} wrote “{fact.subject}”; a machine gets no answer ({fact.reason})"
    return f"{who} wrote “{fact.subject}”"


def _callback(owed: Callback, word: str, names: Mapping[str, str], zone: ZoneInfo) -> Iterable[str]:
    who = _who(owed.number, names)
    by = f" by {owed.due_at.astimezone(zone):%H:%M}" if owed.due_at else ""
    match word:
        case "callback.opened":
            yield f"A callback to {who} is owed{by}"
        case "callback.attempted" | "callback.updated" if owed.attempts and owed.attempts[-1].result == "voicemail":
            yield f"A machine took the call: the callback to {who} stays owed"
        case "callback.updated" if len(owed.misses) > 1 and not owed.attempts:
            yield f"Still one callback to {who}, for {len(owed.misses)} missed calls"
        case "callback.claimed":
            yield f"{_colleague(owed.owner)} takes the callback to {who}"
        case "callback.held":
            yield f"No machine rings {who} back: {owed.held}"
        case "callback.closed":
            yield f"The callback to {who} is closed: {owed.close_reason}"


def _delivery(owed: Delivery, names: Mapping[str, str]) -> Iterable[str]:
    if owed.kind is DeliveryKind.ACK and owed.via == "sms" and owed.state is DeliveryState.SENT:
        yield f"{_who(owed.recipient, names)} has a text that says by when we call"
    if owed.kind is DeliveryKind.NOTICE and owed.state is DeliveryState.SENT:
        yield f"{_who(owed.recipient, names)} is told by mail"


def _who(address: str | None, names: Mapping[str, str]) -> str:
    return names.get(address or "", address or "somebody without a number")


def _colleague(agent_id: str | None) -> str:
    return next((colleague.name for colleague in COLLEAGUES if colleague.id == agent_id), agent_id or "somebody")
