"""The log keeps what was decided, and shows each decision what those before it left open. On SQLite and PostgreSQL."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, Select, func, select

from commsd.core import key
from commsd.core.change import CallTimer, Change, Fence, LogicalKey, Original, change_of
from commsd.core.interaction import (
    CALL_SID,
    MESSAGE_ID,
    Actor,
    Channel,
    Delivery,
    DeliveryKind,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems
from commsd.errors import LeaseLost
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.journal import Journal, Webhook
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.originals import keep_original, original
from commsd.store.writer import BOOKS, Write
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld


def mail(
    items: OpenItems, sender: str = "jane@example.org", subject: str = "Delivery", named: tuple[ExternalId, ...] = ()
) -> Interaction:
    return Interaction(
        id=items.new_id(),
        channel=Channel.EMAIL,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.REACHED,
        occurred_at=items.now,
        recorded_at=items.now,
        mailbox="support",
        subject=subject,
        parties=(Party(Role.FROM, sender, "Jane Clarke"),),
        external_ids=named,
    )


def missed_call(items: OpenItems, number: str = "+493023125099", sid: str = "CA1") -> Interaction:
    return Interaction(
        id=items.new_id(),
        channel=Channel.PHONE,
        kind=Kind.CALL,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.MISSED,
        occurred_at=items.now,
        recorded_at=items.now,
        line="hotline",
        parties=(Party(Role.CALLER, number),),
        external_ids=(ExternalId(CALL_SID, sid),),
    )


def _all(connection: Connection, statement: Select[tuple[object]]) -> Sequence[object]:
    return connection.execute(statement).all()


def _taken(items: OpenItems, sender: str) -> Change:
    return change_of(mail(items, sender=sender), items, TERMS)


async def count(log: Log, table: str) -> int:
    statement = select(func.count()).select_from(schema.metadata.tables[table])
    return await log.read(lambda connection: connection.execute(statement).scalar_one())


async def test_two_mails_of_one_new_person_meet_in_one_case(log: Log) -> None:
    keys = key.of_addresses("jane@example.org")
    first, second = await asyncio.gather(
        log.decide(keys, lambda items: change_of(mail(items), items, TERMS)),
        log.decide(keys, lambda items: change_of(mail(items, subject="Re: Delivery"), items, TERMS)),
    )
    assert first.interactions[0].case_id == second.interactions[0].case_id
    assert await count(log, "contacts") == 1
    assert await count(log, "cases") == 1


async def test_what_was_decided_is_found_again_by_a_later_decision(log: Log) -> None:
    keys = key.of_addresses("jane@example.org")
    first = await log.decide(keys, lambda items: change_of(mail(items), items, TERMS))
    (file,) = (await items_of(log, *keys)).files.values()
    assert file.interactions == first.interactions
    assert {record.value.clock.value for record in file.clocks} == {"ack", "first_response"}


async def test_a_reference_leads_to_the_case_whoever_writes(log: Log) -> None:
    named = (ExternalId(MESSAGE_ID, "one@example.org"),)
    first = await log.decide(
        key.of_addresses("jane@example.org"),
        lambda items: change_of(mail(items, named=named), items, TERMS),
    )
    other = await log.decide(
        (*key.of_addresses("bob@example.org"), key.of_message_id("one@example.org")),
        lambda items: change_of(mail(items, sender="bob@example.org", subject="else"), items, TERMS),
    )
    assert other.interactions[0].case_id == first.interactions[0].case_id
    assert other.interactions[0].case_cause == "reference"


async def test_two_missed_calls_of_one_number_owe_one_callback(log: Log) -> None:
    keys = key.of_addresses("+493023125099")
    first = await log.decide(keys, lambda items: change_of(missed_call(items), items, TERMS))
    second = await log.decide(keys, lambda items: change_of(missed_call(items, sid="CA2"), items, TERMS))
    assert first.callbacks[0].id == second.callbacks[0].id
    assert len(second.callbacks[0].misses) == 2
    assert second.callbacks[0].due_at == first.callbacks[0].due_at


async def test_a_decision_that_raises_is_the_callers_and_harms_no_other(log: Log) -> None:
    def broken(items: OpenItems) -> Change:
        raise ValueError("cannot decide")

    keys = key.of_addresses("jane@example.org")
    good, bad = await asyncio.gather(
        log.decide(keys, lambda items: change_of(mail(items), items, TERMS)),
        log.decide(keys, broken),
        return_exceptions=True,
    )
    assert isinstance(good, Change)
    assert isinstance(bad, ValueError)
    assert await count(log, "interactions") == 1


async def test_a_decision_that_raises_is_replaced_by_the_recorded_one(log: Log) -> None:
    def broken(items: OpenItems) -> Change:
        raise ValueError("cannot decide")

    change = await log.decide((), broken, otherwise=lambda items, error: Change(result=str(error)))
    assert change.result == "cannot decide"


async def test_a_decision_the_database_refuses_is_refused_alone(log: Log) -> None:
    taken = LogicalKey(key="same", interaction_id="0" * 36)
    await log.decide((), lambda items: Change(keys=(taken,)))
    good, bad = await asyncio.gather(
        log.decide((), lambda items: change_of(mail(items), items, TERMS)),
        log.decide((), lambda items: Change(keys=(taken,))),
        return_exceptions=True,
    )
    assert isinstance(good, Change)
    assert isinstance(bad, Exception)
    assert await count(log, "interactions") == 1


async def test_a_decision_under_a_lost_lease_is_refused_alone(log: Log, scripted_world: ScriptedWorld) -> None:
    claims = Claims(log, scripted_world.world, "node-a")
    fence = await claims.lease("mail:support", timedelta(seconds=30))
    assert fence is not None
    lost = Fence(resource="mail:support", owner="node-b", number=fence.number)
    kept, refused = await asyncio.gather(
        log.decide((), lambda items: Change(fence=fence, result="kept")),
        log.decide((), lambda items: change_of(mail(items), items, TERMS) + Change(fence=lost)),
        return_exceptions=True,
    )
    assert isinstance(kept, Change)
    assert isinstance(refused, LeaseLost)
    assert await count(log, "interactions") == 0


async def test_an_original_is_kept_byte_for_byte(log: Log) -> None:
    kept = Original(sha256="ab" * 32, media_type="message/rfc822", content=b"From: \xff\r\n\r\n\x00")
    await log.decide((), lambda items: Change(originals=(kept,)))
    assert await original(log, "ab" * 32) == b"From: \xff\r\n\r\n\x00"


async def test_a_large_original_is_kept_in_parts_and_given_back_whole(log: Log, scripted_world: ScriptedWorld) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for piece in (b"From: a\r\n\r\n", b"\x00" * 1000, b"\xff"):
            yield piece

    kept = await keep_original(log, scripted_world.world, parts(), "message/rfc822")
    again = await keep_original(log, scripted_world.world, parts(), "message/rfc822")
    assert again == kept
    assert kept.size_bytes == len(await original(log, kept.sha256)) == 1012
    assert await count(log, "original_parts") == 3


async def test_what_erasing_would_take_is_not_in_the_record(log: Log) -> None:
    await log.decide((), lambda items: change_of(mail(items, subject="Secret matter"), items, TERMS))
    statements = [select(table.c.record) for table in (schema.interactions, schema.outbox)]
    rows = [str(await log.read(partial(_all, statement=statement))) for statement in statements]
    assert "jane" not in "".join(rows).lower()
    assert "Secret" not in "".join(rows)


async def test_hundreds_of_waiting_callers_are_committed_together(log: Log) -> None:
    changes = await asyncio.gather(
        *(
            log.decide(key.of_addresses(f"c{n}@example.org"), partial(_taken, sender=f"c{n}@example.org"))
            for n in range(600)
        )
    )
    assert len({change.interactions[0].case_id for change in changes}) == 600
    assert await count(log, "interactions") == 600


async def test_a_caller_that_gives_up_does_not_undo_what_was_queued(log: Log) -> None:
    waiting = asyncio.ensure_future(log.submit((), lambda items: change_of(mail(items), items, TERMS)))
    waiting.cancel()
    await log.decide((), lambda items: Change())
    assert await count(log, "interactions") == 1


async def test_what_the_database_refuses_is_recorded_otherwise_and_not_passed_over(log: Log) -> None:
    taken = LogicalKey(key="same", interaction_id="0" * 36)
    await log.decide((), lambda items: Change(keys=(taken,)))
    refused, good = await asyncio.gather(
        log.decide(
            (),
            lambda items: change_of(mail(items), items, TERMS) + Change(keys=(taken,)),
            otherwise=lambda items, error: Change(interactions=(mail(items),), result="kept"),
        ),
        log.decide((), lambda items: Change(result="good")),
    )
    assert (refused.result, good.result) == ("kept", "good")
    assert await count(log, "interactions") == 1


async def test_what_is_being_committed_is_waited_for_when_the_log_closes(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    engine = open_engine(sqlite_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> str:
        begun.set()
        go_on.wait(10)
        return "committed"

    written = asyncio.ensure_future(log.writer.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    asyncio.get_running_loop().call_later(0.05, go_on.set)
    await log.close()
    async with asyncio.timeout(5):
        assert await written == "committed"


async def test_bookkeeping_gives_way_to_what_others_wait_for(log: Log) -> None:
    done: list[str] = []

    def said(word: str) -> Callable[[Connection], None]:
        return lambda connection: done.append(word)

    book = Write(told=log.writer.promise(), run=said("book"))
    recorded = log.writer.submit(book, bookkeeping=True)
    await asyncio.gather(recorded, *(log.writer.write(said(f"claim {number}")) for number in range(3)))
    assert done == ["claim 0", "claim 1", "claim 2", "book"]


async def test_bookkeeping_is_done_although_there_is_always_something_else(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commsd.store.writer.PATIENCE", 0.0)
    recorded = asyncio.ensure_future(
        log.writer.submit(Write(told=log.writer.promise(), run=lambda connection: "book"), bookkeeping=True)
    )
    while not recorded.done():
        await log.writer.write(lambda connection: None)
    assert recorded.result() == "book"


async def test_log_3_what_readers_wait_for_overtakes_other_bookkeeping_where_work_never_rests(log: Log) -> None:
    done: list[str] = []

    def said(word: str) -> Callable[[Connection], None]:
        return lambda connection: done.append(word)

    log.writer.write(said("audit"), bookkeeping=True)
    numbered = asyncio.ensure_future(log.writer.write(said("number"), bookkeeping=True, within=0.0))
    while not numbered.done():
        await log.writer.write(said("claim"))
    assert done[-2:] == ["claim", "number"] or done[-2:] == ["number", "claim"]
    assert "audit" not in done


async def test_bookkeeping_that_waits_is_committed_when_the_log_closes(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    engine = open_engine(sqlite_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    works = [Write(told=log.writer.promise(), run=lambda connection: "book") for _ in range(BOOKS * 3)]
    waiting = [log.writer.submit(work, bookkeeping=True) for work in works]
    await log.close()
    async with asyncio.timeout(5):
        assert set(await asyncio.gather(*waiting)) == {"book"}


async def test_a_clock_set_back_does_not_hold_up_what_is_owed(log: Log, scripted_world: ScriptedWorld) -> None:
    keys = key.of_addresses("jane@example.org")
    await log.decide(keys, lambda items: change_of(mail(items), items, TERMS))
    scripted_world.advance(timedelta(hours=-1))

    def owing(items: OpenItems) -> Change:
        owed = Delivery(
            id=items.new_id(),
            kind=DeliveryKind.ACK,
            key="ack:1",
            via="support",
            recipient="jane@example.org",
            payload=b"",
            created_at=items.now,
            due_at=items.now,
        )
        return Change(deliveries=(owed,))

    await log.decide(keys, owing)
    claims = Claims(log, scripted_world.world, "node/1")
    assert len(await claims.deliveries(("support",), 10, timedelta(minutes=15))) == 1


def webhook(at: datetime, **fields: str) -> Webhook:
    return Webhook(
        call_sid="CA1",
        route="voice",
        step="voice",
        url="https://x.test/",
        fields=fields,
        token="t" * 99,
        received_at=at,
    )


async def test_a_webhook_with_a_nul_in_it_is_kept(log: Log, scripted_world: ScriptedWorld) -> None:
    await Journal(log).append(webhook(scripted_world.now, CallerName="a\0b"))
    (kept,) = (await items_of(log, key.of_call("CA1"))).webhooks
    assert kept.fields == {"CallerName": "a\N{REPLACEMENT CHARACTER}b"}


async def test_a_call_set_aside_is_looked_at_again_when_its_time_comes(log: Log, scripted_world: ScriptedWorld) -> None:
    claims = Claims(log, scripted_world.world, "node/1")
    await Journal(log).append(webhook(scripted_world.now))
    at = scripted_world.now + timedelta(minutes=5)
    await log.decide((), lambda items: Change(timers=(CallTimer(call_sid="CA1", line="", at=at),)))
    assert await claims.due_calls(scripted_world.advance(timedelta(minutes=4))) == ()
    assert len(await claims.due_calls(scripted_world.advance(timedelta(minutes=2)))) == 1
