"""`Idempotency-Key` on every write: for a day it stands for one request. crm-ops.md LOG-8.

Another request under it is refused. The same one is carried out again, and changes nothing: decisions find themselves
in the log under a key made here, or leave beside it whom they changed; everything else under /v1 comes to the same when
it is done twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request

from commsd.core.change import CameTo, Change
from commsd.core.contact import Contact
from commsd.core.open_items import OpenItems
from commsd.core.organisation import Organisation
from commsd.crm.actions import Decide
from commsd.crm.fault import Invalid, NoScope, SameKeyOtherBody
from commsd.errors import CommsdError, IllegalStep, NotFound, Refused
from commsd.store import requests as rows
from commsd.store.log import Log
from commsd.world import World

HEADER = "idempotency-key"
REPLAYED = {"Idempotent-Replayed": "true"}
LONGEST = 255
CHANGED_NOTHING = (Invalid, NoScope, NotFound, Refused, IllegalStep)
"""Refusals after which the key is free again, for the request as it should have been."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under its key. key: hashed with whose it is."""

    key: str
    known: rows.Reserved

    @property
    def logical(self) -> str:
        """Under which a decision is found again; after a day the same key is another."""
        return hashlib.sha256(f"{self.key}:{self.known.at.isoformat()}".encode()).hexdigest()

    @property
    def replayed(self) -> bool:
        """Whether it was asked before."""
        return not self.known.fresh


async def asked(log: Log, world: World, request: Request, caller: str) -> Asked | None:
    """What this request is; None where it has no key. Raises Invalid, SameKeyOtherBody."""
    given = request.headers.get(HEADER)
    if given is None:
        return None
    if not given.strip() or len(given) > LONGEST:
        raise Invalid("this Idempotency-Key cannot be used", remedy=f"send 1 to {LONGEST} characters, such as a UUID")
    key = hashlib.sha256(f"request\0{caller}\0{given}".encode()).hexdigest()
    what = f"{request.method} {request.url.path}?{request.url.query}".encode()
    digest = hashlib.sha256(what + b"\0" + await request.body()).hexdigest()
    now = world.now()
    known = await log.writer.write(lambda connection: rows.reserve(connection, key, digest, now))
    if known.digest != digest:
        what_else = "this Idempotency-Key was used for another request"
        raise SameKeyOtherBody(what_else, remedy="choose a new key for each new request")
    return Asked(key, known)


async def decided(log: Log, known: Asked | None, keys: Sequence[str], decide: Decide) -> Change | str:
    """Decide on a contact or an organisation; of a request that did so before, the id of which that was."""
    if known is None:
        return await log.decide(keys, decide)
    if known.replayed and (before := await log.read(lambda connection: rows.done(connection, known.key))):
        return before

    def noted(items: OpenItems) -> Change:
        change = decide(items)
        assert isinstance(change.result, Contact | Organisation)
        return replace(change, came_to=(CameTo(known.key, change.result.id),))

    try:
        return await log.decide(keys, noted)
    except CommsdError:  # perhaps because the first of them, which was under way, has come to its end
        before = await log.read(lambda connection: rows.done(connection, known.key)) if known.replayed else None
        if before is None:
            raise
        return before


async def refused(log: Log, known: Asked, error: CommsdError) -> None:
    """The key of a fresh request that was refused and changed nothing stands for none."""
    if not known.replayed and isinstance(error, CHANGED_NOTHING):
        await log.writer.write(lambda connection: rows.release(connection, known.key, known.known.at))
