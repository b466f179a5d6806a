"""How far lists are looked through, on both stores: a mark never goes back, and a known call is known."""

from datetime import UTC, datetime, timedelta

from commsd.core.interaction import CALL_SID
from commsd.store import schema, sweeps
from commsd.store.journal import Journal, Webhook
from commsd.store.log import Log
from commsd.store.rows import external_key

NINE = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def marks(log: Log) -> dict[str, datetime]:
    return dict(await log.read(lambda c: sweeps.marks(c, ["calls", "line"])))


async def test_a_mark_begins_once(log: Log) -> None:
    await log.writer.write(lambda c: sweeps.begin(c, ["calls"], NINE))
    await log.writer.write(lambda c: sweeps.begin(c, ["calls", "line"], NINE + HOUR))
    assert await marks(log) == {"calls": NINE, "line": NINE + HOUR}


async def test_a_mark_goes_forward_alone(log: Log) -> None:
    await log.writer.write(lambda c: sweeps.begin(c, ["calls"], NINE))
    await log.writer.write(lambda c: sweeps.advance(c, "calls", NINE + HOUR))
    await log.writer.write(lambda c: sweeps.advance(c, "calls", NINE))
    assert await marks(log) == {"calls": NINE + HOUR}


async def test_of_many_calls_those_without_a_webhook_are_unknown(log: Log) -> None:
    sids = [f"CA{number:032}" for number in range(1200)]
    for sid in (sids[0], sids[700], sids[1199]):
        known = Webhook(call_sid=sid, route="voice", step="voice", url="", fields={}, received_at=NINE)
        await Journal(log).append(known)
    unknown = await log.read(lambda c: sweeps.unknown_calls(c, sids))
    assert set(sids) - unknown == {sids[0], sids[700], sids[1199]}
    assert await log.read(lambda c: sweeps.unknown_calls(c, [])) == frozenset()


async def test_a_call_that_the_log_alone_knows_is_known(log: Log) -> None:
    row = {"key": external_key(CALL_SID, "CA1"), "interaction_id": log.world.new_id()}
    await log.writer.write(lambda c: c.execute(schema.external_ids.insert().values(**row)))
    assert await log.read(lambda c: sweeps.unknown_calls(c, ["CA1", "CA2"])) == {"CA2"}
