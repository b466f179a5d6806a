"""Who: a contact with identities in normal form, and how surely an interaction is theirs.

Normal forms are made here and nowhere else: a mail address by case and IDNA, a number by E.164.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from commsd.core.external_link import ExternalLink
from commsd.core.interaction import ContactMatch
from commsd.core.number import parse_number

CUSTOMER = "customer"
"""The kind of an identity that is our own number for a customer, written `customer:4711` where an address stands."""

_ALONE = re.compile(r"""[^\s@<>()\[\],;:"\\]+@[^\s@<>()\[\],;:"\\]+""")
_SYSTEM = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NOT_SYSTEMS = frozenset({"email", "phone", CUSTOMER, "domain", "number", "sip", "sips", "tel", "mailto", "client"})

LONGEST = 320
"""RFC 5321 section 4.5.3.1: 64 characters, the @ and 255. Nobody answers to more."""


class Identity(NamedTuple):
    """kind: "email", "phone" or the name of another system. value: in normal form."""

    kind: str
    value: str

    @property
    def external(self) -> bool:
        """Whether another system calls somebody so."""
        return self.kind not in _NOT_SYSTEMS


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
    """A person. language: BCP 47. timezone: IANA. owner: an agent's id. blocked: kept, but makes no callback.

    merged_into: the contact that has taken this one's identities and speaks for it. erased_at: since when nothing
    personal is kept. shared: identities that others have too, so that nobody is known by them alone. split_from: the
    contact this one was taken out of.
    """

    id: str
    revision: int = 1
    created_at: datetime
    name: str | None = None
    identities: tuple[Identity, ...] = ()
    shared: tuple[Identity, ...] = ()
    organisation_id: str | None = None
    language: str | None = None
    timezone: str | None = None
    tier: str | None = None
    owner: str | None = None
    stage: str | None = None
    wishes: Wishes = field(default_factory=Wishes)
    blocked: bool = False
    links: tuple[ExternalLink, ...] = ()
    merged_into: str | None = None
    split_from: str | None = None
    erased_at: datetime | None = None


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


def phone_identity(text: str, region: str | None = None) -> Identity | None:
    """The normal form of a callable number; None where it is withheld, SIP or not valid.

    region: whose national numbers are meant where the text has no plus.
    """
    number = parse_number(text, region)
    return Identity("phone", number.e164) if number else None


def identity_of(address: str | None) -> Identity | None:
    """The identity behind an address or a number, told apart by the @, or behind `customer:4711`."""
    if not address:
        return None
    if address.startswith(f"{CUSTOMER}:"):
        value = " ".join(address.partition(":")[2].split()).casefold()
        return Identity(CUSTOMER, value) if value and len(value) <= LONGEST else None
    return mail_identity(address) if "@" in address and not address.startswith("sip:") else phone_identity(address)


def stands_alone(identity: Identity) -> bool:
    """Whether a field may hold it: not a mail address with words beside it, such as "write to jane@example.org".

    Headers are read without asking: what came in was delivered somewhere.
    """
    return identity.kind != "email" or (_ALONE.fullmatch(identity.value) is not None and identity.value.isprintable())


def field_identity(text: str | None) -> Identity | None:
    """The identity behind what stands in a field for an address or a number; None also where more stands there."""
    identity = identity_of(text)
    return identity if identity and stands_alone(identity) else None


def external_identity(system: str, external_id: str) -> Identity | None:
    """What another system calls somebody. None where the system's name or its id is none."""
    value = external_id.strip()
    named = _SYSTEM.fullmatch(system) is not None and system not in _NOT_SYSTEMS
    return Identity(system, value) if named and value and len(value) <= LONGEST and value.isprintable() else None


def identity_named(text: str | None) -> Identity | None:
    """The identity somebody types: an address, a number, `customer:4711`, or another system's id as `hubspot:4711`."""
    system, colon, external_id = (text or "").partition(":")
    theirs = external_identity(system, external_id) if colon else None  # first: many a system calls people by address
    return theirs or identity_of(text)


def inbox_of(identity: Identity) -> Identity:
    """The inbox a mail address is delivered to: itself without its `+tag`; RFC 5233. Anything else is its own."""
    local, at, domain = identity.value.rpartition("@")
    plain = local.partition("+")[0]
    if identity.kind != "email" or not at or not plain or plain == local:
        return identity
    return Identity(identity.kind, f"{plain}@{domain}")


def match(
    identity: Identity | None, known: Mapping[Identity, Contact], shared: Collection[Identity] = ()
) -> tuple[Contact | None, ContactMatch]:
    """Whose identity it is, and how sure that is.

    EXACT: this very identity is on file. ALIAS: it is delivered to an inbox that is. AMBIGUOUS: several have it, so
    that it is nobody's before a person has said whose.
    """
    if identity is None:
        return None, ContactMatch.NONE
    inbox = inbox_of(identity)
    if contact := known.get(identity):
        return contact, ContactMatch.EXACT
    if identity in shared or inbox in shared:
        return None, ContactMatch.AMBIGUOUS
    contact = known.get(inbox)
    return contact, ContactMatch.ALIAS if contact else ContactMatch.NONE
