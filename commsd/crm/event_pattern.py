"""Which events somebody asks for: `callback.*`, `clock.breached`. Pure.

A pattern that no event can ever match is a slip of the pen, and refused: it would look like a quiet day.
"""

from collections.abc import Sequence

from commsd.crm.event import short_type
from commsd.crm.schema.words import EVENTS

REMEDY = f"write *, callback.* or such; things: {', '.join(sorted(EVENTS))}; /docs has every type"

_TYPES = tuple(f"{thing}.{word}" for thing, words in EVENTS.items() for word in words)


def patterns(texts: Sequence[str]) -> tuple[str, ...]:
    """In their short form, each once, in the order given; blank ones are left out."""
    return tuple(dict.fromkeys(short_type(text.strip()) for text in texts if text.strip()))


def heard(pattern: str) -> bool:
    """Whether an event can match it: a whole type, or the beginning of one with a `*`."""
    if pattern.endswith("*"):
        return any(known.startswith(pattern[:-1]) for known in _TYPES)
    return pattern in _TYPES
