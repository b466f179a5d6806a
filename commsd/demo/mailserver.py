"""A real IMAP server inside the process, so that the demo and the tests watch mailboxes without an outside machine.

It is pymap with its mailboxes in memory: IDLE, UIDPLUS, MOVE and keywords work; CONDSTORE, QRESYNC, SPECIAL-USE and TLS
are not there. Mail arrives by `deliver` (an append that wakes whoever idles), not by SMTP. Nothing outlives the
process: after a restart every folder is empty and has another UIDVALIDITY.
"""

import asyncio
import socket
from argparse import Namespace
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import DictBackend, Identity
from pymap.backend.dict.mailbox import MailboxData
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import FetchRequirement
from pymap.parsing.specials.flag import Flag
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import BuiltinHash

SENT = "Sent"
_NOBODY = "postmaster"  # pymap insists on one user of its own; nothing is delivered to it
_CLOSING_SECONDS = 2.0


class MailServer:
    """An IMAP server on loopback for as long as the `async with` lasts; every user has INBOX and Sent.

    users: name -> password, as `add_user` would take them. `port` is chosen by the system unless given.
    """

    host = "127.0.0.1"

    def __init__(self, users: Mapping[str, str] | None = None, *, port: int = 0) -> None:
        self.port = port
        self._users = dict(users or {})
        self._connections: set[asyncio.StreamWriter] = set()
        self._sessions: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        args = Namespace(
            host=self.host,
            port=self.port,
            debug=False,
            cert=None,
            key=None,
            tls=False,
            passlib_cfg=None,
            proxy_protocol="noop",
            inherited_sockets=None,
            demo_data=False,
            demo_user=_NOBODY,
            demo_password=_NOBODY,
        )
        # pymap's default of 500,000 rounds would hold the event loop at every login
        self._backend, self._config = await DictBackend.init(args, hash_context=BuiltinHash(rounds=1000))
        self._imap = IMAPServer(self._backend.login, self._config)
        for name, password in self._users.items():
            await self.add_user(name, password)
        listener = socket.create_server((self.host, self.port))
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._connected, sock=listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self.cut()
        async with asyncio.timeout(_CLOSING_SECONDS):
            await self._server.wait_closed()

    async def add_user(self, name: str, password: str) -> None:
        """Lets `name` log in, with an empty INBOX and an empty Sent. A known name gets the new password."""
        hashed = await Passwords(self._config).hash_password(password)
        self._backend.login.users_dict[name] = UserMetadata(self._config, name, password=hashed)
        await self._mailbox(name, SENT)

    async def deliver(
        self, user: str, raw: bytes, folder: str = "INBOX", *, at: datetime, flags: tuple[str, ...] = ()
    ) -> int:
        """The UID of the new message. `at` becomes INTERNALDATE; a folder that is missing is made. Wakes IDLE."""
        mailbox = await self._mailbox(user, folder)
        marks = frozenset(Flag(flag.encode("ascii")) for flag in flags)
        return (await mailbox.append(AppendMessage(raw, at, marks), recent=True)).uid

    async def messages(self, user: str, folder: str = "INBOX") -> tuple[bytes, ...]:
        """What lies in the folder, byte for byte, oldest first; for looking at what a client appended."""
        mailbox = await self._mailbox(user, folder)
        everything = FetchRequirement.CONTENT
        return tuple([bytes(await message.load_content(everything)) async for message in mailbox.messages()])

    async def cut(self) -> None:
        """Breaks every connection without a word, as a failing network does. The server stays up."""
        for writer in tuple(self._connections):
            writer.transport.abort()
        sessions = tuple(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def _mailbox(self, user: str, folder: str) -> MailboxData:
        async with Identity(user, self._backend.login, None, frozenset()).new_session() as session:
            folders = session.mailbox_set
        if (await folders.list_mailboxes()).get(folder) is None:
            await folders.add_mailbox(folder)
        return await folders.get_mailbox(folder)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        self._connections.add(writer)
        if session is not None:
            self._sessions.add(session)
        try:
            await self._imap(reader, writer, SocketInfo.get(writer, None))
        finally:
            self._connections.discard(writer)
            if session is not None:
                self._sessions.discard(session)
