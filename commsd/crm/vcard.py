"""vCards as people and address books export them: RFC 6350, and what 2.1 and 3.0 wrote differently. Pure.

Read are FN, N, EMAIL, TEL, LANG, TZ, ORG and UID. A card that cannot be read spoils no other one.
"""

import quopri
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from commsd.crm.card import Card

_PROPERTY = re.compile(r"(?:[A-Za-z0-9-]+\.)?([A-Za-z0-9-]+)((?:;(?:\"[^\"]*\"|[^\":;])*)*):(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PEOPLE = ("individual", "")
"""KIND of a card that is a person's; RFC 6350 section 6.1.4."""


@dataclass(slots=True)
class _Open:
    """A card being read. line: of its BEGIN."""

    line: int
    values: dict[str, list[str]] = field(default_factory=dict)
    structured: str = ""
    wrong: str | None = None

    def card(self) -> Card:
        if self.structured and "name" not in self.values:
            self.values["name"] = [self.structured]
        return Card(line=self.line, values=self.values, wrong=self.wrong)


def cards_of(lines: Iterable[str]) -> Iterator[Card]:
    """The cards behind the lines of a file."""
    card: _Open | None = None
    for number, text in _unfolded(lines):
        found = _PROPERTY.fullmatch(text)
        name, value = (found[1].upper(), found[3]) if found else ("", "")
        mark = (name, value.strip().upper())
        if mark == ("BEGIN", "VCARD"):
            if card is not None:
                yield Card(line=card.line, wrong="the card never ends: write END:VCARD")
            card = _Open(number)
        elif card is None:
            yield Card(line=number, wrong="this stands outside of a card: write BEGIN:VCARD before it")
        elif mark == ("END", "VCARD"):
            yield card.card()
            card = None
        elif found is None:
            card.wrong = card.wrong or f"line {number} is no property: write NAME:VALUE"
        else:
            _read(card, name, found[2], value)
    if card is not None:
        yield Card(line=card.line, wrong="the card never ends: write END:VCARD")


def _read(card: _Open, name: str, parameters: str, value: str) -> None:
    if "QUOTED-PRINTABLE" in parameters.upper():
        value = quopri.decodestring(value.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    if name == "N":
        family, given, *_ = (*_parts(value), "", "")
        card.structured = " ".join(part for part in (given, family) if part)
    elif name == "KIND" and value.strip().casefold() not in _PEOPLE:
        card.wrong = "the card is not a person's: say who a firm is with commsd organisations set"
    elif name == "ORG":
        _keep(card, "organisation", next(iter(_parts(value)), ""))
    elif name == "TEL":
        number = value.strip().removeprefix("tel:").partition(";")[0] if ":" in value or ";" in value else value
        _keep(card, "phone", _plain(number))
    elif name == "EMAIL":
        _keep(card, "email", _plain(value.strip().removeprefix("mailto:")))
    elif name == "TZ" and "/" not in value:
        return  # an offset, which names no zone
    elif name in _SIMPLE:
        _keep(card, _SIMPLE[name], _plain(value))


_SIMPLE = {"FN": "name", "LANG": "language", "TZ": "timezone", "UID": "external_id"}


def _keep(card: _Open, name: str, value: str) -> None:
    if value.strip():
        card.values.setdefault(name, []).append(value.strip())


def _plain(value: str) -> str:
    return _ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], value)


def _parts(value: str) -> Sequence[str]:
    return [_plain(part).strip() for part in re.split(r"(?<!\\);", value)]


def _unfolded(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Whole lines with the number of their first; RFC 6350 section 3.2, and soft breaks of quoted-printable."""
    begun, whole = 0, ""
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")
        if whole and line[:1] in (" ", "\t"):
            whole += line[1:]
        elif whole.endswith("=") and "QUOTED-PRINTABLE" in whole.partition(":")[0].upper():
            whole = whole[:-1] + line
        else:
            if whole.strip():
                yield begun, whole
            begun, whole = number, line
    if whole.strip():
        yield begun, whole
