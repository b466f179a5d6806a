"""The past as the clocks see it: the cases of a window with their touches and clocks, read in parts, never written.

For replays over a long past. A record becomes a touch at once, without the Interaction between; what an interaction
means for the clocks is still said by `core.touch` alone, which is asked once for each kind of it. Personal fields are
read only where a rule needs them.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
)

from commsd.core.interaction import (
    DECLINED,
    Actor,
    Automation,
    Channel,
    Detail,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Promise,
)
from commsd.core.touch import Facts, Touch, TouchKind, touches_of, withdrawal, words
from commsd.core.whatif.past import Logged, PastCase
from commsd.store import schema
from commsd.store.column import Instant

Json: TypeAlias = dict[str, Any]

_CLOCKS = ',"clocks":['
"""Where the clocks begin in a record as we write it: its last field, the longest, and none of a touch."""

_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """A window of the past: from `since` up to, not including, `until`."""

    since: datetime
    until: datetime


class Part(NamedTuple):
    """The cases whose ids lie from `first` to `last`, and how many they are."""

    first: str
    last: str
    cases: int


def parts(connection: Connection, span: Span, size: int) -> tuple[Part, ...]:
    """The cases that were alive in the window, cut into parts of this many."""
    table = schema.cases
    ids = connection.execute(select(table.c.id).where(_alive(span)).order_by(table.c.id))
    return tuple(Part(found[0][0], found[-1][0], len(found)) for found in ids.partitions(size))


def reach(connection: Connection) -> tuple[datetime, datetime] | None:
    """When the first case was opened and when something last happened in one; None in an empty log."""
    table = schema.cases
    first, last = connection.execute(select(func.min(table.c.opened_at), func.max(table.c.active_at))).one()
    return None if first is None else (first, last)


def cases(connection: Connection, part: Part, span: Span, now: datetime, *, personal: bool) -> Iterator[PastCase]:
    """The cases of a part, with everything in them, also what lies outside the window.

    personal: also what rules match in senders, recipients, callers and words. now: decides whether a timer is over.
    """
    table = schema.cases
    wanted = and_(table.c.id >= part.first, table.c.id <= part.last, _alive(span))
    found = connection.execute(select(table.c.id, _text(connection, table)).where(wanted).order_by(table.c.id)).all()
    touches = _touches(connection, part, personal=personal)
    logged = _logged(connection, part, now)
    for case_id, record in found:
        yield PastCase(case_id, orjson.loads(record)["attrs"], touches.get(case_id, ()), logged.get(case_id, ()))


def touches_of_rows(rows: Iterable[tuple[str, str | None]], *, personal: bool) -> tuple[Touch, ...]:
    """The touches behind the current interactions of one case, in the order of (recorded_at, id).

    rows: as `written` selects them, without the case.
    """
    records = [(_parsed(record), None if fields is None else orjson.loads(fields)) for record, fields in rows]
    records.sort(key=lambda row: (row[0]["recorded_at"], row[0]["id"]))
    return tuple(touch for record, fields in records for touch in _touches_of(record, fields, personal))


def _alive(span: Span) -> ColumnElement[bool]:
    table = schema.cases
    return and_(table.c.opened_at < span.until, table.c.active_at >= span.since)


def _text(connection: Connection, table: Table) -> ColumnElement[str]:
    """The record as it lies in the row, not yet parsed; without its clocks where the database can leave them out."""
    if connection.dialect.name == "postgresql" and table is schema.interactions:
        return cast(table.c.record.op("-")(literal_column("'clocks'")), Text)
    return cast(table.c.record, Text)


def _within(table: Table, part: Part) -> ColumnElement[bool]:
    return and_(table.c.case_id >= part.first, table.c.case_id <= part.last)


def written(connection: Connection, *, personal: bool) -> Select[Any]:
    """Selects case, record and personal fields of the current interactions, both as text: parsing costs more."""
    table, side = schema.interactions, schema.personal
    wanted = select(table.c.case_id, _text(connection, table)).where(table.c.current)
    if not personal:
        return wanted.add_columns(literal(None))
    spoken = or_(table.c.direction == "inbound", table.c.kind.in_(("call", "meeting")))  # all that can have facts
    beside = and_(spoken, side.c.thing == "interaction", side.c.id == table.c.id, side.c.revision == table.c.revision)
    return wanted.add_columns(cast(side.c.fields, Text)).select_from(table.outerjoin(side, beside))


def _touches(connection: Connection, part: Part, *, personal: bool) -> dict[str, tuple[Touch, ...]]:
    table = schema.interactions
    wanted = written(connection, personal=personal).where(_within(table, part))
    rows = connection.execute(wanted.order_by(table.c.case_id)).all()
    return {
        case_id: touches_of_rows([(record, fields) for _, record, fields in inside], personal=personal)
        for case_id, inside in groupby(rows, key=itemgetter(0))
    }


def _logged(connection: Connection, part: Part, now: datetime) -> dict[str, tuple[Logged, ...]]:
    table = schema.clocks
    awaited = func.coalesce(table.c.timer_at <= literal(now, Instant()), literal(False))
    wanted = select(table.c.case_id, _text(connection, table), awaited).where(_within(table, part))
    rows = connection.execute(wanted.order_by(table.c.case_id)).all()
    return {
        case_id: tuple(_clock(orjson.loads(record), bool(late)) for _, record, late in inside)
        for case_id, inside in groupby(rows, key=itemgetter(0))
    }


def _clock(record: Json, awaited: bool) -> Logged:
    due, stopped = record["due_at"], record["stopped_at"]
    return Logged(
        record["clock"],
        record["n"],
        record["state"],
        record["reason"],
        record["opened_by"],
        datetime.fromisoformat(record["started_at"]),
        None if due is None else datetime.fromisoformat(due),
        None if stopped is None else datetime.fromisoformat(stopped),
        record["policy"],
        record["rules_version"],
        awaited,
    )


def _parsed(written: str) -> Json:
    """The record without its clocks. Their mark cannot stand inside a JSON string, whose quotes are escaped."""
    end = written.find(_CLOCKS)
    record: Json = orjson.loads(written if end < 0 else written[:end] + "}")
    return record


class _Mould(NamedTuple):
    """What all interactions of one sort have in common as touches. kind: None for what concerns no clock."""

    kind: TouchKind | None
    touch: Touch


@cache
def _mould(
    kind: str, direction: str, actor: str, outcome: str | None, automation: str, channel: str, detail: tuple[Any, ...]
) -> _Mould:
    """What `touches_of` makes of an interaction of this sort.

    detail: of a callback, its result, "rule" as its reason, its order, whether that names a callback; then the call's
    reason where it was declined.
    """
    callback, result, reason, order, named, declined = detail
    sample = Interaction(
        id="",
        channel=Channel(channel),
        kind=Kind(kind),
        direction=Direction(direction),
        actor=Actor(actor),
        outcome=None if outcome is None else Outcome(outcome),
        automation=Automation(automation),
        reason=declined,
        occurred_at=_SOME_TIME,
        recorded_at=_SOME_TIME,
        detail=Detail(
            callback_id="some" if callback else None,
            result=result,
            reason=reason,
            order=order,
            callbacks=("some",) if named else (),
        ),
    )
    made = touches_of(sample)
    if made:
        return _Mould(made[0].kind, made[0])
    promise = Promise(id="", due_at=_SOME_TIME)  # an interaction that is no touch can still carry one
    (touch,) = touches_of(
        Interaction(
            id="",
            channel=sample.channel,
            kind=sample.kind,
            direction=sample.direction,
            actor=sample.actor,
            outcome=sample.outcome,
            automation=sample.automation,
            occurred_at=_SOME_TIME,
            recorded_at=_SOME_TIME,
            detail=Detail(promise=promise),
        )
    )
    return _Mould(None, touch)


def _touches_of(record: Json, fields: Json | None, personal: bool) -> tuple[Touch, ...]:
    detail = record["detail"]
    mould = _mould(
        record["kind"],
        record["direction"],
        record["actor"],
        record["outcome"],
        record["automation"],
        record["channel"],
        (
            detail["callback_id"] is not None,
            detail["result"],
            "rule" if detail["reason"] == "rule" else None,
            detail.get("order"),
            bool(detail.get("order") and detail.get("callbacks")),
            DECLINED if record["reason"] == DECLINED else None,
        ),
    )
    promise = detail["promise"]
    if mould.kind is None and promise is None:
        return ()
    facts: Facts = {}
    if mould.touch.facts:  # only a customer's touch has any
        facts = _facts(record, fields or {}) if personal else _plain(*map(record.get, _PLAIN))
    if mould.kind is TouchKind.CALLBACK_CLOSED and promise is None:
        closed = _touch(record, detail, mould.kind, mould.touch, None, facts)
        return (closed, *(withdrawal(closed, each) for each in detail.get("withdraws") or ()))
    if promise is None or mould.kind is None:
        return (_touch(record, detail, mould.kind or TouchKind.PROMISE, mould.touch, promise, facts),)
    if mould.kind is TouchKind.PROMISE:
        return (_touch(record, detail, mould.kind, mould.touch, promise, facts),)
    return (
        _touch(record, detail, mould.kind, mould.touch, None, facts),
        _touch(record, detail, TouchKind.PROMISE, mould.touch, promise, {}),
    )


def _touch(
    record: Json, detail: Json, kind: TouchKind, like: Touch, promise: Mapping[str, Any] | None, facts: Facts
) -> Touch:
    return Touch(
        id=record["id"],
        at=datetime.fromisoformat(record["occurred_at"]),
        recorded_at=datetime.fromisoformat(record["recorded_at"]),
        kind=kind,
        channel=like.channel,
        direction=like.direction,
        auto=like.auto,
        observed=detail["observed"],
        partial=record["partial"],
        reason=detail["reason"],
        promise=promise["id"] if promise else None,
        due=datetime.fromisoformat(promise["due_at"]) if promise else None,
        via="call" if promise and promise["via"] == "call" else "any",
        replaces=promise["replaces"] if promise else None,
        keeps=tuple(detail["keeps"] or ()),
        attrs=detail["attrs"] or {},
        facts=facts,
        callbacks=(detail["callback_id"],) if detail["callback_id"] else tuple(detail.get("callbacks") or ()),
        touch=record["caused_by"] if like.by_rule else detail["voids"],
        void_case=detail["void_case"],
        by_rule=like.by_rule,
    )


_ADDRESSED = frozenset({"to", "cc"})
_PLAIN = ("channel", "mailbox", "line", "language")


@cache
def _plain(channel: str, mailbox: str | None, line: str | None, language: str | None) -> Facts:
    """The facts that are not personal: few enough to be shared by all touches."""
    facts = {"channel": channel, "mailbox": mailbox, "line": line, "language": language}
    return {key: value for key, value in facts.items() if value}


def _facts(record: Json, fields: Json) -> Facts:
    """All facts, as `core.touch` finds them."""
    to: list[str] = []
    first: dict[str, str] = {}
    for party in fields.get("/parties", ()):
        role, address = party["role"], party["address"]
        first.setdefault(role, address)
        if role in _ADDRESSED:
            to.append(address)
    facts = {
        "channel": record["channel"],
        "mailbox": record["mailbox"],
        "line": record["line"],
        "to": tuple(to),
        "from": first.get("from"),
        "caller": first.get("caller"),
        "language": record["language"],
        "keywords": words(fields.get("/subject"), fields.get("/preview")),
    }
    return {key: value for key, value in facts.items() if value}
