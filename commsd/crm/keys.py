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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import Connection

from commsd.crm import audit
from commsd.crm.audit import Audit
from commsd.crm.fault import NoKey, NoScope, WrongNetwork
from commsd.errors import NotFound, Refused
from commsd.store import audit as audit_rows
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
LOOKED_EVERY = timedelta(seconds=5)
"""How soon a stream notices that its key has ended; of a thousand streams of one key, one asks the store."""

USED_EVERY = timedelta(minutes=1)
"""How exactly it is known when a key was last used: a row for each request would cost more than the request."""

CLI = "cli"
"""Who acts at the command line of this machine."""

_KEY = re.compile(r"csd_([a-z2-7]{8})_([A-Za-z0-9_-]{43})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: a key's name, or the name on a session, and what it may do.

    key_id: of the key, "" for a session's link. seen: ids of what was shown of people, for the audit.
    """

    name: str
    scopes: frozenset[str]
    key_id: str = ""
    seen: list[str] = field(default_factory=list, compare=False, repr=False)

    @property
    def as_audited(self) -> str:
        """What the audit calls it."""
        return f"{'key' if self.key_id else 'session'}:{self.name}"

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

    def saw(self, *about: str) -> None:
        """Personal data of these was shown to it: ids, or a span such as "events:12-90"."""
        self.seen.extend(about)


class Keys:
    """The keys of this deployment."""

    def __init__(self, log: Log, world: World) -> None:
        self._log = log
        self._world = world
        self._audit = Audit(log, world)
        self._used: dict[str, datetime] = {}
        self._good: dict[str, tuple[datetime, bool]] = {}

    async def add(
        self,
        name: str,
        scopes: Iterable[str],
        *,
        expires_at: datetime | None = None,
        networks: Iterable[str] = (),
        by: str = CLI,
    ) -> str:
        """Make a key and give its text, which nothing can show again. Raises Refused for a taken name.

        networks: from which it is good, such as "192.0.2.0/24"; none: from everywhere. by: for the audit.
        """
        wanted = tuple(dict.fromkeys(scopes))
        if unknown := sorted(set(wanted) - set(SCOPES)):
            raise Refused(f"no scope is called {', '.join(unknown)}", remedy=f"choose from {', '.join(SCOPES)}")
        if not name.strip() or len(name) > LONGEST_NAME:
            raise Refused("a key needs a name that people know it by", remedy=f"1 to {LONGEST_NAME} characters")
        if not wanted:
            raise Refused("a key without a scope may do nothing", remedy=f"name one of {', '.join(SCOPES)}")
        if expires_at is not None and expires_at <= self._world.now():
            raise Refused("the key would be over before it begins", remedy="name a time that is still to come")
        text, row = self._made(name, wanted, expires_at, tuple(map(_network, networks)))
        told = self._audit.row(audit.KEY_ADDED, caller=by, scope=" ".join(wanted)[:32], about=[row.id])

        def insert(connection: Connection) -> bool:
            made = rows.insert_key(connection, row)
            if made:
                audit_rows.note(connection, told)
            return made

        if not await self._log.writer.write(insert):
            raise Refused(f"a key is called '{name}' already", remedy="choose another name, or revoke the old one")
        return text

    async def rotate(self, name: str, old_until: datetime, *, by: str = CLI) -> str:
        """A new key with the name, scopes and networks of one in force, which itself is good until then.

        Raises NotFound; Refused where the former one still runs out.
        """
        known = await self.all()
        live = [row for row in known if row.revoked_at is None and _name(row) == name]
        old = next((row for row in live if row.name == name), None)
        if old is None:
            raise NotFound(f"no key in force is called {name}", remedy="list them: commsd keys list")
        now = self._world.now()
        if any(row.expires_at and row.expires_at > now for row in live if row is not old):
            raise Refused(
                f"two keys called '{name}' are good already",
                remedy=f"revoke the older one by its id, which `commsd keys list` shows: {live[0].id}",
            )
        text, new = self._made(name, old.scopes, old.expires_at, old.networks)
        ends = min(filter(None, (old.expires_at, old_until)))
        told = self._audit.row(audit.KEY_ROTATED, caller=by, about=[old.id, new.id])

        def swap(connection: Connection) -> bool:
            if not rows.retire_key(connection, old.id, ends):
                return False
            audit_rows.note(connection, told)
            return rows.insert_key(connection, new)

        if not await self._log.writer.write(swap):
            raise Refused(f"the key '{name}' was changed meanwhile", remedy="look at it: commsd keys list")
        return text

    async def revoke(self, name: str, *, by: str = CLI) -> bool:
        """End a key, by its name with the one it was rotated from, or one by its id; False where none is in force."""
        now = self._world.now()

        def revoke(connection: Connection) -> bool:
            ended = rows.revoke_key(connection, name, now)
            if ended:
                audit_rows.note(connection, self._audit.row(audit.KEY_REVOKED, caller=by, about=ended))
            return bool(ended)

        return await self._log.writer.write(revoke)

    async def all(self) -> tuple[rows.KeyRow, ...]:
        """Every key ever made, oldest first, without its secret."""
        return await self._log.read(rows.all_keys)

    async def caller(self, text: str, address: str | None = None) -> Caller:
        """Whose key this is. address: where it comes from.

        Raises NoKey for one that is mistyped, unknown, revoked or over; WrongNetwork.
        """
        found = _KEY.fullmatch(text.strip())
        if found is None or _crc(text.strip().rpartition("_")[0]) != found[3]:
            raise NoKey("this is not a whole key", remedy="copy it again: csd_ and three parts, without line breaks")
        row = await self._log.read(lambda connection: rows.key_row(connection, found[1]))
        known = row is not None and hmac.compare_digest(row.digest, digest(text.strip()))
        if row is None or not known or row.revoked_at is not None:
            raise NoKey("nobody knows this key, or it was revoked", remedy="make one: commsd keys add NAME --scope ...")
        now = self._world.now()
        if row.expires_at is not None and row.expires_at <= now:
            raise NoKey(f"the key '{_name(row)}' is over", remedy="make another: commsd keys add NAME --scope ...")
        if row.networks and not _within(address, row.networks):
            raise WrongNetwork(
                f"the key '{_name(row)}' is not good from here",
                remedy="use it from the networks it was made for, or make one for yours: commsd keys add --network",
            )
        self._note_use(row, now)
        return Caller(name=_name(row), scopes=frozenset(row.scopes), key_id=row.id)

    async def still_good(self, caller: Caller) -> bool:
        """Whether whoever was let in would be let in now, as of a few seconds ago; for answers that take their time."""
        now = self._world.now()
        looked, good = self._good.get(caller.key_id, (now - LOOKED_EVERY, False))
        if now - looked >= LOOKED_EVERY:
            row = await self._log.read(lambda connection: rows.key_row(connection, caller.key_id))
            good = row is not None and row.revoked_at is None and not (row.expires_at and row.expires_at <= now)
            self._good[caller.key_id] = now, good
        return good

    def _made(
        self, name: str, scopes: tuple[str, ...], expires_at: datetime | None, networks: tuple[str, ...]
    ) -> tuple[str, rows.KeyRow]:
        text = made(secrets.token_bytes(5), secrets.token_bytes(32))
        row = rows.KeyRow(
            id=id_of(text),
            name=name,
            digest=digest(text),
            scopes=scopes,
            created_at=self._world.now(),
            revoked_at=None,
            expires_at=expires_at,
            networks=networks,
        )
        return text, row

    def _note_use(self, row: rows.KeyRow, now: datetime) -> None:
        last = max(filter(None, (row.last_used_at, self._used.get(row.id))), default=None)
        if last is not None and now - last < USED_EVERY:
            return
        self._used[row.id] = now
        key_id = row.id
        self._log.writer.write(lambda connection: rows.note_use(connection, key_id, now), bookkeeping=True)


def _name(row: rows.KeyRow) -> str:
    """Its name; of one that was rotated or revoked, the name it had."""
    return row.name.removesuffix(f" {row.id}")


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise Refused(f"'{text}' is no network", remedy="write one such as 192.0.2.0/24 or 2001:db8::/32") from error


def _within(address: str | None, networks: Iterable[str]) -> bool:
    try:
        known = ip_address((address or "").partition("%")[0])
    except ValueError:
        return False
    known = getattr(known, "ipv4_mapped", None) or known
    return any(known in ip_network(network) for network in networks)


def made(name: bytes, secret: bytes) -> str:
    """The text of a key. name: 5 bytes that find it; secret: 32 random bytes."""
    body = f"csd_{base64.b32encode(name).decode().lower()}_{base64.urlsafe_b64encode(secret).decode().rstrip('=')}"
    return f"{body}_{_crc(body)}"


def id_of(text: str) -> str:
    """The id of a key by its text."""
    return text.split("_")[1]


def digest(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).hexdigest()


def _crc(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
