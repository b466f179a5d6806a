"""Whose folder a checkpoint is about: a mailbox renamed goes on where it was, a name for another account begins anew.

The past of an account is never acknowledged because another name, or another account, was read before.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum, auto
from functools import partial

import structlog

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.reading import Reading
from commsd.errors import Elsewhere
from commsd.store import enrolment
from commsd.store.claims import Claims, Progress
from commsd.store.enrolment import Enrolled
from commsd.store.log import Log

log = structlog.get_logger()

LEASE = timedelta(seconds=90)


class Same(Enum):
    """yes; moved: the same mailbox at another host, whose UIDs mean nothing yet; no."""

    YES = auto()
    MOVED = auto()
    NO = auto()


def account_of(mailbox: Mailbox, reading: Reading) -> tuple[str, ...]:
    """Host, user name, folder and address of what is read; the folder "" where the reading finds it itself."""
    username = mailbox.imap.username or mailbox.address
    return mailbox.imap.host.lower(), username, "" if reading.lists else mailbox.folder, mailbox.address


def compared(before: tuple[str, ...], now: tuple[str, ...]) -> Same:
    """Whether two accounts are one. Where the host is another, a bare user name may be another's: the address tells."""
    host_before, user_before, folder_before, address_before = before
    host, user, folder, address = now
    if folder_before != folder or not _same_user(user_before, user):
        return Same.NO
    if host_before == host:
        return Same.YES
    full = "@" in user and user_before.lower() == user.lower()
    return Same.MOVED if full or address_before.lower() == address.lower() else Same.NO


def _same_user(before: str, now: str) -> bool:
    """Some servers take the part before the @ for the whole."""
    before, now = before.lower(), now.lower()
    return before == now or now.partition("@")[:2] == (before, "@") or before.partition("@")[:2] == (now, "@")


class Enrolment:
    """That of one folder. configured: every mailbox by its name; None takes nothing over."""

    def __init__(
        self,
        duty: str,
        mailbox: Mailbox,
        reading: Reading,
        configured: Mapping[str, Mailbox] | None,
        store: Log,
        claims: Claims,
    ) -> None:
        self._duty, self._name, self._reading = duty, mailbox.name, reading
        self._place = f"{mailbox.name}/{reading.word}"
        self.account = account_of(mailbox, reading)
        self._configured, self._log, self._claims = configured, store, claims

    async def progress(self) -> Progress | None:
        """How far this account's folder is decided, whatever it was called; None where it is new to us."""
        known = await self._claims.progress(self._place)
        if known and self.same(known) is Same.NO:
            log.warning("mailbox.other_account", duty=self._duty, remedy="nothing, if the name is meant to be another")
            await self._park(known)
            known = None
        return known or await self._former()

    def same(self, known: Progress) -> Same:
        """Whether this checkpoint is about the account. One of an older version does not say, and is believed."""
        return compared(known.checkpoint.account, self.account) if known.checkpoint.account else Same.YES

    async def _park(self, known: Progress) -> None:
        """Out of the way, and found again should the name be a mistake. No mailbox can be called so."""
        digest = enrolment.digest(known.checkpoint.account)
        parked = f"~{digest}/{self._reading.word}"
        await self._log.writer.write(partial(enrolment.rename, old=self._place, new=parked))

    async def _former(self) -> Progress | None:
        if self._configured is None:
            return None
        known = await self._log.read(partial(enrolment.enrolled, word=self._reading.word))
        found = [each for each in known if self._is_free(each) and compared(each.account, self.account) is not Same.NO]
        if not found:
            return None
        former = min(found, key=lambda each: compared(each.account, self.account) is Same.MOVED)
        if await self._claims.lease(former.place, LEASE) is None:
            raise Elsewhere(f"another node watches {former.place}", remedy="give all nodes the same configuration")
        await self._log.writer.write(partial(enrolment.rename, old=former.place, new=self._place))
        await self._claims.give_back(former.place)
        name, owed = former.place.partition("/")[0], 0
        if name not in self._configured:
            owed = await self._log.writer.write(partial(enrolment.hand_over, old=name, new=self._name))
        log.info("mailbox.renamed", duty=self._duty, place=former.place, owed=owed)
        return await self._claims.progress(self._place)

    def _is_free(self, known: Enrolled) -> bool:
        """Whether no mailbox goes on with this checkpoint under its own name."""
        owner = (self._configured or {}).get(known.place.partition("/")[0])
        return owner is None or compared(known.account, account_of(owner, self._reading)) is Same.NO
