"""In which language a person wrote, so that we answer in it. The only file that knows lingua.

Short mails are the rule here, and the detector's small models err on them; a handful of telling words outvotes it.
Undecided is a fine answer: then the header or the first configured language speaks.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal

from lingua import IsoCode639_1, LanguageDetector, LanguageDetectorBuilder

from commsd.channels.mail.message import Message

LanguageCause = Literal["contact", "detected", "header", "default"]

MIN_LETTERS = 20
READ_CHARACTERS = 300  # more text costs time and changes nothing
SURE = 0.1  # least distance between the best two, of 1.0

# Neighbours of ours: a Swedish or Dutch mail must come out as none of ours rather than as Danish or German.
_NEIGHBOURS = ("en", "de", "da", "id", "fr", "es", "it", "nl", "sv", "pl", "pt")

_TELLING = {
    "en": "the where when please you your my have this with would could and thank thanks not our",
    "de": "ich und nicht bitte wir sie ist eine einen mit ihre ihren mein meine wann wo noch danke",
    "da": "jeg ikke og hvor hvornår mig jeres venligst tak bliver være nogen noget siden også",
    "id": "saya yang tidak mohon anda dan terima kasih dengan kapan pesanan tolong untuk sudah belum apakah",
}

_QUOTE_BEGINS = re.compile(
    r"""\s*(?:
        -{2,}\s*$ | --\s | _{8,} | -{3,}.*-{3,}\s*$            # signature, Outlook's rule, "-----Original Message-----"
      | (?:on|am|den|d\.|pada|le|el|op)\b.{6,200}(?:wrote|schrieb|skrev|menulis|[ée]crit|escribi[óo]).{0,60}:\s*$
      | .{2,120}\b(?:wrote|schrieb|skrev|menulis):\s*$
      | \*?(?:from|von|fra|dari|de|van)\*?:\s.*@                # a header block of a forwarded mail
      | (?:sent\ from\ my|von\ meinem|gesendet\ von|sendt\ fra|dikirim\ dari|get\ outlook\ for)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_NOISE = re.compile(r"https?://\S+|\S+@\S+|<[^<>]*>")
_NOISY = ("@", "<", "://")  # what no noise is without, and looked for in a fiftieth of the time
_WORDS = re.compile(r"[^\W\d_]+")


def language_of(message: Message, contact_language: str | None, languages: Sequence[str]) -> tuple[str, LanguageCause]:
    """The language to answer in, one of `languages`, and why: contact, detected, header, default, in this order.

    languages: as configured, the first is the default; not empty.
    """
    offered = tuple(languages)
    for theirs in (contact_language, (contact_language or "").partition("-")[0]):
        if theirs in offered:
            return theirs, "contact"
    detected = detect(message.text, offered)
    if not detected and not message.references:  # the subject of a reply may be ours
        detected = detect(f"{message.subject}\n{message.text}", offered)
    if detected:
        return detected, "detected"
    if message.language_hint in offered:
        return message.language_hint, "header"
    return offered[0], "default"


def detect(text: str, languages: tuple[str, ...]) -> str | None:
    """Which of `languages` the text is in; None where it is too short, undecided or in another one."""
    own = own_words(text)
    if sum(map(str.isalpha, own)) < MIN_LETTERS:
        return None
    told = _by_telling_words(own, languages)
    if told:
        return told
    found = _detector(languages).detect_language_of(own)
    code = found.iso_code_639_1.name.lower() if found else None
    return code if code in languages else None


def own_words(text: str, most: int = READ_CHARACTERS) -> str:
    """What the writer wrote now: without quotes, what follows them, signature and links. most: characters."""
    kept: list[str] = []
    length = 0
    for line in text[:20_000].splitlines():
        if line.lstrip().startswith(">"):
            continue
        if kept and _QUOTE_BEGINS.match(line[:400]):
            break
        line = line[:2000]
        if any(mark in line for mark in _NOISY):
            line = _NOISE.sub(" ", line)
        line = " ".join(line.split())
        if line:
            kept.append(line)
            length += len(line)
        if length >= most:
            break
    return "\n".join(kept)[:most]


def _by_telling_words(text: str, languages: tuple[str, ...]) -> str | None:
    """The one language that has at least two telling words in the text and no rival."""
    words = set(map(str.lower, _WORDS.findall(text)))
    counts = {code: len(words & telling) for code, telling in _telling_words() if code in languages}
    best = max(counts, key=counts.__getitem__, default=None)
    if best is None or counts[best] < 2:
        return None
    rivals = sum(count for code, count in counts.items() if code != best)
    return best if rivals * 4 <= counts[best] else None


@cache
def _telling_words() -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((code, frozenset(words.split())) for code, words in _TELLING.items())


@cache
def _detector(languages: tuple[str, ...]) -> LanguageDetector:
    """Built once for each set: about 0.15 s and 10 MiB, in low-accuracy mode."""
    wanted = dict.fromkeys(code.upper() for code in (*languages, *_NEIGHBOURS))
    codes = [IsoCode639_1.from_str(code) for code in wanted if hasattr(IsoCode639_1, code)]
    builder = LanguageDetectorBuilder.from_iso_codes_639_1(*codes)
    return builder.with_low_accuracy_mode().with_minimum_relative_distance(SURE).build()
