"""The rules in force: every version ever accepted, oldest first, kept in the store with its calendars materialised.

A clock runs under the version of its start, so old verdicts never move; `versions` is all a decision needs of this.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, insert, select

from commsd.core.change import Terms
from commsd.core.policy import Version, as_json, from_json
from commsd.store import schema
from commsd.store.log import Log

log = structlog.get_logger()

BEGINNING = timedelta(days=3650)
"""The first version is in force from long before it was accepted, so that a mail from yesterday has a clock too."""


class Rules:
    """The rule versions of this deployment and the terms decisions are made under."""

    def __init__(self, log: Log, auto_close: timedelta = timedelta(days=7)) -> None:
        self._log = log
        self._auto_close = auto_close
        self._versions: tuple[Version, ...] = ()

    @property
    def terms(self) -> Terms:
        """What decisions need of the rules, as of now."""
        return Terms(versions=self._versions, auto_close=self._auto_close)

    async def load(self) -> None:
        """Read the accepted versions from the store."""
        self._versions = await self._log.read(accepted)

    async def bring_in(self, candidate: Version, files: Mapping[str, str], now: datetime) -> bool:
        """Put a version in force from now on for new clocks; False where it is the one in force already."""
        await self.load()
        if self._versions and self._versions[-1].id == candidate.id:
            return False
        start = now if self._versions else now - BEGINNING
        version = replace(candidate, effective_from=start, applies="new")
        await self._log.writer.write(lambda connection: _accept(connection, version, files, now))
        await self.load()
        log.info("rules.changed", version=version.id[:12], rules=len(version.rules))
        return True


def accepted(connection: Connection) -> tuple[Version, ...]:
    """All versions in the order in which they came in force."""
    table = schema.rule_versions
    rows = connection.execute(select(table.c.version).order_by(table.c.number)).all()
    return tuple(from_json(row.version) for row in rows)


def _accept(connection: Connection, version: Version, files: Mapping[str, str], now: datetime) -> None:
    connection.execute(
        insert(schema.rule_versions).values(
            id=version.id,
            accepted_at=now,
            effective_from=version.effective_from,
            applies=version.applies,
            files=dict(files),
            version=as_json(version),
        )
    )
