"""Reads sla/examples.yaml of the shared folder into the values that commsd.core works with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from commsd.core.calendar import Calendar, window
from commsd.core.policy import ClockKind, Policy, Rule, Target, Version, business_days, duration
from commsd.core.touch import Touch, TouchKind

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(os.environ.get("COMMSD_SHARED") or ROOT.parent / "shared") / "sla" / "examples.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case of the file: what happened, under which rules, and what must come out."""

    id: str
    touches: tuple[Touch, ...]
    versions: tuple[Version, ...]
    attrs: Mapping[str, str]
    now: datetime
    only: frozenset[str]
    expected: tuple[Mapping[str, Any], ...]


def loaded() -> dict[str, Any]:
    """The file with every value as text; empty where it is absent."""
    if not EXAMPLES.is_file():
        return {}
    found: dict[str, Any] = yaml.load(EXAMPLES.read_text(), Loader=yaml.BaseLoader)
    return found


def calendar(name: str, value: Mapping[str, Any]) -> Calendar:
    return Calendar(
        name=name,
        tz=value["tz"],
        weekly={DAYS.index(day): tuple(window(w) for w in windows) for day, windows in value["weekly"].items()},
        dates={
            date.fromisoformat(day): tuple(window(w) for w in windows)
            for day, windows in value.get("dates", {}).items()
        },
    )


def target(value: Mapping[str, Any]) -> Target:
    text = value.get("target")
    days = text is not None and text.endswith("bd")
    return Target(
        duration=duration(text) if text is not None and not days else None,
        business_days=business_days(text) if text is not None and days else None,
        calendar=value.get("calendar"),
        warn_before=duration(value["warn_before"]) if "warn_before" in value else None,
        warn_percent=int(value["warn_percent"]) if "warn_percent" in value else None,
        by=value.get("by", "any"),
        stop_on=value.get("stop_on", "talk"),
        met_after_attempts=int(value["max_attempts"]) if "max_attempts" in value else None,
        pause_on=frozenset(value.get("pause_on", ())),
        reopen=value.get("reopen", "continue"),
    )


def policy(name: str, value: Mapping[str, Any]) -> Policy:
    targets = {ClockKind(kind): target(each) for kind, each in value["clocks"].items()}
    return Policy(name=name, calendar=value["calendar"], targets=targets)


def touch(value: Mapping[str, Any]) -> Touch:
    return Touch(
        id=value["id"],
        at=instant(value["at"]),
        kind=TouchKind(value["kind"]),
        recorded_at=instant(value["recorded_at"]) if "recorded_at" in value else None,
        channel=value.get("channel", ""),
        direction=value.get("dir", "out"),
        auto=value.get("auto") == "true",
        observed=value.get("observed") == "true",
        partial=value.get("partial") == "true",
        reason=value.get("reason"),
        promise=value.get("promise"),
        due=instant(value["due"]) if "due" in value else None,
        via=value.get("via", "any"),
        replaces=value.get("replaces"),
        keeps=tuple(value.get("keeps", ())),
        attrs=value.get("attrs", {}),
        touch=value.get("touch"),
        void_case=value.get("void_case") == "true",
    )


def rows(file: Mapping[str, Any]) -> tuple[Row, ...]:
    calendars = {name: calendar(name, value) for name, value in file.get("calendars", {}).items()}
    policies = {name: policy(name, value) for name, value in file.get("policies", {}).items()}
    return tuple(_row(value, calendars, policies) for value in file.get("cases", ()))


def _row(value: Mapping[str, Any], calendars: Mapping[str, Calendar], policies: Mapping[str, Policy]) -> Row:
    config = value.get("config") or [{"from": ALWAYS.isoformat(), "rules": [{"policy": value["policy"]}]}]
    return Row(
        id=value["id"],
        touches=tuple(touch(each) for each in value["touches"]),
        versions=tuple(
            Version(
                id=f"v{place}",
                effective_from=instant(each["from"]),
                applies=each.get("applies", "new"),
                rules=tuple(_rule(rule) for rule in each["rules"]),
                policies=policies,
                calendars=calendars,
            )
            for place, each in enumerate(config, start=1)
        ),
        attrs=value.get("attrs", {}),
        now=instant(value["now"]),
        only=frozenset(value.get("clocks", [kind.value for kind in ClockKind])),
        expected=tuple(value["expect"]),
    )


def _rule(value: Mapping[str, Any]) -> Rule:
    match = {key: (each,) if isinstance(each, str) else tuple(each) for key, each in value.get("match", {}).items()}
    return Rule(match=match, policy=value.get("policy"))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def instant_or_none(text: str) -> datetime | None:
    return None if text in ("null", "~", "") else instant(text)


def seconds(text: str) -> timedelta:
    return timedelta(seconds=int(text))
