"""Reading and writing who wants no texts, and who was blocked, also of numbers that are no longer known.

Who was erased is not texted again, and not rung back where they were blocked: of the number a hash is left, by which it
is known once it turns up. Numbers are few, so the hash is slow and salted for this store: trying all of one country
takes months, and ours is one a caller.
"""

import hashlib
import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.opt_out import OptOut
from commsd.store import schema
from commsd.store.ask import ask
from commsd.store.bulk import Values, upsert
from commsd.store.phone_schema import opt_outs as table

SALT = "opt-outs.salt"
"""The note without which no number was erased yet."""

VEILED = "~"
"""How a hash begins in place of a number."""

_DIGITS = 19
_WORK = 2**14
"""Of scrypt: about 40 ms and 16 MB."""

_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
_OF = select(table).where(table.c.number.in_(_NUMBERS))
_SALT = select(schema.notes.c.value).where(schema.notes.c.name == SALT)


def opt_outs(connection: Connection, numbers: Sequence[str]) -> tuple[OptOut, ...]:
    """Those of these numbers, on any channel, each once."""
    if not numbers:
        return ()
    names = {number: number for number in numbers} | _veils(connection, numbers)
    rows = [row._asdict() for row in ask(connection, _OF, numbers=list(names))]
    rows.sort(key=lambda row: not str(row["number"]).startswith(VEILED))  # what was said since then counts
    found = {(names[row["number"]], row["channel"]): row for row in rows}
    return tuple(OptOut(**row | {"number": number}) for (number, _), row in found.items())


def keep_opt_outs(connection: Connection, changed: Sequence[OptOut]) -> None:
    """Write these in their order; one that is lifted goes."""
    last = {(each.number, each.channel): each for each in changed}
    for (number, channel), each in last.items():
        if each.lifted:
            names = (number, *_veils(connection, (number,)))
            connection.execute(delete(table).where(table.c.number.in_(names), table.c.channel == channel))
    kept = [
        {
            "number": each.number,
            "channel": each.channel,
            "since": each.since,
            "word": each.word[:64],
            "interaction_id": each.interaction_id,
        }
        for each in last.values()
        if not each.lifted
    ]
    upsert(connection, table, kept, "number", "channel")


def veil(connection: Connection, numbers: Sequence[str]) -> None:
    """Whoever of these wants no texts or calls is known by a hash alone from now on."""
    rows = [row._asdict() for row in ask(connection, _OF, numbers=list(numbers))]
    if not rows:
        return
    _salted(connection)
    names = {number: veiled for veiled, number in _veils(connection, [row["number"] for row in rows]).items()}
    veiled: list[Values] = [row | {"number": names[row["number"]]} for row in rows]
    upsert(connection, table, veiled, "number", "channel")
    connection.execute(delete(table).where(table.c.number.in_(list(names))))


def _salted(connection: Connection) -> None:
    """There is a salt; of two that are made at once the first."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"name": SALT, "value": secrets.token_hex(16)}
    connection.execute(dialect.insert(schema.notes).values(**row).on_conflict_do_nothing())


def _veils(connection: Connection, numbers: Sequence[str]) -> dict[str, str]:
    """Hash -> number; none at all while nobody was erased."""
    salt = connection.execute(_SALT).scalar()
    return {_veil(salt, number): number for number in numbers} if isinstance(salt, str) else {}


@lru_cache(maxsize=4096)
def _veil(salt: str, number: str) -> str:
    hashed = hashlib.scrypt(number.encode(), salt=bytes.fromhex(salt), n=_WORK, r=8, p=1, dklen=_DIGITS)
    return VEILED + hashed.hex()[:_DIGITS]
