"""Firms under /v1: found by a mark, read, and put under the id another system has for them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from commsd.core.agent import People
from commsd.core.change import Change
from commsd.core.number import parse_number
from commsd.core.organisation import Organisation
from commsd.core.record import Json
from commsd.crm import audit, idempotency
from commsd.crm.api_contacts import AGENT
from commsd.crm.body import Body
from commsd.crm.fault import Invalid
from commsd.crm.keys import Caller
from commsd.crm.organisation_merge import all_move, delete_organisation, dropped, keys_for, merge_organisations
from commsd.crm.organisation_set import FIELDS, FirmSaid, domain_of, mark_named, mark_of, put_organisation
from commsd.crm.precondition import etag_of, expected_of
from commsd.crm.read_contact import checked, read_url
from commsd.crm.request import Api, Operation, Query, body_of, hand_of, json, listed, place_of, shown, shown_thing
from commsd.errors import NotFound
from commsd.store import organisations as store
from commsd.store.query import Row

LIST = {
    "mark": "a domain, a number with its country code, or another system's id as hubspot:4711",
    "after": "the cursor of the page before",
    "limit": "how many at most, 1 to 500; usually 50",
}
NOTHING: Mapping[str, Json] = MappingProxyType({})
FIRM = {
    "name": "how it is called",
    "domains": "all its mail domains from now on, as a list",
    "numbers": "all numbers of the house from now on, as a list, each with its country code",
    "owner": "the agent who looks after it",
    "tier": "by which rules may tell customers apart",
    "url": "where the other system shows it",
}


async def organisations(api: Api, request: Request, caller: Caller) -> Response:
    """Organisations in the order they were made, or the one that has a mark."""
    asked = Query.of(request, LIST)
    typed = asked.text("mark")
    after, limit = place_of(api, "organisations", asked), asked.number("limit", 50, 1, 500)
    if typed is None:
        page = await api.log.read(lambda c: store.organisations(c, after=after[1] if after else None, limit=limit))
        return listed(api, "organisations", page, [shown("organisation", row, caller) for row in page.rows])
    mark = mark_named(f"+{typed[1:]}" if typed.startswith(" ") else typed)
    if mark is None:
        what = "write a domain, a number such as %2B493023125010, or a system's id such as hubspot:4711"
        raise Invalid("this is no mark of a firm", remedy=what, mistakes={"?mark": what})

    def read(connection: Connection) -> Row | None:
        found = store.id_of_mark(connection, mark)
        return store.organisation(connection, found) if found else None

    row = await api.log.read(read)
    data = [shown("organisation", row, caller)] if row else []
    return json({"data": data, "next_cursor": None, "has_more": False})


async def organisation(api: Api, request: Request, caller: Caller) -> Response:
    """One organisation; of one that went into another, `merged_into` says which speaks for it."""
    return await _as_it_is(api, request, caller, request.path_params["id"])


async def _as_it_is(
    api: Api, _request: Request, caller: Caller, wanted: str, more: Mapping[str, Json] = NOTHING
) -> Response:
    row = await api.log.read(lambda c: store.organisation(c, wanted))
    if row is None:
        raise NotFound(f"no organisation {wanted}", remedy="list them: GET /v1/organisations")
    return json({**shown("organisation", row, caller), **more}, headers=etag_of(row.record["revision"]))


async def put(api: Api, request: Request, caller: Caller) -> Response:
    """What another system knows of a firm; 201 where it is new."""
    mine = mark_of(request.path_params["system"], request.path_params["external_id"])
    if mine is None:
        raise Invalid("this is no id of another system", remedy="name the system in lower case, such as hubspot")
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    said = _said(body, api.people)
    body.sound()
    keys = await api.log.read(lambda c: store.keys_of(c, (mine, *said.marks)))
    decide = put_organisation(mine, said, hand, expected_of(request.headers))
    change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda done: _firm_of(done).id)
    firm = _firm_of(change)
    made = firm.revision == 1 and bool(change.events)
    return json(shown_thing(firm, caller), 201 if made else 200, headers=etag_of(firm.revision))


async def merge(api: Api, request: Request, caller: Caller) -> Response:
    """One firm goes into another, with its people; the answer is the one that stays, and what it did not take over."""
    gone = request.path_params["id"]
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    into = body.text("into", 64)
    body.needed("into", into, "give the id of the organisation that stays")
    body.sound()
    keys = await keys_for(api.log, gone, into or "")
    lost = await api.log.read(lambda c: dropped(c, gone, into or ""))
    decide = merge_organisations(gone, into or "", hand)
    change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda done: _firm_of(done).id)
    return await _all_moved(api, request, caller, _firm_of(change).id, {"dropped": lost})


async def delete(api: Api, request: Request, caller: Caller) -> Response:
    """A firm is none any more, and its people are of none; the answer is what is left of it. Again changes nothing."""
    wanted, hand = request.path_params["id"], hand_of(api, caller, None)
    keys, decide = await keys_for(api.log, wanted), delete_organisation(wanted, hand)
    change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda done: _firm_of(done).id)
    return await _all_moved(api, request, caller, _firm_of(change).id)


async def _all_moved(
    api: Api, request: Request, caller: Caller, stays: str, more: Mapping[str, Json] = NOTHING
) -> Response:
    """The people of the firm of the path are of that one, or of none where it is itself; also where they were left
    behind by an earlier request that was cut short. more: what stands in the answer besides.
    """
    wanted, hand = request.path_params["id"], hand_of(api, caller, None)
    gone = stays == wanted
    await all_move(api.log, wanted, None if gone else stays, hand)
    what = audit.ORGANISATION_DELETED if gone else audit.ORGANISATION_MERGED
    row = api.audit.row(what, caller=caller.as_audited, scope="contacts:write", about=(wanted, stays))
    await api.audit.write(row)
    return await _as_it_is(api, request, caller, stays, more)


async def _merged_before(api: Api, request: Request, caller: Caller, stays: str) -> Response:
    """The same request again: nothing is left to be dropped."""
    return await _all_moved(api, request, caller, stays, {"dropped": {}})


def _firm_of(change: Change) -> Organisation:
    assert isinstance(change.result, Organisation)
    return change.result


def _said(body: Body, people: People) -> FirmSaid:
    fields = {name: body.text(name, 320 if name == "name" else 64) for name in FIELDS if name in body.data}
    for name, value in fields.items():
        if value and (wrong := checked(name, value, people)):
            body.mistakes[f"/{name}"] = wrong
    return FirmSaid(fields=fields, domains=_domains(body), numbers=_numbers(body), url=read_url(body))


def _domains(body: Body) -> tuple[str, ...] | None:
    if "domains" not in body.data:
        return None
    found = [(place, domain_of(text)) for place, text in enumerate(body.texts("domains"))]
    for place, domain in found:
        if domain is None:
            body.mistakes[f"/domains/{place}"] = "write a domain of the firm's own, such as example.com"
    return tuple(domain for _, domain in found if domain)


def _numbers(body: Body) -> tuple[str, ...] | None:
    if "numbers" not in body.data:
        return None
    found = [(place, parse_number(text)) for place, text in enumerate(body.texts("numbers"))]
    for place, number in found:
        if number is None:
            body.mistakes[f"/numbers/{place}"] = "write a valid number with its country code: +4930…"
    return tuple(number.e164 for _, number in found if number)


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="GET",
        path="/v1/organisations",
        scope="events:read",
        does="Firms, or the one known by a mark",
        handler=organisations,
        query=LIST,
    ),
    Operation(
        method="GET", path="/v1/organisations/{id}", scope="events:read", does="One organisation", handler=organisation
    ),
    Operation(
        method="PUT",
        path="/v1/organisations/by/{system}/{external_id}",
        scope="contacts:write",
        does="Make or change the organisation another system knows by this id",
        handler=put,
        again=_as_it_is,
        body=AGENT | FIRM,
    ),
    Operation(
        method="POST",
        path="/v1/organisations/{id}/merge",
        scope="contacts:write",
        does="Put an organisation into another, which then has its marks and people",
        handler=merge,
        again=_merged_before,
        body=AGENT | {"into": "id of the organisation that stays"},
    ),
    Operation(
        method="DELETE",
        path="/v1/organisations/{id}",
        scope="contacts:write",
        does="Delete an organisation: its people stay, and are of none",
        handler=delete,
        again=_all_moved,
    ),
)
