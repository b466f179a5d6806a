"""Twilio's list of calls, page by page, and its list of our numbers. Reads only.

What follows from a call found there is decided in swept.py and core/past_calls.py, from a number in number_setup.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from commsd.channels.phone.number_setup import NumberSetup
from commsd.channels.phone.rest import DEADLINE, Rest
from commsd.core.past_calls import ListedCall

PAGE = 1000
"""The most that Twilio gives at once."""

T = TypeVar("T")


async def pages_of_calls(rest: Rest, since: datetime) -> AsyncIterator[Sequence[ListedCall]]:
    """All calls that began since then, legs included, the newest page first.

    Twilio filters by date alone, so the times are compared here; requirements/telephony.md R3. It lists the newest
    first, so a page with one that is too old is the last one asked for. Raises as `Rest.asking` does.
    """
    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with rest.asking() as client:
        async for page in _pages(client.calls, _listed, start_time_after=day):
            young = [call for call in page if call.started_at >= since]
            if young:
                yield young
            if len(young) < len(page):
                return


async def numbers(rest: Rest) -> Sequence[NumberSetup]:
    """Every number of the account, as it is set up. Raises as `Rest.asking` does."""
    async with rest.asking() as client:
        return [each async for page in _pages(client.incoming_phone_numbers, _number) for each in page]


async def balance(rest: Rest) -> tuple[Decimal, str] | None:
    """What is left to spend, with its currency; None where Twilio does not say, as of a sub-account."""
    async with rest.asking() as client, asyncio.timeout(DEADLINE):
        found = await client.balance.fetch_async()
    try:
        return Decimal(found.balance), found.currency or ""
    except (InvalidOperation, TypeError):
        return None


async def _pages(resource: Any, read: Callable[[Any], T | None], **filters: Any) -> AsyncIterator[list[T]]:
    async with asyncio.timeout(DEADLINE):
        page = await resource.page_async(page_size=PAGE, **filters)
    while page is not None:
        yield [found for each in page if (found := read(each)) is not None]
        async with asyncio.timeout(DEADLINE):
            page = await page.next_page_async()


def _listed(call: Any) -> ListedCall | None:
    """None of one that has not begun: it is still queued."""
    if call.start_time is None:
        return None
    return ListedCall(
        sid=call.sid,
        parent_sid=call.parent_call_sid or None,
        direction=call.direction or "",
        caller=call._from or "",
        called=call.to or "",
        caller_name=call.caller_name or None,
        status=str(getattr(call.status, "value", call.status)),
        started_at=call.start_time.astimezone(UTC),
        ended_at=call.end_time.astimezone(UTC) if call.end_time else None,
        seconds=int(call.duration) if call.duration else 0,
    )


def _number(each: Any) -> NumberSetup:
    return NumberSetup(
        sid=each.sid,
        number=each.phone_number,
        voice_url=each.voice_url or "",
        voice_method=each.voice_method or "POST",
        status_callback=each.status_callback or "",
        fallback_url=each.voice_fallback_url or "",
        sms_url=each.sms_url or "",
        application_sid=each.voice_application_sid or "",
        trunk_sid=each.trunk_sid or "",
    )
