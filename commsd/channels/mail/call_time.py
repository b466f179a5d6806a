"""The time somebody names who asks for a call: in the words that `core.appointment` reads. Pure; four languages.

Only one plain time is read; whatever says more, or less, is named but not read, and a person must see what is meant.
"""

import re

NOT_READ = ""
"""A time is named that no machine should make anything of."""

_NUMBERS = re.compile(r"(?<!\w)(?:\+|\(?0)\d[\d ()/.\-]{5,}\d|\b\d{5,}\b")
_PASSING = re.compile(
    r"\b(?:good|guten|schönen|selamat|god)\s*(?:morning|afternoon|evening|day|morgen|tag|abend|dag|aften|formiddag"
    r"|eftermiddag|pagi|siang|sore|malam)\b|\bgodmorgen\b|\bgodaften\b"
    r"|\b(?:since|last|seit|letzten?|vergangenen?|siden|sidste|sejak)\s+\w+\b"
    r"|\b(?:at|on)\s+(?:any|your|the\s+latest)\b"
)
"""Greetings, and what lies behind us."""

_WEEKDAY = (
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag"
    r"|mandag|tirsdag|onsdag|torsdag|fredag|lørdag|søndag|senin|selasa|rabu|kamis|jumat|sabtu|minggu"
)
_DATE = r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}"
_TODAY = r"today|heute|(?<=\bi )dag|(?<=hari )ini"
_DAY = re.compile(rf"\b(?:{_WEEKDAY}|tomorrow|morgen|besok|{_TODAY}|{_DATE})\b")
_SPAN = re.compile(r"\b(?:in|om|dalam) \d{1,3} ?(?:h|hours?|stunden?|timer?|jam|min|minutes?|minuten|minutter|menit)\b")
_AT = r"(?:at|um|kl\.?|klokken|jam|pukul)\s*"
_HOUR = r"\d{1,2}(?![\d/])"
_CLOCK = re.compile(
    rf"\b{_AT}(?P<said>{_HOUR}(?:[:.]\d\d)?\s?(?:[ap]\.?m\b)?)"
    rf"|\b(?P<bare>{_HOUR}(?::\d\d)?\s?[ap]\.?m\b|\d{{1,2}}:\d\d|{_HOUR}(?=\s?uhr\b))"
)
_NEARLY = re.compile(
    r"\b(?:after|before|until|till|by|between|from|around|about|past|not|nach|vor|ab|bis|zwischen|gegen|von|nicht|circa|ca|etwa"
    r"|efter|før|inden|mellem|fra|omkring|ikke|senest|setelah|sesudah|sebelum|antara|mulai|sekitar|jangan)\b\.?\s*"
    rf"(?:the\s+)?(?:{_AT})?(?:{_HOUR}|one(?!\s+of)|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|noon|work|school"
    r"|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|feierabend"
    r"|tre|fire|fem|seks|syv|otte|elleve|tolv|arbejde"
    rf"|satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|sebelas)\b|\b(?:at|um|kl\.?|klokken|jam|pukul)\s+"
    r"(?:half|halb|halv|setengah|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|noon"
    r"|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|tre|fire|fem|seks|syv|otte|elleve|tolv"
    r"|satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|sebelas)\b"
)
_ROUGHLY = re.compile(
    r"\b(?:tonight|afternoons?|evenings?|nights?|noon|midday|lunch\w*|week-?ends?|weekdays?|next|week|later"
    r"|übermorgen|nachmittags?|abends?|mittags?|nachts?|wochenende|werktags|nächste\w*|kommende\w*|später|woche"
    r"|eftermiddag\w*|aften\w*|middag\w*|weekend\w*|næste|uge|senere|overmorgen"
    r"|siang|sore|malam|lusa|depan|nanti|cet|cest|gmt|utc|bst|est|edt|pst|wib|wita|wit|ortszeit)\b"
    r"|\b\d{1,2}(?:st|nd|rd|th|\.)?\s+(?:jan|feb|mar|mär|apr|may|mai|maj|mei|jun|jul|aug|agu|sep|oct|okt|nov|dec|dez|des)\w*"
)
_MORNING = re.compile(r"\b(?:mornings?|vormittags?|morgens|früh|formiddag\w*|pagi)\b")


def time_named(sentence: str) -> str | None:
    """The time in a sentence that asks for a call, as `time_in` reads it; NOT_READ for one that is not that plain.

    None where none is named: "today" alone is when we ring anyway.
    """
    said = _PASSING.sub(" ", _NUMBERS.sub(" ", " ".join(sentence.lower().split())))
    days = [match[0] for match in _DAY.finditer(said)]
    rest = _DAY.sub(" ", said)
    if spans := _SPAN.findall(said):
        return str(spans[0]) if len(spans) == 1 and not days else NOT_READ
    clocks = [match["said"] or match["bare"] for match in _CLOCK.finditer(rest)]
    mornings = _MORNING.search(rest)
    if _NEARLY.search(rest) or _ROUGHLY.search(rest) or len(clocks) > 1 or len(set(days)) > 1:
        return NOT_READ
    if not clocks:
        return NOT_READ if mornings or any(not re.fullmatch("today|heute|dag|ini", day) for day in days) else None
    clock = clocks[0].strip()
    if mornings and not re.match(r"(?:0?[7-9]|1[01])\b", clock):
        return NOT_READ
    return " ".join((*days[:1], "at", clock))
