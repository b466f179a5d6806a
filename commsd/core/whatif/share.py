"""Which versions of the rules the past was under, and how many clocks each governed. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from commsd.core.whatif.replay import Question


class Share(NamedTuple):
    """The same rules of A, though they came more than once. clocks: how many of those counted they governed.

    effective_from: when they came first; again: each time they came back, as after an undo.
    """

    id: str
    effective_from: datetime
    applies: str
    clocks: int
    again: tuple[datetime, ...] = ()


def shares(question: Question, governed: Mapping[str, int]) -> tuple[Share, ...]:
    """Those that governed a clock that was counted, or were in force in the window. governed: clocks by version."""
    history = question.history
    ends = [*(version.effective_from for version in history[1:]), question.until]
    found: dict[str, Share] = {}
    for version, end in zip(history, ends, strict=True):
        clocks, known = governed.get(version.id, 0), found.get(version.id)
        if not clocks and not (version.effective_from < question.until and end > question.since):
            continue
        if known is None:
            found[version.id] = Share(version.id, version.effective_from, version.applies, clocks)
        else:
            found[version.id] = known._replace(again=(*known.again, version.effective_from))
    return tuple(found.values())
