"""The report as JSON values, for scripts and the API: every figure with its n, nothing rounded. Pure."""

from typing import Any

from commsd.core.measure import ENOUGH, Tally
from commsd.core.record import instant
from commsd.sla.report.report import BY, Aim, Conduct, Group, Report
from commsd.sla.report.text import Levels

Json = dict[str, Any]


def levels_record(levels: Levels) -> list[Json]:
    """The service level of each line that has an aim."""
    return [
        {
            "line": line,
            "aim": goal.share,
            "within_ms": round(goal.within.total_seconds() * 1000),
            "reached": level.share,
            "in_time": level.in_time,
            "late": level.late,
            "missed": level.missed,
            "gone_at_once": level.short,
        }
        for line, (goal, level) in sorted(levels.items())
    ]


def as_record(report: Report, by: str | None = None) -> Json:
    """The whole report. by: only the groups of one dimension; None: of all."""
    window = report.window
    dimensions = [name for name in BY if by in (None, name)]
    return {
        "from": instant(window.since),
        "to": instant(window.until),
        "as_of": instant(window.now),
        "clocks": report.clocks,
        "owed": {name: report.owed[name] for name in ("running", "late", "paused")},
        "total": [{"clock": clock, **figures(group)} for clock, group in sorted(report.total.items())],
        "by": {name: _hours(report) if name == "hour" else _groups(report, name) for name in dimensions},
        "objectives": [_aim(aim) for aim in report.aims],
        "longest_waits": [
            {
                "tier": tier,
                "clock": wait.clock,
                "waited_ms": round(wait.waited * 1000),
                "answered": wait.ended,
                "case_id": wait.case_id,
            }
            for tier, wait in sorted(report.longest.items())
        ],
        "conduct": {
            name: [{name: who, **_conduct(counts)} for who, counts in sorted(found.items())]
            for name, found in report.conduct.items()
        },
    }


def figures(group: Group) -> Json:
    """What is counted of a group. Percentiles are null where there is not enough data."""
    tally = group.tally
    enough = len(group.done) + len(group.still_open) >= ENOUGH
    return {
        **_attained(tally),
        "running": tally.running,
        "paused": tally.paused,
        "cancelled": dict(tally.cancelled),
        "as_told": _attained(group.as_told),
        "elapsed": {
            f"p{share}": {"ms": round(found.seconds * 1000), "at_least": found.at_least} if enough and found else None
            for share, found in group.percentiles.items()
        },
        "enough_data": enough,
    }


def _attained(tally: Tally) -> Json:
    return {"n": tally.n, "attainment": tally.attainment, "met": tally.met, "breached": tally.breached}


def _groups(report: Report, name: str) -> list[Json]:
    found = sorted(report.groups.get(name, {}).items())
    return [{"clock": clock, name: value, **figures(group)} for (clock, value), group in found]


def _hours(report: Report) -> list[Json]:
    return [
        {"clock": clock, "weekday": slot[0], "hour": slot[1], **_attained(Tally(met=n["met"], breached=n["breached"]))}
        for clock, slots in sorted(report.slots.items())
        for slot, n in sorted(slots.items())
    ]


def _aim(aim: Aim) -> Json:
    left = aim.budget
    return {
        "clock": aim.clock,
        "policy": aim.policy,
        "objective": aim.objective.share,
        "days": aim.objective.days,
        **_attained(aim.tally),
        "reached": left.met if left else None,
        "budget": {"allowed": left.allowed, "spent": left.spent, "left": left.left} if left else None,
    }


def _conduct(counts: Conduct) -> Json:
    return {
        "closed_unanswered": counts.closed,
        "holds": counts.holds,
        "holds_without_question": counts.unasked,
        "voids": counts.voids,
        "retargets": counts.retargets,
    }
