"""DELETE /v1/contacts/{id}: a person is erased, and the answer is the id that stands where they were."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from commsd.crm import audit, idempotency
from commsd.crm.erasure import erase
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query, hand_of, json, shown
from commsd.errors import CommsdError, NotFound
from commsd.store import query as store
from commsd.store.last_traces import let_go_of_traces

QUERY = {"even_if_owed": "true: what is owed to them is closed first, instead of refused"}


async def erase_contact(api: Api, request: Request, caller: Caller) -> Response:
    """Erase somebody and all who were merged into them. Once more changes nothing, and finishes what was cut short."""
    query = Query.of(request, QUERY)
    owed = query.choice("even_if_owed", ("true", "false")) == "true"
    contact_id, hand = request.path_params["id"], hand_of(api, caller, None)
    about = (contact_id,)
    known: Mapping[str, Any] = {"caller": caller.as_audited, "scope": "contacts:write", "about": about}
    try:
        done = await erase(api.log, contact_id, hand, api.terms(), even_if_owed=owed)
    except CommsdError:
        await api.audit.write(api.audit.row(audit.ERASED, outcome=audit.REFUSED, **known))
        raise
    await api.audit.write(api.audit.row(audit.ERASED, **known))
    await let_go_of_traces(api.log.engine.tidy, api.world)
    await idempotency.noted(api.log, request.state.asked, done.contacts[0])
    return await _as_it_is(api, request, caller, done.contacts[0])


async def _as_it_is(api: Api, _request: Request, caller: Caller, contact_id: str) -> Response:
    row = await api.log.read(lambda connection: store.contact(connection, contact_id))
    if row is None:
        raise NotFound(f"no contact {contact_id}", remedy="list them: GET /v1/contacts")
    return json(shown("contact", row, caller))


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="DELETE",
        path="/v1/contacts/{id}",
        scope="contacts:write",
        does="Erase a person: every personal field, original and sound; events of it stay, without the person",
        handler=erase_contact,
        again=_as_it_is,
        query=QUERY,
    ),
)
