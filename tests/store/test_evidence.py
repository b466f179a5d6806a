"""What is known around a callback when it is asked whether a machine may ring it, and what dialling has cost."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert

from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.change import Change, change_of
from commsd.core.entry import Hand
from commsd.core.interaction import (
    CALL_SID,
    Actor,
    Channel,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems
from commsd.core.price import Spending
from commsd.core.screen import Evidence
from commsd.crm.contact_merge import merge_contacts
from commsd.store import contacts
from commsd.store import evidence as module
from commsd.store.evidence import PHONE, evidence
from commsd.store.journal import Journal, Webhook
from commsd.store.log import Log
from commsd.store.phone_schema import opt_outs
from commsd.store.spending import calls, spent
from tests.house import TERMS

CUSTOMER, OTHER, THIRD = "+493023125099", "+493023125088", "+493023125077"


async def rang(
    log: Log, number: str, sid: str = "CA1", typed: str | None = None, ago: timedelta = timedelta()
) -> Callback:
    """A missed call, and what it is owed; typed: the number its caller gave to be rung on."""

    def decide(items: OpenItems) -> Change:
        fact = Interaction(
            id=items.new_id(),
            channel=Channel.PHONE,
            kind=Kind.CALL,
            direction=Direction.INBOUND,
            actor=Actor.CUSTOMER,
            outcome=Outcome.MISSED,
            occurred_at=items.now - ago,
            recorded_at=items.now,
            line="hotline",
            parties=(Party(Role.CALLER, number),),
            external_ids=(ExternalId(CALL_SID, sid),),
        )
        change = change_of(fact, items, TERMS)
        owed = change.callbacks[0]
        changed = replace(owed, number=typed or owed.number, opened_at=owed.opened_at)
        return replace(change, callbacks=(changed,), events=())

    named = key.of_addresses(number, typed)
    return (await log.decide(named, decide)).callbacks[0]


async def known(log: Log, callback: Callback) -> Evidence:
    return await log.read(lambda connection: evidence(connection, callback))


async def test_the_calls_and_the_contact_behind_a_callback_are_known(log: Log) -> None:
    owed = await rang(log, CUSTOMER)
    found = await known(log, owed)
    assert tuple(miss.id for miss in found.misses) == owed.misses
    assert found.contact is not None
    assert found.contact.id == owed.contact_id
    assert (found.newcomers, found.others, found.declined_at, found.stamps) == ((CUSTOMER,), 0, None, ())


async def test_fraud_burst_numbers_are_counted_from_the_hour_before_and_in_their_order(log: Log) -> None:
    await rang(log, THIRD, "CA3", ago=timedelta(hours=2))
    await rang(log, OTHER, "CA2", ago=timedelta(minutes=30))
    owed = await rang(log, CUSTOMER)
    assert (await known(log, owed)).newcomers == (OTHER, CUSTOMER)


async def test_fraud_burst_of_more_than_are_counted_still_has_its_last_number(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    for place, number in enumerate((THIRD, OTHER)):
        await rang(log, number, f"CA{place}", ago=timedelta(minutes=30 - place))
    owed = await rang(log, CUSTOMER, "CA9")
    assert (await known(log, owed)).newcomers == (THIRD, OTHER, CUSTOMER)


async def test_fraud_typed_number_targets_of_the_day_are_counted_by_caller(log: Log) -> None:
    own = await rang(log, CUSTOMER, "CA1")
    assert (await known(log, own)).others == 0
    first = await rang(log, THIRD, "CA2", typed=OTHER)
    assert (await known(log, first)).others == 0
    second = await rang(log, THIRD, "CA3", typed="+493023125066")
    found = await known(log, second)
    assert found.others == 1
    assert (await known(log, first)).others == 0


async def test_fraud_typed_number_targets_are_counted_of_who_was_two_people_before(log: Log) -> None:
    first = await rang(log, THIRD, "CA2", typed=OTHER)
    second = await rang(log, CUSTOMER, "CA3", typed="+493023125066")
    assert (await known(log, second)).others == 0
    gone, stays = first.contact_id or "", second.contact_id or ""
    keys = await log.read(lambda connection: contacts.keys_of(connection, gone, stays))
    await log.decide(keys, merge_contacts(gone, stays, Hand(by="anna")))
    assert (await known(log, second)).others == 1
    found = await known(log, first)
    assert found.contact is not None
    assert found.contact.id == stays


async def test_what_twilio_says_of_the_caller_and_who_wants_no_calls_is_known(log: Log) -> None:
    owed = await rang(log, CUSTOMER)
    said = {"CallSid": "CA1", "StirVerstat": "TN-Validation-Passed-A"}
    await Journal(log).append(
        Webhook(call_sid="CA1", route="voice", step="voice", url="", fields=said, received_at=owed.opened_at)
    )
    row = {"number": CUSTOMER, "channel": PHONE, "since": owed.opened_at, "word": "no calls"}
    await log.writer.write(lambda c: c.execute(insert(opt_outs).values(**row)))
    found = await known(log, owed)
    assert (found.stamps, found.declined_at) == (("TN-Validation-Passed-A",), owed.opened_at)


async def _spend(log: Log, amounts: Sequence[Spending]) -> None:
    await log.decide((), lambda items: Change(spending=tuple(amounts)))


@pytest.mark.parametrize("together", [True, False])
async def test_fraud_cost_runaway_every_call_begun_is_added_to_its_day(log: Log, together: bool) -> None:
    one = Spending("2026-03-10", "EUR", Decimal("0.3050"), 1)
    more = [
        one,
        one._replace(day="2026-03-11"),
        one,
        one._replace(currency="USD"),
        one._replace(amount=Decimal("-0.1")),
    ]
    if together:
        await _spend(log, more)
    else:
        await asyncio.gather(*(_spend(log, [each]) for each in more))
    assert await log.read(lambda c: spent(c, "2026-03-11", "EUR")) == Decimal("0.3050")
    assert await log.read(lambda c: spent(c, "2026-03-10", "EUR")) == Decimal("0.8150")
    assert await log.read(lambda c: spent(c, "2026-03-10", "GBP")) == 0
    assert await log.read(lambda c: calls(c, "2026-03-10")) == 5
    assert await log.read(lambda c: calls(c, "2026-03-12")) == 0
