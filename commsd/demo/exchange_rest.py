"""The REST side of the Twilio stand-in: Calls and Messages of the 2010-04-01 API, as its OpenAPI description has them.

Placing a call is handed to the exchange. Left out: every other resource, redirecting a live call, deleting records.
"""

import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from commsd.demo.exchange_call import API_VERSION, Call, call_record
from commsd.demo.exchange_office import Office
from commsd.demo.exchange_post import Tamper
from commsd.demo.twiml_reader import TwimlError, read

_ADDRESS = re.compile(r"\+[1-9]\d{6,14}|(client|sip|whatsapp):.+")
_URL = re.compile(r"https?://[^\s]+")
Form = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """One request of the daemon, as the log and the tamper function see it."""

    method: str
    path: str
    form: Form
    query: Form
    at: datetime


class Refusal(Exception):
    """An error answer: HTTP status, Twilio's code, its message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Desk(Protocol):
    """What the REST side asks of the exchange."""

    rest_requests: list[RestRequest]
    tamper_rest: Callable[[RestRequest], Tamper]

    @property
    def office(self) -> Office: ...
    @property
    def logins(self) -> Mapping[str, str]: ...  # account or key sid -> password
    @property
    def numbers(self) -> Mapping[str, object]: ...
    @property
    def messages(self) -> Mapping[str, Mapping[str, Any]]: ...
    def place(self, form: Mapping[str, str], events: Sequence[str]) -> Call: ...
    def send_message(self, form: Mapping[str, str]) -> dict[str, Any]: ...


def rest_app(desk: Desk) -> Starlette:
    """The ASGI application."""
    base = f"/{API_VERSION}/Accounts/{{account}}"
    calls, messages = _Calls(desk), _Messages(desk)
    table = (
        ("/Calls.json", "POST", calls.create),
        ("/Calls.json", "GET", calls.list),
        ("/Calls/{sid}.json", "GET", calls.fetch),
        ("/Calls/{sid}.json", "POST", calls.update),
        ("/Messages.json", "POST", messages.create),
        ("/Messages/{sid}.json", "GET", messages.fetch),
    )
    return Starlette(routes=[Route(base + path, _guarded(desk, f), methods=[method]) for path, method, f in table])


Handler = Callable[[Mapping[str, str], "RestRequest"], JSONResponse]


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
            return _broken()
        try:
            if tamper.refused:
                raise Refusal(*tamper.refused, "Refused by the test")
            _log_in(desk, request)
            answer = handler(request.path_params, seen)
        except Refusal as refusal:
            answer = _error(refusal)
        return _broken() if tamper.answer_lost else answer

    return endpoint


def _log_in(desk: Desk, request: Request) -> None:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    if scheme.lower() != "basic" or not user or desk.logins.get(user) != password:
        raise Refusal(401, 20003, "Authenticate")
    if request.path_params["account"] != desk.office.account_sid:
        raise Refusal(404, 20404, "The requested resource was not found")


def _error(refusal: Refusal) -> JSONResponse:
    document = {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    return JSONResponse(document, refusal.status)


def _broken() -> Response:
    """An answer that breaks off: more is announced than comes, so the client sees a lost connection."""

    async def nothing() -> AsyncIterator[bytes]:
        yield b"{"

    return StreamingResponse(nothing(), 200, {"Content-Length": "1000"}, "application/json")


def endpoint_of(form: Mapping[str, str], name: str, code: int) -> str:
    """A number or address of the form. Raises Refusal with `code` when it is missing or no such thing."""
    value = form.get(name, "")
    if not _ADDRESS.fullmatch(value):
        raise Refusal(400, code, f"The '{name}' number {value} is not a valid phone number")
    return value


def _check_order(form: Mapping[str, str], ours: Mapping[str, object]) -> None:
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
    for name in ("Url", "FallbackUrl", "StatusCallback"):
        if form.get(name) and not _URL.fullmatch(form[name]):
            raise Refusal(400, 21205, f"{name} is not a valid URL: {form[name]}")
    try:
        read(form.get("Twiml") or "<Response/>")
    except TwimlError as error:
        raise Refusal(400, error.code, error.what) from error


class _Calls:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, _path: Mapping[str, str], request: RestRequest) -> JSONResponse:
        form = dict(request.form)
        _check_order(form, self._desk.numbers)
        events = [value for name, value in request.form if name == "StatusCallbackEvent"]
        return JSONResponse(call_record(self._desk.place(form, events)), 201)

    def fetch(self, path: Mapping[str, str], _request: RestRequest) -> JSONResponse:
        return JSONResponse(call_record(self._call(path["sid"])))

    def update(self, path: Mapping[str, str], request: RestRequest) -> JSONResponse:
        call, wanted = self._call(path["sid"]), dict(request.form).get("Status")
        if wanted not in ("completed", "canceled"):
            raise Refusal(400, 20001, "Only Status can be updated here")
        if call.finished:
            raise Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
        if wanted == "completed" or call.status in ("queued", "ringing"):
            self._desk.office.finish(call, "completed" if call.answered_at else "canceled")
        return JSONResponse(call_record(call))

    def list(self, _path: Mapping[str, str], request: RestRequest) -> JSONResponse:
        query = dict(request.query)
        size = min(int(query.get("PageSize", 50)), 1000)
        found = [call for call in reversed(self._desk.office.calls.values()) if _matches(call, query)]
        start = _start_of(found, query.get("PageToken", ""))
        page = found[start : start + size]
        number = int(query.get("Page", 0))
        following = page[-1].sid if start + size < len(found) else None
        document = {
            "calls": [call_record(call) for call in page],
            "page": number,
            "page_size": size,
            "start": start,
            "end": start + max(len(page) - 1, 0),
            "uri": _page_uri(request.path, query, number, query.get("PageToken")),
            "first_page_uri": _page_uri(request.path, query, 0, None),
            "next_page_uri": _page_uri(request.path, query, number + 1, f"PA{following}") if following else None,
            "previous_page_uri": None if number == 0 else _page_uri(request.path, query, number - 1, None),
        }
        return JSONResponse(document)

    def _call(self, sid: str) -> Call:
        try:
            return self._desk.office.calls[sid]
        except KeyError:
            raise Refusal(404, 20404, f"The requested resource /Calls/{sid}.json was not found") from None


class _Messages:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, _path: Mapping[str, str], request: RestRequest) -> JSONResponse:
        form = dict(request.form)
        endpoint_of(form, "To", 21211)
        if form.get("From") not in self._desk.numbers:
            raise Refusal(400, 21606, f"The From phone number {form.get('From')} is not a valid one of this account")
        if not form.get("Body"):
            raise Refusal(400, 21602, "Message body is required")
        return JSONResponse(self._desk.send_message(form), 201)

    def fetch(self, path: Mapping[str, str], _request: RestRequest) -> JSONResponse:
        if (message := self._desk.messages.get(path["sid"])) is None:
            raise Refusal(404, 20404, "The requested resource was not found")
        return JSONResponse(message)


def _matches(call: Call, query: Mapping[str, str]) -> bool:
    """Filters go by UTC date, whatever time of day the filter names (Call resource, "StartTime")."""
    exact = (("To", call.to), ("From", call.from_), ("Status", call.status), ("ParentCallSid", call.parent_sid))
    if any(query.get(name) not in (None, "", value) for name, value in exact):
        return False
    for name, instant in (("StartTime", call.started_at), ("EndTime", call.ended_at)):
        for sign in ("", "<", ">"):
            if not (given := query.get(name + sign)):
                continue
            limit = _day(given)
            if instant is None or not _compare(instant.date(), sign, limit):
                return False
    return True


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Refusal(400, 20001, f"Invalid date {text}") from None


def _compare(day: date, sign: str, limit: date) -> bool:
    return day <= limit if sign == "<" else day >= limit if sign == ">" else day == limit


def _start_of(found: Sequence[Call], token: str) -> int:
    return next((i + 1 for i, call in enumerate(found) if token == f"PA{call.sid}"), 0)


def _page_uri(path: str, query: Mapping[str, str], number: int, token: str | None) -> str:
    kept = {name: value for name, value in query.items() if name not in ("Page", "PageToken")}
    place = {"Page": str(number)} | ({"PageToken": token} if token else {})
    return f"{path}?{urlencode(kept | {'PageSize': kept.get('PageSize', '50')} | place)}"
