"""Reading what is open for the keys of a batch of decisions: a handful of statements for all keys together.

The statements are made once, and a set of keys that is empty asks nothing: a batch is often one mail, which waits.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    null,
    or_,
    select,
)

from commsd.core.callback import REOPENS, Callback
from commsd.core.case import FRESH, Case, CaseState, ClockRecord
from commsd.core.contact import Contact, Identity
from commsd.core.interaction import DeliveryKind, Interaction
from commsd.core.key import budget_of
from commsd.core.open_items import WebhookEntry
from commsd.core.organisation import Organisation
from commsd.core.record import THING, thing_of, together
from commsd.core.refusal import Refusal
from commsd.store import crm_schema, pauses, schema
from commsd.store.ask import ask
from commsd.store.items import SYSTEMS, Index, Items, by_kind, identities_named, marks_named
from commsd.store.opt_outs import opt_outs
from commsd.store.organisations import ids_called
from commsd.store.requests import standing
from commsd.store.rows import SEVERAL, delivery_of, external_key

T = TypeVar("T")

SENT_FOR = timedelta(hours=24)
"""How far back acknowledgements to an inbox are counted."""

OLD_CASES = 20
"""How many long closed cases of a contact are looked at for `related_to`."""

NOBODY = ("",)
"""Stands for an empty set beside another one: PostgreSQL would read the whole table for one that is empty."""

SOME: BindParameter[Any] = bindparam("some", expanding=True)
SOME_PEOPLE: BindParameter[Any] = bindparam("people", expanding=True)
SINCE: BindParameter[Any] = bindparam("since")


def _records(kind: type, table: Table, *where: ColumnElement[bool]) -> Select[Any]:
    """Asks for things of a table, and beside each for its personal fields, both as texts."""
    side = schema.personal
    same = and_(side.c.thing == THING[kind], side.c.id == table.c.id, side.c.revision == table.c.revision)
    texts = (cast(table.c.record, Text).label("record"), cast(side.c.fields, Text).label("fields"))
    return select(table.c.id, table.c.revision, *texts).select_from(table.outerjoin(side, same)).where(*where)


def records(connection: Connection, kind: type[T], table: Table, *where: ColumnElement[bool]) -> list[T]:
    """Things of a table with their personal fields."""
    return _things(kind, connection.execute(_records(kind, table, *where)).all())


def _things(kind: type[T], rows: Iterable[Any]) -> list[T]:
    return [_thing(kind, row.record, row.fields) for row in rows]


def _thing(kind: type[T], record: str, fields: str | None) -> T:
    data = orjson.loads(record)
    return thing_of(kind, together(data, orjson.loads(fields)) if fields else data)


def load(connection: Connection, keys: Iterable[str], now: datetime) -> Items:
    """Everything the keys name: contacts, their fresh cases with all inside them, callbacks, calls, deliveries."""
    items = Items()
    named = by_kind(keys)
    people = _contact_ids(connection, items, named)
    case_ids = set(named["case"])
    direct = _interaction_ids(connection, items, named)
    _deliveries(connection, items, named["delivery"], direct, case_ids)
    if direct:
        for interaction in _things(Interaction, ask(connection, _INTERACTIONS, some=direct)):
            items.add_interaction(interaction)
            if interaction.case_id:
                case_ids.add(interaction.case_id)
    _callbacks(connection, items, named, case_ids, now)
    case_ids |= {callback.case_id for callback in items.callbacks.values()}
    full = _cases(connection, items, people, case_ids, now)
    _fill(connection, items, full)
    people |= {holder for holders in items.sharers.values() for holder in holders}
    _people(connection, items, people | {case.contact_id for case in items.cases.values() if case.contact_id})
    _organisations(connection, items, named)
    _webhooks(connection, items, named["call"])
    if named["phone"]:
        items.opt_outs |= {(each.number, each.channel): each for each in opt_outs(connection, list(named["phone"]))}
    _brakes(connection, items, named["recipient"], named["inbox"], now)
    if named["request"]:
        items.requests |= standing(connection, list(named["request"]))
    for mailbox, budget in filter(None, (budget_of(f"budget:{value}") for value in named["budget"])):
        items.spent[mailbox] = pauses.spent(connection, mailbox, now - budget.per, budget.count, items.pauses.values())
    return items


_IDENTITIES = select(schema.identities).where(
    schema.identities.c.kind == bindparam("kind"), schema.identities.c.value.in_(SOME)
)

_SHARERS = select(crm_schema.shared_identities.c.contact_id).where(
    crm_schema.shared_identities.c.kind == bindparam("kind"),
    crm_schema.shared_identities.c.value == bindparam("value"),
)


def _contact_ids(connection: Connection, items: Items, named: Index[str]) -> set[str]:
    wanted: dict[str, list[str]] = {}
    for identity in identities_named(named):
        wanted.setdefault(identity.kind, []).append(identity.value)
    found = set(named["contact"])
    for kind, values in wanted.items():
        for row in ask(connection, _IDENTITIES, kind=kind, some=values):
            if row.contact_id != SEVERAL:
                items.contact_of[Identity(row.kind, row.value)] = row.contact_id
                found.add(row.contact_id)
            else:
                for holder in ask(connection, _SHARERS, kind=row.kind, value=row.value):
                    items.sharers[Identity(row.kind, row.value)][holder.contact_id] = None
    return found


_EXTERNAL = (
    select(schema.external_ids)
    .where(schema.external_ids.c.key.in_(SOME))
    .order_by(schema.external_ids.c.interaction_id)
)
_LOGICAL = select(schema.logical_keys).where(schema.logical_keys.c.key.in_(SOME))


def _interaction_ids(connection: Connection, items: Items, named: Index[str]) -> set[str]:
    found = set(named["interaction"])
    hashes = [external_key(system, value) for kind, system in SYSTEMS.items() for value in named[kind]]
    for row in ask(connection, _EXTERNAL, some=hashes) if hashes else ():
        items.by_external[row.key][row.interaction_id] = None
        found.add(row.interaction_id)
    for row in ask(connection, _LOGICAL, some=list(named["logical"])) if named["logical"] else ():
        items.by_logical[row.key] = row.interaction_id
        found.add(row.interaction_id)
    return found


_DELIVERIES = select(schema.deliveries).where(schema.deliveries.c.id.in_(SOME))


def _deliveries(
    connection: Connection, items: Items, wanted: Collection[str], direct: set[str], case_ids: set[str]
) -> None:
    for row in ask(connection, _DELIVERIES, some=list(wanted)) if wanted else ():
        items.deliveries[row.id] = delivery_of(row)
        direct |= {row.interaction_id} - {None}
        case_ids |= {row.case_id} - {None}


_CURRENT = schema.interactions.c.current
_INTERACTIONS = _records(Interaction, schema.interactions, _CURRENT, schema.interactions.c.id.in_(SOME))
_INSIDE = _records(Interaction, schema.interactions, _CURRENT, schema.interactions.c.case_id.in_(SOME))
_CLOCKS = _records(ClockRecord, schema.clocks, schema.clocks.c.case_id.in_(SOME))
_OPEN = schema.callbacks.c.state != "closed"
_OPEN_INSIDE = _records(Callback, schema.callbacks, schema.callbacks.c.case_id.in_(SOME), _OPEN)
_RECENT = or_(_OPEN, schema.callbacks.c.closed_at >= SINCE)
_CALLBACKS = _records(Callback, schema.callbacks, schema.callbacks.c.id.in_(SOME))
_CALLBACKS_TO = _records(Callback, schema.callbacks, schema.callbacks.c.number.in_(SOME), _RECENT)
_CALLBACKS_INSIDE = _records(Callback, schema.callbacks, schema.callbacks.c.case_id.in_(SOME), _RECENT)


def callbacks(connection: Connection, ids: Collection[str]) -> list[Callback]:
    """Owed calls by their ids, in no order."""
    return _things(Callback, ask(connection, _CALLBACKS, some=list(ids)))


def _callbacks(connection: Connection, items: Items, named: Index[str], case_ids: set[str], now: datetime) -> None:
    since = now - REOPENS
    rows: list[Any] = []
    if named["callback"]:
        rows += ask(connection, _CALLBACKS, some=list(named["callback"]))
    if named["phone"]:
        rows += ask(connection, _CALLBACKS_TO, some=list(named["phone"]), since=since)
    if case_ids:
        rows += ask(connection, _CALLBACKS_INSIDE, some=list(case_ids), since=since)
    for callback in _things(Callback, rows):
        items.add_callback(callback)


_FRESH = or_(
    schema.cases.c.state == CaseState.OPEN.value, schema.cases.c.active_at >= SINCE, schema.cases.c.closed_at >= SINCE
)
_MEANT = or_(schema.cases.c.id.in_(SOME), and_(schema.cases.c.contact_id.in_(SOME_PEOPLE), _FRESH))
_CASES = _records(Case, schema.cases, _MEANT)
_CASES_HELD = select(schema.cases.c.id).where(_MEANT).order_by(schema.cases.c.id).with_for_update()
_CASES_OF = (
    _records(Case, schema.cases, schema.cases.c.contact_id.in_(SOME))
    .order_by(schema.cases.c.active_at.desc())
    .limit(bindparam("most"))
)


def _cases(connection: Connection, items: Items, people: set[str], case_ids: set[str], now: datetime) -> set[str]:
    """Puts in the cases and gives the ids of those that need their interactions: named, open or fresh ones."""
    if not case_ids and not people:
        return set()
    _add_cases(connection, items, case_ids, people, now - FRESH)
    while away := {case.merged_into for case in items.cases.values() if case.merged_into} - items.cases.keys():
        if _add_cases(connection, items, away, (), now - FRESH) < len(away):
            break  # a survivor that is not there leads nowhere
    full = set(items.cases)
    if people:
        old = ask(connection, _CASES_OF, some=list(people), most=OLD_CASES * len(people))
        for case in _things(Case, (row for row in old if row.id not in full)):
            items.add_case(case)
    return full


def _add_cases(
    connection: Connection, items: Items, case_ids: Collection[str], people: Collection[str], since: datetime
) -> int:
    """Gives how many there were.

    A stranger's reply joins a case by reference and shares no key with its contact: PostgreSQL holds the rows.
    """
    meant: dict[str, Any] = {"some": list(case_ids) or NOBODY, "people": list(people) or NOBODY, "since": since}
    if connection.dialect.name == "postgresql":
        ask(connection, _CASES_HELD, **meant)
    found = _things(Case, ask(connection, _CASES, **meant))
    for case in found:
        items.add_case(case)
    return len(found)


def _fill(connection: Connection, items: Items, case_ids: set[str]) -> None:
    """Puts in what is in these cases, which are held by now: what was read of it before may have moved on."""
    if not case_ids:
        return
    inside = list(case_ids)
    known = {(fact.id, fact.revision) for fact in items.interactions.values()}
    rows = ask(connection, _INSIDE, some=inside)
    for interaction in _things(Interaction, (row for row in rows if (row.id, row.revision) not in known)):
        items.add_interaction(interaction)
    for clock in _things(ClockRecord, ask(connection, _CLOCKS, some=inside)):
        items.clocks[clock.case_id][clock.id] = clock
    for callback in _things(Callback, ask(connection, _OPEN_INSIDE, some=inside)):
        items.add_callback(callback)


_CONTACTS = _records(Contact, schema.contacts, schema.contacts.c.id.in_(SOME))


def _people(connection: Connection, items: Items, contact_ids: set[str]) -> None:
    for contact in _things(Contact, ask(connection, _CONTACTS, some=list(contact_ids))) if contact_ids else ():
        items.add_contact(contact)


_MARKS = select(crm_schema.organisation_marks).where(
    crm_schema.organisation_marks.c.kind == bindparam("kind"), crm_schema.organisation_marks.c.value.in_(SOME)
)
_ORGANISATIONS = _records(Organisation, crm_schema.organisations, crm_schema.organisations.c.id.in_(SOME))


def _organisations(connection: Connection, items: Items, named: Index[str]) -> None:
    """Those named by id, mark or name, those of the people, and those they went into."""
    ids = {*named["organisation"], *(each.organisation_id for each in items.contacts.values() if each.organisation_id)}
    values: dict[str, list[str]] = {}
    for mark in marks_named(named):
        values.setdefault(mark.kind, []).append(mark.value)
    for kind, some in values.items():
        ids |= {row.organisation_id for row in ask(connection, _MARKS, kind=kind, some=some)}
    ids |= ids_called(connection, named["called"]) if named["called"] else set()
    while ids:
        found = _things(Organisation, ask(connection, _ORGANISATIONS, some=list(ids)))
        for firm in found:
            items.add_organisation(firm)
        ids = {firm.merged_into for firm in found if firm.merged_into} - items.organisations.keys()


_WEBHOOKS = select(schema.journal).where(schema.journal.c.call_sid.in_(SOME)).order_by(schema.journal.c.id)
_ANSWERS = select(schema.answers).where(schema.answers.c.call_sid.in_(SOME))


def _webhooks(connection: Connection, items: Items, calls: Collection[str]) -> None:
    if not calls:
        return
    for row in ask(connection, _WEBHOOKS, some=list(calls)):
        items.webhooks[row.call_sid].append(
            WebhookEntry(
                id=row.id, received_at=row.received_at, route=row.route, step=row.step, fields=dict(row.fields)
            )
        )
    for row in ask(connection, _ANSWERS, some=list(calls)):
        items.answers[row.call_sid][row.step] = row.body


_BYTELESS = [null().label("payload") if column.name == "payload" else column for column in schema.deliveries.c]
_ACKS = select(*_BYTELESS).where(
    schema.deliveries.c.inbox.in_(SOME),
    schema.deliveries.c.created_at > SINCE,
    schema.deliveries.c.kind == DeliveryKind.ACK.value,
)
_REFUSALS = select(schema.refusals).where(schema.refusals.c.address.in_(SOME))


def _brakes(
    connection: Connection, items: Items, recipients: Collection[str], inboxes: Collection[str], now: datetime
) -> None:
    """What damps acknowledgements: those of the last day to each inbox, addresses that refused one, pauses."""
    if not recipients and not inboxes:
        return
    for row in ask(connection, _ACKS, some=list(inboxes), since=now - SENT_FOR) if inboxes else ():
        items.add_sent(delivery_of(row))
    folded = {each.casefold() for each in recipients}
    for row in ask(connection, _REFUSALS, some=list(folded)) if folded else ():
        items.refusals[row.address] = Refusal(**row._asdict())
    for pause in pauses.kept(connection):
        items.pauses[pause.what, pause.name] = pause
