"""The REST side of the Twilio stand-in: who may ask, what happens to an answer on its way, and the Calls resource.

Messages stand in exchange_texts.py; recordings, numbers and the balance in exchange_shelf.py; what may be called in
exchange_permissions.py. Placing a call is handed to the exchange. Left out: every other resource, and redirecting a
live call.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commsd.demo.exchange_answer import (
    Handler,
    Refusal,
    RestRequest,
    broken,
    dated,
    endpoint_of,
    error,
    not_found,
    paged,
)
from commsd.demo.exchange_call import API_VERSION, Call, call_record
from commsd.demo.exchange_office import Office
from commsd.demo.exchange_permissions import Permissions
from commsd.demo.exchange_post import Tamper
from commsd.demo.exchange_shelf import Shelf
from commsd.demo.exchange_texts import Texts
from commsd.demo.twiml_reader import TwimlError, read

__all__ = ["RestRequest", "rest_app"]

_URL = re.compile(r"https?://[^\s]+")
_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
_MOST_TWIML = 4000
_LONGEST_TIMEOUT = 600


class Desk(Protocol):
    """What the REST side asks of the exchange."""

    rest_requests: list[RestRequest]
    tamper_rest: Callable[[RestRequest], Tamper]
    texts: Texts
    shelf: Shelf
    permissions: Permissions

    @property
    def office(self) -> Office: ...
    @property
    def logins(self) -> Mapping[str, str]: ...  # account or key sid -> password
    @property
    def numbers(self) -> Mapping[str, object]: ...
    def place(self, form: Mapping[str, str], events: Sequence[str]) -> Call: ...


def rest_app(desk: Desk) -> Starlette:
    """The ASGI application."""
    base = f"/{API_VERSION}/Accounts/{{account}}"
    calls = _Calls(desk)
    table: tuple[tuple[str, str, Handler], ...] = (
        ("/Calls.json", "POST", calls.create),
        ("/Calls.json", "GET", calls.list),
        ("/Calls/{sid}.json", "GET", calls.fetch),
        ("/Calls/{sid}.json", "POST", calls.update),
        *desk.texts.routes(),
        *desk.shelf.routes(),
    )
    everything = [*((base + path, method, f) for path, method, f in table), *desk.permissions.routes()]
    return Starlette(routes=[Route(path, _guarded(desk, f), methods=[method]) for path, method, f in everything])


def _guarded(desk: Desk, handler: Handler) -> Callable[[Request], Any]:
    """Log, tamper, log-in, errors: the same for every route."""

    async def endpoint(request: Request) -> Response:
        body = (await request.body()).decode()
        seen = RestRequest(
            method=request.method,
            path=request.url.path,
            form=parse_qsl(body, keep_blank_values=True),
            query=parse_qsl(request.url.query, keep_blank_values=True),
            at=desk.office.world.now(),
        )
        desk.rest_requests.append(seen)
        tamper = desk.tamper_rest(seen)
        if tamper.delay:
            await desk.office.world.sleep(tamper.delay)
        if tamper.lost:
            return broken()
        try:
            if tamper.refused:
                raise Refusal(*tamper.refused, "Refused by the test")
            _log_in(desk, request)
            answer = handler(request.path_params, seen)
            if tamper.refused_after:
                raise Refusal(*tamper.refused_after, "Refused by the test, after the work was done")
        except Refusal as refusal:
            answer = error(refusal)
        return broken() if tamper.answer_lost else answer

    return endpoint


def _log_in(desk: Desk, request: Request) -> None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    if scheme.lower() != "basic" or not user or desk.logins.get(user) != password:
        raise Refusal(401, 20003, "Authenticate")
    if request.path_params.get("account", desk.office.account_sid) != desk.office.account_sid:
        raise not_found(request.url.path)


def _check_order(form: Mapping[str, str], events: Sequence[str], ours: Mapping[str, object]) -> None:
    """Raises Refusal for a call that Twilio would not place."""
    if not form.get("To"):
        raise Refusal(400, 21201, "No 'To' number is specified")
    if not form.get("From"):
        raise Refusal(400, 21213, "No 'From' number is specified")
    endpoint_of(form, "To", 21211)
    if form["From"] not in ours:
        raise Refusal(400, 21210, f"Source phone number {form['From']} is not yet verified for this account")
    if not form.get("Url") and not form.get("Twiml"):
        raise Refusal(400, 21200, "Account or application has no valid URL")
    for name in ("Url", "FallbackUrl", "StatusCallback", "AsyncAmdStatusCallback"):
        if form.get(name) and not _URL.fullmatch(form[name]):
            raise Refusal(400, 21205, f"{name} is not a valid URL: {form[name]}")
    # Twilio describes these limits, not the codes of their refusals: its general 20001 stands for them here
    if strange := set(" ".join(events).split()) - _EVENTS:
        raise Refusal(400, 20001, f"StatusCallbackEvent {', '.join(sorted(strange))} does not exist")
    if not 1 <= int(form.get("Timeout", 60)) <= _LONGEST_TIMEOUT:
        raise Refusal(400, 20001, f"Timeout {form['Timeout']} is not within 1 to {_LONGEST_TIMEOUT} seconds")
    if len(form.get("Twiml", "")) > _MOST_TWIML:
        raise Refusal(400, 20001, f"Twiml is longer than {_MOST_TWIML} characters")
    try:
        read(form.get("Twiml") or "<Response/>")
    except TwimlError as wrong:
        raise Refusal(400, wrong.code, wrong.what) from wrong


class _Calls:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, _path: Mapping[str, str], request: RestRequest) -> Response:
        form = dict(request.form)
        events = [value for name, value in request.form if name == "StatusCallbackEvent"]
        _check_order(form, events, self._desk.numbers)
        if not self._desk.permissions.allow(form["To"]):
            raise Refusal(400, 21215, "Account not authorized to call the number. Perhaps its country is not enabled")
        return self._shown(self._desk.place(form, events), 201)

    def fetch(self, path: Mapping[str, str], request: RestRequest) -> Response:
        return self._shown(self._call(path["sid"], request))

    def update(self, path: Mapping[str, str], request: RestRequest) -> Response:
        call, wanted = self._call(path["sid"], request), dict(request.form).get("Status")
        if wanted not in ("completed", "canceled"):
            raise Refusal(400, 20001, "Only Status can be updated here")
        if call.finished:
            raise Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
        if wanted == "completed" or call.status in ("queued", "ringing"):
            self._desk.office.finish(call, "completed" if call.answered_at else "canceled")
        return self._shown(call)

    def list(self, _path: Mapping[str, str], request: RestRequest) -> Response:
        query = dict(request.query)
        found = [call for call in reversed(self._desk.office.calls.values()) if _matches(call, query)]
        return paged("calls", [self._record(call) for call in found], request)

    def _shown(self, call: Call, status: int = 200) -> Response:
        return JSONResponse(self._record(call), status)

    def _record(self, call: Call) -> Mapping[str, Any]:
        return call_record(call, self._desk.office.price_of(call))

    def _call(self, sid: str, request: RestRequest) -> Call:
        try:
            return self._desk.office.calls[sid]
        except KeyError:
            raise not_found(request.path) from None


def _matches(call: Call, query: Mapping[str, str]) -> bool:
    exact = (("To", call.to), ("From", call.from_), ("Status", call.status), ("ParentCallSid", call.parent_sid))
    if any(query.get(name) not in (None, "", value) for name, value in exact):
        return False
    return dated(query, "StartTime", call.started_at) and dated(query, "EndTime", call.ended_at)
