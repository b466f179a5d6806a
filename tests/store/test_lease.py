"""Leases: whoever holds one keeps it while he renews, and nobody else gets it before its time is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Update, update

from commsd.store import schema
from commsd.store.lease import kept_by, lease_for
from commsd.store.log import Log
from tests.world import ScriptedWorld

TTL = timedelta(seconds=60)
NAME = "phone.dialler"


@dataclass
class Nodes:
    """Asks for leases, as several nodes do."""

    log: Log
    world: ScriptedWorld

    async def ask(self, owner: str, name: str = NAME) -> int | None:
        now = self.world.now
        return await self.log.writer.write(lambda c: lease_for(c, name, owner, now, TTL))

    async def keep(self, owner: str, *names: str) -> dict[str, int]:
        now = self.world.now
        return await self.log.writer.write(lambda c: kept_by(c, names, owner, now, TTL))

    async def ends(self, name: str = NAME) -> datetime:
        asked = schema.leases.select().where(schema.leases.c.resource == name)
        at: datetime = (await self.log.read(lambda c: c.execute(asked).one())).expires_at
        return at

    async def pass_time(self, by: timedelta) -> None:
        """PostgreSQL goes by its own clock: so the ends of the leases come nearer instead."""
        table = schema.leases
        for row in await self.log.read(lambda c: c.execute(table.select()).all()):
            nearer = update(table).where(table.c.resource == row.resource).values(expires_at=row.expires_at - by)
            await self.log.writer.write(partial(_do, statement=nearer))


def _do(connection: Connection, statement: Update) -> None:
    connection.execute(statement)


async def test_q6_a_lease_that_is_renewed_in_time_stays_with_its_holder_under_its_number(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    nodes = Nodes(log, scripted_world)
    first = await nodes.ask("berlin/1")
    for _ in range(5):
        await nodes.pass_time(TTL * 0.75)
        ends = await nodes.ends()
        assert await nodes.ask("berlin/1") == first
        assert await nodes.ends() > ends
        assert await nodes.ask("paris/1") is None
    await nodes.pass_time(TTL * 1.01)
    assert await nodes.ask("paris/1") == (first or 0) + 1
    assert await nodes.ask("berlin/1") is None


async def test_who_asks_in_vain_does_not_lengthen_the_others_lease(log: Log, scripted_world: ScriptedWorld) -> None:
    nodes = Nodes(log, scripted_world)
    await nodes.ask("berlin/1")
    ends = await nodes.ends()
    assert await nodes.ask("paris/1") is None
    assert await nodes.ends() == ends


async def test_a_lease_taken_again_after_its_time_has_a_new_number(log: Log, scripted_world: ScriptedWorld) -> None:
    nodes = Nodes(log, scripted_world)
    first = await nodes.ask("berlin/1")
    await nodes.pass_time(TTL * 1.01)
    assert await nodes.ask("berlin/1") == (first or 0) + 1, "another may have held it meanwhile"


async def test_only_what_is_still_ours_is_kept_and_for_longer(log: Log, scripted_world: ScriptedWorld) -> None:
    nodes = Nodes(log, scripted_world)
    mine = await nodes.ask("berlin/1")
    await nodes.ask("paris/1", "other")
    await nodes.pass_time(TTL * 0.75)
    ends, others = await nodes.ends(), await nodes.ends("other")
    assert await nodes.keep("berlin/1", NAME, "other", "never.taken") == {NAME: mine}
    assert await nodes.ends() > ends
    assert await nodes.ends("other") == others
    await nodes.pass_time(TTL * 1.01)
    assert await nodes.keep("berlin/1", NAME) == {}
