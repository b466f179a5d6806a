"""A missed call that is judged only after the customer was spoken to: what answered it, and in which case. Pure.

Its webhooks came late or in another order, or were lost and Twilio was asked. It stays on record and owes no call.
"""

from collections.abc import Iterable
from datetime import datetime

from commsd.core.callback import Callback
from commsd.core.contact import phone_identity
from commsd.core.interaction import Direction, Interaction, Kind, Outcome

TALKED = frozenset({"reached", "declined", "call_again", "partly"})
"""Results of a talk with the customer."""


def later_talk(fact: Interaction, known: Iterable[Interaction]) -> Interaction | None:
    """The call in which the customer of a missed call was answered after it; None where there was none.

    What began while he still rang is the call of another person behind his number.
    """
    number = number_of(fact)
    if number is None or fact.kind is not Kind.CALL or fact.outcome is not Outcome.MISSED:
        return None
    later = (each for each in known if _is_talk(each) and _is_after(fact, each.occurred_at))
    return next((each for each in later if number_of(each) == number), None)


def case_of_talk(fact: Interaction, known: Iterable[Interaction], callbacks: Iterable[Callback]) -> str | None:
    """The case in which the customer of a missed call was spoken to after it, for there its clock ends."""
    number = number_of(fact)
    if number is None or fact.kind is not Kind.CALL or fact.outcome is not Outcome.MISSED:
        return None
    if talk := later_talk(fact, known):
        return talk.case_id
    made = (each for each in callbacks if (each.line, each.number) == (fact.line, number))
    return next((each.case_id for each in made if was_made_after(fact, each)), None)


def was_made_after(fact: Interaction, callback: Callback) -> bool:
    """Whether we began to ring the customer after that was over, for this owed call, and it was a talk."""
    return any(attempt.result in TALKED and _is_after(fact, attempt.at) for attempt in callback.attempts)


def number_of(fact: Interaction) -> str | None:
    """The customer's number in normal form; None where none is known."""
    identity = phone_identity(fact.customer or "")
    return identity.value if identity else None


def _is_after(fact: Interaction, at: datetime) -> bool:
    return at > fact.occurred_at if fact.ended_at is None else at >= fact.ended_at


def _is_talk(fact: Interaction) -> bool:
    inbound = fact.kind is Kind.CALL and fact.direction is Direction.INBOUND
    return inbound and fact.outcome is Outcome.REACHED
