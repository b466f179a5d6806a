"""The report of a replay as JSON: complete, times in RFC 3339 UTC, durations in whole milliseconds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from commsd.core.measure import Percentile
from commsd.core.measure import Tally as Counts
from commsd.core.record import Json, instant
from commsd.core.whatif.alert_load import Load
from commsd.core.whatif.flip import Flip
from commsd.core.whatif.past import Difference
from commsd.core.whatif.report import HONESTY, Aim, Alerts, Lengths, Report, Row, changes
from commsd.core.whatif.share import Share
from commsd.core.whatif.suggestion import Suggestion
from commsd.core.whatif.tally import Verdict

VERSION = "whatif/1"


def as_json(report: Report) -> Json:
    """The whole report."""
    return {
        "format": VERSION,
        "head": _head(report),
        "changes": [
            {"against": share.id, "differences": [each._asdict() for each in found]} for share, found in changes(report)
        ],
        "log": {"differing": report.differing, "differences": [_difference(each) for each in report.differences]},
        "total": _row(report.total),
        "diff": [
            {
                "policy": row.policy,
                "policy_a": row.policy_a or None,
                "policy_b": row.policy_b or None,
                "clock": row.clock,
                **_row(row),
            }
            for row in report.rows
        ],
        "movers": [_flip(flip) for flip in report.flips],
        "by": {by: [{"name": name, **_row(row)} for name, row in rows] for by, rows in sorted(report.groups.items())},
        "heat": [
            {"weekday": day, "hour": hour, **dict(zip(_HEAT, counts, strict=True))}
            for (day, hour), counts in sorted(report.heat.items())
        ],
        "percentiles": [_lengths(each) for each in report.lengths],
        "suggested_targets": [_aim(each) for each in report.aims],
        "hours": {
            "backlog": [each._asdict() for each in report.backlog],
            "outside": [each._asdict() for each in report.outside],
            "longer": None if report.question.quick else [each._asdict() for each in report.longer],
        },
        "alerts": None if report.question.quick else [_alerts(each) for each in report.alerts],
        "honesty": HONESTY,
    }


_HEAT = ("n_a", "breached_a", "n_b", "breached_b")


def _head(report: Report) -> Json:
    asked = report.question
    return {
        "since": instant(asked.since),
        "until": instant(asked.until),
        "as_of": instant(asked.now),
        "zone": report.zone,
        "only": {
            "channel": sorted(asked.channels),
            "tier": sorted(asked.tiers),
            "policy": sorted(asked.policies),
        },
        "quick": asked.quick,
        "cases": report.cases,
        "clocks_a": report.clocks_a,
        "clocks_b": report.clocks_b,
        "a": [_share(share) for share in report.versions],
        "b": {"id": asked.candidate.id},
        "touches": report.touches,
        "without_zone": report.without_zone,
        "without_tier": report.without_tier,
    }


def _share(share: Share) -> Json:
    times = {"effective_from": instant(share.effective_from), "again": [instant(each) for each in share.again]}
    return {**share._asdict(), **times}


def _difference(found: Difference) -> Json:
    return {
        "case_id": found.case_id,
        "clock": found.clock,
        "n": found.n,
        "field": found.field,
        "logged": found.logged,
        "replayed": found.replayed,
    }


def _row(row: Row) -> Json:
    return {
        "n": row.n,
        "a": _counts(row.a),
        "b": _counts(row.b),
        "newly_breached": row.newly_breached,
        "newly_saved": row.newly_saved,
        "newly_cancelled": row.newly_cancelled,
        "newly_unmatched": row.newly_unmatched,
        "newly_there": row.newly_there,
        "unchanged": row.unchanged,
        "flips": {
            one.name.lower(): {
                other.name.lower(): row.pairs[one, other] for other in Verdict if (one, other) in row.pairs
            }
            for one in Verdict
            if any(first is one for first, _ in row.pairs)
        },
    }


def _counts(counts: Counts) -> Json:
    return {
        "n": counts.n,
        "met": counts.met,
        "breached": counts.breached,
        "open": counts.running,
        "cancelled": dict(counts.cancelled),
        "attainment": None if counts.attainment is None else round(counts.attainment, 6),
    }


def _flip(flip: Flip) -> Json:
    return {
        "case_id": flip.case_id,
        "clock": flip.clock,
        "n": flip.n,
        "started_at": instant(flip.started_at),
        "stopped_at": _instant(flip.stopped_at),
        "policy_a": flip.policy_a or None,
        "policy_b": flip.policy_b or None,
        "state_a": flip.state_a,
        "state_b": flip.state_b,
        "due_at_a": _instant(flip.due_a),
        "due_at_b": _instant(flip.due_b),
        "reason": flip.reason,
    }


def _lengths(found: Lengths) -> Json:
    return {
        "by": found.by,
        "name": found.name,
        "clock": found.clock,
        "n_a": found.n_a,
        "n_b": found.n_b,
        "a": _percentiles(found.a),
        "b": _percentiles(found.b),
    }


def _percentiles(found: Mapping[int, Percentile | None] | None) -> Json | None:
    """None: not enough data."""
    if found is None:
        return None
    return {
        f"p{share}": None if each is None else {"elapsed_ms": _ms(each.seconds), "at_least": each.at_least}
        for share, each in found.items()
    }


def _aim(aim: Aim) -> Json:
    target = aim.target
    return {
        "policy": aim.policy,
        "clock": aim.clock,
        "n": aim.n,
        "target_ms": _ms(target.duration.total_seconds()) if target.duration else None,
        "target_business_days": target.business_days,
        "objective": target.objective,
        "suggested": [_suggestion(each) for each in aim.made] or None,
    }


def _suggestion(made: Suggestion) -> Json:
    return {
        "aim_percent": made.aim,
        "target_ms": _ms(made.target),
        "low_ms": _ms(made.low),
        "high_ms": _ms(made.high),
        "n": made.n,
    }


def _alerts(alerts: Alerts) -> Json:
    return {"route": alerts.route, "a": _load(alerts.a), "b": _load(alerts.b)}


def _load(load: Load) -> Json:
    return {**load._asdict(), "worst_hour_at": instant(load.worst_hour_began) if load.steps else None}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def _ms(seconds: float | None) -> Any:
    return None if seconds is None else round(seconds * 1000)
