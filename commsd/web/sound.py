"""A sound for a browser: whole, or the part of it that a player asks for. Pure. RFC 9110 section 14."""

import re

from starlette.responses import Response

_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")


def heard(content: bytes, media_type: str, wanted: str | None) -> Response:
    """The response. wanted: the header Range; of several ranges, or where it is none (14.1.1), the whole."""
    headers = {"Accept-Ranges": "bytes", "Content-Security-Policy": "sandbox; default-src 'none'"}
    found = _RANGE.fullmatch(wanted.strip()) if wanted else None
    if found is None or not any(found.groups()) or (all(found.groups()) and int(found[1]) > int(found[2])):
        return Response(content, media_type=media_type, headers=headers)
    first, last = _span(found[1], found[2], len(content))
    if first > last:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(content)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, media_type=media_type, headers=headers)


def _span(first: str, last: str, size: int) -> tuple[int, int]:
    """First and last byte; the first behind the last where there is nothing to give."""
    if not first:
        return (max(size - int(last), 0), size - 1) if int(last) else (size, size - 1)
    return int(first), min(int(last), size - 1) if last else size - 1
