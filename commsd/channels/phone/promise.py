"""What may be promised to a caller: when we ring, as it will be measured, in words of the caller's own clock.

Pure. The time is the due time of the clock that this miss would start, rounded up to the quarter hour, never past
closing.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

from commsd.channels.phone.prompts.spoken import Spoken
from commsd.core.calendar import is_zone
from commsd.core.callback import Callback
from commsd.core.case import ClockRecord
from commsd.core.change import Change, change_of
from commsd.core.contact import Contact
from commsd.core.country import zones_in
from commsd.core.interaction import Interaction, Outcome
from commsd.core.number import Number
from commsd.core.open_items import OpenItems, Terms
from commsd.core.policy import ClockKind
from commsd.core.promise import calendar_of, told


@dataclass(frozen=True, slots=True)
class Owed:
    """The callback a miss makes or joins. at: what we promise, None where no clock says. kept: it was owed before."""

    callback: Callback
    at: datetime | None
    kept: bool


def owed_for(fact: Interaction, items: OpenItems, terms: Terms) -> Owed | None:
    """What this call would be owed if it ended unanswered now; None where nothing would be (a blocked caller).

    It asks the same function that will decide it, so the promise is what is measured.
    """
    missed = replace(fact, outcome=Outcome.MISSED, recorded_at=items.now)
    change = change_of(missed, items, terms)
    callback = next((callback for callback in change.callbacks if callback.open), None)
    if callback is None:
        return None
    earlier = items.callback(callback.id) is not None and set(callback.misses) != {fact.id}
    at = promised_at(callback, change, items, terms)
    if at is None and not earlier:
        at = _of_its_own(missed, items, terms)
    return Owed(callback, at, kept=earlier)


def _of_its_own(missed: Interaction, items: OpenItems, terms: Terms) -> datetime | None:
    """When a call is due whose clock does not show yet, for another call of the case is owed, and late, before it."""
    alone = replace(items, files={}, callbacks=())
    change = change_of(replace(missed, case_id=None, case_cause=None), alone, terms)
    callback = next((callback for callback in change.callbacks if callback.open), None)
    return promised_at(callback, change, alone, terms) if callback else None


def promised_at(callback: Callback, change: Change, items: OpenItems, terms: Terms) -> datetime | None:
    """The time to say for this callback; None where it has none, or where it has passed already."""
    if callback.due_at is None or callback.due_at <= items.now:
        return None
    record = clock_of(callback, change, items)
    return told(callback.due_at, calendar_of(record, terms.versions) if record else None)


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


def when_words(spoken: Spoken, at: datetime | None, heard: datetime, zone: ZoneInfo, ours: ZoneInfo) -> str:
    """When we ring, ready for the text, beginning with a space; "" where nothing can be said.

    The zone is named where its clock shows another time than ours.
    """
    if at is None:
        return ""
    there = at.astimezone(zone)
    today: date = heard.astimezone(zone).date()
    same = there.utcoffset() == at.astimezone(ours).utcoffset()
    city = str(zone).rpartition("/")[2].replace("_", " ")
    return spoken.back_by.format(
        day=spoken.day(there.date(), today), clock=spoken.clock(there.time()), zone="" if same else spoken.zone(city)
    )
