"""What may be promised to a caller: when we ring, as it will be measured, in words of the caller's own clock.

Pure. The time is the due time of the clock that this miss would start, rounded up to the quarter hour, never past
closing; where nobody is rung then, the first time after it at which somebody is, as the dialler's plan has it.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from commsd.channels.phone.prompts.spoken import Spoken
from commsd.channels.phone.seen import House
from commsd.core.calendar import is_zone
from commsd.core.callback import Callback
from commsd.core.calling_hours import if_soon, next_window, zones_of
from commsd.core.case import ClockRecord
from commsd.core.change import Change, change_of
from commsd.core.contact import Contact
from commsd.core.country import zones_in
from commsd.core.interaction import Interaction, Outcome
from commsd.core.number import Number, parse_number
from commsd.core.open_items import OpenItems
from commsd.core.policy import ClockKind
from commsd.core.promise import calendar_of, told
from commsd.sla.rules.wished_hours import wished_hours


@dataclass(frozen=True, slots=True)
class Promised:
    """When the customer is rung. at: by then; where it opens, from then on and not before."""

    at: datetime
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Owed:
    """The callback a miss makes or joins. promised: None where no time can be said. kept: it was owed before."""

    callback: Callback
    promised: Promised | None
    kept: bool


def owed_for(fact: Interaction, items: OpenItems, house: House, typed: Number | None = None) -> Owed | None:
    """What this call would be owed if it ended unanswered now; None where nothing would be (a blocked caller).

    It asks the same function that will decide it, so the promise is what is measured. typed: the number to ring
    instead of the one shown.
    """
    missed = replace(fact, outcome=Outcome.MISSED, recorded_at=items.now)
    change = change_of(missed, items, house.terms)
    callback = next((callback for callback in change.callbacks if callback.open), None)
    if callback is None:
        return None
    earlier = items.callback(callback.id) is not None and set(callback.misses) != {fact.id}
    said = promised(callback, change, items, house, typed)
    if said is None and not earlier:
        said = _of_its_own(missed, items, house, typed)
    return Owed(callback, said, kept=earlier)


def _of_its_own(missed: Interaction, items: OpenItems, house: House, typed: Number | None) -> Promised | None:
    """When a call is due whose clock does not show yet, for another call of the case is owed, and late, before it."""
    alone = replace(items, files={}, callbacks=())
    change = change_of(replace(missed, case_id=None, case_cause=None), alone, house.terms)
    callback = next((callback for callback in change.callbacks if callback.open), None)
    return promised(callback, change, alone, house, typed) if callback else None


def promised(
    callback: Callback, change: Change, items: OpenItems, house: House, typed: Number | None = None
) -> Promised | None:
    """When to say that this callback is made; None where no time can be said, or where it has passed already.

    A time that the customer asked for is kept whatever the hour; telephony.md Q7. typed: as in `owed_for`.
    """
    if callback.due_at is None:
        return None
    record = clock_of(callback, change, items)
    by = told(callback.due_at, calendar_of(record, house.terms.versions) if record else None)
    said = Promised(by) if callback.asked_at_time else _when_rung(by, callback, items, house, typed)
    late = said is not None and not said.opens and callback.due_at <= items.now
    return None if said is None or late or said.at <= items.now else said


def _when_rung(
    by: datetime, callback: Callback, items: OpenItems, house: House, typed: Number | None
) -> Promised | None:
    """By then, where that ends a time at which he may be rung; else from when on he may be. None: nobody knows."""
    line, before = house.lines.get(callback.line or ""), by - timedelta.resolution
    contact = next((each for each in items.contacts.values() if each.id == callback.contact_id), None)
    number = typed or parse_number(callback.number or "")
    zones = zones_of(number, contact.timezone if contact else None, house.firm.zone)
    calendar = house.hours(line, items.now)
    wished = wished_hours(contact, zones[0])
    at = if_soon(next_window(before, zones, house.quiet, calendar, wished), before, calendar)
    return None if at is None else Promised(by) if at == before else Promised(at, opens=True)


def clock_of(callback: Callback, change: Change, items: OpenItems) -> ClockRecord | None:
    """The callback's clock, after the change."""
    file = items.files.get(callback.case_id)
    records = {record.id: record for record in (*(file.clocks if file else ()), *change.clocks)}
    owed = [
        r for r in records.values() if r.value.clock is ClockKind.CALLBACK and r.case_id == callback.case_id and r.owed
    ]
    return max(owed, key=lambda record: record.value.started_at, default=None)


def zone_of(contact: Contact | None, number: Number | None, ours: ZoneInfo, at: datetime) -> ZoneInfo:
    """The caller's zone: the stored one, else the number's where all its candidates agree at that time, else ours."""
    if contact and contact.timezone and is_zone(contact.timezone):
        return ZoneInfo(contact.timezone)
    if number is None:
        return ours
    names = timezone.time_zones_for_number(phonenumbers.parse(number.e164))
    zones = [ZoneInfo(name) for name in names if is_zone(name)]
    offsets = {at.astimezone(zone).utcoffset() for zone in zones}
    if len(offsets) != 1 or at.astimezone(ours).utcoffset() in offsets:
        return ours
    of_country = zones_in(number.region)
    return next((zone for zone in zones if zone in of_country), zones[0])  # of +44 7… Guernsey's is the first


def when_words(spoken: Spoken, when: Promised | None, heard: datetime, zone: ZoneInfo, ours: ZoneInfo) -> str:
    """When we ring, ready for the text, beginning with a space; "" where nothing can be said.

    The zone is named where its clock shows another time than ours.
    """
    if when is None:
        return ""
    there = when.at.astimezone(zone)
    today: date = heard.astimezone(zone).date()
    same = there.utcoffset() == when.at.astimezone(ours).utcoffset()
    city = str(zone).rpartition("/")[2].replace("_", " ")
    words = spoken.back_from if when.opens else spoken.back_by
    return words.format(
        day=spoken.day(there.date(), today), clock=spoken.clock(there.time()), zone="" if same else spoken.zone(city)
    )
