"""A small house whose rules everybody knows: Berlin, Monday to Friday 9 to 17, answers within 4 open hours."""

from datetime import UTC, datetime, timedelta

from commsd.core.calendar import Calendar, Window
from commsd.core.change import Change
from commsd.core.open_items import OpenItems, Terms
from commsd.core.policy import ClockKind, Policy, Rule, Target, Version
from commsd.store.log import Log

OFFICE = Calendar(name="office", tz="Europe/Berlin", weekly={day: (Window(540, 1020),) for day in range(5)}, dates={})
STANDARD = Policy(
    name="standard",
    calendar="office",
    targets={
        ClockKind.ACK: Target(duration=timedelta(minutes=15)),
        ClockKind.FIRST_RESPONSE: Target(duration=timedelta(hours=4), warn_percent=75),
        ClockKind.NEXT_RESPONSE: Target(duration=timedelta(hours=4)),
        ClockKind.CALLBACK: Target(duration=timedelta(hours=2)),
        ClockKind.PROMISE: Target(warn_before=timedelta(minutes=15)),
    },
)
TERMS = Terms(
    versions=(
        Version(
            id="test",
            effective_from=datetime(2020, 1, 1, tzinfo=UTC),
            applies="new",
            rules=(Rule(match={}, policy="standard"),),
            policies={"standard": STANDARD},
            calendars={"office": OFFICE},
        ),
    )
)


async def items_of(log: Log, *keys: str) -> OpenItems:
    """What a decision under these keys sees now."""
    seen: list[OpenItems] = []

    def look(items: OpenItems) -> Change:
        seen.append(items)
        return Change()

    await log.decide(keys, look)
    return seen[-1]
