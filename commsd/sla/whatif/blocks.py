"""The blocks of a what-if report as words and rows, for the terminal and for the page alike. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from commsd.core.measure import SHARES, Percentile
from commsd.core.policy import Target
from commsd.core.whatif.flip import Flip
from commsd.core.whatif.report import Alerts, Lengths, Report, Row
from commsd.core.whatif.suggestion import AIMS, Suggestion
from commsd.sla.report import wording
from commsd.sla.report.chart import length, percent
from commsd.sla.report.text import TOO_FEW, WITHIN, about

FEW = 10
"""A cell of a heat map with fewer decided clocks says nothing."""

ENDLESS = timedelta(seconds=1)
"""Less than this before the end of a window is its last day."""

LEGEND: tuple[tuple[str, str], ...] = (
    ("A", "what was: each clock under the rules in force when it ran."),
    ("B", "the same past under the rules that are tried, as if they had been in force for the whole window."),
    *wording.LEGEND,
)


NO_CLOCK = "(no clock)"
"""Instead of a policy, where the rules have no such clock."""


class Block(NamedTuple):
    """A table with its heading and a sentence on how to read it. nothing: said where it has no rows."""

    title: str
    about: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    nothing: str = "nothing"


def when(at: datetime | None, zone: tzinfo) -> str:
    """An instant to the minute; "-" for none."""
    return "-" if at is None else f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def brief(at: datetime | None, zone: tzinfo, year: int) -> str:
    """An instant to the minute, its year only where it is another one."""
    if at is None:
        return "-"
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}{'' if local.year == year else f' {local.year}'} {local:%H:%M}"


def name_of(version_id: str) -> str:
    """A version by the beginning of its id, as everywhere."""
    return version_id[:12]


def head(report: Report, zone: tzinfo) -> Iterator[str]:
    """What was replayed, a line a fact."""
    asked = report.question
    last = asked.until - ENDLESS
    yield f"Clocks that began from {when(asked.since, zone)} to {when(last, zone)}, {report.zone}."
    for share in report.versions:
        since = ", again since ".join(when(each, zone) for each in (share.effective_from, *share.again))
        yield f"A: version {name_of(share.id)}, in force since {since}: {share.clocks:,} clocks"
    same = any(share.id == asked.candidate.id for share in report.versions)
    yield f"B: version {name_of(asked.candidate.id)}{', which is one of those of A' if same else ''}"
    for what, values in (("channel", asked.channels), ("tier", asked.tiers), ("policy", asked.policies)):
        if values:
            yield f"Only {what} {', '.join(sorted(values))}."
    yield f"{report.cases:,} cases; {report.clocks_a:,} clocks under A, {report.clocks_b:,} under B."
    yield f"Counted as they stand on {when(asked.now, zone)}: an answer after the window counts."
    if report.touches:
        zones, tiers = (percent(each / report.touches) for each in (report.without_zone, report.without_tier))
        yield (
            f"How good the data is: of {report.touches:,} messages and calls of customers, {zones} belong to a case "
            f"without a time zone, {tiers} to one without a tier."
        )


def reproduced(report: Report) -> str:
    """Whether A gives the log again."""
    if not report.differing:
        return "The replay of A gives the log again, clock by clock."
    return (
        f"The replay of A does NOT give the log again: {report.differing:,} differences. Judge nothing by this report "
        "before they are explained; `commsd explain CASE` shows how each clock is counted."
    )


def blocks(report: Report, zone: tzinfo) -> Iterator[Block]:
    """All tables, in the order in which they are read."""
    if report.differing:
        yield _differences(report)
    yield _diff(report)
    yield _movers(report, zone)
    for by, rows in report.groups.items():
        yield _group(by, rows)
    yield _percentiles(report)
    yield _aims(report)
    yield _backlog(report)
    yield _outside(report)
    if not report.question.quick:
        yield _longer(report)
        yield _alerts(report, zone)


def heat(report: Report) -> Mapping[str, Mapping[tuple[int, int], float | None]]:
    """Three maps of late clocks in percent by weekday and hour of arrival: A, B, and B less A in points."""
    maps: dict[str, dict[tuple[int, int], float | None]] = {"A": {}, "B": {}, "B less A": {}}
    for place, (n_a, late_a, n_b, late_b) in sorted(report.heat.items()):
        a = 100 * late_a / n_a if n_a >= FEW else None
        b = 100 * late_b / n_b if n_b >= FEW else None
        maps["A"][place], maps["B"][place] = a, b
        maps["B less A"][place] = None if a is None or b is None else b - a
    return maps


def _differences(report: Report) -> Block:
    rows = tuple(
        (each.case_id, wording.numbered(each.clock, each.n), each.field, each.logged or "-", each.replayed or "-")
        for each in report.differences[:50]
    )
    told = "The first 50; all of them with --json." if report.differing > len(rows) else ""
    return Block("Where the replay of A is not the log", told, ("CASE", "CLOCK", "WHAT", "LOG", "REPLAY"), rows)


_DIFF = ("IN TIME A", "IN TIME B", "LATE A", "LATE B", "NEWLY LATE", "SAVED", "SAME", "CANCELLED", "NO CLOCK", "NEW")


def _diff(report: Report) -> Block:
    rows = [(_policy(row), wording.clock(row.clock), f"{row.n:,}", *_verdicts(row)) for row in report.rows]
    if rows:
        rows.append(("all", "", f"{report.total.n:,}", *_verdicts(report.total)))
    return Block(
        "What changes, by policy and clock",
        "In time is met / (met + late), and late includes what still runs late. Newly late: only under B. Saved: late "
        "under A, not under B. Same: nothing changes. Cancelled, no clock: only under B; new: only B has such a clock. "
        "Clocks that B gives another policy have a row of their own, old policy -> new.",
        ("POLICY", "CLOCK", "CLOCKS", *_DIFF),
        tuple(rows),
    )


def _policy(row: Row) -> str:
    """ "standard", or "standard -> vip" of clocks that move."""
    return f"{row.policy_a or NO_CLOCK} -> {row.policy_b or NO_CLOCK}" if row.moves else row.policy


def _verdicts(row: Row) -> tuple[str, ...]:
    counts = (row.newly_breached, row.newly_saved, row.unchanged, row.newly_cancelled, row.newly_unmatched)
    return (
        percent(row.a.attainment),
        percent(row.b.attainment),
        f"{row.a.breached:,}",
        f"{row.b.breached:,}",
        *(f"{count:,}" for count in (*counts, row.newly_there)),
    )


def _movers(report: Report, zone: tzinfo) -> Block:
    return Block(
        "Cases that flip",
        "Late under one set of rules and not under the other: those whose due time moves furthest, at most 20, one "
        "clock a case, with the first reason.",
        ("CLOCK", "BEGAN", "DUE A", "DUE B", "ENDED", "A", "B", "WHY", "CASE"),
        tuple(_mover(flip, zone, report.question.since.astimezone(zone).year) for flip in report.flips),
        "No clock flips.",
    )


def _mover(flip: Flip, zone: tzinfo, year: int) -> tuple[str, ...]:
    times = (brief(at, zone, year) for at in (flip.started_at, flip.due_a, flip.due_b, flip.stopped_at))
    states = (wording.state(word) for word in (flip.state_a, flip.state_b))
    return (wording.numbered(flip.clock, flip.n), *times, *states, wording.spoken(flip.reason), flip.case_id)


def _group(by: str, rows: Sequence[tuple[str, Row]]) -> Block:
    headings = (by.upper(), "CLOCKS", "IN TIME A", "IN TIME B", "LATE A", "LATE B", "NEWLY LATE", "SAVED")
    made = tuple((name, f"{row.n:,}", *_verdicts(row)[:6]) for name, row in rows)
    return Block(f"By {by}", "", headings, made)


def _percentiles(report: Report) -> Block:
    return Block(
        "How long it took",
        "The open time (of promises: real time) in which that share had an end; what is still open counts as longer "
        "than it has run (Kaplan-Meier), never left out, and ≥ says that more is not known. Two figures: A, then B, "
        "where B counts other hours.",
        ("BY", "WHICH", "CLOCK", "CLOCKS", *WITHIN),
        tuple(_lengths(each) for each in report.lengths),
    )


def _lengths(each: Lengths) -> tuple[str, ...]:
    n = f"{each.n_a:,}" if each.n_a == each.n_b else f"{each.n_a:,} / {each.n_b:,}"
    if each.a is None and each.b is None:
        return (each.by, each.name, wording.clock(each.clock), n, TOO_FEW, *("" for _ in SHARES[1:]))
    return (each.by, each.name, wording.clock(each.clock), n, *(_both(each, share) for share in SHARES))


def _both(each: Lengths, share: int) -> str:
    a, b = (_told(side, share) for side in (each.a, each.b))
    return a if a == b else f"{a} / {b}"


def _told(side: Mapping[int, Percentile | None] | None, share: int) -> str:
    return TOO_FEW if side is None else about(side.get(share))


def _aims(report: Report) -> Block:
    return Block(
        "Targets that history would have met",
        "The shortest round target that would have been met in 90, 95 and 99 of 100, counted in B's hours. In "
        "brackets: how far chance alone could move it (95 of 100 resamples).",
        ("POLICY", "CLOCK", "TARGET IN B", "CLOCKS", *(f"{aim} % IN TIME" for aim in AIMS)),
        tuple(
            (
                aim.policy,
                wording.clock(aim.clock),
                demanded(aim.target),
                f"{aim.n:,}",
                *((_suggested(each) for each in aim.made) if aim.made else (TOO_FEW, "", "")),
            )
            for aim in report.aims
        ),
    )


def demanded(target: Target) -> str:
    """A target as a person says it."""
    if target.business_days is not None:
        return wording.spoken(f"{target.business_days}bd")
    return "-" if target.duration is None else length(target.duration.total_seconds())


def _suggested(made: Suggestion) -> str:
    if made.target is None:
        return "none: too many are open"
    low, high = (length(each) if each is not None else "no end" for each in (made.low, made.high))
    return f"{length(made.target)} ({low} to {high})"


def _backlog(report: Report) -> Block:
    return Block(
        "Customers who wait for a person, by hour",
        f"First and next answers and callbacks still owed at the full hour ({report.zone}), of those that began in "
        "the window: on half of its days no more than the first figure, on no day more than the second.",
        ("HOUR", "ON HALF OF THE DAYS", "AT MOST"),
        tuple((f"{each.hour:02}:00", f"{each.median:,}", f"{each.most:,}") for each in report.backlog),
    )


def _outside(report: Report) -> Block:
    return Block(
        "Who came while we were closed",
        "Of the customers who began to wait for a person, those who came outside the hours of B.",
        ("POLICY", "CAME", "WHILE CLOSED", "SHARE"),
        tuple(
            (each.policy, f"{each.arrivals:,}", f"{each.outside:,}", percent(each.outside / each.arrivals))
            for each in report.outside
            if each.arrivals
        ),
    )


def _longer(report: Report) -> Block:
    return Block(
        "If the hours of B were longer",
        "Each change by itself. Could be saved: late in B, but the customer waited through the added hours before it "
        "was due; somebody at work then could have answered in time. So many at most. Late then: with answers when "
        "they were, as due times move. Counted in hours they only come earlier: that makes more late and saves none. "
        "Due at the end of a business day, they come later with a later close: avoided.",
        ("CHANGE", "LATE IN B", "COULD BE SAVED", "LATE THEN", "NEWLY LATE", "AVOIDED"),
        tuple(
            (
                each.change,
                f"{each.breached:,}",
                f"{each.could_save:,}",
                f"{each.breached + each.added - each.avoided:,}",
                f"{each.added:,}",
                f"{each.avoided:,}",
            )
            for each in report.longer
        ),
    )


_LOAD: tuple[tuple[str, Callable[[Alerts], tuple[int, int]]], ...] = (
    ("STEPS", lambda each: (each.a.steps, each.b.steps)),
    ("MESSAGES", lambda each: (each.a.messages, each.b.messages)),
    ("DAYS", lambda each: (each.a.days, each.b.days)),
    ("STEPS ON HALF OF THEM", lambda each: (each.a.usual_day, each.b.usual_day)),
    ("ON THE WORST", lambda each: (each.a.worst_day, each.b.worst_day)),
    ("AS MESSAGES", lambda each: (each.a.worst_day_messages, each.b.worst_day_messages)),
    ("IN THE WORST HOUR", lambda each: (each.a.worst_hour, each.b.worst_hour)),
    ("AS MESSAGES", lambda each: (each.a.worst_hour_messages, each.b.worst_hour_messages)),
)


def _alerts(report: Report, zone: tzinfo) -> Block:
    rows = []
    for each in report.alerts:
        worst = each.b if each.b.steps else each.a
        figures = (f"{a:,} / {b:,}" for a, b in (read(each) for _, read in _LOAD))
        rows.append((each.route.replace(" of nobody", " (none set)"), *figures, when(worst.worst_hour_began, zone)))
    return Block(
        "How often people would have been told",
        "A / B. A step of a ladder that comes while a clock runs tells somebody; storm control puts what comes close "
        "together into one message. Days: on which any step came. Steps wait for opening hours unless they page.",
        ("WHO", *(name for name, _ in _LOAD), "WORST HOUR BEGAN"),
        tuple(rows),
        "Nobody.",
    )
