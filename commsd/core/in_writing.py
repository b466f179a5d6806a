"""An answer in writing to somebody who rang and wants no calls: it settles what a call back would have. Pure.

Nobody has to say so by hand: for a customer with the wish `write_only` the written answer is the answer. Who asked for
a call after all is owed that call.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from commsd.core.callback import Callback, CloseReason, closed
from commsd.core.contact import Contact
from commsd.core.interaction import Actor, Automation, Channel, Detail, Direction, Interaction, Kind, Outcome
from commsd.core.owed_call import last_rang

WRITTEN = frozenset({Channel.EMAIL, Channel.LETTER, Channel.FAX, Channel.SMS, Channel.WHATSAPP, Channel.CHAT})


def settled_in_writing(
    fact: Interaction,
    contact: Contact | None,
    callbacks: Iterable[Callback],
    now: datetime,
    new_id: Callable[[], str],
) -> tuple[tuple[Callback, ...], tuple[Interaction, ...]]:
    """The calls of its case that this interaction answers, closed, and the records that say so."""
    if contact is None or not contact.wishes.write_only or not _answers(fact):
        return (), ()
    owed = [each for each in callbacks if each.open and each.case_id == fact.case_id and _is_for_a_miss(each, fact)]
    ended = tuple(closed(each, CloseReason.ANSWERED_OTHER_CHANNEL, now, fact.id) for each in owed)
    return ended, tuple(_close(each, fact, now, new_id()) for each in owed)


def _close(callback: Callback, answer: Interaction, now: datetime, close_id: str) -> Interaction:
    return Interaction(
        id=close_id,
        channel=answer.channel,
        kind=Kind.CLOSE,
        direction=Direction.INTERNAL,
        actor=Actor.AGENT,
        occurred_at=answer.occurred_at,
        recorded_at=now,
        contact_id=answer.contact_id,
        case_id=answer.case_id,
        caused_by=answer.id,
        agent_id=answer.agent_id,
        agent=answer.agent,
        line=callback.line,
        detail=Detail(callback_id=callback.id, reason=CloseReason.ANSWERED_OTHER_CHANNEL.value),
    )


def _answers(fact: Interaction) -> bool:
    ours = fact.direction is Direction.OUTBOUND and fact.actor is Actor.AGENT and fact.automation is Automation.NONE
    went = fact.kind is Kind.MESSAGE and fact.outcome is Outcome.REACHED and not fact.partial
    return ours and went and fact.channel in WRITTEN


def _is_for_a_miss(callback: Callback, fact: Interaction) -> bool:
    """Whether it is owed for a call in vain before, nobody asked for another, and none is under way."""
    asked = not callback.misses or callback.asked_at_time
    return not asked and callback.live is None and last_rang(callback) <= fact.occurred_at
