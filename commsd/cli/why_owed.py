"""What `explain` reads around an owed call: its customer, who was told, and what the dialler's plan says is next."""

from dataclasses import replace
from datetime import datetime

from commsd.channels.phone import sms_ack
from commsd.channels.phone.dial.plan import Escalate, Nothing, Past, Plan, Policy, Staff, plan
from commsd.channels.phone.line import PhoneSettings
from commsd.cli.house import House
from commsd.cli.why_callback import Story
from commsd.core.callback import PASSES, Callback, State
from commsd.core.case import CaseFile
from commsd.core.contact import Contact
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems
from commsd.core.policy import ClockKind
from commsd.core.promise import calendar_of
from commsd.core.screen import Evidence, refusal, unwanted, unwished
from commsd.sla.notice.call_matter import WATCHED
from commsd.sla.notice.call_notice import name_in
from commsd.store import call_tellings, pauses

DIALLING = "dialling"


async def story_of(callback: Callback, items: OpenItems, house: House, now: datetime) -> Story:
    """The callback with everything around it."""
    marks = [f"missed:{miss}" for miss in callback.misses]
    prefixes = [f"{mark}:" for mark in marks] + [f"{state.value}:{callback.id}:" for state in WATCHED]
    told, made, untexted, paused = await house.log.read(
        lambda c: (
            call_tellings.notices_of(c, callback.case_id, prefixes),
            call_tellings.made(c, marks),
            call_tellings.reason(c, sms_ack.named(callback.id)),
            any(each.what == DIALLING for each in pauses.in_force(c, now)),
        )
    )
    alone = {each.key.rpartition(":")[0] for each in told}
    file = items.files.get(callback.case_id)
    contact = next((each for each in items.contacts.values() if each.id == callback.contact_id), None)
    return Story(
        callback=callback,
        file=file,
        plan=_plan(callback, file, items, house, now, paused=paused),
        escalated=_escalated(callback, file, items, house, now),
        unwanted=_unwanted(callback, contact),
        people=house.config.firm.people,
        name=name_in(file, contact.name if contact else None) if file else None,
        told=told,
        untexted=untexted,
        together=[(mark, at) for mark, at in made.items() if mark not in alone],
    )


def _escalated(callback: Callback, file: CaseFile | None, items: OpenItems, house: House, now: datetime) -> str | None:
    """Why the dialler would hand a call to a person that a person has already; None where it would not, or none has."""
    if callback.state is not State.ESCALATED:
        return None
    if callback.passed and len(callback.passed) % PASSES == 0:
        return "passed"
    again = _plan(replace(callback, state=State.WAITING), file, items, house, now, paused=False)
    return again.why if isinstance(again, Escalate) else None


def _plan(
    callback: Callback, file: CaseFile | None, items: OpenItems, house: House, now: datetime, *, paused: bool
) -> Plan:
    """What the dialler would do, as far as can be known without asking who is on the telephone."""
    phone: PhoneSettings | None = house.config.settings.get("phone")
    line = phone.lines.get(callback.line or "") if phone else None
    if phone is None or line is None:
        waits = callback.state.value in ("waiting", "escalated")
        return Nothing("no_line" if waits else callback.state.value)
    contact = next((each for each in items.contacts.values() if each.id == callback.contact_id), None)
    clocks = [each for each in (file.clocks if file else ()) if each.value.clock is ClockKind.CALLBACK]
    stopped = "observe" if line.observe else "paused" if paused else None if phone.dialling.enabled else "disabled"
    policy = Policy(
        line=line,
        people=house.config.firm.people,
        callbacks=phone.callbacks,
        zone=house.zone,
        calendar=calendar_of(clocks[-1], house.rules.terms.versions) if clocks else None,
        stopped=stopped,
    )
    misses = [fact for fact in file.interactions if fact.id in callback.misses] if file else []
    past = Past(missed_at=max((miss.ended_at or miss.occurred_at for miss in misses), default=None))
    return plan(callback, Staff(), policy, now, contact=contact, held=_held(callback, phone), past=past)


def _unwanted(callback: Callback, contact: Contact | None) -> str | None:
    """What of the screen the contact's own wishes tell."""
    return unwished(contact) if unwanted(callback, Evidence(contact=contact)) else None


def _held(callback: Callback, phone: PhoneSettings) -> str | None:
    """What of the screen can be known from the number alone."""
    number = parse_number(callback.number or "")
    if number is None:
        return None
    return refusal(number) or (None if number.region in phone.dialling.regions else f"region:{number.region}")
