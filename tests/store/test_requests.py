"""A request under an Idempotency-Key acts once, whoever comes at the same moment."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.util import await_only

from commsd.core.change import CameTo
from commsd.errors import TryAgain
from commsd.store import requests
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.requests import Acted, Reserved
from tests.store.test_query_plans import NOW

ONE = "key:digest"


async def test_log_8_whoever_comes_under_a_key_waits_for_the_commit_of_who_acts(postgres_url: str) -> None:
    engine, other = open_engine(postgres_url), open_engine(postgres_url)
    await engine.commit(upgrade)
    await engine.commit(lambda c: requests.reserve(c, "key", "digest", NOW))
    acting, go_on = asyncio.Event(), asyncio.Event()

    def slowly(_: Connection) -> str:
        acting.set()
        await_only(go_on.wait())
        return "first"

    first = asyncio.ensure_future(engine.commit(lambda c: requests.once(c, ONE, slowly)))
    await acting.wait()
    second = asyncio.ensure_future(other.commit(lambda c: requests.once(c, ONE, lambda _: "second")))
    while not second.done() and not await other.read(_waiting):
        await asyncio.wait({second}, timeout=0.01)
    go_on.set()
    assert (await first, await second) == (Acted("first"), Acted("first", before=True))
    await engine.close()
    await other.close()


def _waiting(connection: Connection) -> int:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return int(connection.execute(text(asked)).scalar_one())


@pytest.mark.parametrize("times", [1, 2, 100])
async def test_log_8_a_key_let_go_of_while_another_node_looks_at_it_is_reserved_anew_or_to_be_asked_again(
    postgres_url: str, times: int
) -> None:
    """times: so often another has it before our insertion, and lets it go before we read what it stands for."""
    engine, other = open_engine(postgres_url), open_engine(postgres_url)
    await engine.commit(upgrade)
    left = [None] * times

    def reserve(connection: Connection) -> Reserved:
        def before(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("INSERT") and left:
                await_only(other.commit(lambda c: requests.reserve(c, "key", "digest", NOW)))

        def after(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("INSERT") and left:
                left.pop()
                await_only(other.commit(lambda c: requests.release(c, ONE, NOW)))

        event.listen(connection, "before_cursor_execute", before)
        event.listen(connection, "after_cursor_execute", after)
        return requests.reserve(connection, "key", "digest", NOW)

    if times < requests.TRIES:
        assert await engine.commit(reserve) == Reserved("digest", NOW, True)
    else:
        with pytest.raises(TryAgain, match="refused meanwhile"):
            await engine.commit(reserve)
        assert len(left) == times - requests.TRIES
    await engine.close()
    await other.close()


async def test_log_8_what_changed_nothing_is_not_noted(log: Log) -> None:
    await log.writer.write(lambda c: requests.reserve(c, "key", "digest", NOW))
    assert await log.writer.write(lambda c: requests.once(c, ONE, lambda _: None)) == Acted(None)
    assert await log.writer.write(lambda c: requests.once(c, ONE, lambda _: "done")) == Acted("done")
    assert await log.read(lambda c: requests.done(c, ONE)) == "done"


@pytest.mark.parametrize("came_to", [None, "done"])
async def test_log_8_a_key_is_let_go_of_only_where_nothing_was_done_under_it(log: Log, came_to: str | None) -> None:
    known = await log.writer.write(lambda c: requests.reserve(c, "key", "digest", NOW))
    await log.writer.write(lambda c: requests.once(c, ONE, lambda _: came_to))
    assert await log.writer.write(lambda c: requests.release(c, ONE, known.at)) == came_to
    kept = await log.read(lambda c: requests.standing(c, (ONE,)))
    assert kept == ({ONE: came_to} if came_to else {})


async def test_log_8_nobody_acts_under_a_key_that_was_let_go_of(log: Log) -> None:
    with pytest.raises(TryAgain, match="refused meanwhile"):
        await log.writer.write(lambda c: requests.once(c, ONE, lambda _: "done"))


async def test_log_8_a_key_that_stands_for_another_request_by_now_tells_nothing_of_this_one(log: Log) -> None:
    await log.writer.write(lambda c: requests.reserve(c, "key", "another", NOW))
    await log.writer.write(lambda c: requests.came_to(c, (CameTo("key:another", "its"),)))
    assert await log.read(lambda c: requests.standing(c, (ONE, "key:another"))) == {"key:another": "its"}
