"""Two processes on one database decide about the same at the same time: what is one stays one."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.change import Change, LogicalKey, change_of
from commsd.core.contact import Contact
from commsd.core.open_items import OpenItems
from commsd.store import schema
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.open_items import records
from commsd.world import real_world
from tests.house import TERMS
from tests.store.test_log import count, mail, missed_call
from tests.store.test_owed_once import asks_for_a_call


async def opened(stack: AsyncExitStack, url: str) -> Log:
    """A process of its own, as far as the database can tell."""
    engine = open_engine(url)
    log = Log(engine, real_world())
    log.start()
    stack.push_async_callback(log.close)
    return log


def once(items: OpenItems, number: int) -> Change:
    """A mail that lies in two mailboxes."""
    known = items.known.get(key.of_logical(f"mail {number}"))
    if known:
        return Change(result="copy")
    change = change_of(mail(items, sender=f"c{number}@example.org"), items, TERMS)
    return change + Change(keys=(LogicalKey(key=f"mail {number}", interaction_id=change.interactions[0].id),))


def ringing(items: OpenItems, sid: str, number: str) -> Change:
    return change_of(missed_call(items, number=number, sid=sid), items, TERMS)


async def test_log_9_one_mail_one_person_and_one_callback_whoever_decides_first(store_url: str) -> None:
    async with AsyncExitStack() as stack:
        engine = open_engine(store_url)
        await engine.commit(upgrade)
        await engine.close()
        logs = [await opened(stack, store_url) for _ in range(3)]
        mails = [
            log.decide((*key.of_addresses(f"c{n}@example.org"), key.of_logical(f"mail {n}")), partial(once, number=n))
            for n in range(20)
            for log in logs
        ]
        calls = [
            log.decide(
                (*key.of_addresses(f"+4930231251{n:02}"), key.of_call(f"CA{n}-{place}")),
                partial(ringing, sid=f"CA{n}-{place}", number=f"+4930231251{n:02}"),
            )
            for n in range(20)
            for place, log in enumerate(logs)
        ]
        done = await asyncio.gather(*mails, *calls)
        copies = [change for change in done if change.result == "copy"]
        contacts = await logs[0].read(lambda c: records(c, Contact, schema.contacts))
        callbacks = await logs[0].read(lambda c: records(c, Callback, schema.callbacks))
        assert len(copies) == 40
        assert len(contacts) == 40
        assert len({identity for contact in contacts for identity in contact.identities}) == 40
        assert sorted(len(callback.misses) for callback in callbacks) == [3] * 20
        assert await count(logs[0], "cases") == 40


async def test_writings_decided_by_several_processes_owe_one_call_to_the_number_they_are_to_be_answered_on(
    store_url: str,
) -> None:
    async with AsyncExitStack() as stack:
        engine = open_engine(store_url)
        await engine.commit(upgrade)
        await engine.close()
        logs = [await opened(stack, store_url) for _ in range(3)]
        senders = [(f"c{n}-{place}@example.org", f"+4930231251{n:02}") for n in range(20) for place in range(3)]
        await asyncio.gather(
            *(
                logs[at % 3].decide(key.of_addresses(sender), partial(asks_for_a_call, sender=sender, number=number))
                for at, (sender, number) in enumerate(senders)
            )
        )
        callbacks = await logs[0].read(lambda c: records(c, Callback, schema.callbacks))
        assert sorted((callback.number, callback.revision) for callback in callbacks) == sorted(
            (number, 3) for number in {number for _, number in senders}
        )
        assert await count(logs[0], "cases") == 60
