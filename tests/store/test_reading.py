"""One reading sees the store as it was at one moment, whatever is written meanwhile. On both stores."""

import asyncio

from sqlalchemy import Connection, func, select

from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.open_items import OpenItems
from commsd.store import schema
from commsd.store.log import Log
from commsd.store.reading import read_only
from tests.core.items import Books, mail_from
from tests.house import TERMS


async def test_what_is_committed_while_it_reads_is_not_half_of_what_it_sees(log: Log, store_url: str) -> None:
    loop = asyncio.get_running_loop()

    async def written() -> Change:
        def decide(items: OpenItems) -> Change:
            return change_of(mail_from()(Books(items.now, items.new_id)), items, TERMS)

        return await log.decide(key.of_addresses("jane@example.org"), decide)

    def counted(connection: Connection) -> list[int]:
        found = []
        for table in (schema.interactions, schema.clocks):
            found.append(connection.execute(select(func.count()).select_from(table)).scalar_one())
            asyncio.run_coroutine_threadsafe(written(), loop).result(30)
        return found

    def read() -> tuple[list[int], int]:
        with read_only(store_url) as store:
            before = store.read(counted)
            return before, store.read(lambda c: c.execute(select(func.count()).select_from(schema.clocks)).scalar_one())

    before, after = await asyncio.to_thread(read)
    assert before == [0, 0]
    assert after > 0
