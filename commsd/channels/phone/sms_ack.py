"""The text that follows a missed call: once per owed call, a minute after the miss, to whom it can help. Pure. Q9.

Whoever rings again within that minute is not texted. Where no text is owed, a mark says why, so that it is decided
once and `explain` can tell.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.channels.phone.line import Line
from commsd.channels.phone.message_texts import Tongue
from commsd.channels.phone.promise import promised, zone_of
from commsd.channels.phone.seen import House
from commsd.channels.phone.text_owed import Owing, owed_text
from commsd.channels.phone.text_wishes import is_brief, is_unwanted
from commsd.config.unit import Minutes
from commsd.core import key
from commsd.core.callback import Callback, State
from commsd.core.calling_hours import may_ring, next_window, zones_of
from commsd.core.change import Change, LogicalKey
from commsd.core.contact import Contact
from commsd.core.interaction import Channel, Delivery, DeliveryKind, DeliveryState, Interaction, Outcome
from commsd.core.number import Number, parse_number
from commsd.core.open_items import OpenItems
from commsd.core.screen import WRITE_ONLY, screened
from commsd.sla.notice.telling import TELLINGS

WISH = "wish"
"""Why a text waits whose customer wants no calls: until it is known whether they asked for this one."""

WAITS = timedelta(seconds=60)
"""telephony.md T_sms: a redial in the next minute is not texted."""

LATEST = timedelta(hours=14)
"""So long after the miss a text still tells something: a night and a little more."""

MOBILE = frozenset({"mobile", "fixed_line_or_mobile"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What is kept to. regions: where we write to. quiet: no texts then, by the customer's clock."""

    regions: frozenset[str]
    quiet: Minutes


@dataclass(frozen=True, slots=True)
class NotYet:
    """The result where it is looked at again later."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """The result where no text is owed for this call; the mark says so for ever where it lasts."""

    why: str


def keys_of(callback: Callback) -> tuple[str, ...]:
    """All the text hangs on."""
    return (
        key.of_callback(callback.id),
        key.of_logical(named(callback.id)),
        *key.of_addresses(callback.number),
    )


def named(callback_id: str) -> str:
    """What makes it one decision for each owed call, for ever."""
    return f"sms-ack:{callback_id}"


def texted(callback_id: str, items: OpenItems, house: House, manners: Manners, *, wanted: bool = False) -> Change:
    """The text owed for this call, or in `result` why there is none, NotYet or Never.

    wanted: it was found out that its customer asked for the call, whatever they wish else.
    """
    callback = items.callback(callback_id)
    if callback is None or items.known.get(key.of_logical(named(callback_id))):
        return Change(result=Never("decided"))
    line, number = house.lines.get(callback.line or ""), parse_number(callback.number or "")
    miss = _last_miss(callback, items)
    writes = callback.state is State.HELD and callback.held == WRITE_ONLY
    if not callback.open or (callback.state is State.HELD and not writes):
        return Change(result=Never(callback.state.value))
    if miss is None:
        return Change(result=Never("no-miss"))
    if line is None or number is None:
        return _untold("no-line" if line is None else "no-number", callback, items)
    if why := _never(callback, line, number, items, manners):
        return _untold(why, callback, items)
    contact = _contact(callback, items)
    zones = zones_of(number, contact.timezone if contact else None, house.firm.zone)
    if items.now < _rang_at(callback, miss) + WAITS:
        return Change(result=NotYet("redial"))
    if callback.state is not State.WAITING and not writes:
        return Change(result=NotYet(callback.state.value))
    if not (writes or wanted) and is_unwanted(callback, contact, items):
        return Change(result=NotYet(WISH))
    if not may_ring(items.now, zones, manners.quiet):
        day = next_window(items.now, zones, manners.quiet)
        in_time = day is not None and day + WAITS <= callback.opened_at + LATEST
        return Change(result=NotYet("night")) if in_time else _untold("night", callback, items)
    said = promised(callback, Change(), items, house)
    by, opens = (said.at, said.opens) if said and not (writes and said.opens) else (None, False)
    tongue = _tongue(callback, miss, number, items, house)
    owing = Owing(
        channel=Channel.SMS,
        to=number.e164,
        from_=line.number.e164,
        text=tongue.written(by) if writes else tongue.missed(by, opens=opens),
        by=by,
        key=named(callback.id),
        reason="observe" if line.observe else None,
    )
    made = owed_text(miss, owing, items)
    return made + Change(keys=(LogicalKey(key=named(callback.id), interaction_id=made.interactions[0].id),))


def _untold(why: str, callback: Callback, items: OpenItems) -> Change:
    """No text, and the mark that it was decided so."""
    mark = Delivery(
        id=items.new_id(),
        kind=DeliveryKind.TELLING,
        key=named(callback.id),
        via=TELLINGS,
        recipient="",
        payload=b"",
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.SUPPRESSED,
        reason=why,
        settled_at=items.now,
    )
    decided = LogicalKey(key=named(callback.id), interaction_id=callback.misses[-1])
    return Change(deliveries=(mark,), keys=(decided,), result=Never(why))


def _never(callback: Callback, line: Line, number: Number, items: OpenItems, manners: Manners) -> str | None:
    if not line.sms_ack:
        return "sms-off"
    if number.type not in MOBILE:
        return "not-mobile"
    if screened(number, manners.regions):
        return "region"
    if items.opted_out(number.e164, Channel.SMS.value):
        return "opted-out"
    contact = _contact(callback, items)
    return "blocked" if contact and contact.blocked else None


def _last_miss(callback: Callback, items: OpenItems) -> Interaction | None:
    file = items.files.get(callback.case_id)
    missed = [f for f in (file.interactions if file else ()) if f.id in callback.misses and f.outcome is Outcome.MISSED]
    return max(missed, key=lambda fact: fact.occurred_at, default=None)


def _rang_at(callback: Callback, miss: Interaction) -> datetime:
    """The end of the last call: until then the caller was talked to by our own voice."""
    return max(at for at in (miss.ended_at, miss.occurred_at, callback.rang_at) if at is not None)


def _contact(callback: Callback, items: OpenItems) -> Contact | None:
    return next((each for each in items.contacts.values() if each.id == callback.contact_id), None)


def _tongue(callback: Callback, miss: Interaction, number: Number, items: OpenItems, house: House) -> Tongue:
    firm = house.firm
    contact = _contact(callback, items)
    return Tongue(
        firm=firm.name,
        language=(miss.language or firm.languages[0]).partition("-")[0],
        address_as=firm.address_as,
        zone=zone_of(contact, number, firm.zone, items.now),
        ours=firm.zone,
        brief=is_brief(contact),
    )
