"""What a link in a notice does, pressed or come back as a mail: to what it was made for, or to what that went into."""

from datetime import datetime, timedelta

from commsd.core.callback import CloseReason, State
from commsd.core.case import customer_speaks, survivor
from commsd.core.change import Change
from commsd.core.entry import Hand, Result, Said
from commsd.core.link import OF_A_CALL, Act, Link
from commsd.core.open_items import OpenItems, Terms
from commsd.crm.actions import Decide, answered_elsewhere, close_case, holding_case, must
from commsd.crm.call_actions import callback_result, claim_callback, release_callback
from commsd.errors import Refused

RESULTS = {
    Act.REACHED: Result.REACHED,
    Act.AGAIN: Result.CALL_AGAIN,
    Act.VOICEMAIL: Result.VOICEMAIL,
    Act.WRONG: Result.WRONG_PERSON,
    Act.DECLINED: Result.DECLINED,
}

TWICE = timedelta(minutes=2)
"""The same result pressed again within this time is one press that was slow, not a second call."""


def act_of(link: Link, hand: Hand, terms: Terms, due: datetime | None = None, *, why: str | None = None) -> Decide:
    """What a link does, pressed or come back as a mail; to the case that its own went into, if it did.

    due: when to call again, where that is what it says. why: the reason to give a call back.
    """

    def decide(items: OpenItems) -> Change:
        if link.act in OF_A_CALL:
            return _of_a_call(link, hand, terms, due, why, items)
        case_id = surviving(items, link.thing)
        must(
            link.act is Act.HOLDING or not _heard_since(link, items, case_id),
            "the customer has written or called since this notice was made",
            "read that first; then use a newer notice, or the board",
        )
        match link.act:
            case Act.ANSWERED:
                return answered_elsewhere(case_id, hand, terms)(items)
            case Act.HOLDING:
                return holding_case(case_id, hand, terms)(items)
            case Act.JUNK if case_id != link.thing:
                raise Refused(
                    f"the case went into {case_id}, which holds more than was junk here",
                    remedy="if all of it is junk, use a notice about that one",
                )
            case _:
                return close_case(case_id, hand, terms, junk=link.act is Act.JUNK)(items)

    return decide


def _of_a_call(link: Link, hand: Hand, terms: Terms, due: datetime | None, why: str | None, items: OpenItems) -> Change:
    callback_id = joined(items, link.thing)
    if link.act is Act.CLAIM:
        return claim_callback(callback_id, hand)(items)
    owed = items.callback(callback_id)
    if link.act is Act.RELEASE:
        stopped = owed is None or owed.state in (State.HELD, State.ESCALATED)
        must(stopped, "this call needs no leave", "nothing more to do")
        return release_callback(callback_id, hand)(items)
    if link.act is Act.BACK:
        taken = owed is None or owed.state is State.CLAIMED
        must(taken, "nobody has this call in hand", "nothing more to do")
        theirs = owed is None or owed.owner == (hand.agent_id or hand.agent)
        must(theirs, "somebody else has this call in hand", "leave it to them, or have them give it back")
        return release_callback(callback_id, hand, why)(items)
    result = RESULTS[link.act]
    must(not _said_just_now(callback_id, result, items), "this was said a moment ago", "nothing more to do")
    return callback_result(callback_id, Said(result=result, due=due), hand, terms)(items)


def _said_just_now(callback_id: str, result: Result, items: OpenItems) -> bool:
    callback = items.callback(callback_id)
    last = callback.attempts[-1] if callback and callback.attempts else None
    if last is None or last.result != result.value:
        return False
    return items.now - max(last.at, last.ended_at or last.at) < TWICE


def _heard_since(link: Link, items: OpenItems, case_id: str) -> bool:
    """Whether there is something the notice did not know of, so that it would be done away with unread."""
    file = items.files.get(case_id)
    return file is not None and any(
        customer_speaks(fact) and fact.recorded_at > link.offered_at for fact in file.interactions
    )


def surviving(items: OpenItems, case_id: str) -> str:
    """The case of this id, or the one that it went into; the id itself where there is neither."""
    file = survivor(case_id, items.files)
    return file.case.id if file else case_id


def joined(items: OpenItems, callback_id: str) -> str:
    """The callback of this id, or the one that it joined."""
    callback = items.callback(callback_id)
    if callback is None or callback.close_reason is not CloseReason.MERGED:
        return callback_id
    others = (other.id for other in items.callbacks if other.open and set(callback.misses) <= set(other.misses))
    return next(others, callback_id)
