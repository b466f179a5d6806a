"""What a caller says at a prompt, as the key that would have meant the same. Pure.

Here: the words, in the languages we speak, and how sure Twilio must be of them. What a key means stands in step.py.
Digits of a telephone number are typed, never said: one that is misheard is somebody else's.
"""

import re
from collections.abc import Mapping

CONFIDENT = 0.5
"""Below this, what Twilio understood counts as not understood, and the keys are asked for. telephony.md A5."""

Words = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Language -> key -> what may be said instead of pressing it."""

YES, OTHER_NUMBER, MESSAGE, NOTHING = "1", "2", "3", "9"

OFFERED: Words = {
    "en": {
        YES: ("yes", "yes please", "okay", "that is fine", "please call me back"),
        OTHER_NUMBER: ("another number", "different number", "other number"),
        MESSAGE: ("message", "leave a message"),
        NOTHING: ("no call", "no need to call", "do not call", "no longer needed"),
    },
    "de": {
        YES: ("ja", "ja bitte", "in Ordnung", "das passt", "gerne"),
        OTHER_NUMBER: ("andere Nummer", "eine andere Nummer"),
        MESSAGE: ("Nachricht", "eine Nachricht hinterlassen"),
        NOTHING: ("kein Rückruf", "keinen Rückruf", "nicht mehr nötig", "hat sich erledigt"),
    },
    "da": {
        YES: ("ja", "ja tak", "det er fint", "gerne"),
        OTHER_NUMBER: ("andet nummer", "et andet nummer"),
        MESSAGE: ("besked", "læg en besked"),
        NOTHING: ("ikke ringe", "ring ikke", "ikke nødvendigt", "intet opkald"),
    },
    "id": {
        YES: ("ya", "iya", "baik", "boleh", "setuju"),
        OTHER_NUMBER: ("nomor lain", "nomor yang lain"),
        MESSAGE: ("pesan", "tinggalkan pesan"),
        NOTHING: ("tidak perlu", "tidak usah", "jangan telepon"),
    },
}
"""Where a callback is offered."""

ASKED: Words = {
    "en": {YES: ("yes", "correct", "right"), OTHER_NUMBER: ("no", "wrong", "change")},
    "de": {YES: ("ja", "richtig", "stimmt"), OTHER_NUMBER: ("nein", "falsch", "ändern")},
    "da": {YES: ("ja", "rigtigt", "korrekt"), OTHER_NUMBER: ("nej", "forkert", "ret")},
    "id": {YES: ("ya", "benar", "betul"), OTHER_NUMBER: ("tidak", "bukan", "salah", "ubah")},
}
"""After a number was read back."""

_DENIED = frozenset({"no", "not", "nein", "nicht", "kein", "keine", "keinen", "nej", "ikke", "ingen", "tidak", "bukan"})
"""Beside one of these a yes, and what was offered, is none: "not another number" asks for nothing."""


def hints(words: Words, language: str) -> str:
    """The words of a language for `hints` of a Gather; "" for a language without."""
    return ",".join(each for said in words.get(language, {}).values() for each in said)


def pressed(fields: Mapping[str, str], words: Words) -> str | None:
    """The key pressed or meant. "": silence. None: something was said that we are not sure to have understood.

    All languages are listened for, since Twilio answers in the one it was asked to hear.
    """
    said = fields.get("SpeechResult", "").strip()
    if fields.get("Digits") or not said:
        return fields.get("Digits", "")
    if not _confidence(fields.get("Confidence")) >= CONFIDENT:  # not a number is not sure either
        return None
    meant = {key for keys in words.values() for key, known in keys.items() if _among(known, said)}
    for key in (NOTHING, OTHER_NUMBER, MESSAGE, YES):
        if key in meant:
            return key
    return None


def _among(known: tuple[str, ...], said: str) -> bool:
    spoken = _words(said)
    return any(
        _within(words, spoken) and (_DENIED.isdisjoint(spoken) or not _DENIED.isdisjoint(words))
        for words in map(_words, known)
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _within(words: list[str], spoken: list[str]) -> bool:
    """Whether the words stand in what was said, one after the other."""
    return any(spoken[at : at + len(words)] == words for at in range(len(spoken) - len(words) + 1))


def _confidence(text: str | None) -> float:
    """0.0 where Twilio gave none, or nothing we can read."""
    try:
        return float(text or "")
    except ValueError:
        return 0.0
