"""A house that owes acknowledgements and has no IMAP: letters go in as the watch would hand them in."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from sqlalchemy import select

from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.first_to import by_address
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.message import decode
from commsd.channels.mail.send import PLACES, Send
from commsd.channels.mail.submission import Patience, Submission
from commsd.channels.mail.submission import Server as Submitted
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.core.change import Change
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, Interaction
from commsd.core.ledger import Debt, debts
from commsd.demo.smtp import SmtpSink
from commsd.sla.rules.in_force import Rules
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.debts import books
from commsd.store.log import Log
from commsd.store.open_items import records
from commsd.store.rows import delivery_of
from commsd.telemetry import Metrics
from commsd.web.pulse import Pulse
from tests.house import TERMS
from tests.world import ScriptedWorld

KEY = b"k" * 32
HASTE = Patience(opening=5, envelope=5, answer=1.0, grace=1.0)


def letter(number: int = 1, *, to: str = "support@commsd.test", cc: str = "", **headers: str) -> bytes:
    """A customer's mail; each number is another customer with another matter."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = headers.pop("sender", f"Customer {number} <customer-{number}@example.org>")
    mail["To"], mail["Subject"] = to, headers.pop("subject", f"Order {number} has not arrived")
    if cc:
        mail["Cc"] = cc
    mail["Message-ID"] = headers.pop("message_id", f"<mail-{number}@example.org>")
    mail["Date"] = headers.pop("date", "Wed, 04 Mar 2026 09:00:00 +0000")
    text = headers.pop("text", f"Good morning, could you please tell me where my order {number} is? Thank you.\n")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def failure(ack: str, action: str = "failed", **headers: str) -> bytes:
    """What a server reports of one of our acknowledgements to customer 1. ack: its Message-ID."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"] = "Mail Delivery System <MAILER-DAEMON@example.org>", "support@commsd.test"
    mail["Subject"] = headers.pop("subject", "Undelivered Mail Returned to Sender")
    mail["Message-ID"] = headers.pop("message_id", f"<dsn.{action}@example.org>")
    mail["Date"] = "Wed, 04 Mar 2026 09:00:05 +0000"
    mail["Return-Path"] = "<>"
    mail.set_type("multipart/report")
    mail.set_param("report-type", "delivery-status")
    about = f"Final-Recipient: rfc822; customer-1@example.org\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
    status = f"Reporting-MTA: dns; mx\r\n\r\n{about}"
    head = f"From: support@commsd.test\r\nMessage-ID: <{ack}>\r\nSubject: x\r\n\r\n"
    body = "\r\n".join(
        (
            "--b1",
            "Content-Type: text/plain\r\n\r\nIt did not arrive.",
            f"--b1\r\nContent-Type: message/delivery-status\r\n\r\n{status}",
            f"--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n{head}",
            "--b1--\r\n",
        )
    )
    lines = [f"{name}: {value}" for name, value in mail.items() if name.lower() != "content-type"]
    lines.append('Content-Type: multipart/report; report-type=delivery-status; boundary="b1"')
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


async def ack_of(house: "Owing") -> str:
    """The Message-ID of the first acknowledgement."""
    ack = next(owed for owed in await house.deliveries() if owed.kind is DeliveryKind.ACK)
    message = BytesParser(policy=policy.default).parsebytes(ack.payload)
    return str(message["Message-ID"]).strip("<>")


def mailbox(name: str = "support", **more: Any) -> Mailbox:
    """A mailbox of that name at commsd.test."""
    server = Server(host="127.0.0.1", port=1, tls=Tls.NONE)
    return Mailbox(name=name, address=f"{name}@commsd.test", imap=server, smtp=server, **more)


def desks(*mailboxes: Mailbox) -> dict[str, Desk]:
    """The desks of one house, each knowing the others."""
    us = Us(addresses=frozenset(box.address for box in mailboxes), key=KEY)
    firm, texts = Firm(name="Example Ltd", timezone="Europe/Berlin"), load_texts()
    others: dict[str, Desk] = {}
    made = [Desk(mailbox=box, firm=firm, us=us, texts=texts, key=KEY, others=others) for box in mailboxes]
    others.update(by_address(made))
    return {desk.mailbox.name: desk for desk in made}


def submission(sink: SmtpSink | int, *, patience: Patience | None = None, **server: Any) -> Submission:
    """As the channel makes it."""
    port = sink if isinstance(sink, int) else sink.port
    if isinstance(password := server.get("password"), str):
        server["password"] = lambda: password
    there = Submitted(host="127.0.0.1", port=port, **{"tls": "none", **server})
    return Submission(there, size=PLACES, patience=patience)


@dataclass
class Owing:
    """A store, the time, and the desks of a house."""

    log: Log
    world: ScriptedWorld
    desks: dict[str, Desk]
    owner: str = "node/1"
    claims: Claims = field(init=False)
    rules: Rules = field(init=False)
    metrics: Metrics = field(default_factory=Metrics)
    _uid: int = 0

    def __post_init__(self) -> None:
        self.claims = Claims(self.log, self.world.world, self.owner)
        self.rules = Rules(self.log)

    async def arrives(self, raw: bytes, at: str = "support", received: datetime | None = None) -> Change:
        """A mail in the inbox of this mailbox, decided."""
        self._uid += 1
        message = decode(raw, folder_date=received or self.world.now)
        arrival, desk = Arrival(message=message, place=f"{at}/watch", uid=self._uid), self.desks[at]
        return await self.log.decide(keys_of(arrival, desk), lambda items: intake(arrival, items, desk, TERMS))

    def send(self, server: Submission, via: str = "support", **more: Any) -> Send:
        """The duty."""
        pulse = Pulse(self.metrics, self.world.world)
        return Send(via, server, self.log, self.claims, self.rules, self.world.world, pulse, **more)

    async def turns(self, send: Send, *, hours: float = 6, step: timedelta = timedelta(seconds=5)) -> None:
        """Turns of the duty at each due time until so many hours are over or nothing is owed."""
        end = self.world.now + timedelta(hours=hours)
        while self.world.now < end:
            while await send.once():
                pass
            due = await self.claims.next_due(("support",))
            if due is None:
                return
            self.world.now = max(due, self.world.now + step)

    async def deliveries(self) -> list[Delivery]:
        """All of them, oldest first."""
        statement = select(schema.deliveries).order_by(schema.deliveries.c.id)
        rows = await self.log.read(lambda connection: connection.execute(statement).all())
        return [delivery_of(row) for row in rows]

    async def owed(self) -> Delivery:
        """The one delivery there is."""
        (only,) = await self.deliveries()
        return only

    async def interactions(self, kind: str) -> Sequence[Interaction]:
        """Those of one kind, as of now."""
        table = schema.interactions
        found = await self.log.read(lambda c: records(c, Interaction, table, table.c.current, table.c.kind == kind))
        return sorted(found, key=lambda known: known.id)

    async def ledger(self) -> list[Debt]:
        """What is wrong, and acknowledgements that are owed."""
        now = self.world.now
        found = debts(await self.log.read(lambda connection: books(connection, now)), now)
        return [debt for debt in found if debt.kind.value.startswith(("ack", "two", "writing"))]

    def another(self, owner: str, log: Log) -> "Owing":
        """The same house in another process."""
        return replace(self, owner=owner, log=log)


async def owing(log: Log, world: ScriptedWorld, *mailboxes: Mailbox) -> Owing:
    """A house with these mailboxes, else with one."""
    house = Owing(log, world, desks(*(mailboxes or (mailbox(),))))
    await house.rules.bring_in(TERMS.versions[0], {}, world.now)
    return house
