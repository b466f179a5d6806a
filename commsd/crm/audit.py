"""The audit: who was refused, who changed a key or a webhook, who read about people. A stream apart from the feed.

What a change tells of is written in the change's own transaction (`store.audit.note`). A refusal or a read is queued
behind all other work and not waited for: a process that is killed loses the last seconds of it, one that stops none.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from commsd.core.record import Json, instant
from commsd.store import audit as rows
from commsd.store import crm_schema
from commsd.store.log import Log
from commsd.store.writer import Row
from commsd.world import World

log = structlog.get_logger()

NOBODY = "nobody"
"""Who came without a key that is in force."""

READ, DENIED = "personal.read", "request.denied"
KEY_ADDED, KEY_ROTATED, KEY_REVOKED = "key.added", "key.rotated", "key.revoked"
WEBHOOK_CHANGED = "webhook.changed"
ORGANISATION_MERGED, ORGANISATION_DELETED = "organisation.merged", "organisation.deleted"
EXPORTED, ERASED = "contact.exported", "contact.erased"
SIGNED_IN = "session.begun"

DONE, REFUSED = "done", "refused"

MOST_WAITING = 10_000
"""Rows that wait for the database; while it is away, refusals must not fill the memory."""


@dataclass(slots=True)
class Audit:
    """Writes down what callers do."""

    log: Log
    world: World
    _waiting: set["asyncio.Future[Any]"] = field(default_factory=set)
    _dropped: int = 0

    def row(
        self,
        what: str,
        *,
        caller: str,
        outcome: str = DONE,
        route: str | None = None,
        scope: str | None = None,
        about: Iterable[str] = (),
    ) -> rows.AuditRow:
        """What happened, as of now. about: ids and nothing personal, each once."""
        return rows.AuditRow(
            at=self.world.now(),
            caller=caller,
            what=what,
            outcome=outcome,
            route=route,
            scope=scope,
            about=tuple(dict.fromkeys(about)),
        )

    def note(self, row: rows.AuditRow) -> None:
        """Write it down soon, and wait for nothing."""
        if len(self._waiting) >= MOST_WAITING:
            self._dropped += 1
            return
        work = Row(told=self.log.writer.promise(), table=crm_schema.audit, values=rows.values_of(row))
        self.log.writer.submit(work, bookkeeping=True)
        self._waiting.add(work.told)
        work.told.add_done_callback(self._written)

    async def write(self, row: rows.AuditRow) -> None:
        """Write it down, and return when it is durable: for what must not happen unseen."""
        await self.log.writer.insert(crm_schema.audit, rows.values_of(row))

    async def settled(self) -> None:
        """What was noted so far is durable."""
        if self._waiting:
            await asyncio.wait(set(self._waiting))

    def _written(self, told: "asyncio.Future[Any]") -> None:
        self._waiting.discard(told)
        if not told.cancelled() and (error := told.exception()) is not None:
            log.error("audit.lost", count=1, error=type(error).__name__)
        if self._dropped and not self._waiting:
            log.error("audit.lost", count=self._dropped, error="StoreAway")
            self._dropped = 0


def record_of(row: rows.AuditRow) -> Json:
    """A row for programs."""
    return {
        "id": row.id,
        "at": instant(row.at),
        "caller": row.caller,
        "what": row.what,
        "outcome": row.outcome,
        "route": row.route,
        "scope": row.scope,
        "about": list(row.about),
    }
