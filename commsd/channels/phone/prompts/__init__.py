"""What callers hear, a file a language. A further language is one file more and one line here."""

from collections.abc import Mapping

from commsd.channels.phone.prompts.danish import DANISH, DANISH_FORMAL
from commsd.channels.phone.prompts.english import ENGLISH
from commsd.channels.phone.prompts.german import GERMAN
from commsd.channels.phone.prompts.indonesian import INDONESIAN
from commsd.channels.phone.prompts.spoken import Spoken

LANGUAGES: Mapping[str, Spoken] = {"en": ENGLISH, "de": GERMAN, "da": DANISH, "id": INDONESIAN}

OF_COUNTRY: Mapping[str, str] = {
    **dict.fromkeys(("DE", "AT", "CH", "LI"), "de"),
    **dict.fromkeys(("DK", "GL", "FO"), "da"),
    "ID": "id",
    **dict.fromkeys(("GB", "IE", "US", "CA", "AU", "NZ", "GG", "JE", "IM", "MT", "ZA"), "en"),
}
"""The language spoken to a caller from there of whom nothing else is known."""


def spoken(language: str, address_as: Mapping[str, str]) -> Spoken:
    """The texts of a language, in the firm's form of address. One without texts is spoken to in English."""
    if language == "da" and address_as.get("da") == "de":
        return DANISH_FORMAL
    return LANGUAGES.get(language, ENGLISH)
