"""Duty: each acknowledgement on paper becomes a file in `print/`, and the mailbox's person is told that it waits.

The page was finished when the letter was decided; here it is only written. A file goes when its letter was posted, so
that the folder is the list of what waits. Killed between file and commit, the same file is written once more.
"""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.paper import VIA
from commsd.channels.mail.paper_notice import notices, waiting
from commsd.core import key
from commsd.core.change import Change, Fence
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.duty import work
from commsd.errors import LeaseLost
from commsd.sla.notice.post import Post
from commsd.store import letters
from commsd.store.claims import Claims
from commsd.store.letters import PRINTED
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

FOLDER = "print"
NET = 30.0
"""Seconds after which we look although nobody told us of a letter."""

LEASE = timedelta(seconds=90)
AT_ONCE = 100
"""Letters in one decision and one notice."""

_OURS = re.compile(r"\d{4}-\d{2}-\d{2}-([0-9a-f-]{36})\.html")


class Print:
    """Keep `print/` as the letters are. On several nodes one of them does it; a letter lies with whoever wrote it."""

    name = "mail.print"

    def __init__(
        self,
        folder: Path,
        mailboxes: Mapping[str, Mailbox],
        firm: Firm,
        post: Post | None,
        log: Log,
        claims: Claims,
        world: World,
    ) -> None:
        self._folder, self._mailboxes, self._firm, self._post = folder, mailboxes, firm, post
        self._log, self._claims, self._world = log, claims, world
        self._wake = asyncio.Event()
        self._looked = False
        log.listen(self._hear)

    async def run(self) -> None:
        await work(self, self._wake, NET)

    def _hear(self, change: Change) -> None:
        if any(owed.via == VIA for owed in change.deliveries):
            self._wake.set()

    async def once(self) -> bool:
        """Write what is new, take away what was posted; says whether anything was new."""
        open_ones = await self._log.read(letters.waiting)
        names = {file_name(letter): letter for letter in open_ones}
        new = [letter for letter in open_ones if letter.status_raw != PRINTED][:AT_ONCE]
        lost = [] if self._looked else await asyncio.to_thread(_missing, self._folder, open_ones)
        fence = await self._claims.lease(self.name, LEASE) if new or lost else None
        if fence:
            await asyncio.to_thread(_write_all, self._folder, [*lost, *new])
            self._looked = True
        if fence and new:
            try:
                await self._log.decide(
                    [key.of_delivery(letter.id) for letter in new],
                    lambda items: self._told([letter.id for letter in new], items, fence),
                )
            except LeaseLost:
                return False
            log.info("letter.waiting", count=len(new))
        await asyncio.to_thread(tidy, self._folder, frozenset(names))
        return bool(fence and new)

    def _told(self, ids: Sequence[str], items: OpenItems, fence: Fence) -> Change:
        """Each letter marked as printed, and one notice for each mailbox that has some."""
        found = [items.deliveries[each] for each in ids if each in items.deliveries]
        ready = [each for each in found if each.state is DeliveryState.QUEUED and each.status_raw != PRINTED]
        by_mailbox: dict[str, list[Delivery]] = {}
        for each in ready:
            by_mailbox.setdefault(_mailbox_of(each, items), []).append(each)
        told = (
            notices(
                waiting(each, str(self._folder), self._firm), self._mailboxes.get(name), self._firm, self._post, items
            )
            for name, each in by_mailbox.items()
        )
        return Change(
            deliveries=(
                *(replace(each, status_raw=PRINTED) for each in ready),
                *(notice for each in told for notice in each),
            ),
            fence=fence,
        )


def file_name(letter: Delivery) -> str:
    """Of its page: by day and id, and nothing of the customer."""
    return f"{letter.created_at:%Y-%m-%d}-{letter.id}.html"


def file_path(state: Path, letter: Delivery) -> Path:
    """Where its page lies under the state folder."""
    return state / FOLDER / file_name(letter)


def _mailbox_of(letter: Delivery, items: OpenItems) -> str:
    facts = (fact for file in items.files.values() for fact in file.interactions if fact.id == letter.interaction_id)
    return next((fact.mailbox or "" for fact in facts), "")


def _missing(folder: Path, printed: Sequence[Delivery]) -> list[Delivery]:
    """Letters whose page somebody was told of and that is not here: another node wrote it, or the folder was lost."""
    return [each for each in printed if each.status_raw == PRINTED and not (folder / file_name(each)).exists()]


def _write_all(folder: Path, new: Sequence[Delivery]) -> None:
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    for letter in new:
        _write(folder, file_name(letter), letter.payload)
    _sync(folder)


def _write(folder: Path, name: str, page: bytes) -> None:
    """Whole or not at all: beside it first, then in its place."""
    beside = folder / f".{name}"
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o640), "wb") as file:
        file.write(page)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, folder / name)


def _sync(folder: Path) -> None:
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def tidy(folder: Path, wanted: frozenset[str]) -> None:
    """Takes away our files of letters that wait no longer; what else lies there is none of our business."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name.removeprefix(".")) and path.name not in wanted:
            path.unlink(missing_ok=True)
