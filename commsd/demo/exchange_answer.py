"""How the REST side of the Twilio stand-in answers: requests as noted, refusals, pages of a list, date filters.

What a resource is stands in exchange_rest.py, exchange_texts.py, exchange_shelf.py and exchange_permissions.py.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response, StreamingResponse

_ADDRESS = re.compile(r"\+[1-9]\d{6,14}|(client|sip|whatsapp):.+")
_MOST_PER_PAGE = 1000
Form: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRequest:
    """One request of the daemon, as the log and the tamper function see it."""

    method: str
    path: str
    form: Form
    query: Form
    at: datetime


Handler: TypeAlias = Callable[[Mapping[str, str], RestRequest], Response]


class Refusal(Exception):
    """An error answer: HTTP status, Twilio's code, its message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def not_found(path: str) -> Refusal:
    """What Twilio says of a record it does not have."""
    return Refusal(404, 20404, f"The requested resource {path} was not found")


def error(refusal: Refusal) -> JSONResponse:
    """The error document: code, message, more_info, status."""
    document = {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    return JSONResponse(document, refusal.status)


def broken() -> Response:
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


def paged(name: str, records: Sequence[Mapping[str, Any]], request: RestRequest) -> JSONResponse:
    """One page of the records, with Twilio's links to its neighbours. Each record has a `sid`."""
    query = dict(request.query)
    size = min(int(query.get("PageSize", 50)), _MOST_PER_PAGE)
    number, token = int(query.get("Page", 0)), query.get("PageToken", "")
    start = next((i + 1 for i, record in enumerate(records) if token == f"PA{record['sid']}"), 0)
    page = records[start : start + size]
    following = page[-1]["sid"] if start + size < len(records) else None
    document = {
        name: list(page),
        "page": number,
        "page_size": size,
        "start": start,
        "end": start + max(len(page) - 1, 0),
        "uri": _page_uri(request.path, query, number, token or None),
        "first_page_uri": _page_uri(request.path, query, 0, None),
        "next_page_uri": _page_uri(request.path, query, number + 1, f"PA{following}") if following else None,
        "previous_page_uri": None if number == 0 else _page_uri(request.path, query, number - 1, None),
    }
    return JSONResponse(document)


def listed(key: str, records: Sequence[Mapping[str, Any]], request: RestRequest, here: str) -> JSONResponse:
    """One page of the records as Twilio's younger APIs give it: what `paged` tells stands under `meta`, in whole URLs.

    here: the address of this server.
    """
    query = dict(request.query)
    size, number = min(int(query.get("PageSize", 50)), _MOST_PER_PAGE), int(query.get("Page", 0))
    page, more = records[number * size : (number + 1) * size], (number + 1) * size < len(records)

    def url(number: int) -> str:
        return here + _page_uri(request.path, query, number, None)

    meta = {
        "key": key,
        "page": number,
        "page_size": size,
        "url": url(number),
        "first_page_url": url(0),
        "next_page_url": url(number + 1) if more else None,
        "previous_page_url": url(number - 1) if number else None,
    }
    return JSONResponse({key: list(page), "meta": meta})


def dated(query: Mapping[str, str], name: str, instant: datetime | None) -> bool:
    """Whether a record is within `Name`, `Name<` and `Name>`. By UTC date, whatever time of day the filter names."""
    for sign in ("", "<", ">"):
        if not (given := query.get(name + sign)):
            continue
        if instant is None or not _compare(instant.date(), sign, _day(given)):
            return False
    return True


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Refusal(400, 20001, f"Invalid date {text}") from None


def _compare(day: date, sign: str, limit: date) -> bool:
    return day <= limit if sign == "<" else day >= limit if sign == ">" else day == limit


def _page_uri(path: str, query: Mapping[str, str], number: int, token: str | None) -> str:
    kept = {name: value for name, value in query.items() if name not in ("Page", "PageToken")}
    place = {"Page": str(number)} | ({"PageToken": token} if token else {})
    return f"{path}?{urlencode(kept | {'PageSize': kept.get('PageSize', '50')} | place)}"
