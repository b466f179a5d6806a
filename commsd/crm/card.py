"""One person as a file of contacts has them, whatever its form: values by our names, and their line. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from commsd.core.agent import People
from commsd.core.contact import CUSTOMER, Identity, external_identity, stands_alone
from commsd.crm.contact_set import FIELDS, WISHES, Said
from commsd.crm.export_words import NO, YES, language_of
from commsd.crm.read_contact import A_MAIL_ADDRESS, checked, identity_as

MANY = ("email", "phone")
ONE = ("name", "language", "timezone", "tier", "owner", "stage")
KNOWN = (*MANY, *ONE, *WISHES, "hours", "blocked", CUSTOMER, "organisation", "external_id", "url")
"""What a file may say of a person."""

LONGEST = {"name": 320, "organisation": 320, "external_id": 320, "url": 2000, "hours": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """values: by KNOWN, none of them blank. wrong: why it cannot be read at all."""

    line: int
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    wrong: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be recorded. mine: their id in the system the file is from. organisation: as the file names it.

    wrong: what is wrong with it, one remedy each; then nothing of it is recorded.
    """

    line: int
    said: Said = field(default_factory=Said)
    mine: Identity | None = None
    organisation: str | None = None
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file is read. system: whose ids `external_id` are. region: of numbers without a plus, ISO 3166.

    merge: contacts that a person's identities belong to are one.
    """

    people: People = field(default_factory=People)
    system: str | None = None
    region: str | None = None
    merge: bool = False


def entry_of(card: Card, reading: Reading) -> Entry:
    """What a card says, checked and in normal form."""
    if card.wrong:
        return Entry(line=card.line, wrong=(card.wrong,))
    wrong: list[str] = []
    values = {name: _fitting(name, given, wrong) for name, given in card.values.items()}
    if "language" in values:
        values["language"] = [language_of(text) for text in values["language"]]
    identities = tuple(dict.fromkeys(_identities(values, reading, wrong)))
    mine = _own(values, reading, wrong)
    if not identities and mine is None and not wrong:
        wrong.append("neither an address nor a number nor an id: nobody could be known by it")
    for name in (*ONE, "hours"):
        for value in values.get(name, ()):
            if remedy := checked(name, value, reading.people):
                wrong.append(f"{name}: {remedy}")
    said = Said(
        fields={name: values[name][0] for name in FIELDS if values.get(name)},
        wishes=_wishes(values, wrong),
        identities=identities,
        blocked=_flag("blocked", values, wrong),
        url=next(iter(values.get("url", ())), None),
        merge=reading.merge,
    )
    if said.url is not None and not said.url.startswith(("https://", "http://")):
        wrong.append("url: write a web address: https://…")
    firm = next(iter(values.get("organisation", ())), None)
    return Entry(line=card.line, said=said, mine=mine, organisation=firm, wrong=tuple(dict.fromkeys(wrong)))


def _fitting(name: str, given: Sequence[str], wrong: list[str]) -> Sequence[str]:
    longest = LONGEST.get(name, 320 if name in MANY else 64)
    for value in given:
        if len(value) > longest:
            wrong.append(f"{name}: write at most {longest} characters")
        elif not value.isprintable():
            wrong.append(f"{name}: a character in it cannot be printed, or is not in the file's encoding")
    return given


def _identities(values: Mapping[str, Sequence[str]], reading: Reading, wrong: list[str]) -> Sequence[Identity]:
    found: list[Identity] = []
    remedies = {"email": A_MAIL_ADDRESS, CUSTOMER: "write your number for the customer"}
    number = "write a valid number with its country code" + ("" if reading.region else ", or say --region")
    for kind in (*MANY, CUSTOMER):
        for value in values.get(kind, ()):
            identity = identity_as(kind, value, reading.region)
            if identity is None or not stands_alone(identity):
                wrong.append(f"{kind}: {remedies.get(kind, number)}")
            else:
                found.append(identity)
    return found


def _own(values: Mapping[str, Sequence[str]], reading: Reading, wrong: list[str]) -> Identity | None:
    given = next(iter(values.get("external_id", ())), None)
    if given is None or reading.system is None:
        return None
    mine = external_identity(reading.system, given)
    if mine is None:
        wrong.append("external_id: write an id of at most 320 printable characters")
    return mine


def _wishes(values: Mapping[str, Sequence[str]], wrong: list[str]) -> dict[str, bool | str | None]:
    said: dict[str, bool | str | None] = {}
    for name in WISHES:
        if (flag := _flag(name, values, wrong)) is not None:
            said[name] = flag
    if hours := values.get("hours"):
        said["hours"] = hours[0]
    return said


def _flag(name: str, values: Mapping[str, Sequence[str]], wrong: list[str]) -> bool | None:
    given = next(iter(values.get(name, ())), "").casefold()
    if given in YES or given in NO:
        return given in YES
    if given:
        wrong.append(f"{name}: write yes or no")
    return None
