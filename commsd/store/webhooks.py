"""Statements on webhooks and on what is owed to them: who gets which events, which posts are due, what came of each.

The feed is the truth: posts are planned from it behind `planned_upto`, so many at a time that a dead endpoint fills no
table; what is not planned yet waits in the feed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from commsd.store import bulk, crm_schema, schema

ACTIVE, DISABLED = "active", "disabled"
PENDING, DELIVERED, FAILED, DROPPED = "pending", "delivered", "failed", "dropped"
HISTORY = 20
"""So many attempts of a post are told; there are ten, and again as many each time it is enabled anew."""

LOOKED_AT = 20_000
"""So many events are looked at in one turn, whatever of them is wanted."""

_HOOKS, _POSTS, _FEED = crm_schema.webhooks, crm_schema.webhook_posts, schema.feed


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One subscription. types: as `GET /v1/events` takes them. payload: "thin" or "full". sealed: its secrets.

    ordered: one post under way for each partition key. reason: why it is disabled. planned_upto: the number in the feed
    up to which its posts are planned.
    """

    id: str
    revision: int
    name: str
    url: str
    types: tuple[str, ...]
    payload: str
    ordered: bool
    sealed: bytes = field(repr=False)
    state: str = ACTIVE
    reason: str | None = None
    created_at: datetime
    disabled_at: datetime | None = None
    throttled_until: datetime | None = None
    planned_upto: int

    @property
    def active(self) -> bool:
        """Whether anything is posted to it."""
        return self.state == ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One event owed to one webhook. redelivery: 0 the first time. history: `at status error ms` of each attempt."""

    id: str
    webhook_id: str
    seq: int
    redelivery: int
    event_id: str
    partition_key: str | None
    state: str
    planned_at: datetime
    due_at: datetime
    attempts: int
    settled_at: datetime | None
    history: tuple[Mapping[str, Any], ...] = ()


class Planned(NamedTuple):
    """An event that a webhook wants. subject: of what it tells, the key of order where it names none itself."""

    seq: int
    event_id: str
    partition_key: str


class Event(NamedTuple):
    """An event as the feed has it, with the personal fields still kept. thing: "interaction", "case", ..."""

    seq: int
    thing: str
    text: str
    personal: Mapping[str, Any]


class Backlog(NamedTuple):
    """What is owed to a webhook. oldest: when the first of it was planned. due: of the first that nobody is at."""

    pending: int
    oldest: datetime | None
    due: datetime | None


def insert_webhook(connection: Connection, webhook: Webhook) -> bool:
    """Keep a new one; False where its name is taken."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {name: getattr(webhook, name) for name in _OWN} | {
        "types": list(webhook.types),
        "sealed_secrets": webhook.sealed,
    }
    done = connection.execute(dialect.insert(_HOOKS).values(**row).on_conflict_do_nothing())
    return done.rowcount == 1


def all_webhooks(connection: Connection) -> tuple[Webhook, ...]:
    """Every one, by name."""
    return tuple(map(_webhook, connection.execute(select(_HOOKS).order_by(_HOOKS.c.name)).all()))


def webhook_called(connection: Connection, name: str) -> Webhook | None:
    """The one of this name or id."""
    found = connection.execute(select(_HOOKS).where(or_(_HOOKS.c.name == name, _HOOKS.c.id == name))).first()
    return _webhook(found) if found else None


def seal(connection: Connection, before: Webhook, sealed: bytes) -> bool:
    """Give it other secrets; False where somebody else was quicker. What else changes meanwhile does not matter."""
    ours = and_(_HOOKS.c.id == before.id, _HOOKS.c.sealed_secrets == before.sealed)
    values = {"sealed_secrets": sealed, "revision": _HOOKS.c.revision + 1}
    return connection.execute(update(_HOOKS).where(ours).values(**values)).rowcount == 1


def remove_webhook(connection: Connection, webhook_id: str) -> bool:
    """Drop it and all that is owed to it; a person's decision, never the machine's."""
    connection.execute(delete(_POSTS).where(_POSTS.c.webhook_id == webhook_id))
    return connection.execute(delete(_HOOKS).where(_HOOKS.c.id == webhook_id)).rowcount == 1


def disable(connection: Connection, webhook_id: str, reason: str, now: datetime) -> bool:
    """Post nothing more to it; False where it was disabled already. What is owed stays owed."""
    ours = and_(_HOOKS.c.id == webhook_id, _HOOKS.c.state == ACTIVE)
    values = {"state": DISABLED, "reason": reason, "disabled_at": now, "revision": _HOOKS.c.revision + 1}
    return connection.execute(update(_HOOKS).where(ours).values(**values)).rowcount == 1


def enable(connection: Connection, webhook_id: str, now: datetime) -> bool:
    """Post to it again: what waits is due at once, and so is what it was disabled for. False where it is gone."""
    values = {"state": ACTIVE, "reason": None, "disabled_at": None, "throttled_until": None}
    mine = update(_HOOKS).where(_HOOKS.c.id == webhook_id).values(revision=_HOOKS.c.revision + 1, **values)
    if connection.execute(mine).rowcount == 0:
        return False
    again = _POSTS.c.state.in_((PENDING, FAILED))  # nothing fails but that the webhook is disabled for it
    fresh = {"state": PENDING, "due_at": now, "attempts": 0, "settled_at": None}
    connection.execute(update(_POSTS).where(_POSTS.c.webhook_id == webhook_id, again).values(**fresh))
    return True


def throttle(connection: Connection, webhook_id: str, until: datetime) -> None:
    """Post nothing to it before then."""
    connection.execute(update(_HOOKS).where(_HOOKS.c.id == webhook_id).values(throttled_until=until))


def head(connection: Connection) -> int:
    """The number of the feed's last event."""
    last: int | None = connection.execute(select(schema.feed_head.c.last)).scalar()
    return last or 0


def wanted(connection: Connection, webhook: Webhook, after: int, limit: int) -> tuple[tuple[Planned, ...], int]:
    """Up to `limit` events behind that number that it wants, and the number up to which all was looked at."""
    last = min(head(connection), after + LOOKED_AT)
    rows = connection.execute(
        select(_FEED.c.seq, _FEED.c.subject, _FEED.c.partition_key, _FEED.c.event)
        .where(_FEED.c.seq > after, _FEED.c.seq <= last, _of_types(webhook.types))
        .order_by(_FEED.c.seq)
        .limit(limit)
    ).all()
    return tuple(map(_planned, rows)), rows[-1].seq if len(rows) == limit else max(last, after)


def plan(
    connection: Connection, webhook: Webhook, events: Sequence[Planned], upto: int, ids: Sequence[str], now: datetime
) -> bool:
    """Owe these events to it, which then is planned up to that number; False where another process has planned.

    ids: one for each.
    """
    ours = and_(_HOOKS.c.id == webhook.id, _HOOKS.c.planned_upto == webhook.planned_upto)
    if connection.execute(update(_HOOKS).where(ours).values(planned_upto=upto)).rowcount == 0:
        return False
    _owe(connection, webhook.id, events, ids, 0, now)
    return True


def redeliver(
    connection: Connection, webhook: Webhook, events: Sequence[Planned], ids: Sequence[str], now: datetime
) -> int:
    """Owe these once more, but those that are owed now; says how many."""
    waiting = select(_POSTS.c.seq).where(_POSTS.c.webhook_id == webhook.id, _POSTS.c.state == PENDING)
    pending = set(connection.execute(waiting).scalars())
    again = [(event, id) for event, id in zip(events, ids, strict=True) if event.seq not in pending]
    last = connection.execute(select(func.max(_POSTS.c.redelivery)).where(_POSTS.c.webhook_id == webhook.id)).scalar()
    _owe(connection, webhook.id, [each for each, _ in again], [id for _, id in again], (last or 0) + 1, now)
    return len(again)


def between(
    connection: Connection,
    types: Sequence[str],
    limit: int,
    *,
    numbers: tuple[int | None, int | None] = (None, None),
    times: tuple[datetime | None, datetime | None] = (None, None),
) -> tuple[Planned, ...]:
    """Events of these types in a range of numbers and of times of recording, both ends included, oldest first."""
    bounds = [_of_types(types)]
    for column, (first, last) in ((_FEED.c.seq, numbers), (_FEED.c.recorded_at, times)):
        bounds += [column >= first] if first is not None else []
        bounds += [column <= last] if last is not None else []
    asked = select(_FEED.c.seq, _FEED.c.subject, _FEED.c.partition_key, _FEED.c.event).where(*bounds)
    return tuple(map(_planned, connection.execute(asked.order_by(_FEED.c.seq).limit(limit)).all()))


def claim(
    connection: Connection, webhook: Webhook, owner: str, now: datetime, until: datetime, limit: int
) -> tuple[Post, ...]:
    """Up to `limit` posts due to it, the first ones first, that are this process's until then.

    Of an ordered one no more than one for a key, and only where no earlier one is owed or another under way.
    """
    free = or_(_POSTS.c.claimed_until.is_(None), _POSTS.c.claimed_until <= now)
    due = [_POSTS.c.webhook_id == webhook.id, _POSTS.c.state == PENDING, _POSTS.c.due_at <= now, free]
    if webhook.ordered:
        due.append(not_(_is_behind(now)))
    found = select(_POSTS).where(*due).order_by(_POSTS.c.due_at, _POSTS.c.seq).limit(limit)
    if connection.dialect.name == "postgresql":
        found = found.with_for_update(skip_locked=True)
    rows = connection.execute(found).all()
    if rows:
        mine = update(_POSTS).where(_POSTS.c.id.in_([row.id for row in rows]))
        connection.execute(mine.values(claimed_by=owner, claimed_until=until))
    return tuple(map(_post, rows))


def _is_behind(now: datetime) -> ColumnElement[bool]:
    """Whether another post of its key is before it or under way."""
    other = _POSTS.alias("other")
    earlier = or_(
        other.c.redelivery < _POSTS.c.redelivery,
        and_(other.c.redelivery == _POSTS.c.redelivery, other.c.seq < _POSTS.c.seq),
    )
    same = and_(other.c.webhook_id == _POSTS.c.webhook_id, other.c.partition_key == _POSTS.c.partition_key)
    owed = and_(same, other.c.id != _POSTS.c.id, other.c.state == PENDING)
    return exists().where(owed, or_(earlier, other.c.claimed_until > now))


def settle(connection: Connection, post: Post, owner: str, **values: Any) -> bool:
    """Write what came of an attempt and let go of the claim; False where it is no longer ours."""
    ours = and_(_POSTS.c.id == post.id, _POSTS.c.claimed_by == owner, _POSTS.c.state == PENDING)
    done = connection.execute(update(_POSTS).where(ours).values(claimed_by=None, claimed_until=None, **values))
    return done.rowcount == 1


def put_back(connection: Connection, ids: Sequence[str], owner: str) -> None:
    """Let go of claims on posts that were not made, or not heard to their end."""
    ours = and_(_POSTS.c.id.in_(ids), _POSTS.c.claimed_by == owner)
    connection.execute(update(_POSTS).where(ours).values(claimed_by=None, claimed_until=None))


def inherit(connection: Connection, owner: str) -> None:
    """Let go of what an earlier life of this node had claimed. owner: NODE/LIFE."""
    node = owner.partition("/")[0]
    earlier = and_(_POSTS.c.claimed_by.startswith(f"{node}/", autoescape=True), _POSTS.c.claimed_by != owner)
    connection.execute(update(_POSTS).where(earlier).values(claimed_by=None, claimed_until=None))


def event_of(connection: Connection, seq: int) -> Event | None:
    """The event of this number, None where the feed keeps it no longer."""
    side = schema.personal
    same = and_(side.c.thing == _FEED.c.thing, side.c.id == _FEED.c.subject, side.c.revision == _FEED.c.revision)
    row = connection.execute(
        select(_FEED.c.seq, _FEED.c.thing, _FEED.c.event, side.c.fields)
        .select_from(_FEED.outerjoin(side, same))
        .where(_FEED.c.seq == seq)
    ).one_or_none()
    return Event(row.seq, row.thing, row.event, dict(row.fields or {})) if row else None


def posts_of(
    connection: Connection, webhook_id: str, limit: int, *, state: str | None = None, before: tuple[int, int] | None
) -> tuple[Post, ...]:
    """What was and is owed to it, the newest first. before: (seq, redelivery) of the last one seen."""
    bounds: list[ColumnElement[bool]] = [_POSTS.c.webhook_id == webhook_id]
    if state is not None:
        bounds.append(_POSTS.c.state == state)
    if before is not None:
        seq, redelivery = before
        bounds.append(or_(_POSTS.c.seq < seq, and_(_POSTS.c.seq == seq, _POSTS.c.redelivery < redelivery)))
    asked = select(_POSTS).where(*bounds).order_by(_POSTS.c.seq.desc(), _POSTS.c.redelivery.desc()).limit(limit)
    return tuple(map(_post, connection.execute(asked).all()))


def backlogs(connection: Connection, now: datetime) -> dict[str, Backlog]:
    """What is owed, by the webhook's id."""
    free = or_(_POSTS.c.claimed_until.is_(None), _POSTS.c.claimed_until <= now)
    counted = select(
        _POSTS.c.webhook_id,
        func.count().label("pending"),
        func.min(_POSTS.c.planned_at).label("oldest"),
        func.min(case((free, _POSTS.c.due_at))).label("due"),
    )
    rows = connection.execute(counted.where(_POSTS.c.state == PENDING).group_by(_POSTS.c.webhook_id)).all()
    return {row.webhook_id: Backlog(row.pending, row.oldest, row.due) for row in rows}


def first_in_trouble(connection: Connection, webhook_id: str) -> Post | None:
    """The oldest post that was tried and not taken; None where none is."""
    untaken = (_POSTS.c.webhook_id == webhook_id, _POSTS.c.state.in_((PENDING, FAILED)), _POSTS.c.attempts > 0)
    first = select(_POSTS).where(*untaken).order_by(_POSTS.c.planned_at, _POSTS.c.seq).limit(1)
    return next(map(_post, connection.execute(first).all()), None)


def drop_settled(connection: Connection, before: datetime, limit: int = 1000) -> int:
    """Forget posts that were over before then; says how many. What failed is not over: it is posted when enabled."""
    old = select(_POSTS.c.id).where(_POSTS.c.settled_at <= before, _POSTS.c.state != FAILED).limit(limit)
    ids = list(connection.execute(old).scalars())
    if ids:
        connection.execute(delete(_POSTS).where(_POSTS.c.id.in_(ids)))
    return len(ids)


_OWN = (
    *("id", "revision", "name", "url", "payload", "ordered", "state", "reason"),
    *("created_at", "disabled_at", "throttled_until", "planned_upto"),
)


def _webhook(row: Row[Any]) -> Webhook:
    own = {name: row._mapping[name] for name in _OWN}
    return Webhook(**own, types=tuple(row.types), sealed=bytes(row.sealed_secrets))


def _post(row: Row[Any]) -> Post:
    known = {
        name: value for name, value in row._mapping.items() if name not in ("claimed_by", "claimed_until", "history")
    }
    return Post(**known, history=tuple(row.history or ()))


def _planned(row: Any) -> Planned:
    return Planned(row.seq, _event_id(row.event), (row.partition_key or row.subject)[:64])


def _event_id(text: str) -> str:
    """`id` of a CloudEvent as we write it; only what is posted is parsed as a whole."""
    place = text.index('"id":"') + 6
    return text[place : text.index('"', place)]


def _owe(
    connection: Connection, to: str, events: Sequence[Planned], ids: Sequence[str], redelivery: int, now: datetime
) -> None:
    rows = [
        {
            "id": post_id,
            "webhook_id": to,
            "seq": event.seq,
            "redelivery": redelivery,
            "event_id": event.event_id,
            "partition_key": event.partition_key,
            "state": PENDING,
            "planned_at": now,
            "due_at": now,
            "attempts": 0,
        }
        for event, post_id in zip(events, ids, strict=True)
    ]
    bulk.insert(connection, _POSTS, rows, ignore=True)


def _of_types(types: Sequence[str]) -> ColumnElement[bool]:
    """As the feed's reader filters; no types: all."""
    return or_(*map(_of_type, types)) if types else literal(True)


def _of_type(pattern: str) -> ColumnElement[bool]:
    if pattern.endswith("*"):
        return _FEED.c.type.startswith(pattern[:-1], autoescape=True)
    return _FEED.c.type == pattern
