"""Which numbers no machine rings, and why: telephony.md section 7. Pure.

The number itself (type, region, price: S1 to S4), whose it is (ours, somebody's who wants no calls, a third party's),
and whether it came in a flood of strangers' numbers. Nothing is dropped: what is refused here is held for a person, who
may let one call through. What dialling costs stands in price.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from commsd.core.callback import Callback
from commsd.core.contact import Contact
from commsd.core.interaction import Interaction, Role
from commsd.core.number import Number, parse_number, typed_in
from commsd.core.price import minute

COSTLY = frozenset({"premium_rate", "shared_cost", "personal_number", "pager", "uan", "voicemail", "unknown"})
"""Types of libphonenumber behind which no customer waits, or a bill."""

WORLDWIDE = "001"
"""The region of +800, +808, +870, +881, +882, +979: satellites and services, no country."""

DEAR = Decimal("0.80")
"""USD a minute. A region that somebody allowed is held all the same where Twilio asks more."""

PING = timedelta(seconds=3)
"""Nobody says what he wants in less: such a call asks to be rung back, and nothing else."""

FLOOD = timedelta(hours=1)
"""How far back strangers' numbers are counted."""

THIRD_PARTIES = 1
"""How many numbers other than his own one caller may have us ring in a day."""

THIRD_PARTY_TIME = timedelta(days=1)

HIDDEN = 3
"""How many numbers callers who hide theirs may have us ring in a day from one line. More than THIRD_PARTIES, for most
of them give their own; but nobody can tell, nor whether it is one caller."""

DNC = "dnc"
"""Held because its person wants no calls."""

WRITE_ONLY = "write_only"
"""Held because its person wants answers in writing alone: one of ours settles it, `core.in_writing`."""

UNWANTED = frozenset({DNC, WRITE_ONLY})
"""Reasons that end for a call he asks for."""

MESSAGE_LEFT = "message_left"
_PREFIX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """How many numbers that never rang before may come in an hour: in all, from a country abroad, with one prefix.

    A prefix is a number without its last four digits.
    """

    all: int = 100
    country: int = 20
    prefix: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the machine may ring. regions: ISO 3166. home: our lines' regions. own: our lines and our people, E.164."""

    regions: frozenset[str]
    home: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    burst: Burst = Burst()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known around a callback.

    misses: its missed calls. newcomers: numbers first seen in the hour before it opened and since then, in that order,
    its own among them. others: callbacks by which its caller had third parties rung in the day before. hidden: where
    its number was given by a caller who hid his own, how many other numbers such callers had given in the day before.
    declined_at: since when its number wants no calls. blocked: an erased person had it who was blocked. asked_at: when
    its caller last asked for a call in the menu. stamps: Twilio's StirVerstat of its calls.
    """

    contact: Contact | None = None
    misses: tuple[Interaction, ...] = ()
    newcomers: tuple[str, ...] = ()
    others: int = 0
    hidden: int = 0
    declined_at: datetime | None = None
    blocked: bool = False
    asked_at: datetime | None = None
    stamps: tuple[str, ...] = field(default=())


def refusal(number: Number) -> str | None:
    """Why this number is not dialled wherever we may dial: `type:premium_rate`, `region:001`. None: nothing is."""
    if number.region == WORLDWIDE:
        return f"region:{number.region}"
    return f"type:{number.type}" if number.type in COSTLY else None


def screened(number: Number, regions: frozenset[str]) -> str | None:
    """Why the machine does not ring this number: its type, its region, its price. None: it may.

    By region, not by dialling code: +1 876 is Jamaica, +44 1481 Guernsey (S2).
    """
    if reason := refusal(number):
        return reason
    if number.region not in regions:
        return f"region:{number.region}"
    return f"price:{number.region}" if minute(number) > DEAR else None


def held_because(callback: Callback, known: Evidence, limits: Limits) -> str | None:
    """Why a person is to decide about this callback, None where the machine may ring it.

    One without a number waits for that instead; one that a person let through by name is not asked about again.
    """
    if callback.number is None or callback.released is not None:
        return None
    number = parse_number(callback.number)
    if number is None:
        return "number:invalid"
    if reason := screened(number, limits.regions):
        return reason
    if number.e164 in limits.own:
        return "own_number"
    if unwanted(callback, known):
        return unwished(known.contact)
    if callback_to_third_party(callback, known) and known.others >= THIRD_PARTIES:
        return "third_party"
    if known.hidden >= HIDDEN:
        return "third_party"
    return "burst" if _in_burst(number, known, limits) else None


def unwanted(callback: Callback, known: Evidence) -> bool:
    """Whether its person wants no calls. Who then asks for one, gets this one: asking is the newer wish."""
    wishes = known.contact.wishes if known.contact else None
    if known.blocked or (known.contact and known.contact.blocked):
        return True
    if known.declined_at is None and not (wishes and (wishes.no_calls or wishes.write_only)):
        return False
    if known.asked_at is not None and known.declined_at is not None and known.asked_at > known.declined_at:
        return False
    asked = not callback.misses or callback.asked_at_time
    return not asked or (known.declined_at is not None and callback.opened_at <= known.declined_at)


def unwished(contact: Contact | None) -> str:
    """Why calls of who wants none are held: that a writing is owed instead, only where nothing speaks against one."""
    return WRITE_ONLY if contact and contact.wishes.write_only and not contact.blocked else DNC


def callback_to_third_party(callback: Callback, known: Evidence) -> bool:
    """Whether it rings another number than the one that rang us; telephony.md section 7, "typed in the menu"."""
    callers = {caller for miss in known.misses if (caller := miss.address(Role.CALLER))}
    return bool(callers) and callback.number not in callers


def _in_burst(number: Number, known: Evidence, limits: Limits) -> bool:
    """Within a flood of new numbers, one that nothing speaks for: it came too late in it, or says nothing itself."""
    groups = _groups(number, known.newcomers, limits)
    flood = any(len(members) > most for members, most in groups)
    if not flood or number.e164 not in known.newcomers or vouched(known):
        return False
    late = any(number.e164 in members and members.index(number.e164) >= most for members, most in groups)
    return late or _said_nothing(known)


def _groups(number: Number, newcomers: Sequence[str], limits: Limits) -> list[tuple[list[str], int]]:
    """The numbers that are counted together with this one, and how many there may be."""
    burst, stem = limits.burst, number.e164[:-_PREFIX]
    groups = [
        (list(newcomers), burst.all),
        ([each for each in newcomers if each[:-_PREFIX] == stem], burst.prefix),
    ]
    if number.region not in limits.home:
        abroad = [each for each in newcomers if (other := parse_number(each)) and other.region == number.region]
        groups.append((abroad, burst.country))
    return groups


def vouched(known: Evidence) -> bool:
    """A second sign that a customer is behind it: he rang again, left a message, is known, or his carrier signs."""
    contact = known.contact
    old = contact is not None and any(
        miss.occurred_at - contact.created_at > FLOOD for miss in known.misses if miss.contact_id == contact.id
    )
    messages = any(miss.reason == MESSAGE_LEFT for miss in known.misses)
    signed = any(stamp.startswith("TN-Validation-Passed-A") for stamp in known.stamps)
    return len(known.misses) != 1 or messages or old or signed


def _said_nothing(known: Evidence) -> bool:
    """Rang off at once, or shows a number that its carrier says is not his."""
    lengths = [miss.total for miss in known.misses if miss.total is not None]
    forged = any(stamp.startswith("TN-Validation-Failed") for stamp in known.stamps)
    return forged or any(length < PING for length in lengths)


def typed_number(digits: str, region: str | None) -> Number | None:
    """The number a caller typed on the keys, as somebody in `region` means it. None: not one we would ring."""
    number = typed_in(digits, region)
    return number if number and refusal(number) is None else None
