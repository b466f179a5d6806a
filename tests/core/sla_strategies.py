"""Random calendars and random cases, drawn from few values so that instants coincide and clocks meet their edges."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from commsd.core.calendar import Calendar, Window
from commsd.core.policy import ClockKind, Policy, Rule, Target, Version
from commsd.core.touch import Touch, TouchKind

T = TypeVar("T")
GONE = "Mars/Dome"
"""A zone that the database does not know."""
Pick = Callable[[Sequence[T]], T]

STEP = timedelta(minutes=5)
M, H = timedelta(minutes=1), timedelta(hours=1)


def examples(usual: int) -> settings:
    """So many random cases, or as many as COMMSD_EXAMPLES says, for a long run by hand."""
    count = int(os.environ.get("COMMSD_EXAMPLES") or usual)
    return settings(max_examples=count, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ZONES_AND_CHANGES: Mapping[str, tuple[datetime, ...]] = {
    "Europe/Berlin": (_utc("2026-03-29T01:00"), _utc("2026-10-25T01:00"), _utc("2026-06-10T00:00")),
    "America/New_York": (_utc("2026-03-08T07:00"), _utc("2026-11-01T06:00")),
    "Australia/Lord_Howe": (_utc("2026-10-03T15:30"), _utc("2026-04-04T15:00")),
    "America/Sao_Paulo": (_utc("2018-11-04T03:00"), _utc("2018-02-18T02:00")),  # at midnight
    "Asia/Kathmandu": (_utc("2026-05-10T11:00"),),
}
CHANGES = tuple(at for changes in ZONES_AND_CHANGES.values() for at in changes)
_OFFICE = (Window(540, 1020),)
_DAY_PLANS: tuple[tuple[Window, ...], ...] = (
    (),
    _OFFICE,
    (Window(510, 720), Window(780, 1050)),
    (Window(0, 1440),),
    (Window(1320, 1800),),
    (Window(60, 150), Window(150, 240)),
    (Window(150, 600),),
    (Window(1380, 1590),),
    (Window(75, 135), Window(1260, 1440)),
    (Window(0, 30), Window(720, 2160)),
)
_SHARES: tuple[Mapping[str, Any], ...] = (
    {},
    {"warn_before": 30 * M},
    {"warn_before": 100 * H},
    {"warn_percent": 50},
    {"warn_percent": 75},
)
_LENGTHS = (20 * M, 100 * M, 4 * H, 9 * H, 16 * H, 30 * H, timedelta(0))
_ZONES = ("Europe/Berlin", "Australia/Lord_Howe", GONE)
_TIERS = ("gold", "tin", "off", "?")


@dataclass(frozen=True, slots=True)
class RandomCase:
    """A case and the rules over it. `begin`: nothing is earlier than a few days after it."""

    touches: tuple[Touch, ...]
    versions: tuple[Version, ...]
    attrs: Mapping[str, str]
    begin: datetime
    now: datetime


def random_calendar(pick: Pick[Any], name: str, tz: str, around: datetime) -> Calendar:
    plan = pick(("office", "always", "night", "mixed", "mixed"))
    weekly = {
        day: {"office": _OFFICE if day < 5 else (), "always": _DAY_PLANS[3], "night": _DAY_PLANS[4]}.get(plan)
        or pick(_DAY_PLANS)
        for day in range(7)
    }
    listed = {around.date() + timedelta(days=pick(range(-2, 4))): pick(_DAY_PLANS) for _ in range(pick((0, 0, 1, 3)))}
    fallback = pick(("Asia/Kathmandu", "Asia/Kathmandu", "Asia/Kathmandu", GONE, None))
    return Calendar(name=name, tz=tz, weekly=weekly, dates=listed, fallback_tz=fallback)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    tz = draw(st.sampled_from(sorted(ZONES_AND_CHANGES)))
    around = draw(st.sampled_from(ZONES_AND_CHANGES[tz]))
    return random_calendar(lambda values: draw(st.sampled_from(values)), "random", tz, around)


def random_case(pick: Pick[Any], *, ringing: bool = False) -> RandomCase:
    """Everything about a case, as `pick` chooses. ringing: mostly calls, missed and made."""
    around = pick(CHANGES)
    begin = around - timedelta(days=4)
    calendar_set = {
        name: random_calendar(pick, name, pick((*sorted(ZONES_AND_CHANGES), "customer", "customer", GONE)), around)
        for name in "abc"
    }
    calendar_set["office"] = Calendar(name="office", tz="Europe/Berlin", weekly=dict.fromkeys(range(6), _OFFICE))
    first = around - timedelta(hours=pick((30, 54, 12)))
    times = [first + pick(range(0, 60 * 12, pick((1, 1, 6)))) * STEP for _ in range(pick(range(1, 15)))]
    times = [*times, *(pick(times) for _ in range(pick((0, 1, 3))))]
    touches = tuple(
        _touch(pick, place, at, times, _CALLS if ringing else _KINDS) for place, at in enumerate(sorted(times))
    )
    return RandomCase(
        touches=touches,
        versions=_versions(pick, calendar_set, first),
        attrs={"tier": pick(_TIERS), **pick(({}, *({"tz": tz} for tz in _ZONES)))},
        begin=begin,
        now=max(times) + pick((-6, 0, 1, 12, 100, 400)) * STEP,
    )


def _versions(pick: Pick[Any], calendar_set: Mapping[str, Calendar], first: datetime) -> tuple[Version, ...]:
    versions = []
    begins = sorted(first + pick((-100, 0, 12, 120, 200, 300)) * STEP for _ in range(pick((0, 0, 1, 2))))
    for place, since in enumerate([first - timedelta(days=9), *begins]):
        policies = {name: _policy(pick, name, sorted(calendar_set)) for name in ("std", "gold", "tin")}
        rules = [
            Rule(match={"tier": ("gold",)}, policy="gold"),
            Rule(match={"tier": ("tin", "lead"), "tz": ("Europe/Berlin", "Asia/Kathmandu")}, policy="tin"),
            *pick(((Rule(policy="std"),), (Rule(match={"tier": ("?",)}, policy="std"),))),
        ]
        versions.append(
            Version(
                id=f"v{place}",
                effective_from=since,
                applies=pick(("new", "running")),
                rules=tuple(rules),
                policies=policies,
                calendars=calendar_set,
            )
        )
    return tuple(versions)


def _policy(pick: Pick[Any], name: str, calendar_names: Sequence[str]) -> Policy:
    targets = {kind: _target(pick, kind, calendar_names) for kind in ClockKind if pick((True, True, True, True, False))}
    return Policy(name=name, calendar=pick(calendar_names), targets=targets)


def _target(pick: Pick[Any], kind: ClockKind, calendar_names: Sequence[str]) -> Target:
    shares = pick(_SHARES)
    if kind is ClockKind.PROMISE:
        return Target(**shares)
    days = pick((None, None, None, None, None, 1, 2))
    return Target(
        duration=pick(_LENGTHS) if days is None else None,
        business_days=days,
        calendar=pick((None, None, *calendar_names)),
        by=pick(("any", "human")),
        stop_on=pick(("talk", "any_reply")),
        met_after_attempts=pick((None, 1, 2)),
        pause_on=frozenset(pick((("parts",), ("customer",), ("customer", "parts")))),
        reopen=pick(("continue", "new")),
        **shares,
    )


_KINDS = (
    *[TouchKind.IN] * 6,
    *[TouchKind.OUT] * 5,
    *[TouchKind.TALK] * 3,
    *[TouchKind.HOLD] * 4,
    *[TouchKind.CLOSE] * 3,
    *[TouchKind.SET] * 3,
    *[TouchKind.PROMISE] * 3,
    *[TouchKind.MISSED] * 2,
    *[TouchKind.ATTEMPT] * 2,
    *[TouchKind.VOID] * 2,
    TouchKind.RELEASE,
    TouchKind.RELEASE,
    TouchKind.REOPEN,
    TouchKind.REOPEN,
    TouchKind.NOTE,
    TouchKind.CALLBACK_CLOSED,
    TouchKind.CALLBACK_CLOSED,
)


_CALLS = (
    *[TouchKind.MISSED] * 6,
    *[TouchKind.TALK] * 2,
    *[TouchKind.ATTEMPT] * 3,
    *[TouchKind.CALLBACK_CLOSED] * 2,
    *[TouchKind.SET] * 2,
    TouchKind.OUT,
    TouchKind.VOID,
    TouchKind.CLOSE,
)


def _touch(pick: Pick[Any], place: int, at: datetime, times: Sequence[datetime], kinds: Sequence[TouchKind]) -> Touch:
    kind = pick(kinds) if pick(range(60)) else TouchKind.MERGED
    rare = (False, False, False, False, True)
    more: dict[str, Any] = {}
    if kind is TouchKind.PROMISE:
        more = {
            "promise": f"P{place % 5}",
            "due": at + pick((-6, 0, 6, 60, 200, 400, 600, 800)) * STEP,
            "via": pick(("any", "call")),
            "replaces": pick((None, "P0", "P1", "P2", "P3", "P4")),
        }
    elif kind is TouchKind.SET:
        more = {"attrs": pick(({"tier": "gold"}, {"tier": "tin"}, {"tier": "off"}, {"tier": "?"}, {"owner": "anna"}))}
        more = pick((more, more, more, {"attrs": {"tz": "America/New_York"}}, {"attrs": {"tz": "Europe/Berlin"}}))
        more |= pick(({}, {}, {"by_rule": True, "touch": f"t{pick(range(place + 1))}"}))
    elif kind is TouchKind.VOID:
        more = {"touch": f"t{pick(range(place + 2))}"}
    elif kind in (TouchKind.OUT, TouchKind.TALK, TouchKind.IN):
        keeps = pick(((), (), ("P1", "P3")))
        facts = pick(({}, {}, {}, {"tier": "tin"}))  # stands for any fact of the touch itself
        more = {"keeps": keeps, "facts": facts, "partial": pick(rare), "auto": pick(rare), "observed": pick(rare)}
    if kind in (TouchKind.MISSED, TouchKind.TALK, TouchKind.ATTEMPT, TouchKind.CALLBACK_CLOSED):
        more |= {"callbacks": pick(((), ("c1",), ("c2",), ("c3",), ("c1", "c2"))), "channel": pick(("", "phone"))}
        more |= {"facts": pick(({}, {}, {"tier": "tin"}))} if kind is TouchKind.MISSED else {}
    return Touch(
        id=f"t{place}",
        at=at,
        kind=kind,
        recorded_at=pick((None, None, None, None, at + STEP, at - 3 * STEP if at > min(times) + 3 * STEP else None)),
        direction=pick(("in", "out")),
        reason=pick(("customer", "customer", "parts", "parts", "lunch", None)),
        void_case=kind is TouchKind.CLOSE and pick((False, False, False, False, True)),
        **more,
    )
