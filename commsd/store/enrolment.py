"""Checkpoints that change hands: a folder watched under another name, or a name that means another account now."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from commsd.core.interaction import DeliveryState
from commsd.store import notes, schema
from commsd.store.originals import owed_at
from commsd.store.pauses import ACKS
from commsd.store.rows import owed_note

_UNSETTLED = tuple(
    state.value for state in (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.HELD)
)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A folder that is or was watched. account: as its checkpoint says."""

    place: str
    account: tuple[str, ...]


def enrolled(connection: Connection, word: str) -> tuple[Enrolled, ...]:
    """Every folder read in this way whose account is known, the one that moved last leading."""
    table = schema.checkpoints
    found = connection.execute(select(table.c.place, table.c.account).order_by(table.c.moved_at.desc()))
    return tuple(
        Enrolled(row.place, tuple(row.account)) for row in found if row.account and row.place.partition("/")[2] == word
    )


def enrol_now(connection: Connection, place: str, now: datetime) -> None:
    """Its enrolment is now, where a clock that was ahead has dated it later."""
    table = schema.checkpoints
    connection.execute(update(table).where(table.c.place == place, table.c.enrolled_at > now).values(enrolled_at=now))


def digest(account: Iterable[str]) -> str:
    """What stands for an account in the name of a place."""
    return hashlib.sha256("\n".join(account).encode()).hexdigest()[:16]


def rename(connection: Connection, old: str, new: str) -> None:
    """What is known of one place is known of the other from now on, and nothing of what that one was."""
    table = schema.checkpoints
    connection.execute(delete(table).where(table.c.place == new))
    connection.execute(update(table).where(table.c.place == old).values(place=new))
    for owed in owed_at(connection, old):
        note = owed_note(replace(owed, place=new))
        notes.write(connection, str(note["name"]), note["value"])


def hand_over(connection: Connection, old: str, new: str) -> int:
    """What this mailbox still owes is owed by that one, and a pause of its acknowledgements holds; says how many."""
    owed, pauses = schema.deliveries, schema.pauses
    waiting = update(owed).where(owed.c.via == old, owed.c.state.in_(_UNSETTLED)).values(via=new)
    moved = int(connection.execute(waiting).rowcount)
    known = select(pauses.c.name).where(pauses.c.what == ACKS, pauses.c.name == new)
    if connection.execute(known).first() is None:
        connection.execute(update(pauses).where(pauses.c.what == ACKS, pauses.c.name == old).values(name=new))
    return moved
