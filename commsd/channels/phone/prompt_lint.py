"""The rules of tone for what callers hear: no word that keeps nobody company, no third key in one breath, we and not I.

Pure. The texts stand in `prompts/`; tests and `check` read them with these eyes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from string import Formatter

from commsd.channels.phone.prompts import LANGUAGES
from commsd.channels.phone.prompts.danish import DANISH_FORMAL
from commsd.channels.phone.prompts.spoken import Spoken
from commsd.config.position import Place
from commsd.config.read import Findings

MOST_WORDS = 60
"""About twenty seconds."""

MOST_KEYS = 2

NEEDED: Mapping[str, frozenset[str]] = {
    "back_by": frozenset({"day", "clock"}),
    "back_person": frozenset({"person", "when"}),
    "back_written": frozenset({"when"}),
    "back_we": frozenset({"when"}),
    "greeting": frozenset({"firm"}),
    "read_back": frozenset({"digits"}),
    "whisper": frozenset({"line"}),
}
"""What a prompt must fill in."""

_KNOWN = frozenset({"firm", "person", "line", "digits", "when", "where", "day", "clock", "zone"})
_BANNED = {
    "en": r"your call is important|shortly|as soon as possible|unfortunately|due to"
    r"|good (?:morning|evening)|(?-i:I)",
    "de": r"Ihr Anruf ist uns wichtig|umgehend|schnellstmöglich|zeitnah|leider|in Kürze|guten (?:Morgen|Abend)|ich",
    "da": r"dit opkald er vigtigt|snarest|hurtigst muligt|desværre|god(?:morgen|aften)|jeg",
    "id": r"panggilan Anda penting|segera mungkin|secepatnya|sayangnya|selamat (?:pagi|siang|sore|malam)|saya",
}
_KEYS = {"en": r"press|key", "de": r"drücken|wählen Sie die", "da": r"tryk", "id": r"tekan"}
_MIXED = {
    ("de", ""): r"(?i:du|dich|dir|dein\w*)",
    ("id", ""): r"(?i:kamu|kalian)",
    ("da", ""): r"Dem|Deres",
    ("da", "de"): r"(?i:du|dig|din|dit|dine)",
}


def judge_prompts(findings: Findings) -> None:
    """Notes all that is wrong with the voice prompts."""
    for place, what in _all_faults():
        findings.warn(Place(f"voice prompts, {place}"), what, "write it as the other languages do")


@cache
def _all_faults() -> tuple[tuple[str, str], ...]:
    spoken = [(language, "", prompts) for language, prompts in LANGUAGES.items()] + [("da", "de", DANISH_FORMAL)]
    return tuple(
        (f"{language} {name}", what)
        for language, register, prompts in spoken
        for name, what in faults(language, register, prompts)
    )


def faults(language: str, register: str, prompts: Spoken) -> Iterator[tuple[str, str]]:
    """All that a language's prompts say which they should not: the text's name, and what is wrong with it."""
    for field in fields(prompts):
        text = getattr(prompts, field.name)
        if isinstance(text, str) and field.name not in ("tag", "voice"):
            for what in _of(text, language, register, NEEDED.get(field.name, frozenset())):
                yield field.name, what


def _of(text: str, language: str, register: str, needed: frozenset[str]) -> Iterator[str]:
    filled = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    yield from (f"{{{name}}} is not known here" for name in sorted(filled - _KNOWN))
    yield from (f"lacks {{{name}}}" for name in sorted(needed - filled))
    if "!" in text:
        yield "has an exclamation mark"
    if len(text.split()) > MOST_WORDS:
        yield f"has {len(text.split())} words, more than twenty seconds"
    if found := re.search(rf"\b(?:{_BANNED[language]})\b", text, re.IGNORECASE):
        yield f'says "{found[0]}"'
    if (language, register) in _MIXED and (found := re.search(rf"\b(?:{_MIXED[language, register]})\b", text)):
        yield f'says "{found[0]}", which is the other form of address'
    if len(re.findall(rf"\b(?:{_KEYS[language]})\b", text, re.IGNORECASE)) > MOST_KEYS:
        yield f"asks for more than {MOST_KEYS} keys in one breath"
