"""What the books say is owed, as the store has it."""

from dataclasses import replace
from datetime import timedelta

from commsd.core.ledger import OBSERVED_FOR, DebtKind, debts
from commsd.store.debts import books
from commsd.store.log import Log
from tests.channels.mail.office import DESK, Office
from tests.world import ScriptedWorld


async def listed(log: Log, world: ScriptedWorld) -> list[str]:
    found = debts(await log.read(lambda connection: books(connection, world.now)), world.now)
    assert not any(debt.wrong for debt in found if debt.kind is DebtKind.OBSERVED)
    return [debt.what for debt in found if debt.kind is DebtKind.OBSERVED]


async def test_what_observe_mode_kept_back_is_listed_as_not_sent_until_one_of_us_answers(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    observing = replace(DESK, mailbox=replace(DESK.mailbox, observe=True))
    office = Office(log, scripted_world, observing)
    fact = await office.came()
    assert fact.reason == "no-ack:observe"
    assert await listed(log, scripted_world) == ["an acknowledgement, not sent: observe mode"]
    await office.sent()
    assert await listed(log, scripted_world) == []


async def test_what_observe_mode_kept_back_long_ago_is_listed_no_more(log: Log, scripted_world: ScriptedWorld) -> None:
    await Office(log, scripted_world, replace(DESK, mailbox=replace(DESK.mailbox, observe=True))).came()
    scripted_world.advance(OBSERVED_FOR - timedelta(hours=2))
    assert len(await listed(log, scripted_world)) == 1
    scripted_world.advance(timedelta(hours=2))
    assert await listed(log, scripted_world) == []


async def test_what_was_acknowledged_is_none_of_it(log: Log, scripted_world: ScriptedWorld) -> None:
    await Office(log, scripted_world).came()
    assert await listed(log, scripted_world) == []
