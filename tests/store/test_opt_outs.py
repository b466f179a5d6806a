"""Who wants no texts, and what the duty of texts looks for, in both stores."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from commsd.core import key
from commsd.core.change import Change
from commsd.core.opt_out import OptOut
from commsd.store.engine import open_engine
from commsd.store.journal import Journal, Webhook
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.opt_outs import veil
from commsd.store.phone_schema import opt_outs as table
from commsd.store.texts import sounds, undecided, untexted
from tests.house import items_of
from tests.world import ScriptedWorld

NUMBER, OTHER = "+491701234567", "+493023125099"
KEYS = key.of_addresses(NUMBER)


def out(now_word: str, channel: str = "sms", *, lifted: bool = False) -> OptOut:
    return OptOut(number=NUMBER, channel=channel, since=ScriptedWorld().now, word=now_word, lifted=lifted)


async def keep(log: Log, *changed: OptOut) -> None:
    await log.decide(KEYS, lambda _items: Change(opt_outs=changed))


async def words(log: Log) -> dict[str, str]:
    return {each.channel: each.word for each in (await items_of(log, *KEYS)).opt_outs}


async def test_an_opt_out_is_kept_for_its_channel_until_it_is_lifted(log: Log) -> None:
    await keep(log, out("stop"), out("berhenti", "whatsapp"))
    assert await words(log) == {"sms": "stop", "whatsapp": "berhenti"}
    await keep(log, out("21610"))
    assert await words(log) == {"sms": "21610", "whatsapp": "berhenti"}
    await keep(log, out("start", lifted=True))
    assert await words(log) == {"whatsapp": "berhenti"}


async def test_of_changes_in_one_batch_the_last_counts(log: Log) -> None:
    first = log.submit(KEYS, lambda _items: Change(opt_outs=(out("stop"),)))
    second = log.submit(KEYS, lambda _items: Change(opt_outs=(out("start", lifted=True),)))
    await first
    await second
    assert await words(log) == {}


async def test_other_numbers_are_not_seen(log: Log) -> None:
    await keep(log, out("stop"))
    assert not (await items_of(log, *key.of_addresses("+493023125099"))).opt_outs


async def test_a_veiled_number_is_not_in_the_table_and_its_opt_outs_count_until_they_are_lifted(log: Log) -> None:
    other = replace(out("stop"), number=OTHER)
    await keep(log, out("stop"), out("berhenti", "whatsapp"), other)
    await log.writer.write(lambda c: veil(c, [NUMBER, "+493023125012"]))
    await log.writer.write(lambda c: veil(c, [NUMBER]))
    rows = await log.read(lambda c: c.execute(select(table.c.number, table.c.channel)).all())
    assert sorted(row.number[0] for row in rows) == ["+", "~", "~"]
    assert NUMBER not in {row.number for row in rows}
    assert await words(log) == {"sms": "stop", "whatsapp": "berhenti"}
    assert [each.number for each in (await items_of(log, *key.of_addresses(OTHER))).opt_outs] == [OTHER]
    await keep(log, out("21610"))
    assert await words(log) == {"sms": "21610", "whatsapp": "berhenti"}
    await log.writer.write(lambda c: veil(c, [NUMBER]))
    assert await words(log) == {"sms": "21610", "whatsapp": "berhenti"}
    await keep(log, out("start", lifted=True))
    assert await words(log) == {"whatsapp": "berhenti"}


async def test_two_stores_veil_the_same_number_differently(tmp_path: Path, scripted_world: ScriptedWorld) -> None:
    found = set()
    for name in ("one", "two"):
        engine = open_engine(f"sqlite:///{tmp_path}/{name}.db")
        await engine.commit(upgrade)
        log = Log(engine, scripted_world.world)
        log.start()
        await keep(log, out("stop"))
        await log.writer.write(lambda c: veil(c, [NUMBER]))
        found |= set(await log.read(lambda c: c.execute(select(table.c.number)).scalars().all()))
        await log.close()
    assert len(found) == 2


async def test_a_webhook_of_a_text_is_found_until_it_is_taken_in(log: Log, scripted_world: ScriptedWorld) -> None:
    now = scripted_world.now
    fields = {"MessageSid": "SM1", "Body": ""}
    for name in ("message:SM1", "CA1"):
        webhook = Webhook(call_sid=name, route="message", step="message", url="u", fields=fields, received_at=now)
        await Journal(log).append(webhook)
    (left,) = await log.read(lambda connection: undecided(connection, "message:", now, 10))
    assert (left.call_sid, left.step, left.fields, left.url) == ("message:SM1", "message", fields, "u")
    assert not await log.read(lambda c: undecided(c, "message:", now - timedelta(seconds=1), 10))
    await log.decide(("call:message:SM1",), lambda items: Change(consumed=tuple(e.id for e in items.webhooks)))
    assert not await log.read(lambda connection: undecided(connection, "message:", now, 10))


async def test_an_empty_house_owes_no_texts_and_no_sound(log: Log, scripted_world: ScriptedWorld) -> None:
    now = scripted_world.now
    assert not await log.read(lambda connection: untexted(connection, "sms-ack:", now - timedelta(1), now, 10))
    assert not await log.read(lambda connection: sounds(connection, now - timedelta(1), "recording", ("sound",)))
