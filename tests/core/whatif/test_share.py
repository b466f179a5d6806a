"""Whose rules the past was under: each set of rules once, though an undo brought it back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from commsd.core.policy import Version
from commsd.core.whatif.replay import Question
from commsd.core.whatif.share import Share, shares

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = Version(id="first", effective_from=MONDAY, rules=(), policies={}, calendars={})


def test_rules_that_came_back_are_counted_once() -> None:
    history = tuple(
        replace(RULES, id=name, effective_from=MONDAY + DAY * day)
        for day, name in enumerate(("first", "second", "first", "second", "third"))
    )
    asked = Question(history=history, candidate=RULES, since=MONDAY, until=MONDAY + 4 * DAY, now=MONDAY + 9 * DAY)
    found = shares(asked, {"first": 6, "second": 3})
    assert found == (
        Share("first", MONDAY, "new", 6, (MONDAY + 2 * DAY,)),
        Share("second", MONDAY + DAY, "new", 3, (MONDAY + 3 * DAY,)),
    )
    assert sum(share.clocks for share in found) == 9
