"""A mailbox without servers: mail is decided as the watch decides it, on a real store; the page behind links."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from commsd.channels.channel import Means
from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.customer_links import CustomerLinks
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.message import decode
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.core import key
from commsd.core.agent import Agent, People
from commsd.core.change import Change
from commsd.core.firm import Firm
from commsd.core.open_items import OpenItems, Terms
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.journal import Journal
from commsd.store.log import Log
from commsd.telemetry import Metrics
from commsd.web.pages import static_routes
from commsd.web.pulse import Pulse
from commsd.web.server import Listener, application, bind
from commsd.web.watch import Health
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld

KEY = b"a key of thirty-two random bytes"
PEOPLE = People(
    agents={
        "anna": Agent(id="anna", name="Anna Berg", mail=("anna@example.com",), phone="+493023125011"),
        "bo": Agent(id="bo", name="Bo Lind", mail=("bo@example.com",), phone="+493023125012"),
    }
)
SERVER = Server(host="127.0.0.1", port=143, tls=Tls.NONE)
BOX = Mailbox(
    name="support",
    address="support@example.com",
    imap=SERVER,
    smtp=SERVER,
    person="anna",
    line="hotline",
    authserv_ids=("mx.example.com",),
)
FIRM = Firm(name="Example Ltd", timezone="Europe/Berlin", people=PEOPLE, country="DE-BE")
DESK = Desk(
    mailbox=BOX,
    firm=FIRM,
    us=Us(addresses=frozenset({"support@example.com"}), key=KEY, authserv_ids=frozenset({"mx.example.com"})),
    texts=load_texts(),
    key=KEY,
)


def mail(
    text: str,
    *,
    sender: str = "Jane Clarke <jane@example.org>",
    subject: str = "Delivery of order 2041",
    **headers: str,
) -> bytes:
    made = EmailMessage(policy=policy.SMTP)
    made["From"], made["To"], made["Subject"] = sender, "support@example.com", subject
    made["Message-ID"] = headers.pop("message_id", f"<{abs(hash((text, sender, subject)))}@example.org>")
    made["Date"] = headers.pop("date", "Wed, 04 Mar 2026 10:00:00 +0100")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


@dataclass
class Office:
    """One mailbox and its log."""

    log: Log
    world: ScriptedWorld
    desk: Desk = field(default_factory=lambda: DESK)
    uid: int = 0

    async def write(self, raw: bytes, *, came: datetime | None = None, terms: Terms = TERMS) -> Change:
        """The mail is decided now. came: when it reached the folder; now by default."""
        self.uid += 1
        message = decode(raw, folder_date=came or self.world.now)
        arrival = Arrival(message=message, place="support/INBOX", uid=self.uid)
        return await self.log.decide(
            keys_of(arrival, self.desk), lambda items: intake(arrival, items, self.desk, terms)
        )

    async def items(self, case_id: str) -> OpenItems:
        return await items_of(self.log, key.of_case(case_id))

    def at_public(self, url: str) -> None:
        """Customers reach pages of ours under this address."""
        self.desk = replace(self.desk, firm=replace(self.desk.firm, public_url=url))


def ack_text(change: Change) -> str:
    """What the customer reads."""
    (owed,) = change.deliveries
    read = BytesParser(policy=policy.default).parsebytes(owed.payload)
    part = read.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


@asynccontextmanager
async def page_served(office: Office) -> AsyncIterator[str]:
    """The page behind customers' links on a real socket; its address."""
    world = office.world.world
    rules = Rules(office.log)
    await rules.bring_in(TERMS.versions[0], {}, office.world.now)
    means = Means(
        folder=Path("."),
        firm=office.desk.firm,
        rules=rules,
        log=office.log,
        claims=Claims(office.log, world, "test"),
        journal=Journal(office.log),
        world=world,
        pulse=Pulse(Metrics(), world),
        key=KEY,
    )
    routes = [*CustomerLinks({"support": office.desk}, means).routes(), *static_routes()]
    health = Health(started=True)
    listener = Listener("public", application(routes, health), bind("127.0.0.1", 0), world)
    serving = asyncio.ensure_future(listener.run())
    try:
        while not await listener.once():
            await asyncio.wait({serving}, timeout=0.01)
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        health.draining.set()
        await listener.drain()
        await serving
