"""The report as one HTML page that a manager reads without us: curves, tables, where and when it gets late. Pure."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from commsd.core.measure import Tally
from commsd.core.policy import ClockKind
from commsd.sla.report.chart import cumulative, document, grid, heat_map, percent, tiles, words
from commsd.sla.report.report import Group, Report, Slot
from commsd.sla.report.text import (
    ABOUT_CONDUCT,
    CONDUCT,
    COUNTED,
    FIGURES,
    aim_of,
    conduct_of,
    groups_of,
    span_of,
    totals_of,
    waits_of,
)

NAMES: Mapping[str, str] = {
    ClockKind.FIRST_RESPONSE: "First response",
    ClockKind.NEXT_RESPONSE: "Next response",
    ClockKind.CALLBACK: "Callbacks",
    ClockKind.PROMISE: "Promises",
    ClockKind.UPDATE: "Updates",
    ClockKind.RESOLUTION: "Resolution",
    ClockKind.ACK: "Acknowledgement",
}
"""In the order in which a customer feels them."""

ABOUT: Mapping[str, str] = {
    ClockKind.FIRST_RESPONSE: "From a customer's first word to the first answer by a person.",
    ClockKind.NEXT_RESPONSE: "From a customer's further message to the next answer by a person.",
    ClockKind.CALLBACK: "From a missed call until we reached the customer.",
    ClockKind.PROMISE: "What somebody said would be done by a certain time.",
    ClockKind.UPDATE: "How long a customer heard nothing while the matter was open.",
    ClockKind.RESOLUTION: "From the first contact until the matter was closed.",
    ClockKind.ACK: "The machine's immediate acknowledgement.",
}
CURVES = 4
"""Curves shown for one kind of clock: of the policies with most clocks."""

FEW = 10
"""Below this many verdicts a cell of a heat map has no share."""


def page(report: Report, firm: str, zone: ZoneInfo) -> str:
    """The whole page."""
    sections = [("", words(f"The {span_of(report, zone)} ({zone.key}).") + tiles(list(_tiles(report))))]
    if not report.clocks:
        sections.append(("Nothing began in this time", words("No clock began, so there is nothing to measure.")))
        return document(f"{firm}: were we in time?", sections, _FOOTER)
    if report.aims:
        heads = ("CLOCK AND POLICY", "OBJECTIVE", "REACHED", "ERROR BUDGET")
        about = words("The budget is how many may be late while the objective still holds.")
        sections.append(("Objectives", about + grid(heads, [aim_of(aim) for aim in report.aims])))
    sections.append(("All clocks", grid(("CLOCK", *FIGURES), list(totals_of(report))) + words(COUNTED)))
    for clock in (kind for kind in NAMES if kind in report.total):
        sections.append((NAMES[clock], "".join(_of_clock(report, clock))))
    heads = ("TIER", "CLOCK", "WAITED (REAL TIME)", "CASE")
    sections.append(("The longest waits", grid(heads, list(waits_of(report)))))
    conduct = "".join(
        grid((by.upper(), *CONDUCT), list(conduct_of(report, by)), f"By {by}") for by in ("team", "agent")
    )
    sections.append(("To look at", words(ABOUT_CONDUCT) + conduct))
    return document(f"{firm}: were we in time?", sections, _FOOTER)


_FOOTER = "Made by commsd from its interaction log. This page loads nothing and sends nothing."


def _tiles(report: Report) -> Iterator[tuple[str, str, str]]:
    for clock in (ClockKind.FIRST_RESPONSE, ClockKind.CALLBACK, ClockKind.NEXT_RESPONSE):
        if group := report.total.get(clock):
            tally = group.tally
            yield f"{NAMES[clock]} in time", percent(tally.attainment), f"of {tally.n}, {tally.breached} late"
    if report.aims:
        reached = sum(bool(aim.budget and aim.budget.met) for aim in report.aims)
        yield "Objectives met", f"{reached} of {len(report.aims)}", "see below"
    owed = report.owed
    yield "Still owed", str(owed.total()), f"{owed['late']} of them late, {owed['paused']} paused"


def _of_clock(report: Report, clock: str) -> Iterator[str]:
    yield words(ABOUT[clock])
    policies = {value: group for (kind, value), group in report.groups.get("policy", {}).items() if kind == clock}
    if clock not in (ClockKind.PROMISE, ClockKind.ACK):  # a promise has another target each time, a machine no curve
        largest = sorted(policies, key=lambda name: (-_size(policies[name]), name))
        for name in largest[:CURVES]:
            title = f"{NAMES[clock]}, policy {name}"
            group = policies[name]
            yield cumulative(group.done, group.still_open, report.targets.get((clock, name)), title)
    heads = (*FIGURES,)
    for by in ("policy", "channel", "team", "agent", "tier"):
        rows = [row[1:] for row in groups_of(report, by) if row[0] == clock]
        if len(rows) > 1 or by == "policy":
            yield grid((by.upper(), *heads), rows, f"By {by}")
    slots: Mapping[Slot, Mapping[str, int]] = report.slots.get(clock, {})
    if sum(states["breached"] for states in slots.values()):
        yield heat_map(
            _late(slots), f"{NAMES[clock]}: how many became late, by arrival", unit="clocks", low_is_good=True
        )
        shares = f"{NAMES[clock]}: what share became late, by arrival (cells with {FEW} or more)"
        yield heat_map(_share(slots), shares, unit="% late", low_is_good=True)


def _size(group: Group) -> int:
    return len(group.done) + len(group.still_open)


def _late(slots: Mapping[Slot, Mapping[str, int]]) -> dict[Slot, float | None]:
    return {slot: float(states["breached"]) for slot, states in slots.items()}


def _share(slots: Mapping[Slot, Mapping[str, int]]) -> dict[Slot, float | None]:
    tallies = {slot: Tally(met=states["met"], breached=states["breached"]) for slot, states in slots.items()}
    return {slot: 100 * tally.breached / tally.n if tally.n >= FEW else None for slot, tally in tallies.items()}
