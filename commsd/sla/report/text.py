"""The words and rows of a report, for a terminal and for the page alike. Pure."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from commsd.core.answer_level import Goal, Level
from commsd.core.measure import ENOUGH, SHARES, Percentile
from commsd.sla.report import wording
from commsd.sla.report.chart import length, percent
from commsd.sla.report.report import NOBODY, Aim, Group, Report

Levels = Mapping[str, tuple[Goal, Level]]
"""What came of each line that has an aim, by its name."""

WITHIN = (f"{SHARES[0]} % WITHIN", *(f"{share} %" for share in SHARES[1:]))
FIGURES = ("DECIDED", "IN TIME", "LATE", "AS TOLD", *WITHIN, "STILL OPEN", "CANCELLED")
TOO_FEW = "not enough data"

COUNTED = (
    "In time is met / (met + late), of those that are decided; one that runs late counts as late, a cancelled one not "
    "at all. As told: the same against the time the customer was told. 50 % to 99 % within: the open time in which "
    "that share had an answer (of promises: real time); those still open are counted as longer than they have run, "
    "never left out (Kaplan-Meier), and ≥ says that more is not known yet."
)
OBJECTIVE = ("OBJECTIVE OF", "AIM", "REACHED", "ERROR BUDGET")
ABOUT_OBJECTIVE = "The error budget is how many may be late while the objective still holds."
LONGEST = ("TIER", "LONGEST WAIT", "REAL TIME", "CASE")
ABOUT_LONGEST = "Real time, nights and holidays included, that a customer waited for a person."
LEVELS = ("LINE", "AIM", "REACHED", "IN TIME", "LATER", "MISSED", "GONE AT ONCE")
ABOUT_LEVELS = (
    "Which share of a line's calls was answered within the time of its aim. Not counted are calls outside the hours, "
    "and those who hung up before that time was over."
)
CONDUCT = ("CLOSED UNANSWERED", "PUT ON HOLD", "WITHOUT ASKING", "TAKEN BACK", "DUE TIMES MOVED")
ABOUT_CONDUCT = (
    "What can make clocks look better than the service was, counted by who did it. Closed unanswered: the case was "
    "closed while somebody waited. Put on hold: such a clock stands still; without asking: to wait for the "
    "customer although the last word was his. Taken back: messages and calls declared never to have happened. Due "
    "times moved: by what he set, such as a priority, a clock got another one. None of it is wrong by itself; look at "
    "who stands out."
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
        f"{tally.n:,}",
        percent(tally.attainment),
        f"{tally.breached:,}",
        f"{percent(told.attainment)} of {told.n:,}" if told.n else "-",
        *lengths,
        f"{len(group.still_open):,}",
        reasons(tally.cancelled),
    )


def about(found: Percentile | None) -> str:
    """A percentile in hours and minutes; "≥" where more cannot be said."""
    return "-" if found is None else f"{'≥ ' if found.at_least else ''}{length(found.seconds)}"


def reasons(cancelled: Mapping[str, int]) -> str:
    """Cancelled clocks by why."""
    return ", ".join(f"{number:,} {wording.reason(reason)}" for reason, number in cancelled.items()) or "-"


def groups_of(report: Report, by: str) -> Iterator[tuple[str, ...]]:
    """The rows of one dimension: clock, value, figures."""
    for (clock, value), group in sorted(report.groups.get(by, {}).items(), key=lambda each: _in_order(each[0])):
        yield (wording.clock(clock), named(value), *row_of(group))


def totals_of(report: Report) -> Iterator[tuple[str, ...]]:
    """A row for each kind of clock."""
    for clock, group in sorted(report.total.items(), key=lambda each: _in_order((each[0], ""))):
        yield (wording.clock(clock), *row_of(group))


def aim_of(aim: Aim) -> tuple[str, str, str, str]:
    """An objective: which clocks, what is aimed at, what was reached, what is left of the budget."""
    goal = f"{percent(aim.objective.share)} over {aim.objective.days} days"
    who = f"{wording.many(aim.clock)}, {aim.policy}"
    if aim.budget is None:
        return who, goal, "nothing decided yet", "-"
    word = "MET" if aim.budget.met else "NOT MET"
    allowed = f"{aim.budget.spent:,} late of {aim.budget.allowed:,.1f} allowed"
    left = f"{aim.budget.left:.1f} left" if aim.budget.left >= 0 else f"overdrawn by {-aim.budget.left:.1f}"
    return who, goal, f"{word}: {percent(aim.tally.attainment)} of {aim.tally.n:,}", f"{allowed}, {left}"


def waits_of(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """The longest wait of each tier."""
    for tier, wait in sorted(report.longest.items()):
        yield (
            named(tier),
            wording.clock(wait.clock),
            f"{real(wait.waited)}{'' if wait.ended else ', and still waits'}",
            wait.case_id,
        )


def levels_of(levels: Levels) -> Iterator[tuple[str, ...]]:
    """The service level of each line that has an aim."""
    for line, (goal, level) in sorted(levels.items()):
        counts = (level.in_time, level.late, level.missed, level.short)
        reached = percent(level.share) if level.share is not None else "no call"
        aim = f"{percent(goal.share)} within {length(goal.within.total_seconds())}"
        yield (line, aim, reached, *(f"{count:,}" for count in counts))


def conduct_of(report: Report, by: str) -> Iterator[tuple[str, ...]]:
    """Signs of gaming by agent or team, those with most first."""
    found = report.conduct[by]
    order = sorted(found, key=lambda who: (-found[who].closed - found[who].unasked - found[who].voids, who))
    for who in order:
        counts = found[who]
        numbers = (counts.closed, counts.holds, counts.unasked, counts.voids, counts.retargets)
        yield (named(who), *(f"{number:,}" for number in numbers))


def real(seconds: float) -> str:
    """A length of real time, in which a day is a day: "3 days 4h"."""
    days, rest = divmod(round(seconds), 86_400)
    if not days:
        return length(seconds)
    return f"{days:,} day{'s' if days > 1 else ''}" + (f" {rest // 3600}h" if rest >= 3600 else "")


def named(value: str) -> str:
    """A value that clocks are grouped by."""
    return "(none)" if value == NOBODY else value


def _in_order(key: tuple[str, str]) -> tuple[int, str, str]:
    """As a customer feels them."""
    clock, value = key
    order = list(wording.CLOCKS)
    return order.index(clock) if clock in order else len(order), clock, value
