"""Mailboxes for letters and faxes to test with: a house in Berlin, Anna at the desk."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.letter import ON_PAPER
from commsd.channels.mail.message import Message, decode
from commsd.channels.mail.notice import post_of
from commsd.channels.mail.paper_texts import paper_texts
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.core.agent import Agent, People, Team
from commsd.core.firm import Firm
from commsd.core.interaction import Channel
from tests.channels.mail.written import mail, message

KEY = b"k" * 32
ANNA = Agent(id="anna", name="Anna Berg", mail=("anna@commsd.test",), phone="+493023125011")
BO = Agent(id="bo", name="Bo Lind", mail=("bo@commsd.test",))
FIRM = Firm(
    name="Example Ltd",
    timezone="Europe/Berlin",
    country="DE-BE",
    internal_domains=frozenset({"commsd.test"}),
    people=People(agents={"anna": ANNA, "bo": BO}, teams={"service": Team(id="service", members=("anna", "bo"))}),
)
SERVER = Server(host="127.0.0.1", port=25, tls=Tls.NONE)
TEXTS = load_texts()
SUPPORT = Mailbox(name="support", address="support@commsd.test", imap=SERVER, smtp=SERVER, person="anna")


def desk(channel: Channel = Channel.FAX, *, smtp: bool = True, sender: bool = False, **changed: Any) -> Desk:
    """The desk of a mailbox `paper`. smtp: whether it sends; sender: whether [mailbox.support] does in its place."""
    given = {"name": "paper", "address": "paper@commsd.test", "channel": channel, "person": "anna", "team": "service"}
    box = Mailbox(imap=SERVER, smtp=SERVER if smtp else None, **(given | changed))
    boxes = {"paper": box, **({"support": SUPPORT} if sender else {})}
    paper = paper_texts(channel, TEXTS) if channel in ON_PAPER else None
    return Desk(
        mailbox=box,
        firm=FIRM,
        us=Us(
            addresses=frozenset(each.address for each in boxes.values()),
            people=frozenset(FIRM.people.addresses),
            internal_domains=FIRM.internal_domains,
            key=KEY,
        ),
        texts=paper.mail if paper else TEXTS,
        key=KEY,
        sender=SUPPORT if sender and not smtp else None,
        paper=paper,
        post=post_of(boxes, None, (), FIRM, KEY),
    )


def observing(at: Desk) -> Desk:
    """The same desk, while nothing may reach a customer."""
    return replace(at, mailbox=replace(at.mailbox, observe=True))


def fax_mail(**changed: str) -> Message:
    """What HylaFAX writes of a fax from Berlin."""
    return message(**fax_fields(**changed))


def fax_fields(**changed: str) -> dict[str, Any]:
    """The fields of such a mail, as `written.mail` takes them."""
    return {
        "from_": "The HylaFAX Receive Agent <fax@gateway.test>",
        "return_path": "<fax@gateway.test>",
        "subject": "Facsimile received from +49 30 23125099",
        "message_id": "<1@gateway.test>",
        "body": "fax00001.tif: 2 pages\r\nReceivedOn: ttyS0\r\n",
        **changed,
    }


def arrived(at: datetime, place: str = "paper/INBOX", uid: int = 1, **changed: str) -> Arrival:
    """That fax, just come."""
    return Arrival(message=decode(mail(**fax_fields(**changed)), folder_date=at), place=place, uid=uid)
