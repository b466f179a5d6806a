"""Reads the clocks of a window part by part and folds them into a report, while the mail goes on."""

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from commsd.core.policy import Version
from commsd.sla.report import Fold, Report, Window
from commsd.store import attainment
from commsd.store.attainment import Place
from commsd.store.log import Log


async def counted(
    log: Log,
    window: Window,
    versions: Sequence[Version],
    zone: ZoneInfo,
    tell: Callable[[int], None] = lambda number: None,
) -> Report:
    """The report of a window. tell: gets the number of clocks read so far. Raises Unreachable."""
    folding, read = Fold(window, versions, zone), 0
    place: Place | None = None

    def part(connection: Connection) -> int:
        nonlocal place
        rows, place = attainment.clocks(connection, folding.since, window.until, place)
        for row in rows:
            folding.add(row)
        return len(rows)

    while number := await log.read(part):
        read += number
        tell(read)
        if place is None:
            break
    for act in await log.read(lambda connection: attainment.acts(connection, window.since, window.until)):
        folding.did(act)
    return folding.done()
