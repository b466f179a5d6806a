"""What must hold between the tables of a store whatever happens; for `commsd db check`. Reads only.

Each rule is one statement that selects what breaks it. Nothing of it is ever mended here: that two rows contradict each
other is a defect or damage, and a person looks.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
)

from commsd.core.record import THING
from commsd.store import crm_schema, feed, schema
from commsd.store.rows import SEVERAL

SOME = 5
"""So many ids are named of what breaks a rule."""


class Broken(NamedTuple):
    """A rule that does not hold. times: how often; some: ids to look at, nothing personal."""

    rule: str
    times: int
    some: tuple[str, ...]


class Rule(NamedTuple):
    """What must hold, and the ids of what breaks it."""

    says: str
    breaks: Callable[[Connection], Select[Any]]


def broken(connection: Connection, rule: Rule) -> Broken | None:
    """Whether a rule does not hold."""
    found = rule.breaks(connection).subquery()
    count = connection.execute(select(func.count()).select_from(found)).scalar_one()
    if not count:
        return None
    some = connection.execute(select(found.c[0]).limit(SOME)).scalars()
    return Broken(rule.says, count, tuple(str(each) for each in some))


def _without(inner: Column[Any], outer: Column[Any], *more: ColumnElement[bool]) -> Select[Any]:
    """Rows that name something which is not there."""
    there = exists().where(outer == inner).correlate(inner.table)
    return select(inner).where(inner.is_not(None), not_(there), *more).distinct()


def _orphans(says: str, inner: Column[Any], outer: Column[Any], *more: ColumnElement[bool]) -> Rule:
    return Rule(says, lambda _: _without(inner, outer, *more))


def _current(_: Connection) -> Select[Any]:
    table = schema.interactions
    newest = func.max(table.c.revision)
    of_current = func.max(_number(table.c.current, table.c.revision))
    count = func.sum(_number(table.c.current, literal(1)))
    return select(table.c.id).group_by(table.c.id).having(or_(count != 1, of_current != newest))


def _number(flag: ColumnElement[bool], value: ColumnElement[int]) -> ColumnElement[int]:
    return case((flag, value), else_=0)


def _feed_gap(_: Connection) -> Select[Any]:
    """Numbers readers would get that follow on no other one; also a head that is not the last. In one statement, for
    somebody numbers meanwhile.
    """
    table, head = schema.feed, schema.feed_head
    ours = head.c.name == feed.HEAD
    oldest, last = (select(column).where(ours).scalar_subquery() for column in (head.c.oldest, head.c.last))
    before = func.lag(table.c.seq, 1, oldest - 1).over(order_by=table.c.seq)
    steps = select(table.c.seq, (table.c.seq - before).label("step")).where(table.c.seq >= oldest).subquery()
    most = select(func.coalesce(func.max(table.c.seq), oldest - 1)).scalar_subquery()
    torn = select(cast(steps.c.seq, String).label("seq")).where(steps.c.step != 1)
    end = select(literal("head").label("seq")).where(most != last)
    return select(torn.union_all(end).subquery().c.seq)


def _personal_without(thing: str, table: Table) -> Rule:
    side = schema.personal
    there = exists().where(table.c.id == side.c.id).correlate(side)
    return Rule(
        f"personal fields belong to a {thing} that is there",
        lambda _: select(side.c.id).where(side.c.thing == thing, not_(there)).distinct(),
    )


_FACTS, _CASES, _PEOPLE = schema.interactions.c, schema.cases.c, schema.contacts.c
_POSTS = crm_schema.webhook_posts.c
_KEPT_PARTS = schema.original_parts.c.sha256
_TABLES = {
    "interaction": schema.interactions,
    "contact": schema.contacts,
    "organisation": crm_schema.organisations,
    "case": schema.cases,
    "callback": schema.callbacks,
}

RULES: Sequence[Rule] = (
    Rule("every interaction has one current revision, its newest", _current),
    Rule("the feed is dense up to its head", _feed_gap),
    _orphans("an interaction's case is there", _FACTS.case_id, _CASES.id, _FACTS.current),
    _orphans("an interaction's contact is there", _FACTS.contact_id, _PEOPLE.id, _FACTS.current),
    _orphans("a case's contact is there", _CASES.contact_id, _PEOPLE.id),
    _orphans("a clock's case is there", schema.clocks.c.case_id, _CASES.id),
    _orphans("a callback's case is there", schema.callbacks.c.case_id, _CASES.id),
    _orphans(
        "an identity's contact is there",
        schema.identities.c.contact_id,
        _PEOPLE.id,
        schema.identities.c.contact_id != SEVERAL,
    ),
    _orphans("who shares an identity is there", crm_schema.shared_identities.c.contact_id, _PEOPLE.id),
    _orphans(
        "a mark's organisation is there",
        crm_schema.organisation_marks.c.organisation_id,
        crm_schema.organisations.c.id,
    ),
    _orphans("a Message-ID's or CallSid's interaction is there", schema.external_ids.c.interaction_id, _FACTS.id),
    _orphans("a logical key's interaction is there", schema.logical_keys.c.interaction_id, _FACTS.id),
    _orphans("a sighting's interaction is there", schema.sightings.c.interaction_id, _FACTS.id),
    _orphans("a delivery's interaction is there", schema.deliveries.c.interaction_id, _FACTS.id),
    _orphans(
        "what is to be posted has its webhook", _POSTS.webhook_id, crm_schema.webhooks.c.id, _POSTS.state == "pending"
    ),
    _orphans(
        "the parts of an original have it",
        _KEPT_PARTS,
        schema.originals.c.sha256,
        not_(_KEPT_PARTS.like("part:%")),
    ),
    *(_personal_without(thing, table) for thing, table in _TABLES.items() if thing in THING.values()),
)
