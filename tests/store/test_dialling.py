"""What the dialler reads besides its queue, on each store."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from commsd.channels.phone.dial.step import journal_name
from commsd.core.callback import Attempt, Callback, State
from commsd.core.change import Answer, CallTimer, Change
from commsd.core.interaction import (
    CALL_SID,
    Actor,
    Channel,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
)
from commsd.store import dialling
from commsd.store.journal import Journal, Webhook
from commsd.store.log import Log
from tests.world import WEDNESDAY_MORNING, ScriptedWorld

NOW = WEDNESDAY_MORNING
ID, ATTEMPT = "0192f0c0-0000-7000-8000-000000000001", "0192f0c0-0000-7000-8000-000000000002"


def owed(state: State, *, number: str = "+493023125099", attempt: Attempt | None = None, id: str = ID) -> Callback:
    return Callback(
        id=id,
        created_at=NOW,
        line="hotline",
        number=number,
        contact_id=None,
        case_id="case",
        state=state,
        due_at=NOW,
        opened_at=NOW,
        attempts=(attempt,) if attempt else (),
    )


async def take(log: Log, change: Change) -> None:
    await log.decide((), lambda items: change)


async def test_p7_a_call_of_ours_is_listed_until_our_persons_leg_is_told_to_be_over(log: Log) -> None:
    live = Attempt(at=NOW, by="anna", result="busy", id=ATTEMPT)
    fact = replace(call(Direction.OUTBOUND, Outcome.NOT_REACHED), id=ATTEMPT, detail=Detail(callback_id=ID))
    await take(log, Change(callbacks=(owed(State.WAITING, attempt=live),), interactions=(fact,)))
    for customers in ("leg", "amd"):
        await Journal(log).append(webhook(journal_name(ATTEMPT), customers, {"CallStatus": "completed"}))

    async def listed(since: datetime = NOW) -> list[tuple[str, str | None, int]]:
        over = {"completed", "busy"}
        found = await log.read(lambda connection: dialling.placed_calls(connection, since, over))
        return [(each.callback_id, each.attempt.by, len(each.webhooks)) for each in found]

    assert await listed() == [(ID, "anna", 2)]
    assert await listed(NOW + timedelta(seconds=1)) == []
    await Journal(log).append(webhook(journal_name(ATTEMPT), "status", {"CallStatus": "busy"}))
    assert await listed() == []


async def test_p7_of_a_call_to_somebody_erased_nobody_is_taken_to_be_on_the_line(log: Log) -> None:
    """What told of its end was erased with them."""
    made = Attempt(at=NOW, by="anna", result="reached", id=ATTEMPT)
    fact = replace(call(Direction.OUTBOUND, Outcome.REACHED), id=ATTEMPT, detail=Detail(callback_id=ID))
    await take(log, Change(callbacks=(owed(State.WAITING, attempt=made),), interactions=(fact,)))
    placed = partial(dialling.placed_calls, since=NOW, over={"completed"})
    assert len(await log.read(placed)) == 1
    await take(log, Change(interactions=(replace(fact, revision=fact.revision + 1, erased_at=NOW),)))
    assert await log.read(placed) == ()


async def test_callbacks_and_contacts_are_read_as_they_are_now(log: Log) -> None:
    await take(log, Change(callbacks=(owed(State.WAITING),)))
    known = await log.read(lambda connection: dialling.callback_of(connection, ID))
    assert known == owed(State.WAITING)
    assert await log.read(lambda connection: dialling.contacts_of(connection, [owed(State.WAITING)])) == {}


async def test_p7_live_calls_are_those_without_a_verdict_and_talks_whose_end_nobody_told(log: Log) -> None:
    journal = Journal(log)
    for sid in ("CA1", "CA2", "CA3", "CA4"):
        await journal.append(webhook(sid, "voice", {"CallSid": sid, "From": "+493023125099"}))
    talk, over = call(Direction.INBOUND, Outcome.REACHED, "CA3"), call(Direction.INBOUND, Outcome.REACHED, "CA4")
    over = replace(over, id="0192f0c0-0000-7000-8000-000000000004", ended_at=NOW)
    timer = CallTimer(call_sid="CA1", line="hotline", at=NOW)
    body = Answer(call_sid="CA3", step="voice", body=b"<Response/>")
    await take(log, Change(timers=(timer,), interactions=(talk, over), answers=(body,)))
    found = await log.read(lambda connection: dialling.live_calls(connection, NOW))
    assert {each.sid: dict(each.answered) for each in found} == {"CA1": {}, "CA3": {"voice": b"<Response/>"}}
    assert found[0].webhooks[0].fields["From"] == "+493023125099"


def call(direction: Direction, outcome: Outcome, sid: str | None = None) -> Interaction:
    return Interaction(
        id="0192f0c0-0000-7000-8000-000000000003",
        revision=1,
        channel=Channel.PHONE,
        kind=Kind.CALL,
        direction=direction,
        actor=Actor.CUSTOMER,
        outcome=outcome,
        occurred_at=NOW,
        recorded_at=NOW,
        external_ids=(ExternalId(CALL_SID, sid),) if sid else (),
    )


async def test_w2_a_webhook_that_a_crash_left_undecided_names_its_attempt(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    url = f"https://calls.example.com/twilio/dial/{ID}/{ATTEMPT}/result-1"
    await Journal(log).append(webhook(journal_name(ATTEMPT), "result-1", {"Digits": "1"}, url))
    await Journal(log).append(webhook(journal_name(ATTEMPT), "created", {"Order": "unknown"}))
    before = await log.read(lambda connection: dialling.undecided(connection, NOW - timedelta(seconds=1)))
    assert before == ()
    assert await log.read(lambda connection: dialling.undecided(connection, NOW)) == ((ID, ATTEMPT),)


def webhook(sid: str, step: str, fields: dict[str, str], url: str = "") -> Webhook:
    return Webhook(call_sid=sid, route="dial", step=step, url=url, fields=fields, received_at=NOW)
