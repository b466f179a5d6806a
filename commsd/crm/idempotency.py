"""`Idempotency-Key` on every write: for a day it stands for one request, which acts once. crm-ops.md LOG-8.

Another request under it is refused. What the first came to is noted in the commit in which it acts; whoever asks for
the same under the key, late or at the same moment, changes nothing and is answered by that note.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request

from commsd.core.change import CameTo, Change
from commsd.core.key import of_request
from commsd.core.open_items import OpenItems
from commsd.crm.actions import Decide
from commsd.crm.fault import ActedBefore, Invalid, NoScope, SameKeyOtherBody
from commsd.errors import CommsdError, IllegalStep, NotFound, OtherRevision, Refused, Unreachable
from commsd.store import requests as rows
from commsd.store.log import Log
from commsd.world import World

HEADER = "idempotency-key"
REPLAYED = {"Idempotent-Replayed": "true"}
"""On an answer to a request that an earlier one under its key had carried out; not where that one came to nothing."""

LONGEST = 255
CHANGED_NOTHING = (Invalid, NoScope, NotFound, Refused, IllegalStep, OtherRevision)
"""Refusals after which the key is free again, for the request as it should have been."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under its key. key: hashed with whose it is."""

    key: str
    known: rows.Reserved

    @property
    def request(self) -> str:
        """The request as `CameTo` has it."""
        return f"{self.key}:{self.known.digest}"

    @property
    def repeated(self) -> bool:
        """Whether it was asked before, whatever came of that."""
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


async def must_be_new(log: Log, known: Asked | None) -> None:
    """Raises ActedBefore where it was asked before and came to something."""
    if known is None or not known.repeated:
        return
    came_to = await log.read(lambda connection: rows.done(connection, known.request))
    if came_to is not None:
        raise ActedBefore(came_to)


async def decided(
    log: Log, known: Asked | None, keys: Sequence[str], decide: Decide, came_to: Callable[[Change], str]
) -> Change:
    """Decide, once where the request has a key. came_to: the id of what is changed. Raises ActedBefore."""
    if known is None:
        return await log.decide(keys, decide)
    request = known.request

    def decide_once(items: OpenItems) -> Change:
        before = items.requests.get(request)
        if before is not None:
            raise ActedBefore(before)
        change = decide(items)
        if request not in items.requests:
            raise rows.let_go()
        return replace(change, came_to=(CameTo(request, came_to(change)),))

    return await log.decide((*keys, of_request(request)), decide_once)


async def noted(log: Log, known: Asked | None, came_to: str) -> None:
    """Note that a request which may be carried out twice has been. Raises ActedBefore where another was quicker."""
    if known is None:
        return
    request = known.request
    acted = await log.writer.write(lambda connection: rows.once(connection, request, lambda _: came_to))
    if acted.before:
        raise ActedBefore(acted.came_to or "")


async def after_refusal(log: Log, known: Asked, error: CommsdError) -> str | None:
    """What the refused request came to all the same, for another under its key was quicker; else None.

    The key of a fresh one that changed nothing then stands for none.
    """
    if isinstance(error, ActedBefore):
        return error.came_to
    if isinstance(error, Unreachable):
        return None
    if known.repeated or not isinstance(error, CHANGED_NOTHING):
        return await log.read(lambda connection: rows.done(connection, known.request))
    return await log.writer.write(lambda connection: rows.release(connection, known.request, known.known.at))
