"""Did it go out after all: a message of ours looked for in the account's own Sent folder. mail.md D4.

Some providers file there what is handed in over SMTP. Found, it was sent; not found, or not reachable, tells nothing.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog

from commsd.channels.mail.folder import sent_folder
from commsd.channels.mail.mime import read_fields, split_message
from commsd.channels.mail.session import Session
from commsd.errors import CommsdError

log = structlog.get_logger()

PATIENCE = 45.0
"""Seconds for all of it: the claim under which we look has to last for the sending, too."""


class SentCopies:
    """The Sent folder of one account. named: folders to look in where the server marks none."""

    def __init__(
        self, mailbox: str, session: Callable[[], AbstractAsyncContextManager[Session]], named: tuple[str, ...] = ()
    ) -> None:
        """session: lends a connection of the account."""
        self._mailbox, self._session = mailbox, session
        self._named = tuple(name for name in named if name != "auto")

    async def has(self, raw: bytes) -> bool:
        """Whether a message with the Message-ID of these bytes lies there. False also where nobody can tell."""
        message_id = message_id_of(raw)
        if not message_id:
            return False
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._found(message_id)
        except (CommsdError, OSError, TimeoutError) as error:
            log.info("sent.not_searched", mailbox=self._mailbox, error=type(error).__name__)
            return False

    async def _found(self, message_id: str) -> bool:
        async with self._session() as session:
            folder = sent_folder(await session.folders()) or next(iter(self._named), None)
            if folder is None:
                return False
            await session.examine(folder)
            return bool(await session.uids_of(message_id))


def message_id_of(raw: bytes) -> str:
    """Its Message-ID without angle brackets, "" without one."""
    return next(iter(read_fields(split_message(raw)[0]).get("message-id", ())), "").strip().strip("<>")
