"""The rules of tone, for texts an operator wrote: what a customer should not have to read, and what to write instead.

Pure. What a text cannot do without at all stands in `texts`; here is how it sounds.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_TIME = "name the time: {promised} stands for it"
_EXCUSE = "leave it out: neither excuse nor blame; the customer did nothing wrong"
_NUMBER = "leave it out: the thread carries the matter, nobody keeps a number"
_REPLY = "say that a reply is welcome: it reaches a person"
_READ = "leave it out: nobody has read the message yet"
_GUESS = "leave it out: nothing is known about the person but the name"
_MARKETING = "leave it out: the writer may be angry or in mourning"

SEVERE = frozenset({_REPLY})
"""Sayings that are not a matter of taste."""

_PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        r"shortly|as soon as possible|asap|in due course|soon|within \d+|business hours|working days?": _TIME,
        r"unfortunately|sorry|apolog\w+|due to|high (?:demand|volume)|regret": _EXCUSE,
        r"ticket|case (?:number|id)|request id|reference number": _NUMBER,
        r"(?:do not|don't|please don't|cannot) reply|no-?reply|unmonitored": _REPLY,
        r"your (?:complaint|question|enquiry|problem|concern|issue)": _READ,
        r"mr\.?|mrs\.?|ms\.?|dear sir|madam|he|she|his|her": _GUESS,
        r"newsletter|survey|special offer|follow us|nice weekend|great day|valued customer": _MARKETING,
    },
    "de": {
        r"umgehend|schnellstmöglich|zeitnah|in kürze|so bald wie möglich|baldmöglichst|innerhalb von \d+": _TIME,
        r"leider|entschuldig\w+|bedauern|aufgrund|wegen (?:hohen|des hohen)": _EXCUSE,
        r"ticket\w*|vorgangsnummer|fallnummer|referenznummer|aktenzeichen": _NUMBER,
        r"nicht (?:auf diese \w+ )?(?:zu )?antworten|antworten sie nicht|no-?reply": _REPLY,
        r"ihre (?:beschwerde|frage|anfrage|reklamation)|ihr (?:problem|anliegen)": _READ,
        r"herrn?|frau": _GUESS,
        r"newsletter|umfrage|angebot der woche|folgen sie uns|schönes wochenende|geschätzte[rn]? kunde\w*": _MARKETING,
    },
    "da": {
        r"snarest|hurtigst muligt|inden for \d+|så hurtigt som muligt|snart|arbejdsdage": _TIME,
        r"desværre|beklager|undskyld|på grund af|travlhed": _EXCUSE,
        r"ticket\w*|sagsnummer|sagsnr|referencenummer": _NUMBER,
        r"svar ikke|kan ikke besvares|no-?reply|ikke svare på denne": _REPLY,
        r"(?:din|deres) (?:klage|forespørgsel)|(?:dit|deres) (?:problem|spørgsmål)": _READ,
        r"hr\.?|fru|han|hun|hans|hendes": _GUESS,
        r"nyhedsbrev|spørgeskema|følg os|god weekend|tilbud": _MARKETING,
    },
    "id": {
        r"segera|secepatnya|secepat mungkin|dalam waktu dekat|hari kerja|jam kerja": _TIME,
        r"maaf|sayangnya|mohon maaf|dikarenakan|karena": _EXCUSE,
        r"tiket|nomor kasus|nomor referensi": _NUMBER,
        r"jangan (?:mem)?balas|tidak (?:dapat|bisa|perlu) (?:di|mem)?balas|no-?reply": _REPLY,
        r"keluhan anda|pertanyaan anda|masalah anda|komplain": _READ,
        r"dia|ia|beliau": _GUESS,
        r"buletin|survei|promo\w*|ikuti kami|selamat berakhir pekan": _MARKETING,
    },
}
_REGISTER: Mapping[tuple[str, str], tuple[re.Pattern[str], str]] = {
    ("de", ""): (re.compile(r"\b(?i:du|dich|dir|dein\w*|euch|euer|eure\w*)\b"), "German says Sie"),
    ("id", ""): (re.compile(r"\b(?i:kamu|kalian|engkau)\b"), "Indonesian says Anda"),
    ("da", ""): (re.compile(r"(?<![.!?:] )(?<!^)\b(?:De|Dem|Deres)\b"), "say du here; De stands in [register.de.ack]"),
    ("da", "de"): (re.compile(r"\b(?i:du|dig|din|dit|dine)\b"), "say De here; du stands in [ack]"),
}
_CAPITALS = re.compile(r"\b[A-ZÄÖÜÆØÅ]{5,}\b")
_FILLED_IN = re.compile(r"\{[^{}]*\}")


class Fault(NamedTuple):
    """severe: it cannot stand."""

    what: str
    remedy: str
    severe: bool = False


def faults(text: str, language: str, register: str = "") -> Iterator[Fault]:
    """All that a text says which it should not, in a language and its register ("" for the ordinary one)."""
    said = _FILLED_IN.sub(" ", text)
    if "!" in said or "！" in said:
        yield Fault("has an exclamation mark", "end the sentence with a full stop")
    if found := _CAPITALS.search(said):
        yield Fault(f'"{found[0]}" shouts', "write it in small letters")
    for pattern, remedy in _phrases(language):
        if found := pattern.search(said):
            yield Fault(f'says "{found[0]}"', remedy, remedy in SEVERE)
    if (language, register) in _REGISTER:
        pattern, remedy = _REGISTER[language, register]
        if found := pattern.search(said):
            yield Fault(f'says "{found[0]}"', remedy)


def _phrases(language: str) -> Iterator[tuple[re.Pattern[str], str]]:
    for words, remedy in _PHRASES.get(language, {}).items():
        yield re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE), remedy
