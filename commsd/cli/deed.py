"""What an interaction did, in a few words: what was set, promised, taken back or only half answered. Pure.

For lists and for `explain`; when it happened, on which channel and with whom stands beside it there.
"""

from collections.abc import Iterator
from datetime import tzinfo

from commsd.cli.output import when
from commsd.core.record import Json
from commsd.core.touch import BY_RULE


def deeds(fact: Json, zone: tzinfo) -> Iterator[str]:
    """What the record of an interaction says it did, beyond its kind. Nothing for a plain message or call."""
    detail = fact["detail"] or {}
    if fact["partial"]:
        yield "a holding answer"
    if attrs := detail.get("attrs"):
        by = " by a rule" if fact["actor"] == "machine" and detail.get("reason") == BY_RULE else ""
        yield ", ".join(f"{key} became {value or 'nothing'}{by}" for key, value in attrs.items())
    elif detail.get("void_case"):
        yield "as junk"
    elif detail.get("reason"):
        yield detail["reason"]
    if promise := detail.get("promise"):
        way = " by a call" if promise["via"] == "call" else ""
        yield f"promised for {when(promise['due_at'], zone)}{way}"
    if detail.get("voids"):
        yield f"takes back {detail['voids']}"
    if detail.get("merged_into"):
        yield f"went into case {detail['merged_into']}"
    if detail.get("result"):
        yield detail["result"]
