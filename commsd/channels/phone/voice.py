"""Which of Twilio's voices speaks which of our languages: with a wrong pair <Say> fails in the middle of a call. Pure.

Facts of docs/voice/twiml/say/text-speech. What is said stands in prompts/.
"""

from collections.abc import Mapping

_CHIRP = tuple(f"Chirp3-HD-{name}" for name in ("Aoede", "Charon", "Fenrir", "Kore", "Leda", "Orus", "Puck", "Zephyr"))


def _google(tag: str, *names: str) -> frozenset[str]:
    return frozenset(f"Google.{tag}-{name}" for name in names)


def _lettered(kind: str, letters: str) -> tuple[str, ...]:
    return tuple(f"{kind}-{letter}" for letter in letters)


def _polly(*names: str) -> frozenset[str]:
    return frozenset(f"Polly.{name}" for name in names)


VOICES: Mapping[str, frozenset[str]] = {
    "de": _polly("Hans", "Marlene", "Vicki", "Vicki-Neural", "Vicki-Generative", "Daniel-Neural", "Daniel-Generative")
    | _google(
        "de-DE",
        *_CHIRP,
        *_lettered("Neural2", "ABCDFGH"),
        *_lettered("Standard", "ABCDEFGH"),
        *_lettered("Wavenet", "ABCDEFGH"),
    ),
    "da": _polly("Mads", "Naja", "Sofie-Neural")
    | _google("da-DK", *_lettered("Neural2", "DF"), *_lettered("Standard", "ACDEFG"), *_lettered("Wavenet", "ACDEFG")),
    "en": _polly("Amy", "Amy-Neural", "Amy-Generative", "Brian", "Brian-Neural", "Emma", "Emma-Neural")
    | _google(
        "en-GB",
        *_CHIRP,
        *_lettered("Neural2", "ABCDFNO"),
        *_lettered("Standard", "ABCDFNO"),
        *_lettered("Wavenet", "ABCDFNO"),
    ),
    "id": _google("id-ID", *_CHIRP, *_lettered("Standard", "ABCD"), *_lettered("Wavenet", "ABCD")),
}
"""Language -> the voices that speak it."""
