"""Orders of calls, and what Twilio's REST API says of those we placed: in the words that an attempt's fold reads.

One request each, with a deadline; what an answer means is decided in settle.py.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from commsd.channels.phone.dial.attempt import MISSING, PRICE, TERMINAL, Order
from commsd.channels.phone.dial.call_order import RING, CallOrder
from commsd.channels.phone.rest import DEADLINE, Ordered, Rest
from commsd.channels.phone.twiml import RETRY_STATUS, RETRY_TWIML
from commsd.core.price import bill
from commsd.errors import NotFound

_EVENTS = ["initiated", "ringing", "answered", "completed"]
_LISTED = 50
_UNANSWERED = TERMINAL - {"completed"}
_MINUTE = timedelta(minutes=1)


async def place(rest: Rest, order: CallOrder) -> Ordered:
    """What Twilio made of it. Never sent twice."""
    asked: dict[str, Any] = {"to": order.to, "from_": order.from_, "timeout": RING, "time_limit": order.limit}
    if order.url is None:
        return await rest.order_call(**asked, twiml=(order.document or b"").decode())
    return await rest.order_call(
        **asked,
        url=f"{order.url}/agent{RETRY_TWIML}",
        method="POST",
        status_callback=f"{order.url}/status{RETRY_STATUS}",
        status_callback_event=_EVENTS,
        fallback_url=order.fallback or f"{order.url}/fallback{RETRY_TWIML}",
    )


def noted(ordered: Ordered) -> Mapping[str, str]:
    """The fields under which the answer to an order is kept."""
    if ordered.kind == "taken" and ordered.sid:
        return {"Order": Order.TAKEN.value, "CallSid": ordered.sid, "QueueTime": str(ordered.queue_ms)}
    word = {"refused": Order.REFUSED, "later": Order.LATER}.get(ordered.kind, Order.UNKNOWN)
    return {"Order": word.value} | ({"ErrorCode": str(ordered.code)} if ordered.code else {})


async def looked_up(rest: Rest, sid: str) -> Mapping[str, str]:
    """The fields under which is kept how a call of ours stands, with the customer's leg, and what it cost if Twilio
    says so by now. As `Rest.asking` raises."""
    try:
        async with rest.asking() as client, asyncio.timeout(DEADLINE):
            call = await client.calls(sid).fetch_async()
            legs = await client.calls.list_async(parent_call_sid=sid, limit=_LISTED)
    except NotFound:
        return {"CallSid": sid, "CallStatus": MISSING}
    fields = {"CallSid": sid, "CallStatus": _word(call.status), "QueueTime": str(call.queue_time or 0)}
    if call.duration:
        fields["CallSeconds"] = str(call.duration)
    if legs:
        newest = legs[0]
        fields |= {"ChildSid": newest.sid, "ChildStatus": _word(newest.status)}
        if newest.duration:
            fields["ChildSeconds"] = str(newest.duration)
    if cost := bill([_price(each) for each in (call, *legs)], call.price_unit):
        fields[PRICE] = cost
    return fields


async def found(rest: Rest, order: CallOrder) -> tuple[str, ...]:
    """The calls that Twilio began for such an order in its minute. Its list filters by UTC day, so times are ours.

    As `Rest.asking` raises. telephony.md R3.
    """
    since = order.at - _MINUTE
    async with rest.asking() as client, asyncio.timeout(DEADLINE):
        listed = await client.calls.list_async(
            to=order.to, from_=order.from_, start_time_after=since.date(), limit=_LISTED
        )
    near = (call for call in listed if (at := _began(call)) and since <= at <= order.at + _MINUTE)
    return tuple(call.sid for call in near if not call.parent_call_sid)  # a leg of somebody's call to us is none


def _began(call: Any) -> datetime | None:
    at = call.date_created or call.start_time
    return at.astimezone(UTC) if at else None


def _price(call: Any) -> str | None:
    """What Twilio bills for a leg; of one that nobody answered it may never say that it is nothing."""
    return "0" if call.price is None and _word(call.status) in _UNANSWERED else call.price


def _word(status: object) -> str:
    return str(getattr(status, "value", status))
