"""Writing under /v1: a touch from outside, what came of a talk, and what people do to cases and callbacks.

Every action is one decision; the answer is the record after it. Bodies are read and checked before anything is decided.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from commsd.core import key
from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.crm import actions, call_actions, idempotency, mending
from commsd.crm.body import Body, read_attrs, read_entry, read_said
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, body_of, hand_of, json, shown, shown_thing
from commsd.errors import NotFound
from commsd.store import query as store

AGENT = {"agent": "id of our person who acts"}
SAID = AGENT | {
    "result": "reached, call_again, partly, voicemail, wrong_person or declined",
    "note": "what was said",
    "due": "the time agreed with the customer, for call_again and partly",
    "questions": "what is still to be answered, as a list",
}
ENTRY = AGENT | {
    "channel": "email, letter, fax, phone, sms, whatsapp, web, chat, in_person or other",
    "kind": "message, call, voicemail, attempt, note, meeting or promise; usually by the channel",
    "direction": "inbound (usual), outbound or internal",
    "customer": '{"address": "+4930… or name@example.org", "name": "…"}',
    "case_id": "the case, where it is known",
    "occurred_at": "when it happened; usually now",
    "ended_at": "when it ended",
    "outcome": "reached (usual), missed, left_message, not_reached …",
    "subject": "one line",
    "text": "what it was about; 280 characters are kept",
    "mailbox": "the mailbox it belongs to",
    "line": "the line it belongs to",
    "team": "the team it belongs to",
    "in_reply_to": "id of the interaction it answers",
    "partial": "true: an answer that does not answer yet",
    "promise": '{"due_at": "…", "via": "any or call"}: what the customer was told',
    "result": "what came of a talk, with note, due and questions",
    "language": "BCP 47",
    "priority": "low, normal, high or urgent",
    "tags": "a list of words",
    "external_ids": '[{"system": "…", "id": "…"}]: what others call it',
}

CLOSED = {
    "note": "why it is owed no longer",
    "answered_by": "id of the interaction in which the customer had his answer on another channel; needs no note",
}

Act = Callable[[str, Hand, Body, Api], actions.Decide]


async def record_entry(api: Api, request: Request, caller: Caller) -> Response:
    """Record a touch from outside; 201 with the interaction, 200 where the Idempotency-Key was used before."""
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    entry = read_entry(body)
    body.sound()
    keys = list(key.of_addresses(entry.customer))
    if entry.case_id:
        case_id = entry.case_id
        keys += await api.log.read(lambda connection: store.keys_of_case(connection, case_id))
    decide = actions.record_entry(entry, hand, api.terms())
    return await _recorded(api, request, caller, keys, decide, created=201)


async def talk_result(api: Api, request: Request, caller: Caller) -> Response:
    """Say what came of a call or meeting: the interaction's next revision."""
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    said = read_said(body)
    body.sound()
    talk = request.path_params["id"]
    keys = await api.log.read(lambda connection: store.keys_of_interaction(connection, talk))
    decide = call_actions.talk_result(talk, said, hand, api.terms())
    return await _recorded(api, request, caller, keys, decide, created=200)


async def partial_answer(api: Api, request: Request, caller: Caller) -> Response:
    """An answer of ours did not answer yet: the interaction's next revision."""
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    body.sound()
    decide = actions.partial_answer(request.path_params["id"], hand, api.terms())
    return await _of_interaction(api, request, caller, decide)


async def void_interaction(api: Api, request: Request, caller: Caller) -> Response:
    """An interaction never happened; the answer is the `void` interaction that says so."""
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    why = body.text("why")
    body.sound()
    decide = mending.void_interaction(request.path_params["id"], hand, api.terms(), why=why)
    return await _of_interaction(api, request, caller, decide)


async def merge_case(api: Api, request: Request, caller: Caller) -> Response:
    """A case goes into another; the answer is the case that went, with `merged_into`."""
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    into, note = body.text("into", 64), body.text("note")
    body.needed("into", into, "give the id of the case that stays")
    body.sound()
    gone, stays = request.path_params["id"], into or ""
    keys = await api.log.read(lambda c: (*store.keys_of_case(c, gone), *store.keys_of_case(c, stays)))
    decide = mending.merge_case(gone, stays, hand, api.terms(), note=note)
    change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda _: gone)
    return await _case_after(api, request, change, gone, caller)


async def _case_after(api: Api, request: Request, change: Change, case_id: str, caller: Caller) -> Response:
    """The case as the decision left it, which may be as it was."""
    for case in change.cases:
        if case.id == case_id:
            return json(shown_thing(case, caller))
    return await _case_again(api, request, caller, case_id)


async def _case_again(api: Api, _request: Request, caller: Caller, case_id: str) -> Response:
    row = await api.log.read(lambda connection: store.case(connection, case_id))
    if row is None:
        raise NotFound(f"no case {case_id}", remedy="list them: GET /v1/cases")
    return json(shown("case", row, caller))


async def _callback_again(api: Api, _request: Request, caller: Caller, callback_id: str) -> Response:
    row = await api.log.read(lambda connection: store.callback(connection, callback_id))
    if row is None:
        raise NotFound(f"no callback {callback_id}", remedy="list them: GET /v1/callbacks")
    return json(shown("callback", row, caller))


async def _interaction_again(api: Api, _request: Request, caller: Caller, interaction_id: str) -> Response:
    row = await api.log.read(lambda connection: store.interaction(connection, interaction_id))
    if row is None:
        raise NotFound(f"no interaction {interaction_id}", remedy="list them: GET /v1/interactions")
    return json(shown("interaction", row, caller))


async def _of_interaction(api: Api, request: Request, caller: Caller, decide: actions.Decide) -> Response:
    wanted = request.path_params["id"]
    keys = await api.log.read(lambda connection: store.keys_of_interaction(connection, wanted))
    return await _recorded(api, request, caller, keys, decide, created=200)


async def _recorded(
    api: Api, request: Request, caller: Caller, keys: Sequence[str], decide: actions.Decide, *, created: int
) -> Response:
    """Decide, once where the request has an Idempotency-Key, and give the interaction."""
    change = await idempotency.decided(
        api.log, request.state.asked, keys, decide, lambda change: change.interactions[0].id
    )
    return json(shown_thing(change.interactions[0], caller), created)


def on_case(act: Act) -> Callable[[Api, Request, Caller], Awaitable[Response]]:
    """The handler of an action on a case."""

    async def handler(api: Api, request: Request, caller: Caller) -> Response:
        case_id = request.path_params["id"]
        decide = await _read(api, request, caller, act)
        keys = await api.log.read(lambda connection: store.keys_of_case(connection, case_id))
        change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda _: case_id)
        return await _case_after(api, request, change, case_id, caller)

    return handler


def on_callback(act: Act) -> Callable[[Api, Request, Caller], Awaitable[Response]]:
    """The handler of an action on a callback."""

    async def handler(api: Api, request: Request, caller: Caller) -> Response:
        callback_id = request.path_params["id"]
        body = await body_of(request)
        number, answer = body.data.get("number"), body.data.get("answered_by")
        decide = await _read(api, request, caller, act)
        keys = await api.log.read(lambda connection: store.keys_of_callback(connection, callback_id))
        keys += key.of_addresses(number) if isinstance(number, str) else ()
        keys += (key.of_interaction(answer),) if isinstance(answer, str) else ()
        change = await idempotency.decided(api.log, request.state.asked, keys, decide, lambda _: callback_id)
        return json(shown_thing(next(call for call in change.callbacks if call.id == callback_id), caller))

    return handler


async def _read(api: Api, request: Request, caller: Caller, act: Act) -> actions.Decide:
    body = await body_of(request)
    hand = hand_of(api, caller, body.text("agent", 64))
    decide = act(request.path_params["id"], hand, body, api)
    body.sound()
    return decide


def _close_case(case_id: str, hand: Hand, body: Body, api: Api) -> actions.Decide:
    junk, note = body.yes("junk"), body.text("note")
    return actions.close_case(case_id, hand, api.terms(), junk=junk, note=note)


def _hold_case(case_id: str, hand: Hand, body: Body, api: Api) -> actions.Decide:
    return actions.hold_case(case_id, hand, api.terms(), reason=body.text("reason", 64) or "customer")


def _set_case(case_id: str, hand: Hand, body: Body, api: Api) -> actions.Decide:
    attrs = read_attrs(body, actions.SETTABLE)
    body.sound()
    return actions.set_case(case_id, hand, api.terms(), attrs=attrs)


def _assign_case(case_id: str, hand: Hand, body: Body, api: Api) -> actions.Decide:
    attrs = read_attrs(body, ("owner", "team"))
    body.sound()
    return actions.set_case(case_id, hand, api.terms(), attrs=attrs)


def _set_callback(callback_id: str, hand: Hand, body: Body, api: Api) -> actions.Decide:
    number = body.text("number", 32)
    body.needed("number", number, "give the number a person found out")
    return call_actions.number_callback(callback_id, number or "", hand, api.terms())


def _release_callback(callback_id: str, hand: Hand, body: Body, _api: Api) -> actions.Decide:
    return call_actions.release_callback(callback_id, hand, body.text("why"))


def _close_callback(callback_id: str, hand: Hand, body: Body, api: Api) -> actions.Decide:
    note, answered_by = body.text("note"), body.text("answered_by", 64)
    return call_actions.close_callback(callback_id, hand, api.terms(), note=note, answered_by=answered_by)


def _result(callback_id: str, hand: Hand, body: Body, api: Api) -> actions.Decide:
    return call_actions.callback_result(callback_id, read_said(body), hand, api.terms())


_CASE: Sequence[tuple[str, str, Act, Mapping[str, str]]] = (
    (
        "close",
        "Close a case; with junk it never was one",
        _close_case,
        {"junk": "true: its clocks are void", "note": "why"},
    ),
    ("reopen", "Open a closed case again", lambda i, hand, _, api: actions.reopen_case(i, hand, api.terms()), {}),
    ("hold", "Put a case on hold", _hold_case, {"reason": "customer (ends when they speak), or another word"}),
    ("release", "End the hold", lambda i, hand, _, api: actions.release_case(i, hand, api.terms()), {}),
    ("assign", "Give a case to somebody", _assign_case, {"owner": "an agent", "team": "a team"}),
    ("set", "Set priority, owner or team", _set_case, {"priority": "low, normal, high, urgent", "owner": "an agent"}),
)

_CALLBACK: Sequence[tuple[str, str, Act, Mapping[str, str]]] = (
    ("claim", "Take a callback for 30 minutes", lambda i, hand, _b, _a: call_actions.claim_callback(i, hand), {}),
    ("release", "Give a callback back", _release_callback, {"why": "why it is given back"}),
    ("result", "Say what came of calling back", _result, SAID),
    ("set", "Set the number of a callback", _set_callback, {"number": "with its country code: +4930…"}),
    ("close", "Close an owed call, with the reason", _close_callback, CLOSED),
)

OPERATIONS: Sequence[Operation] = (
    Operation(
        method="POST",
        path="/v1/interactions",
        scope="interactions:write",
        does="Record a touch from outside",
        handler=record_entry,
        again=_interaction_again,
        body=ENTRY,
    ),
    Operation(
        method="POST",
        path="/v1/interactions/{id}/result",
        scope="interactions:write",
        does="Say what came of a talk",
        handler=talk_result,
        again=_interaction_again,
        body=SAID,
    ),
    Operation(
        method="POST",
        path="/v1/interactions/{id}/partial",
        scope="interactions:write",
        does="Say that an answer did not answer yet",
        handler=partial_answer,
        again=_interaction_again,
        body=AGENT,
    ),
    Operation(
        method="POST",
        path="/v1/interactions/{id}/void",
        scope="interactions:write",
        does="Take an interaction back: it never happened",
        handler=void_interaction,
        again=_interaction_again,
        body=AGENT | {"why": "what was wrong with it"},
    ),
    Operation(
        method="POST",
        path="/v1/cases/{id}/merge",
        scope="cases:write",
        does="Put a case into another, which then owes what both owed",
        handler=merge_case,
        again=_case_again,
        body=AGENT | {"into": "id of the case that stays", "note": "why"},
    ),
    *(
        Operation(
            method="POST",
            path=f"/v1/cases/{{id}}/{word}",
            scope="cases:write",
            does=does,
            handler=on_case(act),
            again=_case_again,
            body={**AGENT, **fields},
        )
        for word, does, act, fields in _CASE
    ),
    *(
        Operation(
            method="POST",
            path=f"/v1/callbacks/{{id}}/{word}",
            scope="callbacks:write",
            does=does,
            handler=on_callback(act),
            again=_callback_again,
            body={**AGENT, **fields},
        )
        for word, does, act, fields in _CALLBACK
    ),
)
