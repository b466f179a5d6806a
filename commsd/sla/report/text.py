"""The words and rows of a report, for a terminal and for the page alike. Pure."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from commsd.core.measure import ENOUGH, SHARES, Percentile, Tally
from commsd.sla.report.chart import DAYS, length, percent
from commsd.sla.report.report import NOBODY, Aim, Group, Report

FIGURES = ("N", "IN TIME", "LATE", "AS TOLD", *(f"P{share}" for share in SHARES), "OPEN", "CANCELLED")
TOO_FEW = "not enough data"

COUNTED = (
    "In time is met / (met + late); a clock that runs late counts as late, a cancelled one not at all. "
    "As told: the same against the time the customer was told. P50 to P99: open time within which that share had an "
    "answer; those still open are counted as longer than they have run (Kaplan-Meier), never left out."
)
CONDUCT = ("CLOSED UNANSWERED", "HOLDS", "OF THEM UNASKED", "TAKEN BACK", "CHANGED")
ABOUT_CONDUCT = (
    "What can make clocks look better than the service was. Unasked: put on hold to wait for the customer although the "
    "last word was his. Taken back: interactions declared void. Changed: priority, owner or team, which may move due "
    "times. None of it is wrong by itself; look at who stands out."
)


def span_of(report: Report, zone: ZoneInfo) -> str:
    """The window in words."""
    window = report.window
    since, until, now = (at.astimezone(zone) for at in (window.since, window.until, window.now))
    form = "%a %Y-%m-%d %H:%M"
    return f"clocks that began from {since:{form}} to {until:{form}}, as they stand {now:{form} %Z}"


def row_of(group: Group) -> tuple[str, ...]:
    """The figures of a group, in the order of FIGURES."""
    tally, told = group.tally, group.as_told
    if len(group.done) + len(group.still_open) >= ENOUGH:
        lengths = tuple(about(found) for found in group.percentiles.values())
    else:
        lengths = (TOO_FEW, *("" for _ in SHARES[1:]))
    return (
        str(tally.n),
        percent(tally.attainment),
        str(tally.breached),
        f"{percent(told.attainment)} of {told.n}" if told.n else "-",
        *lengths,
        str(len(group.still_open)),
        reasons(tally.cancelled),
    )


def about(found: Percentile | None) -> str:
    """A percentile in hours and minutes; "≥" where more cannot be said."""
    return "-" if found is None else f"{'≥ ' if found.at_least else ''}{length(found.seconds)}"


def reasons(cancelled: Mapping[str, int]) -> str:
    """Cancelled clocks by why."""
    return ", ".join(f"{number} {reason}" for reason, number in cancelled.items()) or "-"


def groups_of(report: Report, by: str) -> Iterator[tuple[str, ...]]:
    """The rows of one dimension: clock, value, figures."""
    for (clock, value), group in sorted(report.groups.get(by, {}).items()):
        yield (clock, _named(value), *row_of(group))


def totals_of(report: Report) -> Iterator[tuple[str, ...]]:
    """A row for each kind of clock."""
    for clock, group in sorted(report.total.items()):
        yield (clock, *row_of(group))


def hours_of(report: Report) -> Iterator[tuple[str, ...]]:
    """Arrivals by weekday and hour, with how many of them became late."""
    for clock, slots in sorted(report.slots.items()):
        for (day, hour), states in sorted(slots.items()):
            tally = Tally(met=states["met"], breached=states["breached"])
            yield (clock, f"{DAYS[day]} {hour:02}:00", str(tally.n), percent(tally.attainment), str(tally.breached))


def aim_of(aim: Aim) -> tuple[str, str, str, str]:
    """An objective: which clocks, what is aimed at, what was reached, what is left of the budget."""
    goal = f"{percent(aim.objective.share)} over {aim.objective.days} days"
    who = f"{aim.clock} {aim.policy}"
    if aim.budget is None:
        return who, goal, "nothing decided yet", "-"
    word = "MET" if aim.budget.met else "NOT MET"
    allowed = f"{aim.budget.spent} late of {aim.budget.allowed:.1f} allowed"
    left = f"{aim.budget.left:.1f} left" if aim.budget.left >= 0 else f"overdrawn by {-aim.budget.left:.1f}"
    return who, goal, f"{word}: {percent(aim.tally.attainment)} of {aim.tally.n}", f"{allowed}, {left}"


def waits_of(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """The longest wait of each tier."""
    for tier, wait in sorted(report.longest.items()):
        yield (
            _named(tier),
            wait.clock,
            f"{length(wait.waited)}{'' if wait.ended else ', and still waits'}",
            wait.case_id,
        )


def conduct_of(report: Report, by: str) -> Iterator[tuple[str, ...]]:
    """Signs of gaming by agent or team, those with most first."""
    found = report.conduct[by]
    order = sorted(found, key=lambda who: (-found[who].closed - found[who].unasked - found[who].voids, who))
    for who in order:
        counts = found[who]
        numbers = (counts.closed, counts.holds, counts.unasked, counts.voids, counts.sets)
        yield (_named(who), *map(str, numbers))


def _named(value: str) -> str:
    return "(none)" if value == NOBODY else value
