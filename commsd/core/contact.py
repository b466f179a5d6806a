"""Who: a contact with identities in normal form, and how surely an interaction is theirs.

Normal forms are made here and nowhere else: a mail address by case and IDNA, a number by E.164.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from commsd.core.interaction import ContactMatch
from commsd.core.number import parse_number

CUSTOMER = "customer"
"""The kind of an identity that is our own number for a customer, written `customer:4711` where an address stands."""

LONGEST = 320
"""RFC 5321 section 4.5.3.1: 64 characters, the @ and 255. Nobody answers to more."""


class Identity(NamedTuple):
    """kind: "email", "phone" or the name of another system. value: in normal form."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How the contact wants to be served; all False and no hours when nothing was said."""

    no_calls: bool = False
    write_only: bool = False
    call_only: bool = False
    brief: bool = False
    hours: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person. language: BCP 47. timezone: IANA. owner: an agent's id. blocked: kept, but makes no callback."""

    id: str
    revision: int = 1
    created_at: datetime
    name: str | None = None
    identities: tuple[Identity, ...] = ()
    organisation_id: str | None = None
    language: str | None = None
    timezone: str | None = None
    tier: str | None = None
    owner: str | None = None
    stage: str | None = None
    wishes: Wishes = field(default_factory=Wishes)
    blocked: bool = False


@lru_cache(maxsize=4096)
def mail_identity(address: str) -> Identity | None:
    """The normal form of a mail address: trimmed, lower case, the domain in IDNA. None where it is no address.

    RFC 5321 lets a local part tell cases apart; no mail provider in use does, and people mix them.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at or not local or not domain or len(address) > LONGEST:
        return None
    try:
        domain = domain.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        domain = domain.rstrip(".")
    value = f"{local.casefold()}@{domain.casefold()}"
    return Identity("email", value) if len(value) <= LONGEST else None


def phone_identity(text: str) -> Identity | None:
    """The normal form of a callable number; None where it is withheld, SIP or not valid."""
    number = parse_number(text)
    return Identity("phone", number.e164) if number else None


def identity_of(address: str | None) -> Identity | None:
    """The identity behind an address or a number, told apart by the @, or behind `customer:4711`."""
    if not address:
        return None
    if address.startswith(f"{CUSTOMER}:"):
        value = " ".join(address.partition(":")[2].split()).casefold()
        return Identity(CUSTOMER, value) if value and len(value) <= LONGEST else None
    return mail_identity(address) if "@" in address and not address.startswith("sip:") else phone_identity(address)


def match(identity: Identity | None, known: Mapping[Identity, Contact]) -> tuple[Contact | None, ContactMatch]:
    """Whose identity it is, and how sure that is. EXACT: this very identity is on file."""
    contact = known.get(identity) if identity else None
    return contact, ContactMatch.EXACT if contact else ContactMatch.NONE
