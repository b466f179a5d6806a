"""Clocks of a window with what reports group them by, read in parts; and what people did that moves clocks.

Only reading. A part is small enough to be read between two mails; what its figures mean is `sla.report`.
"""

from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Text, and_, cast, or_, select, text

from commsd.store import schema

PART = 2000
"""Clocks in one reading."""

AT_ONCE = 500
"""Ids in one statement, below what any database takes as parameters."""

MACHINE = "machine"
RETARGET = "retarget"

Place = tuple[datetime, str]


class ClockRow(NamedTuple):
    """A clock's record with what belongs to its case and to what began and ended it.

    channel: of the interaction that began it. agent: who ended it. owner, team, tier, tz: the case's.
    """

    record: dict[str, Any]
    channel: str | None
    agent: str | None
    owner: str | None
    team: str | None
    tier: str | None
    tz: str | None


class Act(NamedTuple):
    """What somebody did to a case: a hold, a void, or a retarget, for each clock that got another due time by it.

    asked: since the customer last spoke, an agent has written or talked to him.
    """

    kind: str
    agent: str | None
    team: str | None
    reason: str | None
    asked: bool


class Word(NamedTuple):
    """Something that was said in a case."""

    at: datetime
    ours: bool


def clocks(
    connection: Connection, since: datetime, until: datetime, after: Place | None = None, limit: int = PART
) -> tuple[tuple[ClockRow, ...], Place | None]:
    """Clocks that began from `since` up to, not including, `until`, oldest first; and where the next part begins."""
    table = schema.clocks
    where = [table.c.started_at >= (after[0] if after else since), table.c.started_at < until]
    if after is not None:
        where.append(or_(table.c.started_at > after[0], table.c.id > after[1]))
    wanted = select(table.c.id, table.c.started_at, table.c.case_id, cast(table.c.record, Text)).where(*where)
    found = connection.execute(wanted.order_by(table.c.started_at, table.c.id).limit(limit)).all()
    records = [orjson.loads(row[3]) for row in found]
    cases = _cases(connection, {row[2] for row in found})
    channels = _channels(connection, {record["opened_by"] for record in records})
    agents = _agents(connection, {record["stopped_by"] for record in records if record["stopped_by"]})
    rows = tuple(
        ClockRow(
            record,
            channels.get(record["opened_by"]),
            agents.get(record["stopped_by"]),
            *cases.get(row[2], (None, None, None, None)),
        )
        for row, record in zip(found, records, strict=True)
    )
    return rows, (found[-1][1], found[-1][0]) if len(found) == limit else None


def _cases(connection: Connection, ids: Set[str]) -> dict[str, tuple[Any, ...]]:
    """Owner, team, tier and zone of these cases."""
    table = schema.cases
    fields = (_text(table, *path) for path in (("owner",), ("team",), ("attrs", "tier"), ("attrs", "tz")))
    wanted = select(table.c.id, *fields)
    return {
        row[0]: tuple(row[1:]) for part in _parts(ids) for row in connection.execute(wanted.where(table.c.id.in_(part)))
    }


def _channels(connection: Connection, ids: Set[str]) -> dict[str, str]:
    table = schema.interactions
    wanted = select(table.c.id, table.c.channel).where(table.c.current)
    return {row[0]: row[1] for part in _parts(ids) for row in connection.execute(wanted.where(table.c.id.in_(part)))}


def _agents(connection: Connection, ids: Set[str]) -> dict[str, str | None]:
    table = schema.interactions
    wanted = select(table.c.id, _text(table, "agent_id")).where(table.c.current)
    return {row[0]: row[1] for part in _parts(ids) for row in connection.execute(wanted.where(table.c.id.in_(part)))}


def _parts(ids: Set[str]) -> Iterator[list[str]]:
    """The ids, as many at once as a statement takes; always the same number, so that it is compiled once."""
    listed = sorted(ids)
    for start in range(0, len(listed), AT_ONCE):
        part = listed[start : start + AT_ONCE]
        yield part + part[-1:] * (AT_ONCE - len(part))


def acts(connection: Connection, since: datetime, until: datetime) -> tuple[Act, ...]:
    """Holds and voids that people recorded in the window, and the due times they moved in it."""
    return (*_holds_and_voids(connection, since, until), *_retargets(connection, since, until))


def _holds_and_voids(connection: Connection, since: datetime, until: datetime) -> tuple[Act, ...]:
    table, case = schema.interactions, schema.cases
    wanted = and_(
        text(schema.ACTS),
        table.c.kind != "set",
        table.c.current,
        table.c.recorded_at >= since,
        table.c.recorded_at < until,
        _text(table, "actor") != "machine",
    )
    columns = (
        table.c.kind,
        _text(table, "agent_id"),
        _text(case, "team"),
        _text(table, "detail", "reason"),
        table.c.case_id,
        table.c.occurred_at,
    )
    rows = connection.execute(
        select(*columns).select_from(table.outerjoin(case, case.c.id == table.c.case_id)).where(wanted)
    ).all()
    words = _words(connection, {row[4] for row in rows if row[0] == "hold" and row[4]})
    return tuple(
        Act(kind, agent, team, reason, kind == "hold" and _asked(words.get(case_id, ()), at))
        for kind, agent, team, reason, case_id, at in rows
    )


class _Retarget(NamedTuple):
    by: str
    case_id: str | None


def _retargets(connection: Connection, since: datetime, until: datetime) -> tuple[Act, ...]:
    """By whom a clock got another due time; new rules and the customer's own touches are nobody's doing."""
    found = [each for each in _told_retargets(connection, since, until) if each.by != MACHINE]
    cases = _cases(connection, {each.case_id for each in found if each.case_id})
    teams = {case_id: row[1] for case_id, row in cases.items()}
    return tuple(
        Act(RETARGET, None if ":" in each.by else each.by, teams.get(each.case_id or ""), None, False) for each in found
    )


def _told_retargets(connection: Connection, since: datetime, until: datetime) -> Iterator[_Retarget]:
    """From the feed, newest first, and from what has no number in it yet."""
    box, feed = schema.outbox, schema.feed
    waiting = and_(text(schema.RETARGETS), box.c.recorded_at >= since, box.c.recorded_at < until)
    for row in connection.execute(select(box.c.by, box.c.record).where(waiting)).all():
        yield _Retarget(row.by, row.record["case_id"])
    newest_first = select(feed.c.seq, feed.c.event).where(text(schema.RETARGETS)).order_by(feed.c.seq.desc())
    wanted = newest_first
    while True:
        rows = connection.execute(wanted.limit(PART)).all()
        for row in rows:
            event = orjson.loads(row.event)
            recorded_at = datetime.fromisoformat(event["recordedtime"])
            if recorded_at < since:
                return
            if recorded_at < until:
                yield _Retarget(event["data"]["by"], event["data"]["case_id"])
        if len(rows) < PART:
            return
        wanted = newest_first.where(feed.c.seq < rows[-1].seq)


def _words(connection: Connection, case_ids: Set[str]) -> dict[str, list[Word]]:
    """What was said in these cases: when, and whether by one of us."""
    table = schema.interactions
    actor = _text(table, "actor")
    spoken = and_(table.c.current, table.c.kind.in_(("message", "call")), actor != "machine")
    wanted = select(table.c.case_id, table.c.occurred_at, actor == "agent").where(spoken)
    found: dict[str, list[Word]] = {}
    for part in _parts(case_ids):
        for case_id, at, ours in connection.execute(wanted.where(table.c.case_id.in_(part))):
            found.setdefault(case_id, []).append(Word(at, ours))
    return found


def _asked(words: Sequence[Word], at: datetime) -> bool:
    """Whether the last word up to then was ours."""
    last = max((word for word in words if word.at <= at), default=None)
    return last is not None and last.ours


def _text(table: Any, *path: str) -> ColumnElement[str | None]:
    """A field of a record, as text."""
    found: ColumnElement[str | None] = table.c.record[path if len(path) > 1 else path[0]].as_string()
    return found
