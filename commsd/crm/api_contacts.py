"""People under /v1: found, read, put under another system's id, merged and split.

`DELETE` erases and stands with the erasure. The ETag of a contact is its revision, for `If-Match`.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, external_identity, identity_named
from commsd.crm import idempotency
from commsd.crm.actions import Decide
from commsd.crm.contact_merge import dropped, merge_contacts, split_contact
from commsd.crm.contact_set import put_contact
from commsd.crm.fault import Invalid
from commsd.crm.keys import Caller
from commsd.crm.precondition import etag_of, expected_of
from commsd.crm.read_contact import CONTACT, read_identities, read_said
from commsd.crm.request import Api, Operation, Query, body_of, hand_of, json, listed, place_of, shown, shown_thing
from commsd.errors import NotFound
from commsd.store import contacts as store
from commsd.store import organisations, query

AGENT = {"agent": "id of our person who acts"}
LIST = {
    "identity": "an address, a number with its country code, or another system's id as hubspot:4711",
    "organisation": "id of an organisation: its people, also those of one that went into it",
    "after": "the cursor of the page before",
    "limit": "how many at most, 1 to 500; usually 50",
}


async def contacts(api: Api, request: Request, caller: Caller) -> Response:
    """Contacts in the order they were made, of one organisation or of all; those known by an identity, several where
    they share it.
    """
    asked = Query.of(request, LIST)
    typed, firm = asked.text("identity"), asked.text("organisation")
    after, limit = place_of(api, "contacts", asked), asked.number("limit", 50, 1, 500)
    if typed is None:
        page = await api.log.read(lambda c: _page(c, firm, after[1] if after else None, limit))
        return listed(api, "contacts", page, [shown("contact", row, caller) for row in page.rows])
    identity = identity_named(f"+{typed[1:]}" if typed.startswith(" ") else typed)  # a bare + reads as a space
    if identity is None:
        what = "write an address, a number such as %2B493023125099, or a system's id such as hubspot:4711"
        raise Invalid("this is no identity", remedy=what, mistakes={"?identity": what})
    rows = await api.log.read(lambda c: _known_by(c, identity, firm))
    return json({"data": [shown("contact", row, caller) for row in rows], "next_cursor": None, "has_more": False})


def _page(connection: Connection, firm: str | None, after: str | None, limit: int) -> query.Page:
    if firm is None:
        return query.contacts(connection, after=after, limit=limit)
    return organisations.people_page(connection, firm, after=after, limit=limit)


def _known_by(connection: Connection, identity: Identity, firm: str | None) -> list[query.Row]:
    rows = query.contacts_of(connection, store.ids_of(connection, identity)).values()
    family = organisations.family_of(connection, firm) if firm else ()
    return [row for row in rows if firm is None or row.record.get("organisation_id") in family]


async def contact(api: Api, request: Request, caller: Caller) -> Response:
    """One contact; of one that went into another, `merged_into` says which speaks for it."""
    return await _as_it_is(api, request, caller, request.path_params["id"])


async def _as_it_is(api: Api, _request: Request, caller: Caller, contact_id: str) -> Response:
    row = await api.log.read(lambda c: query.contact(c, contact_id))
    if row is None:
        raise NotFound(f"no contact {contact_id}", remedy="find it: GET /v1/contacts?identity=")
    return json(shown("contact", row, caller), headers=etag_of(row.record["revision"]))


async def put(api: Api, request: Request, caller: Caller) -> Response:
    """What another system knows of somebody; 201 where the contact is new."""
    mine = external_identity(request.path_params["system"], request.path_params["external_id"])
    if mine is None:
        raise Invalid("this is no id of another system", remedy="name the system in lower case, such as hubspot")
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    said = read_said(body, api.people)
    if firm := said.fields.get("organisation_id"):
        stands = await api.log.read(lambda c: organisations.speaker_of(c, firm))
        if stands is None:
            body.mistakes["/organisation_id"] = "no organisation has this id: put it first"
        said = replace(said, fields={**said.fields, "organisation_id": stands})
    body.sound()
    named = (mine, *said.identities, *said.without)
    keys = await api.log.read(lambda c: store.keys_of(c, *named))
    return await _decided(api, request, caller, keys, put_contact(mine, said, hand, expected_of(request.headers)))


async def merge(api: Api, request: Request, caller: Caller) -> Response:
    """One contact goes into another; the answer is the one that stays, and what it did not take over."""
    gone = request.path_params["id"]
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    into = body.text("into", 64)
    body.needed("into", into, "give the id of the contact that stays")
    body.sound()
    keys = await api.log.read(lambda c: store.keys_of(c, gone, into or ""))
    decide = merge_contacts(gone, into or "", hand)
    change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda done: _contact_of(done).id)
    return await _merged(api, request, caller, _contact_of(change).id)


async def _merged(api: Api, request: Request, caller: Caller, contact_id: str) -> Response:
    gone = request.path_params["id"]
    rows = await api.log.read(lambda c: query.contacts_of(c, [gone, contact_id]))
    went, stays = (shown("contact", rows[each], caller) for each in (gone, contact_id))
    return json({**stays, "dropped": dropped(went, stays)}, headers=etag_of(stays["revision"]))


async def split(api: Api, request: Request, caller: Caller) -> Response:
    """Some identities stand for somebody of their own; the answer is who has them now."""
    contact_id = request.path_params["id"]
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    identities = read_identities(body, "identities")
    body.needed("identities", identities or None, "name what is somebody else's")
    body.sound()
    keys = await api.log.read(lambda c: store.keys_of(c, contact_id, *identities))
    return await _decided(api, request, caller, keys, split_contact(contact_id, identities, hand))


async def _decided(api: Api, request: Request, caller: Caller, keys: Sequence[str], decide: Decide) -> Response:
    """Decide once, and give the contact as it then is."""
    change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda done: _contact_of(done).id)
    contact = _contact_of(change)
    made = contact.revision == 1 and contact in change.contacts
    return json(shown_thing(contact, caller), 201 if made else 200, headers=etag_of(contact.revision))


def _contact_of(change: Change) -> Contact:
    assert isinstance(change.result, Contact)
    return change.result


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="GET",
        path="/v1/contacts",
        scope="events:read",
        does="People, of an organisation too, or who is known by an identity",
        handler=contacts,
        query=LIST,
    ),
    Operation(method="GET", path="/v1/contacts/{id}", scope="events:read", does="One contact", handler=contact),
    Operation(
        method="PUT",
        path="/v1/contacts/by/{system}/{external_id}",
        scope="contacts:write",
        does="Make or change the contact another system knows by this id",
        handler=put,
        again=_as_it_is,
        body=AGENT | CONTACT,
    ),
    Operation(
        method="POST",
        path="/v1/contacts/{id}/merge",
        scope="contacts:write",
        does="Put a contact into another, which then speaks for both",
        handler=merge,
        again=_merged,
        body=AGENT | {"into": "id of the contact that stays"},
    ),
    Operation(
        method="POST",
        path="/v1/contacts/{id}/split",
        scope="contacts:write",
        does="Take identities away from a contact, for somebody of their own",
        handler=split,
        again=_as_it_is,
        body=AGENT | {"identities": 'a list of {"kind": "email", "value": "…"}'},
    ),
)
