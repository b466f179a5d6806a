"""From the store into the folder: the files of an accepted version arrive there, also where `sla apply` was killed.

Accepting a version and exchanging the files cannot be one step. The version is accepted first, with a note of what the
folder held; so whoever reads the folder next knows whether it still holds that because the apply was cut short, or
because a person put it back. In the first case the files are exchanged from the store, or where nothing can be written
the store's rules go on. Called by whoever holds the folder (`folderlock`).
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from commsd.core.policy import Version
from commsd.errors import Refused, TryAgain
from commsd.sla.rules.folderlock import PATIENCE, held
from commsd.sla.rules.in_force import Rules
from commsd.sla.rules.rulefolder import Exchange, cut, leftovers, print_of, restore, sweep, texts_in
from commsd.store.versions import HandOver, Stored
from commsd.world import World

log = structlog.get_logger()


class Finished(NamedTuple):
    """An apply that had been cut short. why_not: why its files could not be put into the folder; "": they are there."""

    version: Stored
    why_not: str = ""


def owed_to(place: Path, exchange: Exchange) -> HandOver:
    """What to note down with the version whose files this exchange is about to put in place."""
    return HandOver(place=str(exchange.place), ready=exchange.ready, held=print_of(texts_in(place)))


async def finish(rules: Rules, place: Path) -> Finished | None:
    """Put the folder right where an apply was cut short, and remove what such left behind; None where all is well.

    A folder that somebody changed since is left to what is made of it.
    """
    owed = await rules.hand_over()
    if owed is None or not any(path.name == owed[1].ready for path in leftovers(place)):
        if owed and _arrived(place, *owed):
            await rules.handed_over(owed[1])
        if not _restored(place):
            sweep(place)
        return None
    version, to = owed
    finished = None
    if not _restored(place) and print_of(texts_in(place)) == to.held:
        finished = Finished(version, _exchanged(place, version.files))
    elif print_of(texts_in(cut(place) or place)) == to.held:
        finished = Finished(version, "the former folder cannot be put back")
    if finished and finished.why_not:
        log.warning("rules.not_handed_over", serial=version.number, why=finished.why_not, remedy=remedy_of(version))
        return finished
    await rules.handed_over(to)
    sweep(place)
    if finished:
        log.warning("rules.handed_over", serial=version.number)
    return finished


def remedy_of(version: Stored) -> str:
    """What a person does where the files of a version cannot be written."""
    return f"as a user who may write there: commsd sla export {version.number} DIR, then commsd sla apply DIR"


async def take_folder(
    rules: Rules,
    place: Path,
    candidate: Version,
    files: Mapping[str, str],
    now: datetime,
    node: str,
    world: World,
    patience: float = PATIENCE,
) -> Stored | None:
    """What a daemon does with the files it has read from a folder: `Rules.take_files`, once the folder is whole.

    Raises TryAgain where the folder holds others by now, Busy where another brings rules into it.
    """
    async with held(place, world, patience):
        await rules.load()
        if texts_in(cut(place) or place) != files:
            raise TryAgain("the files of the rules changed while they were read", remedy="read them again")
        finished = await finish(rules, place)
        if finished is None:
            return await rules.take_files(candidate, files, now, node)
        if not finished.why_not:
            await rules.remember(node, finished.version.version)
        return None


def _arrived(place: Path, version: Stored, to: HandOver) -> bool:
    """Whether nothing was left to do but to say so."""
    return to.place == os.path.realpath(place) and texts_in(place) == version.files


def _restored(place: Path) -> str:
    """Why the former folder cannot be put back, "" where it is, or stands."""
    try:
        restore(place)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""


def _exchanged(place: Path, files: Mapping[str, str]) -> str:
    """Why the files cannot be put in place, "" where they are."""
    try:
        exchange = Exchange(place, files)
        try:
            exchange.swap()
        finally:
            exchange.drop()
    except (Refused, OSError) as error:
        return error.what if isinstance(error, Refused) else error.strerror or type(error).__name__
    return ""
