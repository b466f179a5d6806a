"""The report as one HTML page that a manager reads without us: curves, tables, where and when it gets late. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

from commsd.core.measure import Tally
from commsd.core.policy import ClockKind
from commsd.sla.report import wording
from commsd.sla.report.chart import cumulative, document, grid, heat_map, legend, percent, tiles, words
from commsd.sla.report.report import Group, Report, Slot
from commsd.sla.report.text import (
    ABOUT_CONDUCT,
    ABOUT_LEVELS,
    ABOUT_LONGEST,
    ABOUT_OBJECTIVE,
    CONDUCT,
    COUNTED,
    FIGURES,
    LEVELS,
    LONGEST,
    OBJECTIVE,
    Levels,
    aim_of,
    conduct_of,
    groups_of,
    levels_of,
    span_of,
    totals_of,
    waits_of,
)

NO_LINES: Levels = MappingProxyType({})

CURVES = 4
"""Curves shown for one kind of clock: of the policies with most clocks."""

FEW = 10
"""Below this many verdicts a cell of a heat map has no share."""


def page(report: Report, firm: str, zone: ZoneInfo, levels: Levels = NO_LINES) -> str:
    """The whole page. levels: of the lines."""
    sections = [("", words(f"The {span_of(report, zone)} ({zone.key}).") + tiles(list(_tiles(report))))]
    if levels:
        lines = grid(headings(LEVELS), list(levels_of(levels)))
        sections.append(("Calls answered in time", words(ABOUT_LEVELS) + lines))
    if not report.clocks:
        sections.append(("Nothing began in this time", words("No clock began, so there is nothing to measure.")))
        return document(f"{firm}: were we in time?", sections, _FOOTER)
    sections.append(("What the words mean", legend(wording.LEGEND)))
    if report.aims:
        objectives = grid(headings(OBJECTIVE), [aim_of(aim) for aim in report.aims])
        sections.append(("Objectives", words(ABOUT_OBJECTIVE) + objectives))
    whole = grid(headings(("CLOCK", *FIGURES)), list(totals_of(report)))
    sections.append(("All clocks", words(COUNTED) + whole))
    for clock in (kind for kind in wording.CLOCKS if kind in report.total):
        sections.append((wording.title(clock), "".join(_of_clock(report, clock))))
    waits = grid(headings(LONGEST), list(waits_of(report)))
    sections.append(("The longest waits", words(ABOUT_LONGEST) + waits))
    conduct = "".join(
        grid(headings((by.upper(), *CONDUCT)), list(conduct_of(report, by)), f"By {by}") for by in ("team", "agent")
    )
    sections.append(("To look at", words(ABOUT_CONDUCT) + conduct))
    return document(f"{firm}: were we in time?", sections, _FOOTER)


def headings(names: Iterable[str]) -> list[str]:
    """Headings of a table in small letters but for the first, and for A and B."""
    return [" ".join(_word(word, place) for place, word in enumerate(name.split())) for name in names]


def _word(word: str, place: int) -> str:
    if len(word) == 1:
        return word
    return word.lower() if place else word.capitalize()


_FOOTER = "Made by commsd from its interaction log. This page loads nothing and sends nothing."


def _tiles(report: Report) -> Iterator[tuple[str, str, str]]:
    for clock in (ClockKind.FIRST_RESPONSE, ClockKind.CALLBACK, ClockKind.NEXT_RESPONSE):
        if group := report.total.get(clock):
            tally = group.tally
            yield (
                f"{wording.title(clock)} in time",
                percent(tally.attainment),
                f"of {tally.n:,}, {tally.breached:,} late",
            )
    if report.aims:
        reached = sum(bool(aim.budget and aim.budget.met) for aim in report.aims)
        yield "Objectives met", f"{reached} of {len(report.aims)}", "see below"
    owed = report.owed
    yield "Still owed", f"{owed.total():,}", f"{owed['late']:,} of them late, {owed['paused']:,} on hold"


def _of_clock(report: Report, clock: str) -> Iterator[str]:
    yield words(wording.ABOUT[clock])
    policies = {value: group for (kind, value), group in report.groups.get("policy", {}).items() if kind == clock}
    if clock not in (ClockKind.PROMISE, ClockKind.ACK):  # a promise has another target each time, a machine no curve
        largest = sorted(policies, key=lambda name: (-_size(policies[name]), name))
        for name in largest[:CURVES]:
            title = f"{wording.title(clock)}, policy {name}"
            group = policies[name]
            yield cumulative(group.done, group.still_open, report.targets.get((clock, name)), title)
    for by in ("policy", "channel", "team", "agent", "tier"):
        rows = [row[1:] for row in groups_of(report, by) if row[0] == wording.clock(clock)]
        if len(rows) > 1 or by == "policy":
            yield grid(headings((by.upper(), *FIGURES)), rows, f"By {by}")
    slots: Mapping[Slot, Mapping[str, int]] = report.slots.get(clock, {})
    if sum(states["breached"] for states in slots.values()):
        yield heat_map(
            _late(slots),
            f"{wording.title(clock)}: how many became late, by the hour in which they began",
            unit="clocks",
            low_is_good=True,
        )
        shares = f"{wording.title(clock)}: what share became late, of hours with {FEW} or more"
        yield heat_map(_share(slots), shares, unit="% late", low_is_good=True)


def _size(group: Group) -> int:
    return len(group.done) + len(group.still_open)


def _late(slots: Mapping[Slot, Mapping[str, int]]) -> dict[Slot, float | None]:
    return {slot: float(states["breached"]) for slot, states in slots.items()}


def _share(slots: Mapping[Slot, Mapping[str, int]]) -> dict[Slot, float | None]:
    tallies = {slot: Tally(met=states["met"], breached=states["breached"]) for slot, states in slots.items()}
    return {slot: 100 * tally.breached / tally.n if tally.n >= FEW else None for slot, tally in tallies.items()}
