"""What a post says: a doorbell with ids, kinds and times, or the whole event where its maker may see that. Pure.

A thin post names what may be in it, so that no field added later leaves the house by accident. crm-ops.md WHK-4.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from commsd.core.record import instant
from commsd.crm.event import PREFIX, VERSION, with_personal

LARGEST = 20_000
"""Bytes of a thin post."""

ENVELOPE = (
    *("specversion", "id", "source", "type", "subject", "time", "recordedtime", "sequence", "partitionkey"),
    *("datacontenttype", "dataclassification"),
)
IDS = (
    *("id", "revision", "contact_id", "organisation_id", "case_id", "callback_id", "interaction_id"),
    *("in_reply_to", "caused_by", "opened_by", "stopped_by", "merged_into", "related_to"),
)
KINDS = (
    *("channel", "kind", "direction", "actor", "outcome", "state", "clock", "n", "automation", "language", "priority"),
    *("partial", "case_cause", "close_reason", "mailbox", "line", "team", "policy", "rules_version", "on_hold"),
)
TIMES = (
    *("occurred_at", "ended_at", "recorded_at", "created_at", "opened_at", "closed_at", "started_at", "due_at"),
    *("warn_at", "promised_at", "stopped_at", "erased_at", "effective_from"),
    *("ring_ms", "talk_ms", "total_ms", "elapsed_ms", "waited_ms"),
)
SAID = frozenset({*IDS, *KINDS, *TIMES})
TEST = f"{PREFIX}webhook.tested{VERSION}"


def thin(event: str) -> bytes:
    """The body of a thin post. event: as the feed has it."""
    whole = orjson.loads(event)
    data = {name: value for name, value in whole["data"].items() if name in SAID and _is_plain(value)}
    body = orjson.dumps({name: whole[name] for name in ENVELOPE if name in whole} | {"data": data})
    if len(body) <= LARGEST:
        return body
    few = {name: whole["data"][name] for name in ("id", "revision") if name in whole["data"]}
    return orjson.dumps({name: whole[name] for name in ENVELOPE if name in whole} | {"data": few})


def full(event: str, thing: str, personal: Mapping[str, Any]) -> bytes:
    """The body of a full post: the event with the personal fields that are still kept."""
    return with_personal(event, thing, personal).encode()


def trial(event_id: str, source: str, now: datetime) -> bytes:
    """The body of a post that only tries whether the endpoint takes one; it is in no feed."""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": TEST,
            "time": instant(now),
            "datacontenttype": "application/json",
            "data": {"id": event_id},
        }
    )


def _is_plain(value: Any) -> bool:
    """Nothing that could hold more: no objects, no lists, no long texts."""
    return value is None or isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= 64)
