"""Originals byte for byte, named by their hash: small ones with the decision that records them, large ones in parts."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, Executable, delete, insert, select, update

from commsd.core import key
from commsd.core.change import Change, OwedOriginal
from commsd.core.erasure import Erasure
from commsd.core.event import Event
from commsd.core.interaction import Interaction, Stored
from commsd.core.open_items import OpenItems
from commsd.errors import NotFound
from commsd.store import schema
from commsd.store.log import Log
from commsd.store.rows import OWED
from commsd.world import World

STAGED = "part:"
AFTER_ALL = "~"
"""Behind every id, so that names which begin alike are a stretch of the index; LIKE would walk through all notes."""


async def keep_original(log: Log, world: World, parts: AsyncIterator[bytes], media_type: str) -> Stored:
    """Keep bytes that come in parts, holding one at a time; the same bytes twice are kept once.

    Whatever goes wrong on the way, nothing of them stays.
    """
    staged = f"{STAGED}{world.new_id()}"
    digest, size, number = hashlib.sha256(), 0, 0
    table = schema.original_parts
    try:
        async for part in parts:
            statement = insert(table).values(sha256=staged, part=number, content=part)
            await log.writer.write(partial(_execute, statement=statement))
            digest.update(part)
            size, number = size + len(part), number + 1
        stored = Stored(digest.hexdigest(), media_type, size)
        now = world.now()
        await log.writer.write(lambda connection: _name(connection, staged, stored, now))
    except BaseException:
        log.writer.write(partial(_execute, statement=delete(table).where(table.c.sha256 == staged)))  # also cancelled
        raise
    return stored


async def owed_originals(log: Log, place: str) -> tuple[OwedOriginal, ...]:
    """The mails of a folder whose bytes are still to be fetched, oldest first."""
    return await log.read(lambda connection: owed_at(connection, place))


def is_owed(connection: Connection, interaction_id: str) -> bool:
    """Whether the bytes of this interaction are still to be fetched."""
    named = schema.notes.c.name == OWED + interaction_id
    return connection.execute(select(schema.notes.c.name).where(named)).first() is not None


def owed_at(connection: Connection, place: str) -> tuple[OwedOriginal, ...]:
    """As `owed_originals`."""
    table = schema.notes
    named = select(table.c.value).where(table.c.name > OWED, table.c.name < OWED + AFTER_ALL).order_by(table.c.name)
    values = connection.execute(named).scalars().all()
    return tuple(OwedOriginal(**value) for value in values if value["place"] == place)


async def settle_original(log: Log, owed: OwedOriginal, stored: Stored | None) -> None:
    """Write down where the bytes of a mail are kept; None: they cannot be had any more."""
    if stored is not None:
        named = key.of_interaction(owed.interaction_id)
        await log.decide((named,), lambda items: _with_original(items.known.get(named), stored, items))
    table = schema.notes
    done = delete(table).where(table.c.name == OWED + owed.interaction_id)
    await log.writer.write(partial(_execute, statement=done))


def _with_original(fact: Interaction | None, stored: Stored, items: OpenItems) -> Change:
    if fact is None or fact.original is not None:
        return Change()
    if fact.erased_at is not None:  # meanwhile: nothing of it may stay
        erasure = Erasure(at=items.now, by="machine", originals=(stored.sha256,))
        return Change(erasures=(erasure,))
    kept = replace(fact, revision=fact.revision + 1, original=stored, recorded_at=items.now)
    return Change(interactions=(kept,), events=(Event("interaction.updated", kept, items.now, "machine"),))


def _execute(connection: Connection, statement: Executable) -> None:
    connection.execute(statement)


async def original(log: Log, sha256: str) -> bytes:
    """The kept bytes of this hash. Raises NotFound."""
    content = await log.read(lambda connection: _read(connection, sha256))
    if content is None:
        raise NotFound("no original of this hash is kept", remedy="it may be past its retention")
    return content


def _name(connection: Connection, staged: str, stored: Stored, now: object) -> None:
    table, parts = schema.originals, schema.original_parts
    known = connection.execute(select(table.c.sha256).where(table.c.sha256 == stored.sha256)).one_or_none()
    if known:
        connection.execute(delete(parts).where(parts.c.sha256 == staged))
        return
    connection.execute(update(parts).where(parts.c.sha256 == staged).values(sha256=stored.sha256))
    row = {
        "sha256": stored.sha256,
        "media_type": stored.media_type,
        "size_bytes": stored.size_bytes,
        "content": None,
        "kept_at": now,
    }
    connection.execute(insert(table), [row])


def _read(connection: Connection, sha256: str) -> bytes | None:
    table, parts = schema.originals, schema.original_parts
    row = connection.execute(select(table.c.content).where(table.c.sha256 == sha256)).one_or_none()
    if row is None or row.content is not None:
        return bytes(row.content) if row else None
    pieces = connection.execute(select(parts.c.content).where(parts.c.sha256 == sha256).order_by(parts.c.part))
    return b"".join(bytes(piece.content) for piece in pieces)
