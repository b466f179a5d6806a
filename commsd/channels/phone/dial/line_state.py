"""Who of us is on the telephone, and which customers are: nobody is rung twice, and no caller while he rings. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.channels.phone.call import TERMINAL, fold
from commsd.core.callback import Callback
from commsd.core.open_items import WebhookEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Engaged:
    """agents: by id, with an attempt of ours. phones: of our people, rung or taken by a caller. callers: E.164."""

    agents: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    callers: frozenset[str] = frozenset()


KEYS = timedelta(seconds=60)
"""So long after a talk our person may still be on the line, asked for its result."""


def engaged(
    attempts: Iterable[Callback], calls: Iterable[tuple[str, Sequence[WebhookEntry]]], now: datetime
) -> Engaged:
    """Everybody who is on the telephone with us, or about to be. calls: without a verdict, by CallSid."""
    phones: set[str] = set()
    callers: set[str] = set()
    for sid, webhooks in calls:
        state = fold(sid, webhooks, {})
        if state is None or state.ended_at is not None or not state.inbound:
            continue
        callers.add(state.caller)
        legs = state.legs.values()
        phones |= {leg.number for leg in legs if leg.number and leg.status not in TERMINAL and leg.ended_at is None}
    live = [callback.live for callback in attempts]
    return Engaged(
        agents=frozenset(each.by for each in live if each and each.by and (each.ended_at or now) > now - KEYS),
        phones=frozenset(phones),
        callers=frozenset(callers),
    )
