"""What became of a delivery: the mail server's word to a Change, and when it is tried again. mail.md D4, D5.

Pure. An acknowledgement that reached the server becomes a revision of its interaction and stops the `ack` clock.
"""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.channels.mail.bounce import BOUNCED
from commsd.channels.mail.outcome import Outcome as Word
from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState, Interaction, Outcome
from commsd.core.open_items import OpenItems, Terms
from commsd.core.rate_limit import PAUSED
from commsd.core.refusal import Refusal, refusal_after
from commsd.errors import NotFound, Refused

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800))
GIVE_UP = timedelta(hours=4)
UNKNOWN_WAITS = timedelta(minutes=2)
"""So long a message that the server may have taken rests, before it is looked for in the Sent folder."""

MOST_COPIES = 2
"""The first and one resend, byte for byte the same: no message may reach a server more often."""

LOGIN_RESTS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""After the first, second … refused login in a row: more would look like somebody who guesses passwords."""

KEPT_OUT = "kept-out"
"""The reason of one that waits because nobody was let in: when somebody is, it need not wait any longer."""

_WAITING = frozenset({DeliveryState.QUEUED, DeliveryState.UNKNOWN})
_OVER = frozenset({DeliveryState.SENT, DeliveryState.REFUSED, DeliveryState.SUPPRESSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What a settling tells its caller. arrived_at: when the writing reached us that this acknowledges."""

    state: DeliveryState
    arrived_at: datetime | None = None


def keys_of(delivery: Delivery) -> tuple[str, ...]:
    """All the settling hangs on."""
    return (key.of_delivery(delivery.id),)


def settled(word: Word, tried: Delivery, items: OpenItems, terms: Terms) -> Change:
    """The delivery after the server's word, and what its interaction becomes. tried: as it was claimed.

    A word on an earlier attempt than the present one counts only where it says that the message was taken; and where
    that is noted already, no other word counts.
    """
    owed = items.deliveries.get(tried.id)
    if owed is None or owed.state in _OVER:
        return Change()
    if word.kind != "sent" and (owed.state is DeliveryState.TAKEN or owed.attempts != tried.attempts):
        return Change()
    if owed.reason == PAUSED and word.kind == "later" and is_noise(owed, items.now):
        return _left_by_pause(owed, items, terms)
    return _left(owed, _after(owed, word, items.now), items, terms, tuple(_refusal(owed, word, items.now)))


def held(tried: Delivery, items: OpenItems, terms: Terms) -> Change:
    """Perhaps sent, and not to be sent again by us: a person decides."""
    owed = items.deliveries.get(tried.id)
    if owed is None or owed.state in (*_OVER, DeliveryState.TAKEN) or owed.attempts != tried.attempts:
        return Change()
    return _left(owed, _in_doubt(owed), items, terms)


def by_hand(
    verdict: str, delivery_id: str, items: OpenItems, terms: Terms, by: str, mailboxes: Set[str] | None = None
) -> Change:
    """What a person says of one that is held, or nobody sends: "sent", "again" or "never". Raises NotFound, Refused.

    "never" is also said of an acknowledgement that waits and nobody sends at this moment; "sent" and "never" of one
    that was given up, which then leaves the ledger. Sent again, it is owed anew: it counts no copies, and its time
    begins now. mailboxes: those that are configured.
    """
    owed = items.deliveries.get(delivery_id)
    if owed is None:
        raise NotFound("no delivery has this id", remedy="`commsd ledger` lists those that are held")
    left = mailboxes is not None and owed.via not in mailboxes and owed.state in _WAITING
    if _is_given_up(owed):
        _must_not_go_again(verdict)
    elif owed.state is not DeliveryState.HELD and not left:
        _must_only_wait(owed, verdict)
    if verdict == "again" and left:
        raise Refused(f"no mailbox {owed.via} sends it", remedy=f"put [mailbox.{owed.via}] back, and reload")
    if verdict == "again":
        anew = replace(owed, state=DeliveryState.QUEUED, copies=0, created_at=items.now, due_at=items.now)
        return Change(deliveries=(replace(anew, reason=None, status_raw=_said(verdict, owed, by)),))
    state = DeliveryState.SENT if verdict == "sent" else DeliveryState.CANCELLED
    after = replace(owed, state=state, reason=None, status_raw=_said(verdict, owed, by), settled_at=items.now)
    return _left(owed, after, items, terms)


def _is_given_up(owed: Delivery) -> bool:
    """Whether it is an acknowledgement that was tried for too long."""
    return owed.kind is DeliveryKind.ACK and owed.state is DeliveryState.FAILED


def _must_not_go_again(verdict: str) -> None:
    """Raises Refused: what it tells is hours old."""
    if verdict == "again":
        remedy = "write to the customer yourself and say `sent`, or `never` where nobody need write any more"
        raise Refused("this one was given up, for it came too late", remedy=remedy)


def _must_only_wait(owed: Delivery, verdict: str) -> None:
    """Raises Refused for all but an acknowledgement given up while it waits: of one in hand the server decides."""
    if owed.state is DeliveryState.SENDING:
        raise Refused("it is being sent", remedy="look at `commsd ledger` in a few minutes, whether it is held by then")
    if owed.kind is not DeliveryKind.ACK or owed.state not in _WAITING:
        raise Refused(f"this one is {owed.state.value}, not held", remedy="`commsd ledger` lists those that are held")
    if verdict != "never":
        remedy = "it goes out by itself, once `commsd resume acks` where acks are paused; only `never` stops it"
        raise Refused(f"this one is {owed.state.value}, not held", remedy=remedy)


def _said(verdict: str, owed: Delivery, by: str) -> str:
    """Who settled it how, and what it waited for then."""
    waits = owed.state in _WAITING or _is_given_up(owed)
    waited = f" while it was {owed.state.value}" if waits else ""
    why = f" ({owed.reason})" if waited and owed.reason else ""
    return f"{verdict}, says {by}{waited}{why}"[:200]


def put_back(tried: Delivery, items: OpenItems) -> Change:
    """As it was before it was claimed: nothing of it was handed in this time."""
    owed = items.deliveries.get(tried.id)
    if owed is None or owed.state is not DeliveryState.SENDING or owed.attempts != tried.attempts:
        return Change()
    copies = owed.copies - 1 if tried.state is DeliveryState.QUEUED else owed.copies
    return Change(deliveries=(replace(owed, state=tried.state, due_at=items.now, copies=copies),))


def is_noise(owed: Delivery, now: datetime) -> bool:
    """Whether an acknowledgement is so late that it would only puzzle who gets it, or promise a time that is over."""
    if owed.kind is not DeliveryKind.ACK:
        return False
    return now - owed.created_at > GIVE_UP or (owed.expires_at is not None and now > owed.expires_at)


def about_us(word: Word) -> bool:
    """Whether the server will not have this account at all, whatever the message."""
    return word.kind == "later" and word.code is not None and word.code >= 500


def is_outside(word: Word) -> bool:
    """Whether nobody was let in: it concerns every message of the account, and none in particular."""
    return word.kind == "later" and word.stage in ("connect", "login")


def _left(owed: Delivery, after: Delivery, items: OpenItems, terms: Terms, refused: tuple[Refusal, ...] = ()) -> Change:
    """The delivery changed, with its acknowledgement's next revision where it is over."""
    fact = _fact(owed.interaction_id, items)
    result = Settled(state=after.state, arrived_at=_arrived(fact, items))
    change = Change(deliveries=(after,), refusals=refused, result=result)
    if owed.kind is not DeliveryKind.ACK or after.state not in _OUTCOME or fact is None or fact.reason == BOUNCED:
        return change
    left = replace(
        fact,
        revision=fact.revision + 1,
        outcome=_OUTCOME[after.state],
        occurred_at=after.settled_at or items.now,
        recorded_at=items.now,
        status_raw=after.status_raw,
    )
    return replace(change + change_of(left, items, terms), result=change.result)


def _left_by_pause(owed: Delivery, items: OpenItems, terms: Terms) -> Change:
    """The pause outlasted it. The writing says so from now on, and so the ledger lists it as unanswered."""
    over = replace(owed, state=DeliveryState.CANCELLED, settled_at=items.now)
    change = _left(owed, over, items, terms)
    ack = _fact(owed.interaction_id, items)
    writing = _fact(ack.caused_by, items) if ack else None
    if writing is None:
        return change
    said = replace(writing, revision=writing.revision + 1, reason=f"no-ack:{PAUSED}")
    event = Event("interaction.updated", said, items.now, "machine")
    return replace(change + Change(interactions=(said,), events=(event,)), result=change.result)


_OF_POLICY = re.compile(r"5\.7\.\d+")


def _refusal(owed: Delivery, word: Word, now: datetime) -> Iterable[Refusal]:
    """Of an address that will have no acknowledgement. A server that objects to us (RFC 3463 X.7.Z) tells nothing."""
    about_them = word.kind == "refused" and word.code is not None and word.stage in ("recipient", "data", "answer")
    if owed.kind is DeliveryKind.ACK and about_them and not _OF_POLICY.match(word.text):
        yield refusal_after(owed.recipient, owed.via, owed.interaction_id, f"{word.code} {word.text}", now)


_OUTCOME = {
    DeliveryState.SENT: Outcome.REACHED,
    DeliveryState.REFUSED: Outcome.FAILED,
    DeliveryState.FAILED: Outcome.FAILED,
    DeliveryState.CANCELLED: Outcome.CANCELLED,
}


def _fact(interaction_id: str | None, items: OpenItems) -> Interaction | None:
    return next((f for file in items.files.values() for f in file.interactions if f.id == interaction_id), None)


def _arrived(ack: Interaction | None, items: OpenItems) -> datetime | None:
    writing = _fact(ack.caused_by, items) if ack else None
    return writing.occurred_at if writing else None


def _after(owed: Delivery, word: Word, now: datetime) -> Delivery:
    said = said_of(word)
    owed = replace(owed, reason=_why(owed.reason, word))
    match word.kind:
        case "sent":
            at = owed.settled_at if owed.state is DeliveryState.TAKEN else now
            return replace(owed, state=DeliveryState.SENT, status_raw=said, settled_at=at)
        case "refused":
            return replace(owed, state=DeliveryState.REFUSED, status_raw=said, settled_at=now)
        case "unknown":
            return replace(owed, state=DeliveryState.UNKNOWN, status_raw=said, due_at=now + UNKNOWN_WAITS)
    return _later(replace(owed, status_raw=said, copies=max(owed.copies - 1, 0)), now)


def said_of(word: Word) -> str:
    """The server's word as it is kept."""
    return f"{word.code or ''} {word.text}".strip()[:200]


def _why(reason: str | None, word: Word) -> str | None:
    """Why it waits; any other reason is not ours to change."""
    if reason not in (None, KEPT_OUT, PAUSED):
        return reason
    return KEPT_OUT if is_outside(word) else None


def _later(owed: Delivery, now: datetime) -> Delivery:
    """Certainly not taken this time; perhaps it was before."""
    pause = RETRIES[min(max(owed.attempts - 1, 0), len(RETRIES) - 1)]
    if now + pause - owed.created_at <= GIVE_UP and not is_noise(owed, now + pause):
        state = DeliveryState.UNKNOWN if owed.copies else DeliveryState.QUEUED
        return replace(owed, state=state, due_at=now + pause)
    if owed.copies:
        return _in_doubt(owed)
    return replace(owed, state=DeliveryState.FAILED, reason="gave-up", settled_at=now)


def _in_doubt(owed: Delivery) -> Delivery:
    return replace(owed, state=DeliveryState.HELD, reason="perhaps-sent")
