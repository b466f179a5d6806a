"""The log as CRM systems use it: recording, publication lag, pages of the feed, and a thousand streams.

    .venv/bin/python tests/bench/log.py [--postgres URL] [--only record,lag,pages,streams] [--seconds 10]
                                  [--largest 1000000] [--json]

SQLite in a temporary folder, and PostgreSQL where a URL of an empty database is given. See README.md for the bars.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.crm.sequencer import Sequencer
from commsd.store import feed, schema
from commsd.store.bulk import insert
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.world import real_world
from tests.crm.serving import Place, mail_from, place
from tests.house import TERMS

RATE, PAGE, STREAMS, EACH = 1000, 500, 1000, 20
SMALLEST = 10_000
Figures = dict[str, Any]


def p(values: Sequence[float], percent: int) -> float:
    """A percentile in milliseconds."""
    return round(quantiles(values, n=100, method="inclusive")[percent - 1] * 1000, 1)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Log]:
    log = Log(open_engine(url), real_world())
    await log.engine.commit(upgrade)
    log.start()
    try:
        yield log
    finally:
        await log.close()


def noted(name: str) -> Callable[[OpenItems], Change]:
    """One interaction and its event, and no rule asked."""

    def decide(items: OpenItems) -> Change:
        fact = mail_from(f"{name}@example.org", name)(items)
        return Change(interactions=(fact,), events=(Event("interaction.recorded", fact, fact.recorded_at, "machine"),))

    return decide


def mailed(name: str) -> Callable[[OpenItems], Change]:
    """A mail of somebody new: contact, case, clocks, five events."""
    return lambda items: change_of(mail_from(f"{name}@example.org", name)(items), items, TERMS)


async def record(url: str, seconds: float) -> Figures:
    """256 callers, each waiting for its commit; a sequencer beside them, as in the daemon."""
    figures: Figures = {}
    async with opened(url) as log:
        numbering = asyncio.ensure_future(Sequencer(log, Claims(log, real_world(), "bench/1"), real_world()).run())
        for kind, make in (("noted", noted), ("mailed", mailed)):
            until, done = time.perf_counter() + seconds, 0

            async def caller(number: int, kind: str = kind, make: Any = make, until: float = until) -> int:
                count = 0
                while time.perf_counter() < until:
                    name = f"{kind}.{number}.{count}"
                    await log.decide(key.of_addresses(f"{name}@example.org") if make is mailed else (), make(name))
                    count += 1
                return count

            began, cpu = time.perf_counter(), time.process_time()
            done = sum(await asyncio.gather(*(caller(number) for number in range(256))))
            figures[f"{kind} per second"] = round(done / (time.perf_counter() - began))
            figures[f"{kind} CPU ms each"] = round((time.process_time() - cpu) / done * 1000, 3)
        numbering.cancel()
        await asyncio.wait({numbering})
    return figures


async def lag(url: str, seconds: float) -> Figures:
    """From an event's commit, as its caller learns of it, to its number, as readers of this process learn of it."""
    figures: Figures = {}
    async with opened(url) as log:
        for name, beside in (("alone", None), ("beside an idle transaction", _idle(url))):
            if beside:
                await beside.__aenter__()
            figures[name] = await _lag(log, seconds)
            if beside:
                await beside.__aexit__(None, None, None)
    return figures


@asynccontextmanager
async def _idle(url: str) -> AsyncIterator[None]:
    """A transaction of another program that has seen something and does not end."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(make_url(url).database or "", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM feed").fetchall()
            yield
        return
    other = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with other.connect() as connection:
        await connection.execute(text("SELECT txid_current(), count(*) FROM feed"))
        yield
    await other.dispose()


async def _lag(log: Log, seconds: float) -> Figures:
    sequencer = Sequencer(log, Claims(log, real_world(), "bench/1"), real_world())
    moves: list[tuple[int, float]] = []
    told = sequencer.head.move

    def moved(last: int) -> None:
        if last != sequencer.head.last:
            moves.append((last, time.perf_counter()))
        told(last)

    vars(sequencer.head)["move"] = moved
    numbering = asyncio.ensure_future(sequencer.run())
    await log.decide((), noted("warm"))
    while not moves:
        await real_world().sleep(0.05)
    _, before = await log.read(feed.head)
    committed: list[float] = []

    async def one(number: int) -> None:
        await log.decide((), noted(f"lag.{number}.{before}"))
        committed.append(time.perf_counter())

    began, tasks = time.perf_counter(), []
    for number in range(int(seconds * RATE)):
        await real_world().sleep(max(began + number / RATE - time.perf_counter(), 0))
        tasks.append(asyncio.ensure_future(one(number)))
    await asyncio.gather(*tasks)
    took = time.perf_counter() - began
    while sequencer.head.last < before + len(committed):
        await real_world().sleep(0.01)
    numbering.cancel()
    await asyncio.wait({numbering})
    lags, at = [], 0
    for number, when in enumerate(sorted(committed), before + 1):
        while moves[at][0] < number:
            at += 1
        lags.append(max(moves[at][1] - when, 0.0))
    return {"events per second": round(len(committed) / took), "p50 ms": p(lags, 50), "p99 ms": p(lags, 99)}


async def pages(url: str, seconds: float, largest: int = 1_000_000) -> Figures:
    """Pages of 500 over HTTP, by a caller that reads the bytes alone; then the cost of one at the end of ever more."""
    figures: Figures = {}
    async with place(url, real_world()) as here:
        await here.log.decide((), noted("first"))
        await here.numbered()
        bare = await here.keys.add("bare", ["events:read"])
        whole = await here.keys.add("whole", ["events:read", "events:read:pii"])
        last = 1
        size = SMALLEST
        while size <= largest:
            await _fill(here.log, last, size)
            last = size
            for name, key_text in (("bare", bare), ("with personal fields", whole)):
                cpu = time.process_time()
                times = await _paged(here, key_text, size)
                figures[f"{name} at {size:,}"] = {
                    "ms a page": p(times, 50),
                    "CPU ms a page": round((time.process_time() - cpu) / len(times) * 1000, 1),
                    "events per second": round(PAGE * len(times) / sum(times)),
                }
            size *= 10
    return figures


async def _fill(log: Log, last: int, size: int) -> None:
    """So many events, each like the first."""
    one = await log.read(lambda c: c.execute(schema.feed.select().where(schema.feed.c.seq == 1)).one()._asdict())
    for start in range(last + 1, size + 1, 10_000):
        rows = [one | {"seq": number} for number in range(start, min(start + 10_000, size + 1))]
        await log.engine.commit(partial(insert, table=schema.feed, rows=rows))
    await log.engine.commit(lambda c: c.execute(schema.feed_head.update().values(last=size)))


def asked(query: str, key_text: str, accept: str = "application/json") -> bytes:
    """A request for the feed."""
    lines = (f"GET /v1/events{query} HTTP/1.1", "Host: x", f"Accept: {accept}", f"Authorization: Bearer {key_text}")
    return "\r\n".join((*lines, "", "")).encode()


async def _paged(here: Place, key_text: str, size: int) -> list[float]:
    from commsd.crm.cursor import feed_cursor
    from tests.crm.serving import KEY

    epoch, _ = await here.log.read(feed.head)
    reader, writer = await asyncio.open_connection("127.0.0.1", here.listener.port)
    after, times = feed_cursor(KEY, epoch, max(size - 60 * PAGE, 0)), []
    for _ in range(60):
        began = time.perf_counter()
        writer.write(asked(f"?limit={PAGE}&after={after}", key_text))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        times.append(time.perf_counter() - began)
        cursor = orjson.loads(b"{" + body[body.rindex(b'"next_cursor"') :])
        after = cursor["next_cursor"]
        if not cursor["has_more"]:
            break
    writer.close()
    return times


async def streams(url: str, seconds: float) -> Figures:
    """A thousand streams at the head; from the commit of an event to its bytes at each of them."""
    async with place(url, real_world()) as here:
        await here.log.decide((), noted("first"))
        await here.numbered()
        key_text = await here.keys.add("streams", ["events:read"])
        numbering = asyncio.ensure_future(here.sequencer.run())
        sent: dict[int, float] = {}
        seen: list[float] = []
        ready = asyncio.Semaphore(0)

        async def reader(_number: int) -> None:
            source, sink = await asyncio.open_connection("127.0.0.1", here.listener.port, limit=1 << 20)
            sink.write(asked("", key_text, "text/event-stream"))
            got = 0
            while got <= EACH:
                line = await source.readline()
                if line.startswith(b"data: "):
                    if got == 0:
                        ready.release()
                    else:
                        seen.append(time.perf_counter() - sent[got])
                    got += 1
            sink.close()

        readers = [asyncio.ensure_future(reader(number)) for number in range(STREAMS)]
        for _ in readers:
            await ready.acquire()
        cpu, began = time.process_time(), time.perf_counter()
        for number in range(1, EACH + 1):
            await here.log.decide((), noted(f"stream.{number}"))
            sent[number] = time.perf_counter()
            await real_world().sleep(0.25)
        await asyncio.gather(*readers)
        busy = (time.process_time() - cpu) / (time.perf_counter() - began)
        numbering.cancel()
        await asyncio.wait({numbering})
    return {"streams": STREAMS, "p50 ms": p(seen, 50), "p99 ms": p(seen, 99), "share of a core": round(busy, 2)}


PARTS: dict[str, Callable[[str, float], Awaitable[Figures]]] = {
    "record": record,
    "lag": lag,
    "pages": pages,
    "streams": streams,
}


async def measured(url: str | None, only: Sequence[str], seconds: float, largest: int) -> Figures:
    found: Figures = {}
    parts = PARTS | {"pages": partial(pages, largest=largest)}
    for name in only:
        if url:
            engine = create_async_engine(
                url.replace("postgresql:", "postgresql+asyncpg:"), isolation_level="AUTOCOMMIT"
            )
            async with engine.connect() as connection:
                await connection.execute(text("DROP SCHEMA public CASCADE"))
                await connection.execute(text("CREATE SCHEMA public"))
            await engine.dispose()
            found[name] = await parts[name](url, seconds)
        else:
            with TemporaryDirectory() as folder:
                found[name] = await parts[name](f"sqlite:///{folder}/commsd.db", seconds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", help="URL of a database that may be emptied")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--largest", type=int, default=1_000_000, help="events in the last feed that pages are read of")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    found = asyncio.run(measured(given.postgres, given.only.split(","), given.seconds, given.largest))
    if given.json:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for part, figures in found.items():
        for name, value in figures.items():
            sys.stdout.write(f"{part:8} {name:36} {value}\n")


if __name__ == "__main__":
    main()
