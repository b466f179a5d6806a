"""What the dialler reads besides its queue, on each store."""

from datetime import timedelta

from commsd.channels.phone.dial.step import journal_name
from commsd.core.callback import Attempt, Callback, State
from commsd.core.change import CallTimer, Change
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


async def test_p7_in_hand_are_those_whose_attempt_has_no_result(log: Log) -> None:
    live = Attempt(at=NOW, by="anna", result=None, id=ATTEMPT)
    await take(log, Change(callbacks=(owed(State.DIALLING, attempt=live),)))
    waiting = owed(State.WAITING, number="+442079460123", id="0192f0c0-0000-7000-8000-000000000003")
    await take(log, Change(callbacks=(waiting,)))
    assert [each.id for each in await log.read(dialling.in_hand)] == [ID]
    known = await log.read(lambda connection: dialling.callback_of(connection, ID))
    assert known
    assert known.live == live
    assert await log.read(lambda connection: dialling.contact_of(connection, known)) is None


async def test_live_calls_are_those_without_a_verdict(log: Log) -> None:
    journal = Journal(log)
    for sid in ("CA1", "CA2"):
        await journal.append(webhook(sid, "voice", {"CallSid": sid, "From": "+493023125099"}))
    await take(log, Change(timers=(CallTimer(call_sid="CA1", line="hotline", at=NOW),)))
    (call,) = await log.read(dialling.live_calls)
    assert (call.sid, call.webhooks[0].fields["From"]) == ("CA1", "+493023125099")


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
