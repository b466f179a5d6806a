"""How an answer travels: unchanged is said in a line, much is compressed, and nothing personal is kept on the way."""

import asyncio
import gzip
import sys
import zlib

from starlette.requests import Request
from starlette.responses import Response

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SMALLEST = 1024
"""Bytes below which compressing is not worth its head."""

AT_ONCE = 32 * 1024
"""Bytes above which compressing would hold up everybody else, and is left to a thread."""

WORDS = ("application/json", "application/x-ndjson", "application/cloudevents-batch+json", "application/schema+json")
CODINGS = ("zstd", "gzip")
"""As we would have it, the best first."""

VARY = "Accept, Accept-Encoding, Authorization"


async def fitted(request: Request, response: Response, *, personal: bool) -> Response:
    """The answer in the form this caller takes it. personal: may be kept by nobody on the way, nor by its program.

    Streams and whatever is no plain 200 go as they are. crm-ops.md LOG-11, RFC 9110 section 8.8.3 and 12.5.3.
    """
    if request.method not in ("GET", "HEAD") or type(response) is not Response or response.status_code != 200:
        return response
    response.headers["Vary"] = VARY
    if not personal:
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["ETag"] = etag = response.headers.get("ETag") or _etag(bytes(response.body))
        if _known(request.headers.get("if-none-match", ""), etag):
            kept = {name: response.headers[name] for name in ("Cache-Control", "ETag", "Vary")}
            return Response(status_code=304, headers=kept)
    if response.media_type in WORDS and len(response.body) >= SMALLEST:
        await _compress(response, coding_of(request.headers.get("accept-encoding", "")))
    return response


def coding_of(accepted: str) -> str | None:
    """The best content coding that `Accept-Encoding` allows; None: as it is."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = _weight(parameter)
    best = max(CODINGS, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    return best if weights.get(best, weights.get("*", 0.0)) > 0 else None


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


async def _compress(response: Response, coding: str | None) -> None:
    if coding is None:
        return
    body = bytes(response.body)
    if len(body) > AT_ONCE:
        response.body = await asyncio.to_thread(_compressed, body, coding)
    else:
        response.body = _compressed(body, coding)
    response.headers["Content-Encoding"] = coding
    response.headers["Content-Length"] = str(len(response.body))


def _compressed(body: bytes, coding: str) -> bytes:
    return zstd.compress(body, level=3) if coding == "zstd" else gzip.compress(body, compresslevel=5, mtime=0)


def _etag(body: bytes) -> str:
    """Weak: the same in each coding. A checksum, for it tells versions of one answer apart and guards nothing."""
    return f'W/"{len(body):x}-{zlib.crc32(body):08x}"'


def _known(given: str, etag: str) -> bool:
    """Whether one of `If-None-Match` is this one, by the weak comparison."""
    ours = etag.removeprefix("W/")
    return given.strip() == "*" or any(each.strip().removeprefix("W/") == ours for each in given.split(","))
