"""OAuth tokens at rest: one row an account, sealed with a key made from the house's, replaced only by who read it last.

A copy of the database lets nobody into a mailbox. What the tokens mean and when they are renewed is for channels/mail.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.store import schema
from commsd.store.log import Log

PURPOSE = b"oauth-tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The tokens of one account. access "" and refresh "": none. failed: why the provider gives no more.

    expires_at: of the access token. refresh_expires_at: None where the provider does not tell. fence: counts changes.
    """

    account: str
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    expires_at: datetime | None = None
    refresh_expires_at: datetime | None = None
    refreshed_at: datetime | None = None
    failed: str | None = None
    fence: int = 0


class Tokens:
    """What is kept of every account. key: the house's; under another one, what was kept counts as none."""

    def __init__(self, log: Log, key: bytes) -> None:
        self._log, self._key = log, key

    def account(self, *parts: str) -> str:
        """The name of a row: the same for the same parts, and nothing can be read from it."""
        return hmac.new(
            self._key, b"\0".join([PURPOSE, *(part.encode() for part in parts)]), hashlib.sha256
        ).hexdigest()

    async def read(self, account: str) -> Kept | None:
        """The tokens as they are now. Raises StoreAway."""
        table = schema.oauth_tokens
        row = await self._log.read(lambda c: c.execute(select(table).where(table.c.account == account)).one_or_none())
        if row is None:
            return None
        sealed = self._unsealed(row.sealed) if row.sealed else {}
        return Kept(
            account=account,
            access=sealed.get("access", ""),
            refresh=sealed.get("refresh", ""),
            expires_at=row.expires_at,
            refresh_expires_at=row.refresh_expires_at,
            refreshed_at=row.refreshed_at,
            failed=row.failed,
            fence=row.fence,
        )

    async def replace(self, kept: Kept) -> bool:
        """Write it in place of the one with this fence, and count on; False where somebody else was quicker."""
        row = {
            "sealed": self._sealed({"access": kept.access, "refresh": kept.refresh}),
            "expires_at": kept.expires_at,
            "refresh_expires_at": kept.refresh_expires_at,
            "refreshed_at": kept.refreshed_at,
            "failed": kept.failed,
            "fence": kept.fence + 1,
        }
        return await self._log.writer.write(lambda connection: _replace(connection, kept.account, kept.fence, row))

    def _sealed(self, secrets: Mapping[str, str]) -> bytes:
        return bytes(_fernet(self._key).encrypt(orjson.dumps(secrets)))

    def _unsealed(self, sealed: bytes) -> dict[str, str]:
        from cryptography.fernet import InvalidToken  # costs 40 ms, and most houses use no OAuth

        try:
            opened: dict[str, str] = orjson.loads(_fernet(self._key).decrypt(bytes(sealed)))
        except InvalidToken:
            return {}
        return opened


def _fernet(key: bytes) -> Any:
    from cryptography.fernet import Fernet

    return Fernet(base64.urlsafe_b64encode(hmac.new(key, PURPOSE + b"\0seal", hashlib.sha256).digest()))


def _replace(connection: Connection, account: str, fence: int, row: Mapping[str, Any]) -> bool:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    table = schema.oauth_tokens
    if fence == 0:
        made = dialect.insert(table).values(account=account, **row).on_conflict_do_nothing()
        return bool(connection.execute(made).rowcount)
    ours = and_(table.c.account == account, table.c.fence == fence)
    return bool(connection.execute(update(table).where(ours).values(**row)).rowcount)
