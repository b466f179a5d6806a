"""All debts, and which of them are wrong: the proof that no contact goes unanswered.

Pure; `store.debts` reads the books.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from commsd.core.ladder import MOVED, is_late, key_of

GRACE = timedelta(minutes=1)
"""How long a duty may take to do what just became due before the ledger calls it wrong."""

NOBODY = "nobody"
"""In a clock's `told`: the step came, but no notice could be addressed."""


class DebtKind(StrEnum):
    UNDECIDED = "writing_without_decision"
    TWO_ACKS = "two_acks"
    ACK_STUCK = "ack_stuck"
    ACK_WAITING = "ack_waiting"
    NO_CALLBACK = "missed_call_without_callback"
    CALLBACK = "callback"
    UNTOLD = "overdue_and_nobody_told"
    MOVED = "told_one_time_due_another"
    MOVED_UNTOLD = "told_one_time_due_another_and_nobody_told"
    OVERDUE = "overdue"
    DUE = "due"


WRONG = frozenset(
    {
        DebtKind.UNDECIDED,
        DebtKind.TWO_ACKS,
        DebtKind.ACK_STUCK,
        DebtKind.NO_CALLBACK,
        DebtKind.UNTOLD,
        DebtKind.MOVED_UNTOLD,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedAck:
    """An acknowledgement that is not settled, or was given up."""

    id: str
    state: str
    due_at: datetime
    claimed_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedClock:
    """A clock somebody still has to act for. told: the rungs of its ladder that are over. timer_at: its next moment.

    promised_at: what the customer was told. moved_at: since when it is due later than that, until one of us writes.
    """

    id: str
    case_id: str
    clock: str
    due_at: datetime | None
    told: tuple[str, ...]
    timer_at: datetime | None = None
    promised_at: datetime | None = None
    moved_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCall:
    """An open callback."""

    id: str
    state: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the store knows of debts. acks: per message, how many acknowledgements it got."""

    undecided: tuple[str, ...] = ()
    acks: Mapping[str, int]
    owed_acks: tuple[OwedAck, ...] = ()
    without_callback: tuple[str, ...] = ()
    calls: tuple[OwedCall, ...] = ()
    clocks: tuple[OwedClock, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One line of the ledger. id: of the interaction, delivery, clock or callback it is about.

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


def debts(books: Books, now: datetime) -> tuple[Debt, ...]:
    """All debts, the wrong ones first, then by due time."""
    found = [
        *(Debt(kind=DebtKind.UNDECIDED, id=id, what="a writing without a decision") for id in books.undecided),
        *(
            Debt(kind=DebtKind.TWO_ACKS, id=id, what=f"{number} acknowledgements of one writing")
            for id, number in books.acks.items()
            if number > 1
        ),
        *(_ack(owed, now) for owed in books.owed_acks),
        *(
            Debt(kind=DebtKind.NO_CALLBACK, id=id, what="a missed call without a callback")
            for id in books.without_callback
        ),
        *(
            Debt(kind=DebtKind.CALLBACK, id=owed.id, what=f"a callback, {owed.state}", due_at=owed.due_at)
            for owed in books.calls
        ),
        *_clocks(books.clocks, now),
    ]
    never = datetime.max.replace(tzinfo=now.tzinfo)
    return tuple(sorted(found, key=lambda debt: (not debt.wrong, debt.due_at or never, debt.id)))


def _ack(owed: OwedAck, now: datetime) -> Debt:
    if owed.state == "failed":
        return Debt(kind=DebtKind.ACK_STUCK, id=owed.id, what="an acknowledgement was given up", due_at=owed.due_at)
    in_hand = owed.claimed_until is not None and owed.claimed_until > now - GRACE
    if in_hand or owed.due_at > now - GRACE:
        return Debt(kind=DebtKind.ACK_WAITING, id=owed.id, what=f"an acknowledgement, {owed.state}", due_at=owed.due_at)
    what = f"an acknowledgement that is {owed.state} and nobody sends"
    return Debt(kind=DebtKind.ACK_STUCK, id=owed.id, what=what, due_at=owed.due_at)


def _clocks(clocks: Iterable[OwedClock], now: datetime) -> Iterable[Debt]:
    for owed in clocks:
        kind, what = DebtKind.DUE, owed.clock
        if owed.due_at is not None and owed.due_at < now:
            known = _is_known(owed, now)
            kind = DebtKind.OVERDUE if known else DebtKind.UNTOLD
            what = f"{owed.clock}, late" if known else f"{owed.clock}, late and nobody was told"
        yield Debt(kind=kind, id=owed.id, what=what, due_at=owed.due_at)
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
