"""Two never decide under one key at once, also while the keys are let go of; and what is let go of is in no table."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, func, insert, select, text
from structlog.testing import capture_logs

from commsd.core import key
from commsd.core.change import Change
from commsd.core.open_items import OpenItems
from commsd.store import decision_lock, notes, schema
from commsd.store.claims import Claims
from commsd.store.engine import Engine, open_engine
from commsd.store.last_traces import PAUSE, TRIES, let_go_of_traces
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.retention import BATCH, Retention
from tests.eventually import eventually
from tests.world import ScriptedWorld

KEYS = key.of_addresses("jane@example.org", "+493023125977")
LONG = timedelta(days=90)


@pytest.fixture
async def engine(postgres_url: str) -> AsyncIterator[Engine]:
    engine = open_engine(postgres_url)
    await engine.commit(upgrade)
    yield engine
    await engine.close()


def kept(connection: Connection) -> set[str]:
    return set(connection.execute(select(schema.decision_keys.c.key)).scalars())


def hashes(*keys: str) -> set[str]:
    return {hashlib.sha256(each.encode()).hexdigest() for each in keys}


def sampled(connection: Connection) -> int:
    told = text("SELECT count(*) FROM pg_stats WHERE tablename = 'decision_keys' AND histogram_bounds IS NOT NULL")
    return int(connection.execute(told).scalar_one())


async def test_keys_nobody_holds_are_let_go_of_also_by_the_statistics(engine: Engine) -> None:
    many = [f"email:{number}@example.org" for number in range(300)]
    await engine.commit(lambda c: decision_lock.hold(c, [*KEYS, *many]))
    await engine.commit(lambda c: c.execute(text("ANALYZE decision_keys")).close())
    assert await engine.read(kept) == hashes(*KEYS, *many)
    assert await engine.read(sampled) == 1
    assert await engine.commit(decision_lock.let_go)
    assert await engine.read(kept) == set()
    assert await engine.read(sampled) == 0


@pytest.mark.parametrize("known", [False, True])
async def test_keys_are_not_let_go_of_while_somebody_decides_under_them(engine: Engine, known: bool) -> None:
    """known: their rows are there already, and only locked. Whoever comes next still waits for them."""
    await engine.commit(lambda c: decision_lock.hold(c, KEYS if known else ["case:1"]))
    held, over = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    def first(connection: Connection) -> None:
        decision_lock.hold(connection, KEYS)
        held.set()
        _wait(connection, over.is_set)
        order.append("first")

    def second(connection: Connection) -> None:
        decision_lock.hold(connection, KEYS)
        order.append("second")

    deciding = asyncio.create_task(engine.commit(first))
    await held.wait()
    assert not await engine.commit(decision_lock.let_go)
    waiting = asyncio.create_task(engine.commit(second))
    await eventually(lambda: engine.read(_blocked))
    assert not await engine.commit(decision_lock.let_go)
    assert not waiting.done()
    over.set()
    await asyncio.gather(deciding, waiting)
    assert order == ["first", "second"]
    assert await engine.commit(decision_lock.let_go)


async def test_a_row_cannot_go_between_its_insertion_and_its_lock(engine: Engine) -> None:
    """The two statements of `hold` with the sweep between them: it waits in vain, and the row is there to be locked."""
    await engine.commit(lambda c: decision_lock.hold(c, KEYS))
    refused: list[bool] = []
    inserted, looked = asyncio.Event(), asyncio.Event()

    def decide(connection: Connection) -> int:
        connection.execute(text("INSERT INTO decision_keys SELECT key FROM decision_keys ON CONFLICT DO NOTHING"))
        inserted.set()
        _wait(connection, looked.is_set)
        return len(connection.execute(select(schema.decision_keys.c.key).with_for_update()).all())

    deciding = asyncio.create_task(engine.commit(decide))
    await inserted.wait()
    refused.append(not await engine.commit(decision_lock.let_go))
    looked.set()
    assert (await deciding, refused) == (len(hashes(*KEYS)), [True])


async def test_two_that_let_go_at_once_do_not_wait_for_each_other(engine: Engine) -> None:
    """As after two erasures, each of which read the table before it wanted it alone."""
    for number in range(40):
        await engine.commit(partial(decision_lock.hold, keys=[f"case:{number}"]))
        done = await asyncio.gather(*(engine.commit(decision_lock.let_go) for _ in range(4)))
        assert any(done)
    assert await engine.read(kept) == set()


async def test_nothing_is_counted_twice_or_lost_while_keys_are_let_go_of_all_the_time(engine: Engine) -> None:
    def more(connection: Connection) -> None:
        """Read, then written: two at once would lose one."""
        decision_lock.hold(connection, ("callback:1",))
        notes.write(connection, "count", count(connection) + 1)

    async def let_go_always() -> int:
        done = 0
        while await engine.read(count) < 200:
            done += await engine.commit(decision_lock.let_go)
        return done

    sweeping = asyncio.create_task(let_go_always())
    await asyncio.gather(*(engine.commit(more) for _ in range(200)))
    assert await asyncio.wait_for(sweeping, 30)


def count(connection: Connection) -> int:
    found = notes.read(connection, "count")
    return found if isinstance(found, int) else 0


async def test_the_duty_that_lets_go_lets_go_of_keys_too(log: Log, scripted_world: ScriptedWorld) -> None:
    def nothing(_items: OpenItems) -> Change:
        return Change()

    await log.decide(KEYS, nothing)
    kept_before = await log.read(lambda c: c.execute(select(func.count()).select_from(schema.decision_keys)).scalar())
    assert kept_before == (len(hashes(*KEYS)) if log.engine.dialect == "postgresql" else 0)
    await retention(log, scripted_world).sweep()
    assert await log.read(kept) == set()


def retention(log: Log, world: ScriptedWorld, node: str = "test") -> Retention:
    return Retention(log, Claims(log, world.world, node), world.world, LONG, LONG)


@dataclass
class Counted:
    """`let_go`, counted, and as if somebody held the keys so many times."""

    held: int = 0
    asked: int = 0

    def __call__(self, _connection: Connection) -> bool:
        self.asked += 1
        return self.asked > self.held


async def test_a_backlog_lets_go_of_the_keys_once_at_its_end(
    log: Log, scripted_world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every decision of every node waits for it."""
    let_go = Counted()
    monkeypatch.setattr(decision_lock, "let_go", let_go)
    part = {"part": 0, "content": b"x"}
    parts = [part | {"sha256": f"part:00000000-0000-{number}"} for number in range(2 * BATCH + 1)]
    await log.writer.write(lambda c: c.execute(insert(schema.original_parts), parts).close())
    await retention(log, scripted_world).sweep()
    left = select(func.count()).select_from(schema.original_parts)
    assert await log.read(lambda c: c.execute(left).scalar()) == 0
    assert let_go.asked == 1


async def test_who_does_not_have_the_duty_does_not_let_go_either(
    log: Log, scripted_world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = Counted()
    monkeypatch.setattr(decision_lock, "let_go", let_go)
    await retention(log, scripted_world, "one").sweep()
    await retention(log, scripted_world, "two").sweep()
    assert let_go.asked == 1


@pytest.mark.parametrize("held", [0, 1, TRIES - 1, TRIES])
async def test_keys_that_somebody_held_are_let_go_of_soon_and_told_of_else(
    log: Log, scripted_world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    let_go = Counted(held)
    monkeypatch.setattr(decision_lock, "let_go", let_go)
    with capture_logs() as lines:
        await retention(log, scripted_world).sweep()
    gone = held < TRIES
    assert let_go.asked == (held + 1 if gone else TRIES)
    told = [line for line in lines if line["event"] == "store.traces_left"]
    assert told == ([] if gone else [{"event": "store.traces_left", "log_level": "warning", "tries": TRIES}])
    assert scripted_world.slept.count(PAUSE) == let_go.asked - 1


async def test_a_database_that_is_away_holds_on_to_its_traces(scripted_world: ScriptedWorld) -> None:
    """What was erased is erased: whoever asked for it is answered so, and the traces are told of."""

    async def away() -> bool:
        raise TimeoutError

    async def defect() -> bool:
        raise ValueError("a defect of ours")

    assert not await let_go_of_traces(away, scripted_world.world)
    with pytest.raises(ValueError, match="a defect"):
        await let_go_of_traces(defect, scripted_world.world)


def _wait(connection: Connection, until: Callable[[], bool]) -> None:
    """Within a transaction that stays open: others' turns of the loop come while the database is asked."""
    while not until():
        connection.execute(text("SELECT pg_sleep(0.01)"))


def _blocked(connection: Connection) -> bool:
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return int(connection.execute(asked).scalar_one()) > 0
