"""Statements on requests under an Idempotency-Key: what each key stands for, for a day. crm-ops.md LOG-8.

A request acts once: what it came to is noted in the commit in which it acts, and whoever comes under the same key waits
for that commit and finds it.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.change import CameTo
from commsd.errors import TryAgain
from commsd.store import crm_schema
from commsd.store.ask import ask

KEPT = timedelta(hours=24)
TRIES = 3
"""On PostgreSQL another node may let go of a key between our finding it taken and our reading of it."""

_REQUESTS = crm_schema.requests
_SOME: BindParameter[Any] = bindparam("some", expanding=True)
_STANDING = select(_REQUESTS.c.key, _REQUESTS.c.digest, _REQUESTS.c.came_to).where(_REQUESTS.c.key.in_(_SOME))


class Reserved(NamedTuple):
    """What a key stands for. digest: of the request; at: since when; fresh: since this very call."""

    digest: str
    at: datetime
    fresh: bool


class Acted(NamedTuple):
    """What a request came to; None: nothing. before: another one under its key acted, and this one did not."""

    came_to: str | None
    before: bool = False


def reserve(connection: Connection, key: str, digest: str, now: datetime) -> Reserved:
    """Let the key stand for this request, unless it stands for one already. Keys past their time go in passing.

    Raises TryAgain where the key was let go of again and again while we looked what it stands for.
    """
    connection.execute(delete(_REQUESTS).where(_REQUESTS.c.at <= now - KEPT))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"key": key, "digest": digest, "at": now}
    for _ in range(TRIES):
        made = connection.execute(dialect.insert(_REQUESTS).values(**row).on_conflict_do_nothing()).rowcount == 1
        asked = select(_REQUESTS.c.digest, _REQUESTS.c.at).where(_REQUESTS.c.key == key)
        known = connection.execute(asked).one_or_none()
        if known is not None:
            return Reserved(known.digest, known.at, made)
    raise let_go()


def standing(connection: Connection, requests: Collection[str]) -> dict[str, str | None]:
    """What those of these requests that their keys still stand for came to; None: nothing yet."""
    keys = [_parts(each)[0] for each in requests]
    known = ask(connection, _STANDING, some=keys)
    found: dict[str, str | None] = {f"{row.key}:{row.digest}": row.came_to for row in known}
    return {each: found[each] for each in requests if each in found}


def done(connection: Connection, request: str) -> str | None:
    """What this request came to; None while it has come to nothing."""
    return standing(connection, (request,)).get(request)


def came_to(connection: Connection, done: Iterable[CameTo]) -> None:
    """Note what requests came to, in the commit in which they did."""
    for each in done:
        connection.execute(update(_REQUESTS).where(_is(each.request)).values(came_to=each.id))


def once(connection: Connection, request: str | None, act: Callable[[Connection], str | None]) -> Acted:
    """Act, unless that was done under this request before; None: there is no key, so act.

    act: gives what it came to; None where it changed nothing. On PostgreSQL whoever else comes under the key waits here
    for our commit. Raises TryAgain where the key was let go of meanwhile.
    """
    if request is None:
        return Acted(act(connection))
    known = connection.execute(select(_REQUESTS.c.came_to).where(_is(request)).with_for_update()).one_or_none()
    if known is None:
        raise let_go()
    if known.came_to is not None:
        return Acted(known.came_to, before=True)
    result = act(connection)
    if result is not None:
        came_to(connection, (CameTo(request, result),))
    return Acted(result)


def let_go() -> TryAgain:
    """Nobody may act under a key that stands for nothing: a repeat could not know of it."""
    return TryAgain("another request under this Idempotency-Key was refused meanwhile", remedy="send this one again")


def release(connection: Connection, request: str, at: datetime) -> str | None:
    """The request was refused: its key stands for none, unless another one under it acted; then what that came to."""
    connection.execute(delete(_REQUESTS).where(_is(request), _REQUESTS.c.at == at, _REQUESTS.c.came_to.is_(None)))
    return done(connection, request)


def _is(request: str) -> ColumnElement[bool]:
    key, digest = _parts(request)
    return and_(_REQUESTS.c.key == key, _REQUESTS.c.digest == digest)


def _parts(request: str) -> tuple[str, str]:
    key, _, digest = request.partition(":")
    return key, digest
