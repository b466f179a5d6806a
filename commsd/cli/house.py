"""The store as a command opens it: with an engine of its own, while the daemon runs or is stopped.

Nothing here starts a duty or migrates; a database that is behind is refused with what to do.
"""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import typer

from commsd.channels.mail.account import MailSettings
from commsd.cli.place import folder
from commsd.cli.unwritable import unwritable
from commsd.config.load import load
from commsd.config.read import did_you_mean
from commsd.config.settings import Config
from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.open_items import OpenItems, Terms
from commsd.errors import ConfigError, Refused, TryAgain, Unreachable
from commsd.sla.rules.in_force import Rules
from commsd.store.engine import Engine, is_unavailable, open_engine, ping
from commsd.store.log import Log
from commsd.world import World, real_world

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds a command waits for its one decision to be committed."""

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What a command works with."""

    config: Config
    log: Log
    rules: Rules
    world: World

    @property
    def zone(self) -> ZoneInfo:
        """The zone times are printed and understood in."""
        return self.config.firm.zone

    async def terms(self) -> Terms:
        """The rules in force; those of the files where no daemon has brought any in yet."""
        if not self.rules.terms.versions:
            await self.rules.bring_in(self.config.version, self.config.sla_files, self.world.now())
        return self.rules.terms

    async def decide(self, keys: Sequence[str], f: Callable[[OpenItems], Change]) -> Change:
        """One decision, committed. Raises TryAgain where the store takes no writes in time."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.log.decide(keys, f)
        except TimeoutError:
            raise TryAgain(
                f"the store took no write within {PATIENCE:.0f} s",
                remedy="look whether it was written after all, then do it again",
            ) from None

    def hand(self, agent: str | None) -> Hand:
        """Who acts: the agent named, else whoever is logged in here. Raises Refused for an agent nobody knows."""
        if agent is None:
            return Hand(by=f"cli:{_login()}"[:64])
        agents = self.config.firm.people.agents
        if agents and agent not in agents:
            raise Refused(f'no agent "{agent}"', remedy=did_you_mean(agent, agents))
        return Hand(by=agent, agent_id=agent, agent=agents[agent].name if agent in agents else agent)

    def must_know(self, names: Mapping[str, str]) -> None:
        """Raises Refused where an `owner` or `team` is none of ours."""
        people = self.config.firm.people
        for what, known in (("owner", people.agents), ("team", people.teams)):
            if known and (name := names.get(what)) and name not in known:
                raise Refused(f'no {"agent" if what == "owner" else what} "{name}"', remedy=did_you_mean(name, known))


def in_house(ctx: typer.Context, work: Callable[[House], Awaitable[T]]) -> T:
    """What the work gives, done on the open store of this command's config."""
    config = load(folder(ctx).path)

    async def within() -> T:
        async with opened(config) as house:
            return await work(house)

    return asyncio.run(within())


@asynccontextmanager
async def opened(config: Config, env: Mapping[str, str] = os.environ) -> AsyncIterator[House]:
    """The store of this config, at this version's tables. Raises Unreachable, ConfigError."""
    world = real_world()
    engine = engine_of(config, env)
    log = Log(engine, world)
    try:
        await ping(engine)
        await _must_be_current(engine)
        log.start()
        rules = Rules(log, config.cases.auto_close)
        await rules.load()
        yield House(config=config, log=log, rules=rules, world=world)
    except Exception as error:
        if unwritable(error) or not is_unavailable(error):
            raise
        raise Unreachable(
            f"the store stopped answering ({type(error).__name__})", remedy="check it with `commsd db check`"
        ) from error
    finally:
        await log.close()


def mailboxes_of(config: Config) -> frozenset[str]:
    """The names of the configured mailboxes."""
    mail: MailSettings | None = config.settings.get("mail")
    return frozenset(mail.mailboxes) if mail else frozenset()


def engine_of(config: Config, env: Mapping[str, str], *, create: bool = False) -> Engine:
    """The engine behind the config's url. An SQLite file that is not there is an error unless `create`."""
    try:
        if not create:
            must_be_there(config, env)
        return open_engine(config.store_url(env))
    except OSError as error:
        raise Unreachable(
            f"the database cannot be opened: {error.strerror}", remedy="run this as the user the daemon runs as"
        ) from error


def must_be_there(config: Config, env: Mapping[str, str]) -> None:
    """Raises ConfigError for an SQLite file that is not there, OSError where nobody may look."""
    if path := absent_database(config, env):
        raise ConfigError(
            f"there is no database {path} yet", remedy="make it: commsd db upgrade, or let `commsd run` do it"
        )


def absent_database(config: Config, env: Mapping[str, str]) -> Path | None:
    """The SQLite file of this config where it is not there yet. Raises OSError where nobody may look."""
    url = config.store_url(env)
    path = Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None
    return path if path and not path.exists() else None


async def _must_be_current(engine: Engine) -> None:
    from commsd.store.migrate import revision  # Alembic is slow to import

    must_be_newest(*await engine.read(revision))


def must_be_newest(found: str | None, newest: str | None) -> None:
    """Raises ConfigError for a database whose tables are not those of this commsd."""
    if found != newest:
        stands = f"at revision {found}" if found else "empty"
        raise ConfigError(
            f"the database is {stands}, this commsd works with {newest}",
            remedy="run `commsd db upgrade`; the daemon does it at its start",
        )


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return str(os.getuid())
