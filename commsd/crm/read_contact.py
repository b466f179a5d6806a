"""What a request or a row of a file says of a contact, checked and in normal form. Mistakes are noted on the body."""

from collections.abc import Mapping

from commsd.config.unit import LANGUAGE, ZONE, Form
from commsd.core.agent import People
from commsd.core.contact import (
    CUSTOMER,
    Identity,
    external_identity,
    identity_of,
    mail_identity,
    phone_identity,
    stands_alone,
)
from commsd.crm.body import Body
from commsd.crm.contact_set import FIELDS, WISHES, Said
from commsd.sla.rules.opening import HOURS

CONTACT = {
    "name": "how they are called",
    "language": "BCP 47, such as de",
    "timezone": "IANA, such as Europe/Berlin",
    "tier": "by which rules may tell customers apart",
    "owner": "the agent who looks after them",
    "stage": "how far they are, such as lead",
    "organisation_id": "id of their organisation",
    "wishes": '{"no_calls": true, "write_only": …, "call_only": …, "brief": …, "hours": "mon-fri 09:00-12:00"}',
    "blocked": "true: kept on record, and owed no call",
    "identities": 'a list of {"kind": "email", "value": "…"} (phone, customer or another system too), added to theirs',
    "identities_removed": "likewise; taken away from theirs",
    "url": "where the other system shows them",
    "merge": "true: contacts that have one of the identities are the same person",
}
A_MAIL_ADDRESS = "write a mail address and nothing else, such as jane@example.org"
_FORMS: Mapping[str, Form[str]] = {"language": LANGUAGE, "timezone": ZONE}
_LONGEST = {"name": 320}


def read_said(body: Body, people: People) -> Said:
    """What is said of a contact: what is missing stays, null takes it away."""
    return Said(
        fields={name: _field(body, name, people) for name in FIELDS if name in body.data},
        wishes=_wishes(body),
        identities=read_identities(body, "identities", new=True),
        without=read_identities(body, "identities_removed"),
        blocked=body.yes("blocked") if "blocked" in body.data else None,
        url=read_url(body),
        merge=body.yes("merge"),
    )


def read_identities(body: Body, key: str, *, new: bool = False) -> tuple[Identity, ...]:
    """A list of identities in normal form, each once. new: they are to be somebody's from now on.

    Those that are taken away may be none that could be given today.
    """
    found: dict[Identity, None] = {}
    for part in body.parts(key):
        kind, value = part.text("kind", 32), part.text("value", 320)
        part.end()
        identity = identity_as(kind or "", value or "")
        if identity is None or (new and not stands_alone(identity)):
            body.mistakes.setdefault(f"{part.above}/value", _remedy(kind))
        else:
            found[identity] = None
    return tuple(found)


def identity_as(kind: str, value: str, region: str | None = None) -> Identity | None:
    """The normal form of an identity of this kind; None where it is none. region: of numbers without a plus."""
    if kind == "email":
        return mail_identity(value)
    if kind == "phone":
        return phone_identity(value, region)
    return identity_of(f"{CUSTOMER}:{value}") if kind == CUSTOMER else external_identity(kind, value)


def read_url(body: Body) -> str | None:
    """Where another system shows it: nothing but the web, for people follow it."""
    url = body.text("url", 2000)
    if url is not None and not url.startswith(("https://", "http://")):
        body.mistakes[f"{body.above}/url"] = "write a web address: https://…"
        return None
    return url


def checked(name: str, value: str, people: People) -> str | None:
    """What is wrong with the value of a field, as a remedy; None where it can be used."""
    form = _FORMS.get(name)
    if form is not None and form.parse(value) is None:
        return form.remedy
    if name == "owner" and people.agents and value not in people.agents:
        return "name one of our agents: " + ", ".join(sorted(people.agents))
    if name == "hours" and HOURS.parse(value) is None:
        return HOURS.remedy
    return None


def _field(body: Body, name: str, people: People) -> str | None:
    value = body.text(name, _LONGEST.get(name, 64))
    wrong = checked(name, value, people) if value else None
    if wrong:
        body.mistakes[f"{body.above}/{name}"] = wrong
    return value


def _wishes(body: Body) -> Mapping[str, bool | str | None]:
    part = body.part("wishes")
    if part is None:
        return {}
    said: dict[str, bool | str | None] = {name: part.yes(name) for name in WISHES if name in part.data}
    if "hours" in part.data:
        said["hours"] = hours = part.text("hours", 200)
        wrong = checked("hours", hours, People()) if hours else None
        if wrong:
            body.mistakes[f"{part.above}/hours"] = wrong
    part.end()
    return said


def _remedy(kind: str | None) -> str:
    if kind == "phone":
        return "write a valid number with its country code: +4930…"
    if kind == "email":
        return A_MAIL_ADDRESS
    return "name the kind (email, phone, customer, or a system in lower case) and its value"
