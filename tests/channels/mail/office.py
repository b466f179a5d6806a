"""An office to test with: Jane writes to support, Anna answers; every folder is read by the decision of its reading."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from commsd.channels.mail.account import Mailbox, MailboxRole, Server, Tls
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import decode
from commsd.channels.mail.reading import INBOX, LOG, SENT, Reading, done_in
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.core.agent import Agent, People
from commsd.core.case import CaseFile
from commsd.core.change import Change
from commsd.core.clock import State
from commsd.core.firm import Firm
from commsd.core.interaction import Interaction
from commsd.core.key import of_addresses
from commsd.store import schema
from commsd.store.log import Log
from commsd.store.open_items import records
from tests.channels.mail.written import mail
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld

KEY = b"k" * 32
JANE, JOHN, ANNA = "jane@customer.test", "john@other.test", "anna@commsd.test"
SERVER = Server(host="127.0.0.1", port=1, tls=Tls.NONE)
PEOPLE = People(
    agents={
        "anna": Agent(id="anna", name="Anna Berg", mail=(ANNA, "anna.berg@freelance.test")),
        "bo": Agent(id="bo", name="Bo Lind", mail=("bo@commsd.test",)),
    }
)
DESK = Desk(
    mailbox=Mailbox(name="support", address="support@commsd.test", imap=SERVER, smtp=SERVER, person="anna"),
    firm=Firm(name="Example Ltd", timezone="Europe/Berlin", people=PEOPLE),
    us=Us(
        addresses=frozenset({"support@commsd.test", "log@commsd.test"}),
        people=frozenset(address.lower() for address in PEOPLE.addresses),
        internal_domains=frozenset({"inside.test"}),
        key=KEY,
    ),
    texts=load_texts(),
    key=KEY,
)
LOG_DESK = replace(
    DESK, mailbox=Mailbox(name="log", address="log@commsd.test", imap=SERVER, smtp=None, role=MailboxRole.LOG)
)


@dataclass
class Office:
    """A log with an hour between two mails."""

    log: Log
    world: ScriptedWorld
    desk: Desk = DESK
    enrolled_at: datetime | None = None
    _ids: Any = field(default_factory=lambda: count(1))

    async def came(self, **fields: Any) -> Interaction:
        """A mail of Jane's to support, as `written.mail` makes it."""
        return (await self.read(INBOX, self.desk, **fields)).interactions[0]

    async def sent(self, *extra: str, **fields: Any) -> Change:
        """A mail of Anna's in her Sent folder; to Jane unless said otherwise."""
        return await self.read(SENT, self.desk, *extra, **self._by_anna(fields))

    async def logged(self, *extra: str, **fields: Any) -> Change:
        """A mail in the log mailbox; of Anna's unless said otherwise."""
        return await self.read(LOG, LOG_DESK, *extra, **self._by_anna(fields))

    async def moved_to_done(self, *extra: str, **fields: Any) -> Change:
        """A mail that lies in Done now."""
        return await self.read(done_in("Done"), self.desk, *extra, **fields)

    async def read(self, reading: Reading, desk: Desk, *extra: str, **fields: Any) -> Change:
        self.world.advance(timedelta(hours=1))
        number = next(self._ids)
        fields.setdefault("message_id", f"<{number}@made.test>")
        return await self.take(reading, desk, mail(*extra, **fields), number)

    async def take(self, reading: Reading, desk: Desk, raw: bytes, uid: int = 1) -> Change:
        """These bytes, decided as they lie in a folder."""
        message = decode(raw, folder_date=self.world.now)
        arrival = Arrival(message=message, place=f"{desk.mailbox.name}/{reading.word}", uid=uid)
        arrival = replace(arrival, enrolled_at=self.enrolled_at)
        return await self.log.decide(
            reading.keys(arrival, desk), lambda items: reading.decide(arrival, items, desk, TERMS)
        )

    def _by_anna(self, fields: dict[str, Any]) -> dict[str, Any]:
        given = {"from_": f"Anna Berg <{ANNA}>", "to": f"Jane Clarke <{JANE}>", "without": ("Return-Path",)}
        return {**given, "date": "Tue, 10 Mar 2026 12:00:00 +0100", "subject": "Re: Delivery of order 2041", **fields}

    async def files(self, *addresses: str) -> list[CaseFile]:
        """The cases of these people, the oldest first."""
        found = (await items_of(self.log, *of_addresses(*(addresses or (JANE,))))).files.values()
        return sorted(found, key=lambda file: file.case.id)

    async def file(self, address: str = JANE) -> CaseFile:
        (only,) = await self.files(address)
        return only

    async def waits(self, address: str = JANE) -> bool:
        """Whether a clock runs that a person's answer stops."""
        files = await self.files(address)
        return any(
            record.value.state is State.RUNNING and record.value.clock.value.endswith("_response")
            for file in files
            for record in file.clocks
        )

    async def interactions(self) -> list[Interaction]:
        """Everything in the log, in its order."""
        table = schema.interactions
        found = await self.log.read(lambda c: records(c, Interaction, table, table.c.current))
        return sorted(found, key=lambda known: known.id)
