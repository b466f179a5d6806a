"""A report by weekday and hour as a grid of a terminal's width: when what arrived was answered in time. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping

from commsd.core.measure import Tally
from commsd.sla.report import wording
from commsd.sla.report.chart import DAYS
from commsd.sla.report.report import Report, Slot

ABOUT_WEEK = (
    "Of the clocks that began on that day in that hour: how many per cent were in time, rounded down; where fewer than "
    "ten are decided, how many of how many, such as 3/4."
)
FEW = 10
"""Below this many verdicts a share says nothing."""

_WIDTH = 4
_ALL = "all"


def week_of(report: Report) -> Iterator[tuple[str, tuple[str, ...]]]:
    """For each clock its name and the lines of its grid: a day a line, an hour a column, sums at both ends."""
    in_order = list(wording.CLOCKS)
    for clock in sorted(report.slots, key=lambda kind: (in_order.index(kind) if kind in in_order else 99, kind)):
        yield wording.clock(clock), tuple(_lines(report.slots[clock]))


def _lines(slots: Mapping[Slot, Counter[str]]) -> Iterator[str]:
    hours = sorted({hour for _, hour in slots})
    shown = range(hours[0], hours[-1] + 1)
    yield _line("", [str(hour) for hour in shown], _ALL)
    for day, name in enumerate(DAYS):
        cells = [_cell(slots.get((day, hour), Counter())) for hour in shown]
        yield _line(name, cells, _cell(_sum(slots, day=day)))
    yield _line(_ALL, [_cell(_sum(slots, hour=hour)) for hour in shown], _cell(_sum(slots)))


def _line(name: str, cells: list[str], whole: str) -> str:
    return (name.ljust(_WIDTH) + "".join(cell.rjust(_WIDTH) for cell in cells) + whole.rjust(_WIDTH + 2)).rstrip()


def _sum(slots: Mapping[Slot, Counter[str]], *, day: int | None = None, hour: int | None = None) -> Counter[str]:
    found: Counter[str] = Counter()
    for (its_day, its_hour), states in slots.items():
        if day in (None, its_day) and hour in (None, its_hour):
            found.update(states)
    return found


def _cell(states: Counter[str]) -> str:
    tally = Tally(met=states["met"], breached=states["breached"])
    if not tally.n:
        return "."
    return f"{tally.met}/{tally.n}" if tally.n < FEW else f"{100 * tally.met // tally.n}"
