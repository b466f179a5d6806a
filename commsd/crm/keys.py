"""API keys: made, shown once, kept only as a hash, and what each may do.

`csd_<id>_<secret>_<crc>`: the id finds the row, the check sum tells a typing mistake from a wrong key. The secret has
256 random bits, so one SHA-256 is enough at rest.
"""

import base64
import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from commsd.crm.problem import NoKey, NoScope
from commsd.errors import Refused
from commsd.store import keys as rows
from commsd.store.log import Log
from commsd.world import World

SCOPES = (
    "events:read",
    "events:read:pii",
    "bodies:read",
    "interactions:write",
    "callbacks:write",
    "cases:write",
    "contacts:write",
    "admin",
)
"""What a key may be given; `admin` holds all others."""

LONGEST_NAME = 48

_KEY = re.compile(r"csd_([a-z2-7]{8})_([A-Za-z0-9_-]{43})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a key's name, or the name on a session, and what it may do."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether it holds the scope; `admin` holds every one."""
        return scope in self.scopes or "admin" in self.scopes

    def must(self, scope: str) -> None:
        """Raises NoScope where it may not."""
        if not self.may(scope):
            raise NoScope(
                f"the key '{self.name}' lacks the scope {scope}",
                remedy=f"make one that has it: commsd keys add NAME --scope {scope}",
            )


class Keys:
    """The keys of this deployment."""

    def __init__(self, log: Log, world: World) -> None:
        self._log = log
        self._world = world

    async def add(self, name: str, scopes: Iterable[str]) -> str:
        """Make a key and give its text, which nothing can show again. Raises Refused for a taken name."""
        wanted = tuple(dict.fromkeys(scopes))
        if unknown := sorted(set(wanted) - set(SCOPES)):
            raise Refused(f"no scope is called {', '.join(unknown)}", remedy=f"choose from {', '.join(SCOPES)}")
        if not name or len(name) > LONGEST_NAME:
            raise Refused("a key needs a name that people know it by", remedy=f"1 to {LONGEST_NAME} characters")
        if not wanted:
            raise Refused("a key without a scope may do nothing", remedy=f"name one of {', '.join(SCOPES)}")
        text = made(secrets.token_bytes(5), secrets.token_bytes(32))
        row = rows.KeyRow(
            id=text.split("_")[1],
            name=name,
            digest=digest(text),
            scopes=wanted,
            created_at=self._world.now(),
            revoked_at=None,
        )
        if not await self._log.writer.write(lambda connection: rows.insert_key(connection, row)):
            raise Refused(f"a key is called '{name}' already", remedy="choose another name, or revoke the old one")
        return text

    async def revoke(self, name: str) -> bool:
        """End a key; False where none in force has this name or id."""
        now = self._world.now()
        return await self._log.writer.write(lambda connection: rows.revoke_key(connection, name, now))

    async def all(self) -> tuple[rows.KeyRow, ...]:
        """Every key ever made, oldest first, without its secret."""
        return await self._log.read(rows.all_keys)

    async def caller(self, text: str) -> Caller:
        """Whose key this is. Raises NoKey for one that is mistyped, unknown or revoked."""
        found = _KEY.fullmatch(text.strip())
        if found is None or _crc(text.strip().rpartition("_")[0]) != found[3]:
            raise NoKey("this is not a whole key", remedy="copy it again: csd_ and three parts, without line breaks")
        row = await self._log.read(lambda connection: rows.key_row(connection, found[1]))
        known = row is not None and hmac.compare_digest(row.digest, digest(text.strip()))
        if row is None or not known or row.revoked_at is not None:
            raise NoKey("nobody knows this key, or it was revoked", remedy="make one: commsd keys add NAME --scope ...")
        return Caller(name=row.name, scopes=frozenset(row.scopes))


def made(name: bytes, secret: bytes) -> str:
    """The text of a key. name: 5 bytes that find it; secret: 32 random bytes."""
    body = f"csd_{base64.b32encode(name).decode().lower()}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"
    return f"{body}_{_crc(body)}"


def digest(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def _crc(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
