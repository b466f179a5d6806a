"""What is open for the keys of a batch of decisions: read once, shown to each decision, folded after each.

`load` reads in a handful of statements for all keys together; `view` shows one decision what its own keys name.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, null, or_, select

from commsd.core.callback import REOPENS, Callback
from commsd.core.case import FRESH, Case, CaseFile, CaseState, ClockRecord
from commsd.core.change import Change
from commsd.core.contact import CUSTOMER, Contact, Identity
from commsd.core.interaction import CALL_SID, MESSAGE_ID, Delivery, DeliveryKind, Interaction
from commsd.core.key import budget_of
from commsd.core.open_items import OpenItems, WebhookEntry
from commsd.core.pause import Pause
from commsd.core.rate_limit import Spent, inbox_of
from commsd.core.record import THING, thing_of, together
from commsd.core.refusal import Refusal
from commsd.store import pauses, schema
from commsd.store.rows import delivery_of, external_key

T = TypeVar("T")

SENT_FOR = timedelta(hours=24)
"""How far back acknowledgements to an inbox are counted."""

OLD_CASES = 20
"""How many long closed cases of a contact are looked at for `related_to`."""


@dataclass(slots=True)
class Items:
    """The working set of one batch, by id, with the look-ups that keys need."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    contact_of: dict[Identity, str] = field(default_factory=dict)
    interactions: dict[str, Interaction] = field(default_factory=dict)
    by_external: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    by_logical: dict[str, str] = field(default_factory=dict)
    in_case: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    cases: dict[str, Case] = field(default_factory=dict)
    clocks: dict[str, dict[str, ClockRecord]] = field(default_factory=lambda: defaultdict(dict))
    callbacks: dict[str, Callback] = field(default_factory=dict)
    webhooks: dict[str, list[WebhookEntry]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    sent: dict[str, dict[str, Delivery]] = field(default_factory=lambda: defaultdict(dict))
    refusals: dict[str, Refusal] = field(default_factory=dict)
    pauses: dict[tuple[str, str], Pause] = field(default_factory=dict)
    spent: dict[str, Spent] = field(default_factory=dict)
    latest: datetime | None = None

    def fold(self, change: Change) -> None:
        """Take a decision's change in, so that the next decision sees it."""
        for contact in change.contacts:
            self.add_contact(contact)
        for interaction in change.interactions:
            self.add_interaction(interaction)
        for case in change.cases:
            self.cases[case.id] = case
        for clock in change.clocks:
            self.clocks[clock.case_id][clock.id] = clock
        for callback in change.callbacks:
            self.callbacks[callback.id] = callback
        for delivery in change.deliveries:
            if delivery.kind is DeliveryKind.ACK and delivery.id not in self.deliveries:
                self._spend(delivery.via)
            self.deliveries[delivery.id] = delivery
            self.add_sent(delivery)
        for refusal in change.refusals:
            self.refusals[refusal.address] = refusal
        for pause in change.pauses:
            self.pauses[pause.what, pause.name] = pause
        for logical in change.keys:
            self.by_logical[logical.key] = logical.interaction_id
        for answer in change.answers:
            self.answers[answer.call_sid][answer.step] = answer.body

    def add_sent(self, owed: Delivery) -> None:
        if owed.kind is DeliveryKind.ACK:
            self.sent[inbox_of(owed.recipient)][owed.id] = replace(owed, payload=b"")

    def _spend(self, mailbox: str) -> None:
        if before := self.spent.get(mailbox):
            self.spent[mailbox] = replace(before, count=before.count + 1)

    def add_contact(self, contact: Contact) -> None:
        self.contacts[contact.id] = contact
        for identity in contact.identities:
            self.contact_of[identity] = contact.id

    def add_interaction(self, interaction: Interaction) -> None:
        self.interactions[interaction.id] = interaction
        if self.latest is None or interaction.recorded_at > self.latest:
            self.latest = interaction.recorded_at
        if interaction.case_id:
            self.in_case[interaction.case_id][interaction.id] = None
        for known in interaction.external_ids:
            self.by_external[external_key(known.system, known.id)][interaction.id] = None

    def view(self, keys: Sequence[str], now: datetime, new_id: Callable[[], str]) -> OpenItems:
        """What a decision under these keys may look at."""
        named = {key: [self.interactions[each] for each in self._interactions_of(key)] for key in keys}
        known = {key: facts[-1] for key, facts in named.items() if facts}
        identities = [identity for key in keys if (identity := _identity(key))]
        contact_ids = {self.contact_of[identity] for identity in identities if identity in self.contact_of}
        recipients = dict.fromkeys(key[10:] for key in keys if key.startswith("recipient:"))
        inboxes = dict.fromkeys(key[6:] for key in keys if key.startswith("inbox:"))
        numbers = {identity.value for identity in identities if identity.kind == "phone"}
        calls = {key.partition(":")[2] for key in keys if key.startswith("call:")}
        asked = {
            key[9:]: owed for key in keys if key.startswith("delivery:") and (owed := self.deliveries.get(key[9:]))
        }
        case_ids = dict.fromkeys(
            [
                *(fact.case_id for facts in named.values() for fact in facts if fact.case_id),
                *(key[5:] for key in keys if key.startswith("case:") and key[5:] in self.cases),
                *(owed.case_id for owed in asked.values() if owed.case_id),
                *(case_id for owed in asked.values() if (case_id := self._case_of(owed.interaction_id))),
                *(case.id for case in self.cases.values() if case.contact_id in contact_ids),
            ]
        )
        case_ids |= dict.fromkeys(self._survivors(case_ids))
        callbacks = {key[9:] for key in keys if key.startswith("callback:")}
        calls_owed = [
            callback
            for callback in self.callbacks.values()
            if callback.id in callbacks or callback.number in numbers or callback.case_id in case_ids
        ]
        case_ids |= dict.fromkeys(callback.case_id for callback in calls_owed)
        case_ids |= dict.fromkeys(self._survivors(case_ids))
        files = {case_id: self._file(case_id) for case_id in case_ids if case_id in self.cases}
        contact_ids |= {file.case.contact_id for file in files.values() if file.case.contact_id}
        people = [self.contacts[contact_id] for contact_id in contact_ids if contact_id in self.contacts]
        return OpenItems(
            now=now,
            new_id=new_id,
            contacts={identity: contact for contact in people for identity in contact.identities},
            files=files,
            callbacks=tuple(sorted(calls_owed, key=lambda callback: (callback.opened_at, callback.id))),
            known=known,
            alike={key: tuple(facts) for key, facts in named.items() if len(facts) > 1},
            webhooks=tuple(entry for call in calls for entry in self.webhooks.get(call, ())),
            answered={step: body for call in calls for step, body in self.answers.get(call, {}).items()},
            deliveries=asked,
            sent=self._sent_to(inboxes),
            refused=frozenset(address for address in recipients if self._refuses(address, now)),
            pauses=tuple(pause for pause in self.pauses.values() if pause.made_at < pause.until and now < pause.until),
            spent={name: self.spent[name] for name, _ in filter(None, map(budget_of, keys)) if name in self.spent},
        )

    def _sent_to(self, inboxes: Iterable[str]) -> tuple[Delivery, ...]:
        found = [owed for inbox in inboxes for owed in self.sent.get(inbox, {}).values()]
        return tuple(sorted(found, key=lambda owed: owed.created_at, reverse=True))

    def _refuses(self, address: str, now: datetime) -> bool:
        refusal = self.refusals.get(address.casefold())
        return refusal is not None and refusal.since < refusal.until and now < refusal.until

    def _case_of(self, interaction_id: str | None) -> str | None:
        known = self.interactions.get(interaction_id or "")
        return known.case_id if known else None

    def _survivors(self, case_ids: Iterable[str]) -> Iterable[str]:
        """Where merged cases went, to the last."""
        for case_id in case_ids:
            case = self.cases.get(case_id)
            while case is not None and case.merged_into is not None:
                yield case.merged_into
                case = self.cases.get(case.merged_into)

    def _interactions_of(self, key: str) -> Iterable[str]:
        kind, _, value = key.partition(":")
        if kind in _SYSTEMS:
            return list(self.by_external.get(external_key(_SYSTEMS[kind], value), ()))
        if kind == "logical":
            return [self.by_logical[value]] if self.by_logical.get(value) in self.interactions else []
        return [value] if kind == "interaction" and value in self.interactions else []

    def _file(self, case_id: str) -> CaseFile:
        inside = [self.interactions[found] for found in self.in_case.get(case_id, ()) if found in self.interactions]
        return CaseFile(
            case=self.cases[case_id],
            interactions=tuple(
                sorted((i for i in inside if i.case_id == case_id), key=lambda known: (known.recorded_at, known.id))
            ),
            clocks=tuple(self.clocks.get(case_id, {}).values()),
        )


_SYSTEMS = {"id": MESSAGE_ID, "call": CALL_SID}


_PEOPLE = ("email", "phone", CUSTOMER)
"""Kinds of identities, and how the keys begin that name them."""


def _identity(key: str) -> Identity | None:
    kind, _, value = key.partition(":")
    return Identity(kind, value) if kind in _PEOPLE else None


def load(connection: Connection, keys: Iterable[str], now: datetime) -> Items:
    """Everything the keys name: contacts, their fresh cases with all inside them, callbacks, calls, deliveries."""
    items = Items()
    by_kind: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        kind, _, value = key.partition(":")
        by_kind[kind].add(value)
    people = _contact_ids(connection, items, by_kind)
    case_ids = set(by_kind["case"])
    direct = _interaction_ids(connection, items, by_kind)
    _deliveries(connection, items, by_kind["delivery"], direct, case_ids)
    for interaction in _interactions(connection, schema.interactions.c.id.in_(direct), bool(direct)):
        items.add_interaction(interaction)
        if interaction.case_id:
            case_ids.add(interaction.case_id)
    _callbacks(connection, items, by_kind, case_ids, now)
    case_ids |= {callback.case_id for callback in items.callbacks.values()}
    full = _cases(connection, items, people, case_ids, now)
    _fill(connection, items, full)
    _people(connection, items, people | {case.contact_id for case in items.cases.values() if case.contact_id})
    _webhooks(connection, items, by_kind["call"])
    _brakes(connection, items, by_kind["recipient"], by_kind["inbox"], now)
    for mailbox, budget in filter(None, (budget_of(f"budget:{value}") for value in by_kind["budget"])):
        items.spent[mailbox] = pauses.spent(connection, mailbox, now - budget.per, budget.count, items.pauses.values())
    return items


def _contact_ids(connection: Connection, items: Items, by_kind: dict[str, set[str]]) -> set[str]:
    table = schema.identities
    wanted = [and_(table.c.kind == kind, table.c.value.in_(by_kind[kind])) for kind in _PEOPLE if by_kind[kind]]
    if not wanted:
        return set()
    rows = connection.execute(select(table).where(or_(*wanted))).all()
    for row in rows:
        items.contact_of[Identity(row.kind, row.value)] = row.contact_id
    return {row.contact_id for row in rows}


def _interaction_ids(connection: Connection, items: Items, by_kind: dict[str, set[str]]) -> set[str]:
    found = set(by_kind["interaction"])
    hashes = [external_key(system, value) for kind, system in _SYSTEMS.items() for value in by_kind[kind]]
    if hashes:
        table = schema.external_ids
        for row in connection.execute(
            select(table).where(table.c.key.in_(hashes)).order_by(table.c.interaction_id)
        ).all():
            items.by_external[row.key][row.interaction_id] = None
            found.add(row.interaction_id)
    if by_kind["logical"]:
        keys = schema.logical_keys
        for row in connection.execute(select(keys).where(keys.c.key.in_(by_kind["logical"]))).all():
            items.by_logical[row.key] = row.interaction_id
            found.add(row.interaction_id)
    return found


def _deliveries(connection: Connection, items: Items, wanted: set[str], direct: set[str], case_ids: set[str]) -> None:
    if not wanted:
        return
    for row in connection.execute(select(schema.deliveries).where(schema.deliveries.c.id.in_(wanted))).all():
        items.deliveries[row.id] = delivery_of(row)
        direct |= {row.interaction_id} - {None}
        case_ids |= {row.case_id} - {None}


def _brakes(connection: Connection, items: Items, recipients: set[str], inboxes: set[str], now: datetime) -> None:
    """What damps acknowledgements: those of the last day to each inbox, addresses that refused one, pauses."""
    if not recipients and not inboxes:
        return
    owed, refused = schema.deliveries, schema.refusals
    columns = [null().label("payload") if column.name == "payload" else column for column in owed.c]
    recent = and_(owed.c.inbox.in_(inboxes), owed.c.created_at > now - SENT_FOR, owed.c.kind == DeliveryKind.ACK.value)
    for row in connection.execute(select(*columns).where(recent)).all():
        items.add_sent(delivery_of(row))
    folded = {each.casefold() for each in recipients}
    for row in connection.execute(select(refused).where(refused.c.address.in_(folded))).all():
        items.refusals[row.address] = Refusal(**row._mapping)
    for pause in pauses.kept(connection):
        items.pauses[pause.what, pause.name] = pause


def records(connection: Connection, kind: type[T], table: Table, *where: ColumnElement[bool]) -> list[T]:
    """Things of a table with their personal fields."""
    side = schema.personal
    same: list[ColumnElement[bool]] = [
        side.c.thing == THING[kind],
        side.c.id == table.c.id,
        side.c.revision == table.c.revision,
    ]
    rows = connection.execute(
        select(table.c.record, side.c.fields).select_from(table.outerjoin(side, and_(*same))).where(*where)
    ).all()  # row by row, SQLite's driver would let go of the interpreter for each
    return [thing_of(kind, together(row.record, row.fields or {})) for row in rows]


def _interactions(connection: Connection, where: ColumnElement[bool], wanted: bool) -> list[Interaction]:
    if not wanted:
        return []
    return records(connection, Interaction, schema.interactions, schema.interactions.c.current, where)


def _callbacks(
    connection: Connection, items: Items, by_kind: dict[str, set[str]], case_ids: set[str], now: datetime
) -> None:
    table = schema.callbacks
    recent = or_(table.c.state != "closed", table.c.closed_at >= now - REOPENS)
    wanted: list[ColumnElement[bool]] = []
    if by_kind["callback"]:
        wanted.append(table.c.id.in_(by_kind["callback"]))
    if by_kind["phone"]:
        wanted.append(and_(table.c.number.in_(by_kind["phone"]), recent))
    if case_ids:
        wanted.append(and_(table.c.case_id.in_(case_ids), recent))
    if wanted:
        for callback in records(connection, Callback, table, or_(*wanted)):
            items.callbacks[callback.id] = callback


def _cases(connection: Connection, items: Items, people: set[str], case_ids: set[str], now: datetime) -> set[str]:
    """Puts in the cases and gives the ids of those that need their interactions: named, open or fresh ones."""
    table = schema.cases
    fresh = or_(
        table.c.state == CaseState.OPEN.value, table.c.active_at >= now - FRESH, table.c.closed_at >= now - FRESH
    )
    wanted: list[ColumnElement[bool]] = []
    if case_ids:
        wanted.append(table.c.id.in_(case_ids))
    if people:
        wanted.append(and_(table.c.contact_id.in_(people), fresh))
    if wanted and connection.dialect.name == "postgresql":
        # A stranger's reply joins a case by reference and shares no key with its contact: the rows themselves are held.
        connection.execute(select(table.c.id).where(or_(*wanted)).order_by(table.c.id).with_for_update())
    for case in records(connection, Case, table, or_(*wanted)) if wanted else []:
        items.cases[case.id] = case
    _follow(connection, items)
    full = set(items.cases)
    if people:
        old = select(table.c.id).where(table.c.contact_id.in_(people)).order_by(table.c.active_at.desc())
        ids = [row.id for row in connection.execute(old.limit(OLD_CASES * len(people))) if row.id not in full]
        for case in records(connection, Case, table, table.c.id.in_(ids)) if ids else []:
            items.cases[case.id] = case
    return full


def _follow(connection: Connection, items: Items) -> None:
    """Puts in the cases into which those that were found went."""
    table = schema.cases
    while away := {case.merged_into for case in items.cases.values() if case.merged_into} - items.cases.keys():
        where = table.c.id.in_(away)
        if connection.dialect.name == "postgresql":
            connection.execute(select(table.c.id).where(where).order_by(table.c.id).with_for_update())
        found = records(connection, Case, table, where)
        items.cases |= {case.id: case for case in found}
        if len(found) < len(away):  # a survivor that is not there leads nowhere
            return


def _fill(connection: Connection, items: Items, case_ids: set[str]) -> None:
    if not case_ids:
        return
    for interaction in _interactions(connection, schema.interactions.c.case_id.in_(case_ids), True):
        items.add_interaction(interaction)
    for clock in records(connection, ClockRecord, schema.clocks, schema.clocks.c.case_id.in_(case_ids)):
        items.clocks[clock.case_id][clock.id] = clock
    table = schema.callbacks
    open_ones = and_(table.c.case_id.in_(case_ids), table.c.state != "closed")
    for callback in records(connection, Callback, table, open_ones):
        items.callbacks[callback.id] = callback


def _people(connection: Connection, items: Items, contact_ids: set[str]) -> None:
    if contact_ids:
        for contact in records(connection, Contact, schema.contacts, schema.contacts.c.id.in_(contact_ids)):
            items.add_contact(contact)


def _webhooks(connection: Connection, items: Items, calls: set[str]) -> None:
    if not calls:
        return
    table = schema.journal
    for row in connection.execute(select(table).where(table.c.call_sid.in_(calls)).order_by(table.c.id)):
        items.webhooks[row.call_sid].append(
            WebhookEntry(
                id=row.id, received_at=row.received_at, route=row.route, step=row.step, fields=dict(row.fields)
            )
        )
    given = schema.answers
    for row in connection.execute(select(given).where(given.c.call_sid.in_(calls))):
        items.answers[row.call_sid][row.step] = row.body
