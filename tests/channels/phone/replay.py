"""What the journal alone says: a store made anew from the webhooks another one noted; telephony.md 6d, sentence 8.

Originals are the webhooks, our notes of what Twilio's REST API said, and the documents we answered with: what was said
to a caller cannot be said otherwise afterwards. All else of a call is told from them, so it must be told again:

- of each call the verdict, its reason and all that stands in its interaction; not who people said it was with;
- of each attempt how it ended and with which legs; not what people said came of it;
- that each missed call is owed once, and (`owed`) the whole callback: whose, since when, for which calls, its state.

`owed` is for a walk in which nobody acts and nothing is dialled, for these are no webhooks; and for numbers that were
neither answered nor declined: there the order in which verdicts fell may make us ring one who was answered already.
Whether a machine may ring a number, the dialler finds out anew: held is as good as waiting.

Shuffled, a call's first webhook stays its first. It is what made Twilio, or us, do whatever the others tell of, and the
only one that surely says who rang.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection, insert, select

from commsd.channels.phone.call import fold
from commsd.channels.phone.dial import attempt as attempts
from commsd.channels.phone.dial.attempt import Ended
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.seen import RECORDING_SID
from commsd.channels.phone.switch import Switch
from commsd.channels.phone.verdict import Verdict
from commsd.core.callback import Attempt, Callback, State
from commsd.core.interaction import CALL_SID, DECLINED, Direction, Interaction, Outcome
from commsd.core.open_items import WebhookEntry
from commsd.store import schema
from commsd.store.journal import Webhook
from tests.channels.phone.conftest import opened
from tests.channels.phone.invariants import Books, read
from tests.world import ScriptedWorld

OURS = "dial:"
AFTER = timedelta(days=1)
MACHINES = {how.value for how in Ended} - {Ended.BRIDGED.value}
"""Ends of an attempt that no person said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """All that was noted, in the order of arrival, and the documents that were handed out: by call and step."""

    webhooks: Sequence[Webhook]
    answers: Mapping[str, Mapping[str, bytes]]

    def of(self, name: str) -> list[WebhookEntry]:
        """The webhooks of a call or an attempt."""
        return [_entry(place, noted) for place, noted in enumerate(self.webhooks, 1) if noted.call_sid == name]


def journal(connection: Connection) -> Journal:
    table, answers = schema.journal, defaultdict[str, dict[str, bytes]](dict)
    for row in connection.execute(select(schema.answers)):
        answers[row.call_sid][row.step] = row.body
    columns = [column for column in table.c if column.name not in ("id", "consumed")]
    rows = connection.execute(select(*columns).order_by(table.c.id)).mappings()
    return Journal(webhooks=[Webhook(**row) for row in rows], answers=answers)


def _entry(place: int, noted: Webhook) -> WebhookEntry:
    return WebhookEntry(
        id=place, received_at=noted.received_at, route=noted.route, step=noted.step, fields=noted.fields
    )


async def replayed(noted: Journal, url: str, settings: PhoneSettings, chance: Random | None = None) -> Books:
    """The books of a fresh store after the webhooks of all calls; shuffled by `chance`, all come after the last did."""
    calls = [webhook for webhook in noted.webhooks if not webhook.call_sid.startswith(OURS)]
    end = max(webhook.received_at for webhook in calls)
    calls = shuffled(calls, chance) if chance else calls
    world = ScriptedWorld(end if chance else calls[0].received_at)
    means = await opened(url, world)
    rows = [{"call_sid": sid, "step": s, "body": body} for sid, of in noted.answers.items() for s, body in of.items()]
    try:
        await means.log.engine.commit(lambda c: c.execute(insert(schema.answers), rows) and None)
        switch = Switch(settings, means)
        verdict = Verdict(switch, None)
        for webhook in calls:
            await _judged(verdict, world, max(world.now, webhook.received_at))
            await means.journal.append(webhook)
            await switch.settle(webhook.call_sid, webhook.fields)
        await _judged(verdict, world, end + AFTER)
        return await means.log.read(read)
    finally:
        await means.log.close()


def shuffled(calls: Sequence[Webhook], chance: Random) -> list[Webhook]:
    """In any order but for the first of each call."""
    mixed = chance.sample(calls, len(calls))
    for first in {webhook.call_sid: webhook for webhook in reversed(calls)}.values():
        earliest = next(place for place, webhook in enumerate(mixed) if webhook.call_sid == first.call_sid)
        now = next(place for place, webhook in enumerate(mixed) if webhook is first)
        mixed[earliest], mixed[now] = first, mixed[earliest]
    return mixed


async def _judged(verdict: Verdict, world: ScriptedWorld, until: datetime) -> None:
    """Time passes; calls are judged when theirs has come."""
    log = verdict._switch.means.log
    table = schema.call_timers
    while due := await log.read(lambda c: c.execute(select(table.c.at).order_by(table.c.at).limit(1)).scalar()):
        if due > until:
            break
        world.now = max(world.now, due)
        await verdict.once()
    world.now = until


def differences(was: Books, anew: Books, noted: Journal, *, owed: bool) -> list[str]:
    """What the fresh store tells otherwise."""
    return [*_of_calls(was, anew), *_of_debts(was, anew), *(_of_callbacks(was, anew, noted) if owed else ())]


def _told(call: Interaction) -> Mapping[str, object]:
    """What stands of a call in the log and comes from its webhooks."""
    said = call.detail.result is not None
    return {
        "outcome": call.outcome,
        "reason": call.reason,
        "occurred_at": call.occurred_at,
        "ended_at": call.ended_at,
        "customer": call.customer,
        "line": call.line,
        "agent": None if said else call.agent_id,
        "total": call.total,
        "talk": call.talk,
        "recording": call.external(RECORDING_SID),
    }


def _inbound(books: Books) -> Mapping[str, Interaction]:
    return {call.external(CALL_SID) or "": call for call in books.calls if call.direction is Direction.INBOUND}


def _of_calls(was: Books, anew: Books) -> Iterable[str]:
    before, after = _inbound(was), _inbound(anew)
    for sid in sorted(before.keys() ^ after.keys()):
        yield f"8: the call {sid} is in one store and not in the other"
    for sid in before.keys() & after.keys():
        one, other = _told(before[sid]), _told(after[sid])
        for name in (name for name, value in one.items() if other[name] != value):
            yield f"8: the call {sid} has {name} {one[name]}, and told again {other[name]}"


def _of_debts(was: Books, anew: Books) -> Iterable[str]:
    owed = [miss for callback in anew.callbacks for miss in callback.misses]
    for sid, call in _inbound(anew).items():
        if call.outcome is Outcome.MISSED and owed.count(call.id) != 1:
            yield f"8: told again, the call {sid} belongs to {owed.count(call.id)} callbacks"
    if anew.pending:
        yield f"8: told again, {len(anew.pending)} calls have no verdict"


def _of_callbacks(was: Books, anew: Books, noted: Journal) -> Iterable[str]:
    before, after = _debts(was, noted), _debts(anew, noted)
    for sids in before.keys() | after.keys():
        if before.get(sids) != after.get(sids):
            yield f"8: for {sorted(sids)} is owed {before.get(sids)}, and told again {after.get(sids)}"


def _debts(books: Books, noted: Journal) -> Mapping[frozenset[str], object]:
    """What is owed, by the calls it is owed for; without numbers that were answered or declined, or typed on keys."""
    calls = _inbound(books)
    sids = {call.id: sid for sid, call in calls.items()}
    spared = {call.customer for call in calls.values() if call.outcome is Outcome.REACHED or call.reason == DECLINED}
    typed = {sid for sid in calls if (state := fold(sid, noted.of(sid), noted.answers.get(sid, {}))) and state.typed}
    found = {frozenset(sids[miss] for miss in each.misses): each for each in books.callbacks}
    mixed = {calls[sid].customer for sid in typed}
    left = {
        group: each for group, each in found.items() if not {calls[sid].customer for sid in group} & (spared | mixed)
    }
    return {group: _standing(each) for group, each in left.items()}


def _standing(callback: Callback) -> tuple[object, ...]:
    state = State.WAITING if callback.state is State.HELD else callback.state
    return callback.line, callback.number, state, callback.close_reason, callback.opened_at, callback.rang_at


def attempts_again(books: Books, noted: Journal, chance: Random) -> list[str]:
    """What the webhooks of our attempts, shuffled, tell otherwise than the books."""
    found: list[str] = []
    for attempt in (each for callback in books.callbacks for each in callback.attempts if each.id):
        found += _of_attempt(attempt, noted, chance)
    return found


def _of_attempt(attempt: Attempt, noted: Journal, chance: Random) -> Iterable[str]:
    name = f"{OURS}{attempt.id}"
    entries, answered = noted.of(name), noted.answers.get(name, {})
    state = attempts.fold(entries, answered)
    mixed = chance.sample(entries, len(entries))
    if attempts.fold(mixed, answered) != state:
        yield f"8: the webhooks of attempt {attempt.id} tell something else in another order"
    last = max((entry.received_at for entry in entries), default=attempt.at)
    how = attempts.ended(state, last + AFTER)
    if attempt.result in MACHINES and (how is None or how.value != attempt.result):
        yield f"8: attempt {attempt.id} ended {attempt.result}, and told again {how}"
    if attempt.bridged and not state.bridged:
        yield f"8: attempt {attempt.id} was a talk, and told again it was none"
    legs = (state.agent.sid or attempt.call_sid, state.customer.sid or attempt.customer_sid)
    if attempt.result is not None and legs != (attempt.call_sid, attempt.customer_sid):
        yield f"8: attempt {attempt.id} had other legs than its webhooks tell"
