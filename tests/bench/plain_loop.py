"""What one would write in an afternoon with the same libraries: one mail at a time, each stored before it is answered.

It knows no duplicates, no retry, no loops of machines and no crash. It is what commsd is compared with.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from pathlib import Path
from typing import Any

import aiosmtplib
from aioimaplib import aioimaplib


@dataclass(slots=True)
class PlainLoop:
    """fetched: called before the first fetch. told: called when IDLE says that there is more."""

    imap: tuple[str, int]
    login: tuple[str, str]
    smtp: int
    file: Path
    fetched: Callable[[], None]
    told: Callable[[], None]
    last_uid: int = 0
    acked: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """All that lies in the mailbox, then what comes."""
        store = sqlite3.connect(self.file, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            store.execute(f"PRAGMA {pragma}")
        store.execute("CREATE TABLE ticket (uid INTEGER PRIMARY KEY, sender, subject, text, raw, acked)")
        client: Any = aioimaplib.IMAP4(*self.imap, timeout=30)
        await client.wait_hello_from_server()
        await client.login(*self.login)
        await client.select("INBOX")
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.smtp, use_tls=False, start_tls=False) as sender:
            while True:
                await self._catch_up(client, sender, store)
                idle = await client.idle_start(timeout=30)
                await client.wait_server_push()
                self.told()
                client.idle_done()
                await asyncio.wait_for(idle, 10)

    async def _catch_up(self, client: Any, sender: aiosmtplib.SMTP, store: sqlite3.Connection) -> None:
        answer = await client.uid_search(f"UID {self.last_uid + 1}:*")
        for uid in sorted(int(word) for word in answer.lines[0].split() if int(word) > self.last_uid):
            self.fetched()
            fetched = await client.uid("fetch", str(uid), "(BODY.PEEK[])")
            await self._answer(uid, bytes(fetched.lines[1]), sender, store)
            self.last_uid = uid

    async def _answer(self, uid: int, raw: bytes, sender: aiosmtplib.SMTP, store: sqlite3.Connection) -> None:
        mail = message_from_bytes(raw, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        body = mail.get_body(("plain", "html"))
        text = body.get_content() if body else ""
        store.execute("BEGIN IMMEDIATE")
        store.executemany("UPDATE ticket SET acked = ? WHERE uid = ?", [(time.time(), done) for done in self.acked])
        store.execute(
            "INSERT INTO ticket VALUES (?, ?, ?, ?, ?, NULL)", (uid, str(mail["From"]), str(mail["Subject"]), text, raw)
        )
        store.execute("COMMIT")
        await sender.send_message(_ack(mail), sender="", recipients=[parseaddr(str(mail["From"]))[1]])
        self.acked = [uid]


def _ack(mail: EmailMessage) -> EmailMessage:
    ack = EmailMessage(policy=policy.SMTP)
    ack["From"], ack["To"] = "support@commsd.test", str(mail["From"])
    ack["Subject"] = f"Re: {mail['Subject']}"
    ack["Date"], ack["Message-ID"] = formatdate(), make_msgid(domain="commsd.test")
    ack["In-Reply-To"] = ack["References"] = str(mail["Message-ID"])
    ack["Auto-Submitted"] = "auto-replied"
    ack.set_content(
        "Good day,\n\nthank you for your message. It has reached us, and we will answer it by tomorrow at noon.\n"
        "This confirmation was sent automatically.\n\nKind regards,\nExample Ltd\n"
    )
    return ack
