"""Ringing people and joining two legs, for the Twilio stand-in: the Dial verb and calls placed through the API.

Simultaneous ringing as Twilio's page on Number says it: the first to pick up is connected, the rest are hung up, even
when that first one is a machine which then never accepts. Not documented, chosen here: an accepted whisper is needed
for DialBridged=true, and a whisper that hangs up leaves DialCallStatus=completed.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from commsd.demo.exchange_call import Call, Person
from commsd.demo.exchange_leg import Leg, LegEnded
from commsd.demo.exchange_office import Office, hand_of
from commsd.demo.twiml_reader import Dial, Noun

_BAD_CALLER_ID = 13214
_CALLER_ID = re.compile(r"\+[1-9]\d{6,14}|(client|sip):.+")


@dataclass(frozen=True, slots=True)
class _Child:
    call: Call
    noun: Noun
    person: Person


async def ring_person(office: Office, call: Call, person: Person, timeout: float) -> str:
    """Rings until somebody answers: "in-progress", or the way it ended: busy, failed, no-answer, canceled."""
    office.step(call, "initiated", "initiated")
    if person.unreachable:
        return "failed"
    if person.busy or office.engaged(call.to):
        return "busy"
    office.step(call, "ringing", "ringing")
    answers = person.answers_after is not None and person.answers_after <= timeout
    leg = Leg(office, call, hand_of(person))
    try:
        await leg.pass_time(person.answers_after if answers and person.answers_after is not None else timeout)
    except LegEnded:
        return "canceled"
    if not answers:
        return "no-answer"
    if office.engaged(call.to):
        return "busy"
    leg.answer()
    return "in-progress"


async def dial(leg: Leg, verb: Dial, base: str) -> dict[str, str]:
    """Carries out a Dial verb of the document at `base`; what its action is told. The leg may be gone afterwards."""
    office, caller_id = leg.office, verb.caller_id or leg.call.from_
    if not _CALLER_ID.fullmatch(caller_id):
        office.alert(_BAD_CALLER_ID, leg.call)
        return {"DialCallStatus": "failed", "DialBridged": "false"}
    rung: list[_Child] = []
    for nouns in [(noun,) for noun in verb.nouns] if verb.sequential else [verb.nouns]:
        children = [_child(leg, noun, caller_id, base) for noun in nouns]
        rung += children
        winner = await _ring_at_once(leg, children, verb.timeout)
        if winner is not None:
            await _connect(leg, winner, verb.time_limit)
            return _result(winner.call)
        if leg.call.gone.is_set():
            break
    return _result(_most_telling(rung))


def _child(leg: Leg, noun: Noun, caller_id: str, base: str) -> _Child:
    call = leg.office.new_call(from_=caller_id, to=noun.target, direction="outbound-dial", parent_sid=leg.call.sid)
    call.status_callback = urljoin(base, noun.status_callback) if noun.status_callback else None
    call.events = noun.events
    whisper = urljoin(base, noun.url) if noun.url else None
    amd = urljoin(base, noun.amd_callback) if noun.amd_callback else None
    return _Child(call, replace(noun, url=whisper, amd_callback=amd), leg.office.people.get(noun.target, Person()))


async def _ring_at_once(leg: Leg, children: Sequence[_Child], timeout: float) -> _Child | None:
    """Who picked up first; all others have been hung up when this returns."""
    winner: _Child | None = None
    try:
        winner = await leg.until_gone(_first_answer(leg.office, children, timeout))
    except LegEnded:
        return None
    finally:
        for child in children:
            if child is not winner:
                leg.office.finish(child.call, "completed" if child.call.answered_at else "canceled")
                child.call.over.set()
    return winner


async def _first_answer(office: Office, children: Sequence[_Child], timeout: float) -> _Child | None:
    tasks = {asyncio.create_task(ring_person(office, child.call, child.person, timeout)): child for child in children}
    waiting = set(tasks)
    winner: _Child | None = None
    try:
        while waiting and winner is None:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=list(tasks).index):
                status, child = task.result(), tasks[task]
                if status != "in-progress":
                    office.finish(child.call, status)
                elif winner is None:
                    winner = child
                else:
                    office.finish(child.call, "completed")
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return winner


async def _connect(leg: Leg, child: _Child, time_limit: float) -> None:
    """Whisper, then the talk, until one of the two hangs up."""
    office, call = leg.office, child.call
    whisper = Leg(office, call, hand_of(child.person))
    if child.noun.detects:
        whisper.detect(child.person, child.noun.amd_callback, child.noun.amd_method)
    machine = hang_up_later(office, call, child.person)
    try:
        if child.noun.url:
            await leg.until_gone(_whisper(whisper, child.noun))
        leg.answer()
        leg.call.bridged_at = call.bridged_at = office.world.now()
        leg.call.met_machine = child.person.voicemail
        await leg.until_gone(whisper.pass_time(min(child.person.talks_for, time_limit)))
    except LegEnded:
        pass
    finally:
        if machine is not None:
            machine.cancel()
        office.finish(call, "completed")
        call.over.set()


async def _whisper(leg: Leg, noun: Noun) -> None:
    await leg.follow(await leg.fetch("whisper", noun.url or "", noun.method))


def hang_up_later(
    office: Office, call: Call, person: Person, limit: float | None = None
) -> "asyncio.Task[None] | None":
    """Ends an answered call when its person hangs up, a machine has recorded, or the time limit is over."""
    times = [person.talks_for] if person.voicemail else []
    times += [seconds for seconds in (person.hangs_up_after, limit) if seconds is not None]
    return office.spawn(_hangs_up(office, call, min(times))) if times else None


async def _hangs_up(office: Office, call: Call, after: float) -> None:
    await office.world.sleep(after)
    call.gone.set()


def _most_telling(children: Sequence[_Child]) -> Call:
    """The child whose end the action reports when nobody answered: no-answer before busy before failed."""
    order = ("no-answer", "busy", "failed", "canceled")
    return min((child.call for child in children), key=lambda call: order.index(call.status))


def _result(call: Call) -> dict[str, str]:
    fields = {
        "DialCallStatus": call.status,
        "DialCallSid": call.sid,
        "DialBridged": "true" if call.bridged else "false",
    }
    if call.answered_at is not None:
        fields["DialCallDuration"] = str(call.seconds)
    return fields
