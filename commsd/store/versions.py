"""The versions of the rules: every file set ever accepted, kept for ever; and the open cases a change concerns.

What a version means stands in `core.policy`; who may bring one in force, in `sla.rules`.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.impact import OpenCase, Owed
from commsd.core.policy import Version, as_json, from_json
from commsd.core.ruling import Ruling
from commsd.errors import TryAgain
from commsd.store import feed, rows, rules_schema, schema
from commsd.store.column import Instant
from commsd.store.history import touches_of_rows, written


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One accepted version. files: as they were written, by name. withdrawn_at: it was overtaken while it waited."""

    number: int
    version: Version
    files: Mapping[str, str]
    accepted_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """A version to bring in force. after: the highest number the choice was made by, 0 for none. by: who does it.

    withdraws: numbers of those that wait and shall not come in force any more. hand_over: where its files go next.
    """

    version: Version
    files: Mapping[str, str]
    after: int
    by: str
    withdraws: tuple[int, ...] = ()
    hand_over: "HandOver | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """The files of a version on their way into a folder, so that whoever reads it next knows that they did not arrive.

    place: the folder, to be told. ready: the name of the one made ready beside it. held: the print of what stood there.
    """

    place: str
    ready: str
    held: str


def all_versions(connection: Connection) -> tuple[Stored, ...]:
    """Every version ever accepted, in the order of their numbers."""
    table = rules_schema.rule_versions
    return tuple(
        Stored(
            number=row.number,
            version=from_json(row.version),
            files=dict(row.files),
            accepted_at=row.accepted_at,
            withdrawn_at=row.withdrawn_at,
        )
        for row in connection.execute(select(table).order_by(table.c.number))
    )


def mark(connection: Connection) -> tuple[int, int]:
    """What differs whenever a version came or was withdrawn: the highest number, and how many are withdrawn."""
    table = rules_schema.rule_versions
    row = connection.execute(select(func.max(table.c.number), func.count(table.c.withdrawn_at))).one()
    return row[0] or 0, row[1]


def somebody_works(connection: Connection, now: datetime) -> bool:
    """Whether a daemon holds a lease, so that it has to learn of a new version before that comes in force."""
    table = schema.leases
    return connection.execute(select(table.c.resource).where(table.c.expires_at > now).limit(1)).first() is not None


def accept(connection: Connection, wanted: Acceptance, now: datetime, new_id: Callable[[], str]) -> int:
    """Keep a version, withdraw others for it, tell the feed, and have its clocks looked at; gives its number.

    Raises TryAgain where another one was accepted meanwhile.
    """
    table, version = rules_schema.rule_versions, wanted.version
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE rule_versions IN SHARE ROW EXCLUSIVE MODE"))
    if mark(connection)[0] != wanted.after:
        raise TryAgain("other rules were accepted meanwhile", remedy="look at `commsd sla versions`, then do it again")
    overtaken = _withdraw(connection, wanted.withdraws, now)
    row = {
        "id": version.id,
        "accepted_at": now,
        "effective_from": version.effective_from,
        "applies": version.applies,
        "files": dict(wanted.files),
        "version": as_json(version),
    }
    number = int(connection.execute(insert(table).values(row).returning(table.c.number)).scalar_one())
    feed.prepare(connection, new_id())
    ruling = _ruling(feed.head(connection)[0], number, version, overtaken, now)
    rows.write(connection, [Change(events=(Event("rules.changed", ruling, now, wanted.by),))], now, new_id)
    _note_hand_over(connection, number, wanted.hand_over)
    if version.applies == "running":
        _look_again(connection, schema.clocks.c.owed, version.effective_from)
    recheck_since(connection, version.effective_from, now)
    return number


def _withdraw(connection: Connection, numbers: Collection[int], now: datetime) -> tuple[int, ...]:
    """Those of these that still wait."""
    table = rules_schema.rule_versions
    waiting = and_(table.c.number.in_(numbers), table.c.effective_from > now, table.c.withdrawn_at.is_(None))
    statement = update(table).where(waiting).values(withdrawn_at=now).returning(table.c.number)
    return tuple(sorted(connection.execute(statement).scalars()))


def _ruling(house: str, number: int, version: Version, overtaken: tuple[int, ...], now: datetime) -> Ruling:
    return Ruling(
        id=house,
        revision=number,
        created_at=now,
        number=number,
        rules_version=version.id,
        effective_from=version.effective_from,
        applies=version.applies,
        policies=tuple(sorted(version.policies)),
        calendars=tuple(sorted(version.calendars)),
        withdraws=overtaken,
    )


def recheck_since(connection: Connection, start: datetime, now: datetime) -> None:
    """Have the clocks looked at that began since `start`, where that is past: they began under other rules."""
    table = schema.clocks
    if start < now:
        _look_again(connection, and_(table.c.started_at >= start, table.c.state != "cancelled"), start)


def recheck_early(connection: Connection, now: datetime) -> None:
    """Have the clocks looked at that were seen to be late before they are due: the host's clock had run ahead."""
    table = schema.clocks
    early = and_(table.c.owed, table.c.state == "breached", table.c.due_at > now)
    _look_again(connection, early, now - timedelta(seconds=1))


def _look_again(connection: Connection, which: ColumnElement[bool], at: datetime) -> None:
    """The timer of these clocks set to `at` where it is later: the column alone, for mails wait for this commit.

    The record's own timer is put right when the case is looked at, which writes all its clocks.
    """
    table = schema.clocks
    later = or_(table.c.timer_at.is_(None), table.c.timer_at > at)
    connection.execute(update(table).where(and_(which, later)).values(timer_at=at))


HAND_OVER = "rules on their way to a folder"


def hand_over(connection: Connection) -> tuple[int, HandOver] | None:
    """The version whose files did not arrive in their folder yet, and that folder; the last one accepted, or none."""
    table = schema.notes
    value = connection.execute(select(table.c.value).where(table.c.name == HAND_OVER)).scalar()
    if value is None:
        return None
    return value["number"], HandOver(place=value["place"], ready=value["ready"], held=value["held"])


def handed_over(connection: Connection, ready: str) -> None:
    """The files have arrived, or need not any more."""
    found = hand_over(connection)
    if found and found[1].ready == ready:
        connection.execute(delete(schema.notes).where(schema.notes.c.name == HAND_OVER))


def _note_hand_over(connection: Connection, number: int, to: HandOver | None) -> None:
    """Of the version accepted last alone: what was accepted before it need not arrive any more."""
    connection.execute(delete(schema.notes).where(schema.notes.c.name == HAND_OVER))
    if to is not None:
        _note_down(connection, HAND_OVER, {"number": number, "place": to.place, "ready": to.ready, "held": to.held})


def seen_files(connection: Connection, node: str) -> str | None:
    """The source of the files that this node read last; None where it read none yet."""
    table = schema.notes
    value = connection.execute(select(table.c.value).where(table.c.name == _note(node))).scalar()
    return str(value) if value is not None else None


def remember_files(connection: Connection, node: str, source: str) -> None:
    """Keep which files this node read last."""
    _note_down(connection, _note(node), source)


def _note_down(connection: Connection, name: str, value: object) -> None:
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(schema.notes).values(name=name, value=value)
    changed = {"value": statement.excluded.value}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=changed))


def _note(node: str) -> str:
    return f"rules read by {node}"[:64]


def open_clocks(connection: Connection) -> int:
    """How many clocks somebody still owes."""
    return int(
        connection.execute(select(func.count()).select_from(schema.clocks).where(schema.clocks.c.owed)).scalar_one()
    )


def not_looked_at(connection: Connection, since: datetime) -> int:
    """How many clocks somebody owes that were to be looked at then, and were not yet."""
    table = schema.clocks
    statement = select(func.count()).select_from(table).where(and_(table.c.owed, table.c.timer_at <= since))
    return int(connection.execute(statement).scalar_one())


def concerned(connection: Connection, since: datetime | None) -> tuple[str, ...]:
    """Ids of the cases a change of rules can concern: open, or with a clock still owed or begun since then."""
    cases, clocks = schema.cases, schema.clocks
    which = clocks.c.owed if since is None else or_(clocks.c.owed, clocks.c.started_at >= since)
    found = set(connection.execute(select(cases.c.id).where(cases.c.state == "open")).scalars())
    found |= set(connection.execute(select(clocks.c.case_id).where(which)).scalars())
    return tuple(sorted(found))


def open_cases(
    connection: Connection, ids: Collection[str], last_effect: datetime | None, *, personal: bool
) -> tuple[OpenCase, ...]:
    """These cases with all their touches.

    last_effect: when rules took effect last; also their clocks as logged. personal: also what rules match in people and
    words.
    """
    table = schema.cases
    attrs = table.c.record["attrs"]
    found = connection.execute(select(table.c.id, attrs.label("attrs"), table.c.state).where(table.c.id.in_(ids))).all()
    inside = _interactions(connection, ids, personal=personal)
    logged = _clocks(connection, ids, last_effect) if last_effect else {}
    return tuple(
        OpenCase(
            id=row.id,
            attrs=row.attrs or {},
            touches=touches_of_rows(inside.get(row.id, ()), personal=personal),
            open=row.state == "open",
            logged=logged.get(row.id),
        )
        for row in found
    )


def _interactions(
    connection: Connection, ids: Collection[str], *, personal: bool
) -> Mapping[str, Sequence[tuple[str, str | None]]]:
    table = schema.interactions
    found: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    wanted = written(connection, personal=personal).where(table.c.case_id.in_(ids))
    for case_id, record, fields in connection.execute(wanted).all():
        found[case_id].append((record, fields))
    return found


def _clocks(
    connection: Connection, ids: Collection[str], last_effect: datetime
) -> Mapping[str, tuple[Owed, ...] | None]:
    """As recorded; None for a case that was perhaps not looked at since the rules changed last."""
    table = schema.clocks
    lags = func.coalesce(table.c.timer_at <= literal(last_effect, Instant()), literal(False))
    found: dict[str, list[Owed]] = defaultdict(list)
    lagging = set()
    wanted = select(table.c.case_id, table.c.owed, lags, cast(table.c.record, Text)).where(table.c.case_id.in_(ids))
    for case_id, owed, behind, record in connection.execute(wanted).all():
        if behind:
            lagging.add(case_id)
        found[case_id].append(_owed(orjson.loads(record), owed))
    return {case_id: None if case_id in lagging else tuple(found[case_id]) for case_id in ids}


def _owed(record: Mapping[str, Any], owed: bool) -> Owed:
    due = record["due_at"]
    return Owed(
        clock=record["clock"],
        n=record["n"],
        opened_by=record["opened_by"],
        state=record["state"],
        reason=record["reason"],
        owed=owed,
        due_at=None if due is None else datetime.fromisoformat(due),
        policy=record["policy"],
    )
