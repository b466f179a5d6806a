"""The one way in which commsd posts to an address that somebody gave: resolved once, checked, connected to just that.

TLS asks for the name that was written, redirects are not followed, and of the answer nothing is read but its head.
What an answer means is for who asked.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from commsd.egress.answer import Answer
from commsd.egress.names import resolved
from commsd.egress.target import Exits, UnsafeTarget, checked, target
from commsd.errors import Refused

if TYPE_CHECKING:
    import ssl


Resolve = Callable[[str, int], Awaitable[list[str]]]
"""A name and a port -> its addresses."""


async def post(url: str, body: bytes, headers: Mapping[str, str], exits: Exits, resolve: Resolve = resolved) -> Answer:
    """One POST, within the time of `exits`. Never raises for what the other side does."""
    import aiohttp  # 7 MB, which a house that posts nothing does without

    from commsd.egress.connection import connections

    limit = exits.timeout.total_seconds()
    try:
        connector = connections(_judging(url, exits, resolve), _trust(exits.ca))
        async with (
            asyncio.timeout(limit + 1),
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=limit),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
            session.post(url, data=body, headers=dict(headers), allow_redirects=False, proxy=exits.proxy) as answer,
        ):
            return Answer(
                status=answer.status, said=f"HTTP {answer.status}", retry_after=answer.headers.get("Retry-After")
            )
    except UnsafeTarget as error:
        return Answer(failure="unsafe", said=error.what)
    except aiohttp.ClientConnectorCertificateError:
        return Answer(failure="unreachable", said="its certificate is not valid for this name")
    except aiohttp.ClientConnectorError as error:
        return Answer(failure="unreachable", said=type(error).__name__)
    except TimeoutError:
        return Answer(failure="unknown", said=f"no answer within {limit:g} s")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Answer(failure="unknown", said=type(error).__name__)  # its text may hold the url, which is a secret


def _judging(url: str, exits: Exits, ask: Resolve) -> Resolve:
    """Asks for names and judges their addresses. A proxy's name, and what the operator wrote, nobody judges.

    Raises UnsafeTarget for a URL nothing is posted to, whatever its name means now.
    """
    to = None if exits.anywhere else target(url, exits)
    if to is None or exits.proxy:
        return ask

    async def judging(host: str, port: int) -> list[str]:
        return checked(await ask(host, port), to, exits)

    return judging


async def judged(url: str, exits: Exits, resolve: Resolve = resolved) -> None:
    """Raises UnsafeTarget for a URL nothing would be posted to now, Refused for a name that leads nowhere."""
    to = target(url, exits)
    if to.address is not None or exits.proxy:
        return
    try:
        async with asyncio.timeout(10):
            checked(await resolve(to.host, 443), to, exits)
    except (OSError, TimeoutError):
        raise Refused("this host has no address now", remedy="see that its name is right") from None


def _trust(ca: str | None) -> "ssl.SSLContext":
    """The system's authorities, and those of this file, read anew when it changed."""
    return _context(ca, os.stat(ca).st_mtime_ns if ca else 0)


@lru_cache(maxsize=4)
def _context(ca: str | None, _changed_at: int) -> "ssl.SSLContext":
    import ssl

    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    return context
