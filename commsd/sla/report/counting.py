"""Reads the clocks of a window part by part and folds them into a report.

Two ways in: through the log, so that mail goes on between two parts, and on a store of one's own for a command.
"""

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from commsd.core.answer_level import Goal, level_of
from commsd.core.policy import Version
from commsd.sla.report.report import Fold, Report, Window
from commsd.sla.report.text import Levels
from commsd.store import attainment
from commsd.store.attainment import Place
from commsd.store.call_levels import rung
from commsd.store.log import Log
from commsd.store.reading import Reading


class Counting:
    """A report in the making. Each call of `part` reads on where the one before ended."""

    def __init__(self, window: Window, versions: Sequence[Version], zone: ZoneInfo) -> None:
        self._folding, self._window = Fold(window, versions, zone), window
        self._place: Place | None = None
        self.read = 0

    def part(self, connection: Connection) -> bool:
        """Count some more clocks; says whether there are others."""
        since, until = self._folding.since, self._window.until
        rows, self._place = attainment.clocks(connection, since, until, self._place)
        for row in rows:
            self._folding.add(row)
        self.read += len(rows)
        return self._place is not None

    def rest(self, connection: Connection) -> Report:
        """Count what people did; gives the report."""
        for act in attainment.acts(connection, self._window.since, self._window.until):
            self._folding.did(act)
        return self._folding.done()


async def counted(log: Log, counting: Counting) -> Report:
    """The report, read between other work. Raises Unreachable."""
    while await log.read(counting.part):
        pass
    return await log.read(counting.rest)


def levels(connection: Connection, goals: Mapping[str, Goal], window: Window) -> Levels:
    """What came of the calls of each line that aims at a service level."""
    return {
        line: (goal, level_of(rung(connection, line, window.since, window.until), goal.within))
        for line, goal in goals.items()
    }


def counted_alone(store: Reading, counting: Counting, tell: Callable[[int], None]) -> Report:
    """The report, read in one go. tell: gets the number of clocks read so far. Raises Unreachable."""
    more = True
    while more:
        more = store.read(counting.part)
        tell(counting.read)
    return store.read(counting.rest)
