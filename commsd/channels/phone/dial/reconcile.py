"""What Twilio's REST API says of an attempt that webhooks left in doubt, noted beside them; telephony.md R1 to R5.

What is to be asked is decided in settle.py, what the answer means by the fold in attempt.py.
"""

from collections.abc import Mapping

import structlog

from commsd.channels.phone.dial import orders
from commsd.channels.phone.dial.attempt import TAKEN_BACK, Order
from commsd.channels.phone.dial.call_order import CallOrder
from commsd.channels.phone.dial.exchange import Exchange
from commsd.channels.phone.dial.placed import SEARCH_FOR
from commsd.channels.phone.dial.settle import LetGo, Look, Search, TakeBack
from commsd.channels.phone.dial.step import Stage, Step
from commsd.channels.phone.rest import Rest
from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.change import Change
from commsd.core.interaction import CALL_SID
from commsd.core.open_items import OpenItems

log = structlog.get_logger()

_QUESTIONS = 4


async def reconcile(callback: Callback, attempt_id: str, exchange: Exchange, rest: Rest) -> None:
    """Ask Twilio as often as the attempt needs, then settle it. As `Rest.asking` raises."""
    for _ in range(_QUESTIONS):
        change = await exchange.settle(callback.id, attempt_id, may_ask=True)
        match change.result:
            case Search(order):
                if not await _searched(order, exchange, rest):
                    break
            case Look(sid):
                await _looked(attempt_id, sid, exchange, rest)
            case TakeBack(sid):
                log.warning("dial.taken_back", callback=callback.id, attempt=attempt_id)
                await _noted(attempt_id, {"CallSid": sid, "CallStatus": "queued", TAKEN_BACK: "1"}, exchange)
                await rest.end_call(sid, "canceled")
                await _looked(attempt_id, sid, exchange, rest)
            case LetGo(sid):
                await rest.end_call(sid, "completed")
                await _looked(attempt_id, sid, exchange, rest)
            case _:
                return
    await exchange.settle(callback.id, attempt_id)


async def _looked(attempt_id: str, sid: str, exchange: Exchange, rest: Rest) -> None:
    await _noted(attempt_id, await orders.looked_up(rest, sid), exchange)


async def _noted(attempt_id: str, fields: Mapping[str, str], exchange: Exchange) -> None:
    await exchange.note(attempt_id, Step(Stage.ASKED), "", fields, None, exchange.means.world.now())


async def _searched(order: CallOrder, exchange: Exchange, rest: Rest) -> bool:
    """Whether Twilio's list settles what became of the order; while it does not, no call is placed again."""
    world = exchange.means.world
    sids = await _nobodys(await orders.found(rest, order), exchange)
    if len(sids) == 1:
        fields = {"Order": Order.TAKEN.value, "CallSid": sids[0]}
    elif world.now() < order.at + SEARCH_FOR:
        return False
    else:
        fields = {"Order": (Order.AMBIGUOUS if sids else Order.NONE).value}
    log.warning("dial.found_out", callback=order.callback_id, attempt=order.attempt_id, result=fields["Order"])
    await exchange.note(order.attempt_id, Step(Stage.CREATED), "", fields, None, world.now())
    return True


async def _nobodys(sids: tuple[str, ...], exchange: Exchange) -> tuple[str, ...]:
    """Those of them that belong to no other attempt."""
    if not sids:
        return ()
    keys = {sid: key.of_call(sid) for sid in sids}

    def look(items: OpenItems) -> Change:
        taken = {known.external(CALL_SID) for known in items.known.values()}
        return Change(result=tuple(sid for sid in sids if sid not in taken))

    change = await exchange.means.log.decide(tuple(keys.values()), look)
    return change.result if isinstance(change.result, tuple) else ()
