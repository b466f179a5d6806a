"""Who wrote or rang, and which firm they belong to: by contact, the number that rang, or the domain that wrote. Pure.

A firm has its numbers and domains because somebody said so. What a number of the house says of a caller ends there:
who of its people rang, it cannot tell. Where the whole world has its mail, a domain says nothing at all.
"""

from functools import lru_cache

from commsd.core.contact import Contact, Identity, identity_of, match
from commsd.core.fact import replace
from commsd.core.interaction import Automation, ContactMatch, Direction, Interaction, Kind, Role
from commsd.core.open_items import OpenItems
from commsd.core.opt_out import BLOCKED
from commsd.core.organisation import DOMAIN, NUMBER, Mark, Organisation

_FREE_MAIL = """
a1.net aol.com arcor.de atlas.cz att.net bigpond.com bk.ru bluewin.ch btinternet.com centrum.cz chello.at comcast.net
cox.net duck.com email.cz email.de ewe.net ewetel.net fastmail.com fastmail.fm free.fr freemail.hu freenet.de
gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.dk
hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com inbox.com inbox.ru interia.pl jubii.dk kabelbw.de
kabelmail.de laposte.net libero.it list.ru live.at live.co.uk live.com live.de live.dk live.fr live.nl mac.com
mail.com mail.de mail.dk mail.ru mailbox.org me.com msn.com naver.com netcologne.de o2.pl ofir.dk onet.pl online.de
online.no orange.fr outlook.at outlook.co.id outlook.com outlook.de outlook.dk outlook.es outlook.fr outlook.it pm.me
posteo.de posteo.net privat.dk proton.me protonmail.ch protonmail.com qq.com rediffmail.com rocketmail.com
sbcglobal.net seznam.cz sfr.fr sky.com stofanet.dk sunrise.ch t-online.de talktalk.net tdc.dk tele2.se telenet.be
telia.com telkom.net tuta.com tuta.io tutanota.com tutanota.de unitybox.de verizon.net virgilio.it virginmedia.com
vodafone.de wanadoo.fr web.de webspeed.dk wp.pl yahoo.co.id yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br
yahoo.de yahoo.dk yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com youmail.dk ziggo.nl zoho.com 126.com
163.com 1und1.de
"""

FREE_MAIL = frozenset(_FREE_MAIL.split())
"""Domains of mail providers that anybody may have an address of: no firm's, whatever somebody entered."""

_SECOND_LEVEL = frozenset(
    ("ac", "co", "com", "edu", "go", "gob", "gov", "gv", "mil", "ne", "net", "nom", "or", "org"),
)
"""What many a country sells names below; publicsuffix.org."""

_SUFFIXES = """
asn.au id.au biz.id desa.id my.id sch.id web.id geek.nz gen.nz school.nz ltd.uk me.uk nhs.uk plc.uk police.uk sch.uk
"""

_MORE_SUFFIXES = frozenset(_SUFFIXES.split())
"""What some of them sell names below beside these."""

COMMUNICATION = frozenset({Kind.MESSAGE, Kind.CALL, Kind.VOICEMAIL, Kind.ATTEMPT, Kind.MEETING})
"""What passes between us and a customer, by which somebody becomes known."""


def is_anybodys(domain: str) -> bool:
    """Whether it is nobody's own: of a mail provider, or an ending that names are sold below, such as co.uk."""
    name, _, country = domain.partition(".")
    return domain in FREE_MAIL or domain in _MORE_SUFFIXES or (len(country) == 2 and name in _SECOND_LEVEL)


@lru_cache(maxsize=4096)
def marks_of(identity: Identity) -> tuple[Mark, ...]:
    """By what a firm is found for this address or number, the nearest first: of a subdomain, its parents' too."""
    if identity.kind == "phone":
        return (Mark(NUMBER, identity.value),)
    if identity.kind != "email":
        return ()
    labels = identity.value.rpartition("@")[2].split(".")
    domains = (".".join(labels[start:]) for start in range(len(labels) - 1))
    return tuple(Mark(DOMAIN, domain) for domain in domains if not is_anybodys(domain))


def whose(address: str | None, items: OpenItems) -> tuple[Contact | None, ContactMatch]:
    """Who wrote or rang, and how sure that is. A firm's own number is nobody's, also where somebody is known by it."""
    identity = identity_of(address)
    found, grade = match(identity, items.contacts, items.shared)
    if identity is None or identity.kind != "phone" or marked(identity, items) is None:
        return found, grade
    return None, ContactMatch.AMBIGUOUS if found else ContactMatch.NONE


def with_contact(
    fact: Interaction, items: OpenItems, *, opens: bool
) -> tuple[Contact | None, Interaction, tuple[Contact, ...]]:
    """Whose the interaction is, the interaction that says so, and the contact made for who was not known.

    opens False: it makes none.
    """
    if fact.case_id and fact.case_id in items.files:
        contact_id = fact.contact_id or items.files[fact.case_id].case.contact_id
        known = _speaker(contact_id, items)
        return known, replace(fact, contact_id=known.id if known else contact_id), ()
    identity = identity_of(fact.customer)
    contact, grade = whose(fact.customer, items)
    if contact:
        return contact, replace(fact, contact_id=contact.id, contact_match=grade), ()
    firm = marked(identity, items) if identity else None
    of_the_house = firm is not None and identity is not None and identity.kind == "phone"  # whoever of it rang
    if grade is ContactMatch.AMBIGUOUS or of_the_house:
        return None, replace(fact, contact_match=grade), ()
    if not identity or not opens or fact.automation is not Automation.NONE or fact.kind not in COMMUNICATION:
        return None, fact, ()
    contact = Contact(
        id=items.new_id(),
        created_at=items.now,
        name=fact.name(Role.FROM, Role.CALLER) if fact.direction is Direction.INBOUND else fact.name(Role.TO),
        identities=(identity,),
        organisation_id=firm.id if firm else None,
        blocked=items.opted_out(identity.value, BLOCKED) is not None,
    )
    return contact, replace(fact, contact_id=contact.id), (contact,)


def _speaker(contact_id: str | None, items: OpenItems) -> Contact | None:
    """Who speaks for the contact of this id, which may have gone into somebody, as far as they were read."""
    known = items.people.get(contact_id or "")
    while known is not None and known.merged_into is not None and known.merged_into in items.people:
        known = items.people[known.merged_into]
    return known


def firm_of(contact: Contact | None, address: str | None, items: OpenItems) -> Organisation | None:
    """The firm: the contact's, else the one whose number or domain it is. None where nobody said any."""
    if contact and contact.organisation_id:
        firm = items.firms.get(contact.organisation_id)
        return firm if firm and firm.stands else None
    identity = identity_of(address)
    return marked(identity, items) if identity else None


def marked(identity: Identity, items: OpenItems) -> Organisation | None:
    """The firm this address or number is a mark of."""
    if not items.organisations:
        return None
    return next((items.organisations[mark] for mark in marks_of(identity) if mark in items.organisations), None)


def tier_of(contact: Contact | None, firm: Organisation | None) -> str | None:
    """Their tier, else their firm's."""
    return (contact.tier if contact else None) or (firm.tier if firm else None)


def owner_of(contact: Contact | None, firm: Organisation | None) -> str | None:
    """Who of us looks after them, else after their firm; an agent's id."""
    return (contact.owner if contact else None) or (firm.owner if firm else None)
