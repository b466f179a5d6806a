"""What there is of a person: the records that are theirs, what is owed to them, and where others name them.

Read for an export and before an erasure. A contact stands for all that were merged into it. Nothing here writes.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, and_, cast, func, or_, select

from commsd.core.contact import Identity, identity_of
from commsd.core.erasure import OVER_SEVERAL, quotes
from commsd.core.interaction import DeliveryState
from commsd.core.key import PEOPLE
from commsd.store import crm_schema, dialling, schema
from commsd.store.rows import external_key

AT_ONCE = 500
STRETCH = 20_000
"""So many interactions of others are looked through in one reading, so that nobody waits for it."""

_UNDER_WAY = (DeliveryState.SENDING.value, DeliveryState.TAKEN.value)
_LIVE = ("dialling", "talking")
_THEIRS = ("from", "caller", "callee", "reply_to")
"""Roles in which the person stands, in what they wrote or rang: `callee` is the number they asked to be rung on."""

SID = "twilio."
TEXT = "message:"
"""How the journal's names of texts begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongings:
    """All ids, oldest first. contacts: the person's, the living one first.

    interactions, cases, callbacks: in which something of the person may stand. addresses, numbers: in normal form.
    calls: under which webhooks stand in the journal. originals: hashes of all the bytes kept for them; texts: those
    that another's record could name too, because few people write at length on a telephone.
    gone: all contacts were erased.
    """

    contacts: tuple[str, ...]
    interactions: tuple[str, ...]
    cases: tuple[str, ...]
    callbacks: tuple[str, ...]
    addresses: frozenset[str]
    numbers: frozenset[str]
    calls: frozenset[str]
    originals: frozenset[str]
    texts: frozenset[str]
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What is still owed to somebody. cases: with a clock that somebody must act on. under_way: nobody can stop it."""

    cases: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    under_way: bool = False


def known(connection: Connection, contact_ids: Sequence[str]) -> tuple[str, ...]:
    """Those of these ids that are a contact's, in their order."""
    column = schema.contacts.c.id
    found = set(_column(connection, column, column, contact_ids))
    return tuple(each for each in contact_ids if each in found)


def belongings(connection: Connection, people: Sequence[str], *, left: bool = False) -> Belongings:
    """What there is of these contacts. left: only what was not erased yet."""
    cases = _column(connection, schema.cases.c.id, schema.cases.c.contact_id, people)
    facts = _interactions(connection, people, cases)
    calls = _callbacks(connection, people, cases)
    parties, addresses, numbers = _sides(connection, facts), set[str](), set[str]()
    theirs = {*_identities(connection, people), *(identity for mine, identity in parties if mine)}
    _sort(theirs - _of_others(connection, theirs, people), addresses, numbers)
    numbers |= {row.number for row in calls if row.number}
    bare = _records(connection, facts)
    gone = crm_schema.erasures.c.contact_id
    hashes = {(each["sha256"], each["media_type"]) for each in _stored(connection, facts, bare)}
    return Belongings(
        contacts=tuple(people),
        interactions=tuple(facts) if not left else _left(bare, facts),
        cases=tuple(cases) if not left else _unerased(connection, schema.cases, cases),
        callbacks=tuple(row.id for row in calls if not (left and row.record.get("erased_at"))),
        addresses=frozenset(addresses),
        numbers=frozenset(numbers),
        calls=frozenset((*_sids(bare), *_attempted(row.record for row in calls))),
        originals=frozenset(digest for digest, _ in hashes),
        texts=_texts(hashes) | _shared(connection, bare, facts),
        gone=set(_column(connection, gone, gone, people)) == set(people),
    )


def owed(connection: Connection, mine: Belongings) -> Owed:
    """What nobody may forget by erasing."""
    clock, call, sent, fact = schema.clocks, schema.callbacks, schema.deliveries, schema.interactions
    late: list[str] = []
    open_calls: list[str] = []
    live = _quoted(connection, mine)
    for some in _pieces(mine.cases):
        late += connection.execute(
            select(clock.c.case_id).where(clock.c.case_id.in_(some), clock.c.owed).distinct()
        ).scalars()
        under_way = and_(sent.c.case_id.in_(some), sent.c.state.in_(_UNDER_WAY))
        live = live or connection.execute(select(sent.c.id).where(under_way).limit(1)).first() is not None
    for some in _pieces(mine.callbacks):
        rows = connection.execute(
            select(call.c.id, call.c.state).where(call.c.id.in_(some), call.c.state != "closed")
        ).all()
        open_calls += [row.id for row in rows]
        live = live or any(row.state in _LIVE for row in rows)
    for some in _pieces(mine.interactions):
        pending = and_(fact.c.id.in_(some), fact.c.current, fact.c.kind == "call", fact.c.outcome == "pending")
        live = live or connection.execute(select(fact.c.id).where(pending).limit(1)).first() is not None
        under_way = and_(sent.c.interaction_id.in_(some), sent.c.state.in_(_UNDER_WAY))
        live = live or connection.execute(select(sent.c.id).where(under_way).limit(1)).first() is not None
    return Owed(cases=tuple(late), callbacks=tuple(open_calls), under_way=live)


def _quoted(connection: Connection, mine: Belongings) -> bool:
    """Whether a notice over several cases that quotes them leaves at this moment."""
    sent = schema.deliveries
    leaving = and_(sent.c.case_id.is_(None), sent.c.kind.in_(OVER_SEVERAL), sent.c.state.in_(_UNDER_WAY))
    said = (*mine.addresses, *mine.cases, *mine.callbacks)
    payloads = connection.execute(select(sent.c.payload).where(leaving, sent.c.payload.is_not(None))).scalars()
    return any(quotes(payload, said, mine.numbers) for payload in payloads)


def open_cases(connection: Connection, cases: Sequence[str]) -> tuple[str, ...]:
    """Those of these cases that are open."""
    table = schema.cases
    wanted = (select(table.c.id).where(table.c.id.in_(some), table.c.state == "open") for some in _pieces(cases))
    return tuple(each for statement in wanted for each in connection.execute(statement).scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What one stretch of the log says of a person beside their own. upto: where it ended; None: that was the last."""

    upto: str | None
    mentions: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()


def elsewhere(connection: Connection, *, mine: Belongings, after: str, size: int = STRETCH) -> Elsewhere:
    """Interactions of others behind `after` that name an address or number, and which of the texts they need too."""
    table, side = schema.interactions, schema.personal
    ids = select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(size).subquery()
    upto = connection.execute(select(func.max(ids.c.id))).scalar()
    if upto is None:
        return Elsewhere(upto=None)
    needles = [*mine.addresses, *mine.numbers, *mine.texts]
    text = func.lower(cast(side.c.fields, Text))
    within = and_(side.c.thing == "interaction", side.c.id > after, side.c.id <= upto)
    rows = (
        connection.execute(
            select(side.c.id, side.c.fields).where(within, or_(*(text.contains(n, autoescape=True) for n in needles)))
        ).all()
        if needles
        else ()
    )
    own = frozenset(mine.interactions)
    others = [row for row in rows if row.id not in own]
    gone = mine.addresses | mine.numbers
    mentions = dict.fromkeys(row.id for row in others if any(_is(p, gone) for p in row.fields.get("/parties") or ()))
    named = {each["sha256"] for row in others for each in row.fields.get("/attachments") or ()}
    if mine.texts:
        digest = table.c.record["raw", "sha256"].as_string()
        kept = select(table.c.id, digest).where(table.c.id > after, table.c.id <= upto, digest.in_(mine.texts))
        named |= {row[1] for row in connection.execute(kept) if row.id not in own}
    return Elsewhere(upto=upto, mentions=tuple(mentions), named=frozenset(named) & mine.texts)


def _is(party: dict[str, Any], gone: Collection[str]) -> bool:
    identity = identity_of(party["address"])
    return identity is not None and identity.value in gone


def idle(connection: Connection, since: datetime, after: str, limit: int) -> tuple[str, ...]:
    """Contacts by id, behind `after`, of whom nobody heard since then and who are not erased yet.

    Not those that another system knows too, for it says how long it needs them.
    """
    table, fact, known, told = schema.contacts, schema.interactions, schema.identities, schema.feed
    merged, gone = crm_schema.merged_contacts, crm_schema.erasures
    stamp = f"{int(since.timestamp() * 1000):012x}"  # ids rise with time: they are UUIDv7
    busy = (
        select(fact.c.id).where(fact.c.contact_id == table.c.id, fact.c.recorded_at >= since),
        select(told.c.seq).where(told.c.subject == table.c.id, told.c.recorded_at >= since),
        select(known.c.value).where(known.c.contact_id == table.c.id, known.c.kind.not_in(PEOPLE)),
        select(merged.c.contact_id).where(merged.c.contact_id == table.c.id),
        select(gone.c.contact_id).where(gone.c.contact_id == table.c.id),
    )
    old = and_(table.c.id > after, table.c.id < f"{stamp[:8]}-{stamp[8:]}")
    wanted = and_(old, *(~each.exists() for each in busy))
    return tuple(connection.execute(select(table.c.id).where(wanted).order_by(table.c.id).limit(limit)).scalars())


def heard_of(connection: Connection, people: Sequence[str], since: datetime) -> bool:
    """Whether any of these contacts wrote, rang or was answered since then, or has a case that is open."""
    fact, case = schema.interactions, schema.cases
    heard = select(fact.c.id).where(fact.c.contact_id.in_(people), fact.c.recorded_at >= since).limit(1)
    waits = select(case.c.id).where(case.c.contact_id.in_(people), case.c.state == "open").limit(1)
    return any(connection.execute(each).first() is not None for each in (heard, waits))


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _column(connection: Connection, wanted: Any, column: Any, values: Sequence[str]) -> list[str]:
    found = (
        connection.execute(select(wanted).where(column.in_(some)).distinct()).scalars() for some in _pieces(values)
    )
    return sorted({each for part in found for each in part})


def _interactions(connection: Connection, people: Sequence[str], cases: Sequence[str]) -> list[str]:
    """Theirs in any revision, and what stands in their cases under nobody's name."""
    table = schema.interactions
    found = set(_column(connection, table.c.id, table.c.contact_id, people))
    for some in _pieces(cases):
        nobodys = and_(table.c.case_id.in_(some), table.c.current, table.c.contact_id.is_(None))
        found |= set(connection.execute(select(table.c.id).where(nobodys)).scalars())
    return sorted(found)


def _callbacks(connection: Connection, people: Sequence[str], cases: Sequence[str]) -> list[Any]:
    table, rows = schema.callbacks, list[Any]()
    for some in _pieces(cases):
        rows += connection.execute(select(table.c.id, table.c.number, table.c.record).where(table.c.case_id.in_(some)))
    return [row for row in rows if row.record.get("contact_id") in (None, *people)]


def _identities(connection: Connection, people: Sequence[str]) -> Iterable[Identity]:
    """All they ever were known by, in any revision."""
    side = schema.personal
    for some in _pieces(people):
        rows = connection.execute(select(side.c.fields).where(side.c.thing == "contact", side.c.id.in_(some))).scalars()
        for fields in rows:
            yield from (Identity(**each) for each in (*fields.get("/identities", ()), *fields.get("/shared", ())))


def _sides(connection: Connection, facts: Sequence[str]) -> list[tuple[bool, Identity]]:
    """The parties of these interactions, and whether they stand where the person does."""
    side, table = schema.personal, schema.interactions
    found: set[tuple[bool, Identity]] = set()
    for some in _pieces(facts):
        same = and_(table.c.id == side.c.id, table.c.revision == side.c.revision)
        rows = connection.execute(
            select(side.c.fields, table.c.direction)
            .select_from(side.join(table, same))
            .where(side.c.thing == "interaction", side.c.id.in_(some))
        )
        for row in rows:
            for party in row.fields.get("/parties") or ():
                theirs = row.direction == "inbound" and party["role"] in _THEIRS
                if identity := identity_of(party["address"]):
                    found.add((theirs, identity))
    return sorted(found)


def _of_others(connection: Connection, identities: Iterable[Identity], people: Collection[str]) -> set[Identity]:
    """Those of these identities by which somebody else is known now."""
    table, found = schema.identities, set[Identity]()
    by_kind: dict[str, list[str]] = {}
    for identity in identities:
        by_kind.setdefault(identity.kind, []).append(identity.value)
    for kind, values in by_kind.items():
        for some in _pieces(values):
            rows = connection.execute(select(table).where(table.c.kind == kind, table.c.value.in_(some)))
            found |= {Identity(row.kind, row.value) for row in rows if row.contact_id not in people}
    return found


def _sort(identities: Iterable[Identity], addresses: set[str], numbers: set[str]) -> None:
    for identity in identities:
        if identity.kind == "email":
            addresses.add(identity.value)
        elif identity.kind == "phone":
            numbers.add(identity.value)


def _records(connection: Connection, facts: Sequence[str]) -> list[dict[str, Any]]:
    table = schema.interactions
    return [
        record
        for some in _pieces(facts)
        for record in connection.execute(select(table.c.record).where(table.c.id.in_(some))).scalars()
    ]


def _left(bare: Sequence[dict[str, Any]], facts: Sequence[str]) -> tuple[str, ...]:
    """Those with a revision from which the person was not taken."""
    theirs = {record["id"] for record in bare if not record.get("erased_at")}
    return tuple(each for each in facts if each in theirs)


def _unerased(connection: Connection, table: Any, ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        row.id
        for some in _pieces(ids)
        for row in connection.execute(select(table.c.id, table.c.record).where(table.c.id.in_(some)))
        if not row.record.get("erased_at")
    )


def _stored(connection: Connection, facts: Sequence[str], bare: Sequence[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The bytes kept for these interactions, in any revision."""
    yield from (record["raw"] for record in bare if record.get("raw"))
    side = schema.personal
    for some in _pieces(facts):
        its = and_(side.c.thing == "interaction", side.c.id.in_(some))
        for fields in connection.execute(select(side.c.fields).where(its)).scalars():
            yield from fields.get("/attachments") or ()


def _texts(hashes: Iterable[tuple[str, str]]) -> frozenset[str]:
    return frozenset(digest for digest, kind in hashes if kind.startswith("text/"))


def _shared(connection: Connection, bare: Sequence[dict[str, Any]], facts: Sequence[str]) -> frozenset[str]:
    """Hashes of mails that are somebody else's record too: one answer to two customers."""
    known, found = schema.external_ids, set[str]()
    mails = {external_key(x["system"], x["id"]): r["raw"]["sha256"] for r in bare if r.get("raw") for x in _ids(r)}
    for some in _pieces(list(mails)):
        rows = connection.execute(select(known).where(known.c.key.in_(some)))
        found |= {mails[row.key] for row in rows if row.interaction_id not in facts}
    return frozenset(found)


def _ids(record: dict[str, Any]) -> Sequence[dict[str, str]]:
    return record.get("external_ids") or ()


def _sids(bare: Iterable[dict[str, Any]]) -> Iterator[str]:
    for each in (each for record in bare for each in _ids(record) if each["system"].startswith(SID)):
        yield from (each["id"], f"{TEXT}{each['id']}")


def _attempted(callbacks: Iterable[dict[str, Any]]) -> Iterator[str]:
    for attempt in (attempt for record in callbacks for attempt in record.get("attempts") or ()):
        yield from (sid for sid in (attempt.get("call_sid"), attempt.get("customer_sid")) if sid)
        if attempt.get("id"):
            yield f"{dialling.NAME}{attempt['id']}"
