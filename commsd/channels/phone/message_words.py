"""What a customer's short text tells our machine: no more texts, no call wanted, a time for it. Pure; four languages.

A text that says more than one of these words and a courtesy is a letter to a person, and is not read here.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from commsd.core.appointment import time_in
from commsd.core.interaction import PUT_OFF


class Order(StrEnum):
    """The orders a text can give. KEEP: the call is still wanted."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    DECLINE = "decline"
    KEEP = "keep"
    TIME = PUT_OFF


_STOP = frozenset(
    (
        *("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "optout", "opt out", "revoke"),
        *("stopp", "abmelden", "abbestellen", "keine sms", "keine sms mehr", "keine nachrichten"),
        *("afmeld", "frameld", "afmelding", "ingen sms", "ingen beskeder"),
        *("berhenti", "henti", "setop", "hentikan", "batal", "jangan sms", "jangan kirim sms"),
    )
)
"""telephony.md M2. Those of Twilio's own list work whatever the language."""

_START = frozenset(("start", "unstop", "anmelden", "tilmeld", "mulai"))
_HELP = frozenset(("help", "info", "hilfe", "hjælp", "bantuan", "tolong"))
_DECLINE = frozenset(
    (
        *("no", "nope", "no call", "no call needed", "no need", "no need to call", "not needed", "no longer needed"),
        *(
            "do not call",
            "dont call",
            "do not call me",
            "dont call me",
            "no callback",
            "all done",
            "solved",
            "resolved",
        ),
        *("nein", "kein anruf", "kein rückruf", "keinen anruf", "keinen rückruf", "kein rückruf nötig", "nicht nötig"),
        *(
            "nicht mehr nötig",
            "nicht anrufen",
            "bitte nicht anrufen",
            "hat sich erledigt",
            "erledigt",
            "nicht zurückrufen",
        ),
        *("nej", "intet opkald", "ikke nødvendigt", "ring ikke", "ikke længere nødvendigt", "det er løst", "løst"),
        *("behøves ikke", "det behøves ikke", "intet behov"),
        *("tidak", "tidak perlu", "tidak usah", "tak perlu", "jangan telepon", "jangan menelepon", "tidak jadi"),
        *("sudah selesai", "tidak perlu telepon", "tidak perlu ditelepon"),
    )
)
_KEEP = frozenset(
    (
        *("yes", "yes call", "call", "call me", "please call", "please call me", "ok", "okay", "fine"),
        *(
            "ja",
            "ja bitte",
            "bitte anrufen",
            "anrufen",
            "gerne",
            "passt",
            "ja tak",
            "gerne ring",
            "ring",
            "ring til mig",
        ),
        *("ya", "iya", "baik", "silakan telepon", "telepon saya", "oke"),
    )
)
_COURTESY = re.compile(
    r"\b(?:please|pls|thanks?|thank you|thx|many|bitte|danke|vielen dank|tak|mange|venligst|mohon|tolong|terima kasih"
    r"|makasih|hi|hello|hallo|hej|halo)\b"
)
_NOISE = re.compile(r"[^\w\s:.+-]|(?<!\d)[.:+-]|[.:+-](?!\d)")
_MOST_WORDS = 8
_BARE = re.compile(r"(?:\w+ )?\d{1,2}")
"""A day and an hour, or an hour alone: where a time is asked for, no other word need say that it is one."""

_CALL_AT = re.compile(
    r"^ring (?:til mig|mig op) |^(?:(?:can|could|would) you )?(?:ring|call|phone)(?: me)?(?: back)?(?: again)? "
    r"|^(?:rufen sie(?: mich)?|ruf mich|anruf|rückruf) |^(?:telepon|hubungi)(?: saya)? "
    r"|^(?:better|lieber|besser|hellere|lebih baik) "
    r"| (?:an|zurück|op|is better|is fine|suits me|wäre gut|passt|passer)$"
)


@dataclass(frozen=True, slots=True)
class Told:
    """An order. word: what was said, as it is kept. at: the time asked for, aware UTC."""

    order: Order
    word: str
    at: datetime | None = None


def told(body: str, opt_out_type: str | None, *, owed: bool, now: datetime, zone: ZoneInfo) -> Told | None:
    """What a text tells our machine; None for a letter to a person.

    opt_out_type: Twilio's word, where its Advanced Opt-Out reads along. owed: whether a call is owed, about which a
    bare "no" or "15:00" can be. zone: in which a time is meant.
    """
    plain = _plain(body)
    by_twilio = {"STOP": Order.STOP, "START": Order.START, "HELP": Order.HELP}.get((opt_out_type or "").upper())
    if by_twilio:
        return Told(by_twilio, plain[:64] or by_twilio.value)
    for order, words in ((Order.STOP, _STOP), (Order.START, _START), (Order.HELP, _HELP)):
        if plain in words:
            return Told(order, plain)
    if not owed:
        return None
    for order, words in ((Order.DECLINE, _DECLINE), (Order.KEEP, _KEEP)):
        if plain in words:
            return Told(order, plain)
    at = _time(plain, now, zone)
    return Told(Order.TIME, plain[:64], at) if at else None


def _plain(body: str) -> str:
    """Lower case, without courtesies and marks: what is left is the word, if it was one."""
    text = body.casefold().replace("’", "").replace("'", "")
    bare = _NOISE.sub(" ", _COURTESY.sub(" ", _NOISE.sub(" ", text)))
    return " ".join((bare.strip() or _NOISE.sub(" ", text)).split())


def _time(plain: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The time that is all a text says; None for one that has passed."""
    if not plain or len(plain.split()) > _MOST_WORDS:
        return None
    said = _CALL_AT.sub("", _CALL_AT.sub("", plain))
    at = time_in(said, now, zone) or (time_in(f"at {said}", now, zone) if _BARE.fullmatch(said) else None)
    return at if at and at > now else None
