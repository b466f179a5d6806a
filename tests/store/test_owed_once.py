"""One call is owed to a number, also where a decision finds out only while it is made that it owes one there."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import Connection

from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.change import Change, change_of
from commsd.core.fact import replace
from commsd.core.interaction import Party, Role
from commsd.core.open_items import OpenItems
from commsd.store import schema
from commsd.store.log import Log
from commsd.store.open_items import records
from tests.house import TERMS
from tests.store.test_log import count, mail, missed_call


def asks_for_a_call(items: OpenItems, sender: str, number: str) -> Change:
    """What a writing changes whose writer is to be rung on this number."""
    fact = mail(items, sender)
    parties = (*fact.parties, Party(Role.CALLEE, number))
    detail = replace(fact.detail, asks_call=True, call_from="hotline")
    return change_of(replace(fact, parties=parties, detail=detail), items, TERMS)


async def test_one_call_is_owed_to_a_number_also_where_no_key_of_the_decision_named_it(log: Log) -> None:
    number = "+493023125099"
    await log.decide(key.of_addresses(number), lambda items: change_of(missed_call(items, number), items, TERMS))
    written = [
        log.submit(key.of_addresses(each), partial(asks_for_a_call, sender=each, number=number))
        for each in ("jane@example.org", "tom@example.org")
    ]
    told = log.submit(key.of_addresses("ida@example.org"), lambda i: change_of(mail(i, "ida@example.org"), i, TERMS))
    first, second, third = await asyncio.gather(*written, told)
    owed = await log.read(lambda c: records(c, Callback, schema.callbacks))
    assert [(each.number, each.revision) for each in owed] == [(number, 3)]
    assert {each.id for change in (first, second) for each in change.callbacks} == {owed[0].id}
    assert len({change.interactions[0].case_id for change in (first, second, third)}) == 3
    assert await count(log, "interactions") == 4


async def test_a_batch_that_runs_again_leaves_what_else_was_in_it_once(log: Log) -> None:
    runs: list[int] = []

    def row(connection: Connection) -> None:
        runs.append(len(runs))
        connection.execute(schema.external_ids.insert().values(key="a row", interaction_id="0" * 36))

    def rung(items: OpenItems) -> Change:
        return asks_for_a_call(items, "jane@example.org", "+493023125099")

    def wrong(items: OpenItems) -> Change:
        raise ValueError("this one fails in each run")

    plain, refused = log.writer.write(row), log.submit((), wrong)
    asked = await log.submit(key.of_addresses("jane@example.org"), rung)
    await plain
    with pytest.raises(ValueError, match="in each run"):
        await refused
    assert len(runs) == 2
    assert [each.number for each in asked.callbacks] == ["+493023125099"]
    assert [await count(log, table) for table in ("external_ids", "interactions", "callbacks")] == [1, 1, 1]
