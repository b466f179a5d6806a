"""The mail accounts as a command reaches them: with the tokens the daemon keeps, and without writing anything else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from commsd.channels.mail.account import MailSettings
from commsd.channels.mail.accounts import Accounts
from commsd.cli.house import absent_database, engine_of
from commsd.config.own_key import own_key
from commsd.config.settings import Config
from commsd.store.claims import Claims
from commsd.store.engine import Engine, open_engine
from commsd.store.log import Log
from commsd.store.migrate import revision, upgrade
from commsd.store.tokens import Tokens
from commsd.world import real_world

NOWHERE = "sqlite://"


@asynccontextmanager
async def mail_accounts(config: Config, env: Mapping[str, str]) -> AsyncIterator[Accounts]:
    """The ways in. A refresh token that a provider replaces is kept in the store, if there is one already."""
    engine, key = open_engine(NOWHERE), b""
    if _uses_tokens(config.settings.get("mail")):
        await engine.commit(upgrade)
        if stored := await _store_of(config, env):
            await engine.close()
            engine, key = stored, own_key(config, env)
    world = real_world()
    log = Log(engine, world)
    log.start()
    try:
        yield Accounts(Tokens(log, key), Claims(log, world, f"command/{world.new_id()[-12:]}"), world)
    finally:
        await log.close()


def _uses_tokens(mail: MailSettings | None) -> bool:
    boxes = mail.mailboxes.values() if mail else ()
    return any(server.oauth for box in boxes for server in (box.imap, box.smtp) if server)


async def _store_of(config: Config, env: Mapping[str, str]) -> Engine | None:
    """The daemon's store; None where there is none of this version yet, so that nothing could be kept."""
    if absent_database(config, env):
        return None
    engine = engine_of(config, env)
    found, newest = await engine.read(revision)
    if found == newest:
        return engine
    await engine.close()
    return None
