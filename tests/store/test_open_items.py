"""What a decision is shown: the same alone or among hundreds, folded or read anew. On SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, event

from commsd.config.unit import Rate
from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.interaction import MESSAGE_ID, Delivery, DeliveryKind, ExternalId
from commsd.core.open_items import OpenItems
from commsd.core.pause import Pause
from commsd.core.refusal import refusal_after
from commsd.store import rows
from commsd.store.items import Items
from commsd.store.log import Log
from commsd.store.open_items import load
from tests.core.items import TUESDAY, Books, call_from, mail_from
from tests.house import TERMS
from tests.store.test_log import mail, missed_call
from tests.world import ScriptedWorld

NAMES = ("ann", "bob", "cyd")
BUDGET = Rate(100, timedelta(hours=1))


def _keys(name: str, place: int) -> tuple[str, ...]:
    """All kinds of keys, about one person."""
    address, number = f"{name}@example.org", f"+49302312509{place}"
    return (
        *key.of_addresses(address, number),
        key.of_message_id(f"{name}@mail.example"),
        key.of_call(f"CA{place}"),
        key.of_recipient(address.upper()),
        key.of_inbox(address),
        key.of_delivery(f"delivery-{name}"),
        key.of_budget("support", BUDGET),
    )


def _wrote(name: str, items: OpenItems) -> Change:
    """A mail, its acknowledgement, and what such may leave behind."""
    address = f"{name}@example.org"
    change = change_of(mail(items, address, named=(ExternalId(MESSAGE_ID, f"{name}@mail.example"),)), items, TERMS)
    fact = change.interactions[0]
    owed = Delivery(
        id=f"delivery-{name}",
        kind=DeliveryKind.ACK,
        key=f"ack:{name}",
        via="support",
        recipient=address,
        payload=b"bytes",
        created_at=items.now,
        due_at=items.now,
        interaction_id=fact.id,
        case_id=fact.case_id,
    )
    refused = refusal_after(address, "support", fact.id, "550 5.1.1", items.now)
    pause = Pause(what="acks", name=name, until=items.now + timedelta(hours=1), why="x", by="cli", made_at=items.now)
    return replace(change, deliveries=(*change.deliveries, owed), refusals=(refused,), pauses=(pause,))


def _rang(place: int, items: OpenItems) -> Change:
    return change_of(missed_call(items, f"+49302312509{place}", sid=f"CA{place}"), items, TERMS)


KEYS = [_keys(name, place) for place, name in enumerate(NAMES)]


async def _house(log: Log) -> None:
    """Three people write, and ring later."""
    for place, name in enumerate(NAMES):
        await log.decide(KEYS[place], partial(_wrote, name))
        await log.decide(KEYS[place], partial(_rang, place))


async def test_a_decision_among_others_sees_what_it_would_see_alone(log: Log, scripted_world: ScriptedWorld) -> None:
    await _house(log)
    now, new_id = scripted_world.world.now(), scripted_world.world.new_id

    def look(connection: Connection) -> None:
        together = load(connection, {one for keys in KEYS for one in keys}, now)
        for keys in KEYS:
            alone = load(connection, keys, now).view(keys, now, new_id)
            assert together.view(keys, now, new_id) == alone
            assert len(alone.files) == len(alone.callbacks) == len(alone.sent) == len(alone.refused) == 1
            assert alone.spent["support"].count == len(alone.pauses) == len(NAMES)
            assert len(alone.deliveries) == 1
            assert len(alone.known) == 2

    await log.read(look)


@pytest.mark.parametrize("mailed_before", [False, True])
async def test_what_is_folded_is_seen_as_if_it_were_read(
    log: Log, scripted_world: ScriptedWorld, *, mailed_before: bool
) -> None:
    if mailed_before:
        await _house(log)
    now, new_id = scripted_world.world.now(), scripted_world.world.new_id

    def decide(connection: Connection) -> None:
        folded = load(connection, KEYS[0], now)
        rang = _rang(0, folded.view(KEYS[0], now, new_id))
        folded.fold(rang)
        wrote = _wrote("ann", folded.view(KEYS[0], now, new_id))
        wrote = wrote if not mailed_before else replace(wrote, deliveries=(), pauses=())
        folded.fold(wrote)
        rows.write(connection, [rang, wrote], now, new_id)
        assert load(connection, KEYS[0], now).view(KEYS[0], now, new_id) == folded.view(KEYS[0], now, new_id)

    await log.engine.commit(decide)


async def test_an_interaction_that_was_revised_is_seen_in_its_last_form(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    await _house(log)
    now, new_id = scripted_world.world.now(), scripted_world.world.new_id
    one = key.of_message_id("ann@mail.example")
    change = await log.decide(
        [one], lambda items: Change(interactions=(replace(items.known[one], revision=2, tags=("urgent",)),))
    )
    seen = await log.read(lambda connection: load(connection, [one], now).view([one], now, new_id))
    assert seen.known[one] == change.interactions[0]
    assert change.interactions[0] in next(iter(seen.files.values())).interactions


async def test_keys_that_name_nothing_ask_the_database_nothing(log: Log, scripted_world: ScriptedWorld) -> None:
    asked: list[str] = []

    def load_for(connection: Connection, keys: tuple[str, ...]) -> int:
        asked.clear()
        event.listen(connection, "before_cursor_execute", lambda *about: asked.append(about[2]))
        load(connection, keys, scripted_world.world.now())
        return len([each for each in asked if each.startswith("SELECT")])

    assert await log.read(lambda connection: load_for(connection, ())) == 0
    who_and_of_which_firm = key.of_addresses("new@example.org")
    assert await log.read(lambda connection: load_for(connection, who_and_of_which_firm)) == 2
    mail_keys = (*key.of_addresses("new@example.org"), key.of_message_id("x"), key.of_inbox("new@example.org"))
    assert await log.read(lambda connection: load_for(connection, mail_keys)) == 5


def _callbacks(items: Items, *keys: str) -> int:
    return len(items.view(keys, TUESDAY, lambda: "id").callbacks)


def test_a_callback_with_another_number_is_not_found_by_the_old_one() -> None:
    books, items = Books(), Items()
    items.fold(books.take(call_from()))
    before, after = key.of_addresses("+493023125099", "+493023125000")
    assert (_callbacks(items, before), _callbacks(items, after)) == (1, 0)
    items.fold(Change(callbacks=(replace(books.callback, number="+493023125000"),)))
    assert (_callbacks(items, f"callback:{books.callback.id}"), _callbacks(items, after)) == (1, 1)
    items.contact_of.clear()  # who has the old number also has the case, and so the callback
    assert _callbacks(items, before) == 0


def test_a_case_that_went_to_another_contact_is_not_found_by_the_first() -> None:
    books, items = Books(), Items()
    items.fold(books.take(mail_from("jane@example.org")))
    (jane,) = books.contacts.values()
    case = next(iter(books.files.values())).case
    items.fold(Change(cases=(replace(case, contact_id="somebody"),)))
    assert not items.view(key.of_addresses("jane@example.org"), TUESDAY, lambda: "id").files
    items.fold(Change(cases=(replace(case, contact_id=jane.id),)))
    assert items.view(key.of_addresses("jane@example.org"), TUESDAY, lambda: "id").files
