"""All debts, and which of them are wrong: the proof that no contact goes unanswered.

Pure; `store.debts` reads the books.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from commsd.core.ladder import MOVED, is_late, key_of
from commsd.core.pause import Pause
from commsd.core.policy import ClockKind

GRACE = timedelta(minutes=1)
"""How long a duty may take to do what just became due before the ledger calls it wrong."""

NOBODY = "nobody"
"""In a clock's `told`: the step came, but no notice could be addressed."""


INSTEAD = "instead:"
"""How the key begins of a notice that goes by mail in place of another, whose id follows."""

NOTICES = "told:"
"""How the keys of notices begin that tellings were put into."""

MOST_INSTEAD = 10

LOST_FOR = timedelta(days=7)
"""So long a notice that reached nobody is listed."""

OBSERVED_FOR = timedelta(days=7)
"""So long an acknowledgement is listed that observe mode kept from being sent."""


class DebtKind(StrEnum):
    UNDECIDED = "writing_without_decision"
    TWO_ACKS = "two_acks"
    ACK_STUCK = "ack_stuck"
    ACK_HELD = "ack_held"
    ACK_WAITING = "ack_waiting"
    NO_CALLBACK = "missed_call_without_callback"
    CALLBACK = "callback"
    UNTOLD = "overdue_and_nobody_told"
    MOVED = "told_one_time_due_another"
    MOVED_UNTOLD = "told_one_time_due_another_and_nobody_told"
    NOTICE_LOST = "notice_not_delivered"
    NOTICE_INSTEAD = "notice_not_delivered_and_another_under_way"
    OVERDUE = "overdue"
    DUE = "due"
    DAMPED = "mail_without_acknowledgement"
    OBSERVED = "acknowledgement_not_sent"
    PAUSED = "paused"


WRONG = frozenset(
    {
        DebtKind.UNDECIDED,
        DebtKind.TWO_ACKS,
        DebtKind.ACK_STUCK,
        DebtKind.NO_CALLBACK,
        DebtKind.UNTOLD,
        DebtKind.MOVED_UNTOLD,
        DebtKind.NOTICE_LOST,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedAck:
    """An acknowledgement that is not settled, or was given up. paused: held back for a while.

    kind: "ack", or "letter" for one on paper, due when its `ack` clock is. via: the mailbox it leaves by.
    """

    id: str
    state: str
    due_at: datetime
    claimed_until: datetime | None
    paused: bool = False
    kind: str = "ack"
    via: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedClock:
    """A clock somebody still has to act for. told: the rungs of its ladder that are over. timer_at: its next moment.

    promised_at: what the customer was told. moved_at: since when it is due later than that, until one of us writes.
    opened_by: id of the interaction that started it.
    """

    id: str
    case_id: str
    clock: str
    due_at: datetime | None
    told: tuple[str, ...]
    timer_at: datetime | None = None
    promised_at: datetime | None = None
    moved_at: datetime | None = None
    opened_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCall:
    """An open callback. misses: ids of the missed calls it answers."""

    id: str
    state: str
    due_at: datetime | None
    case_id: str = ""
    misses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LostNotice:
    """A notice to one of our people that did not arrive. instead: the states of those that went in its place."""

    id: str
    via: str
    settled_at: datetime
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DampedMail:
    """A person's writing that got no acknowledgement because of a brake, nor an answer since. mail.md L4."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the store knows of debts. acks: per message, how many acknowledgements it got.

    observed: acknowledgements that only observe mode kept from being sent.
    """

    undecided: tuple[str, ...] = ()
    acks: Mapping[str, int]
    owed_acks: tuple[OwedAck, ...] = ()
    without_callback: tuple[str, ...] = ()
    calls: tuple[OwedCall, ...] = ()
    clocks: tuple[OwedClock, ...] = ()
    notices: tuple[LostNotice, ...] = ()
    damped: tuple[DampedMail, ...] = ()
    observed: tuple[str, ...] = ()
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One line of the ledger. id: of the interaction, delivery, clock or callback it is about, or of a pause.

    promised_at: the time the customer was told, where that is not the due time any more.
    """

    kind: DebtKind
    id: str
    what: str
    due_at: datetime | None = None
    promised_at: datetime | None = None

    @property
    def wrong(self) -> bool:
        """Whether this must never be; late but told is not wrong."""
        return self.kind in WRONG


def instead_keys(delivery_id: str) -> tuple[str, ...]:
    """The keys of the notices that go in place of this one, one for each who is told."""
    first = f"{INSTEAD}{delivery_id}"
    return (first, *(f"{first}:{number}" for number in range(1, MOST_INSTEAD)))


def debts(books: Books, now: datetime, mailboxes: Set[str] | None = None) -> tuple[Debt, ...]:
    """All debts, the wrong ones first, then by due time. A callback and its clock are one.

    mailboxes: those that are configured; None where that is not known.
    """
    clock_of = _clocks_of_calls(books)
    found = [
        *(Debt(kind=DebtKind.UNDECIDED, id=id, what="a writing without a decision") for id in books.undecided),
        *(
            Debt(kind=DebtKind.TWO_ACKS, id=id, what=f"{number} acknowledgements of one writing")
            for id, number in books.acks.items()
            if number > 1
        ),
        *(_ack(owed, now, mailboxes) for owed in books.owed_acks),
        *(
            Debt(kind=DebtKind.NO_CALLBACK, id=id, what="a missed call without a callback")
            for id in books.without_callback
        ),
        *(_call(owed, clock_of.get(owed.id), now) for owed in books.calls),
        *_clocks(books.clocks, {clock.id for clock in clock_of.values()}, now),
    ]
    found += (
        Debt(kind=DebtKind.DAMPED, id=mail.id, what=f"a writing without an acknowledgement, {mail.reason}")
        for mail in books.damped
    )
    what = "an acknowledgement, not sent: observe mode"
    found += (Debt(kind=DebtKind.OBSERVED, id=id, what=what) for id in books.observed)
    found += (_paused(pause) for pause in books.pauses)
    found += (debt for lost in books.notices if (debt := _notice(lost, now)))
    never = datetime.max.replace(tzinfo=now.tzinfo)
    return tuple(sorted(found, key=lambda debt: (not debt.wrong, debt.due_at or never, debt.id)))


def _notice(lost: LostNotice, now: datetime) -> Debt | None:
    """None where another arrived in its place."""
    if "sent" in lost.instead:
        return None
    what = f"a notice by {lost.via} was not delivered"
    if set(lost.instead) - _OVER or (not lost.instead and lost.settled_at > now - GRACE):
        return Debt(kind=DebtKind.NOTICE_INSTEAD, id=lost.id, what=f"{what}; another is under way")
    return Debt(kind=DebtKind.NOTICE_LOST, id=lost.id, what=f"{what}, nor one in its place")


_OVER = frozenset({"failed", "refused", "cancelled", "suppressed"})


def _paused(pause: Pause) -> Debt:
    """Not owed to anybody, but the reason why much is. Why, `commsd pause` tells."""
    where = f" of {pause.name}" if pause.name else ""
    what = f"{pause.what}{where}, paused by {pause.by}"
    return Debt(kind=DebtKind.PAUSED, id=f"{pause.what}:{pause.name}".rstrip(":"), what=what, due_at=pause.until)


def _letter(owed: OwedAck, now: datetime) -> Debt:
    """A printed acknowledgement waits for a person's hand, but not past the time at which its clock is late."""
    late = owed.due_at <= now - GRACE
    what = "a printed acknowledgement that nobody has posted" if late else "a printed acknowledgement to be posted"
    return Debt(kind=DebtKind.ACK_STUCK if late else DebtKind.ACK_WAITING, id=owed.id, what=what, due_at=owed.due_at)


def _ack(owed: OwedAck, now: datetime, mailboxes: Set[str] | None = None) -> Debt:
    if owed.kind == "letter":
        return _letter(owed, now)
    if owed.state == "failed":
        what = "an acknowledgement given up: `commsd ack settle`"
        return Debt(kind=DebtKind.ACK_STUCK, id=owed.id, what=what, due_at=owed.due_at)
    if owed.state == "held":
        what = "an acknowledgement that perhaps went out; `commsd ack settle` says what is to become of it"
        return Debt(kind=DebtKind.ACK_HELD, id=owed.id, what=what, due_at=owed.due_at)
    if owed.paused and owed.state in ("queued", "unknown"):
        return Debt(kind=DebtKind.ACK_WAITING, id=owed.id, what="an acknowledgement, paused", due_at=owed.due_at)
    in_hand = owed.claimed_until is not None and owed.claimed_until > now - GRACE
    if in_hand or owed.due_at > now - GRACE:
        return Debt(kind=DebtKind.ACK_WAITING, id=owed.id, what=f"an acknowledgement, {owed.state}", due_at=owed.due_at)
    what = f"an acknowledgement that is {owed.state} and nobody sends"
    if mailboxes is not None and owed.via not in mailboxes:
        what += f": put [mailbox.{owed.via}] back, or `commsd ack settle`"
    return Debt(kind=DebtKind.ACK_STUCK, id=owed.id, what=what, due_at=owed.due_at)


def _clocks_of_calls(books: Books) -> dict[str, OwedClock]:
    """The clock that runs for a callback, by the callback: begun by a missed call of it, else the only one there."""
    found: dict[str, OwedClock] = {}
    by_case: dict[str, list[OwedCall]] = {}
    for call in books.calls:
        by_case.setdefault(call.case_id, []).append(call)
    for clock in books.clocks:
        if clock.clock != ClockKind.CALLBACK:
            continue
        calls = by_case.get(clock.case_id, [])
        own = [call for call in calls if clock.opened_by in call.misses] or (calls if len(calls) == 1 else [])
        for call in own[:1]:
            found.setdefault(call.id, clock)
    return found


def _call(owed: OwedCall, clock: OwedClock | None, now: datetime) -> Debt:
    """A callback; late where its clock is."""
    kind, late = _lateness(clock, now) if clock else (DebtKind.DUE, "")
    due_at = clock.due_at if clock else None
    return Debt(
        kind=DebtKind.CALLBACK if kind is DebtKind.DUE else kind,
        id=owed.id,
        what=f"a callback, {owed.state}{late}",
        due_at=due_at or owed.due_at,
    )


def _lateness(owed: OwedClock, now: datetime) -> tuple[DebtKind, str]:
    if owed.due_at is None or owed.due_at >= now:
        return DebtKind.DUE, ""
    if _is_known(owed, now):
        return DebtKind.OVERDUE, ", late"
    return DebtKind.UNTOLD, ", late and nobody was told"


def _clocks(clocks: Iterable[OwedClock], told_elsewhere: Set[str], now: datetime) -> Iterable[Debt]:
    for owed in clocks:
        if owed.id not in told_elsewhere:
            kind, late = _lateness(owed, now)
            yield Debt(kind=kind, id=owed.id, what=f"{owed.clock}{late}", due_at=owed.due_at)
        if owed.moved_at is not None:
            yield _moved(owed, owed.moved_at, now)


def _is_known(owed: OwedClock, now: datetime) -> bool:
    """Whether somebody was told that it is late, or is about to be: its ladder may well begin later.

    What waits for opening hours counts as told.
    """
    if NOBODY in owed.told:
        return False
    if any(is_late(key_of(mark)) for mark in owed.told if mark != NOBODY):
        return True
    ahead = max((at for at in (owed.due_at, owed.timer_at) if at is not None), default=now)
    return ahead > now - GRACE


def _moved(owed: OwedClock, moved_at: datetime, now: datetime) -> Debt:
    known = (MOVED in owed.told and NOBODY not in owed.told) or moved_at > now - GRACE
    return Debt(
        kind=DebtKind.MOVED if known else DebtKind.MOVED_UNTOLD,
        id=owed.id,
        what=f"{owed.clock}, later than told",
        due_at=owed.due_at,
        promised_at=owed.promised_at,
    )
