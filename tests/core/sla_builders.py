"""Short words for what happened in a case, for the rules over it, and for how its clocks stand then."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from commsd.core.calendar import Calendar, window
from commsd.core.clock import Clock, clocks
from commsd.core.policy import ClockKind, Policy, Rule, Target, Version
from commsd.core.touch import Touch, TouchKind
from tests.core import sla_oracle

H = timedelta(hours=1)
M = timedelta(minutes=1)
OFFICE = Calendar(
    name="office", tz="Europe/Berlin", weekly={day: (window("09:00-17:00"),) for day in range(5)}, dates={}
)
LOCAL = Calendar(name="local", tz="customer", weekly=OFFICE.weekly, fallback_tz="Europe/Berlin")
ALWAYS = Calendar(name="always", tz="UTC", weekly={day: (window("00:00-24:00"),) for day in range(7)})
CALENDARS = {"office": OFFICE, "local": LOCAL, "always": ALWAYS}


def on(hour: int, minute: int = 0, *, day: int = 2) -> datetime:
    """A time of day in June 2026, Berlin summer time; the 2nd is a Tuesday."""
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC) - 2 * H


def touch(kind: str, at: datetime, id: str = "", **more: Any) -> Touch:
    return Touch(id=id or f"{kind}-{at + 2 * H:%d%H%M}", at=at, kind=TouchKind(kind), **more)


def policy(name: str = "p", calendar: str = "office", **targets: Target) -> Policy:
    return Policy(name=name, calendar=calendar, targets={ClockKind(kind): each for kind, each in targets.items()})


def version(
    *policies: Policy, rules: tuple[Rule, ...] = (), since: datetime = sla_oracle.ALWAYS, **more: Any
) -> Version:
    return Version(
        id=more.pop("id", "v"),
        effective_from=since,
        rules=rules or (Rule(policy=policies[0].name),),
        policies={each.name: each for each in policies},
        calendars=CALENDARS,
        **more,
    )


def stand(
    touches: list[Touch], rules: Policy | list[Version], now: datetime, attrs: Mapping[str, str] | None = None
) -> dict[tuple[str, int], Clock]:
    versions = [version(rules)] if isinstance(rules, Policy) else rules
    return {(clock.clock.value, clock.n): clock for clock in clocks(touches, versions, attrs or {}, now)}


def promised(name: str, at: datetime, due: datetime, **more: Any) -> Touch:
    return touch("promise", at, id=name, promise=name, due=due, **more)


RESPONSES = policy(first_response=Target(duration=4 * H), next_response=Target(duration=2 * H))
PROMISES = policy(promise=Target(warn_before=15 * M))
