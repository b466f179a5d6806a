"""The heartbeat: a mail from a mailbox to itself, its bytes and how it is known again when it comes round. Pure.

It goes the way an acknowledgement goes and comes in where customers' mail does, so it finds what neither server
admits. It is no interaction, nobody answers it, and as folders are opened read-only it stays where it came.
"""

from dataclasses import replace
from datetime import datetime

from commsd.channels.mail.message import Message
from commsd.channels.mail.outgoing import date_field, mail_bytes, mailbox, unstructured
from commsd.core.change import Change
from commsd.core.channel_state import RETURNED
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.core.token import beat_of, beat_token

FIELD = "X-Commsd-Heartbeat"
"""Holds the token besides the Message-ID, which some servers replace."""

SUBJECT = "commsd heartbeat"
TEXT = """\
commsd sends this mail from this mailbox to itself, to see that mail leaves and arrives.
Nobody need read it. It may be deleted at any time; a rule of your mail program that does so one
hour after it came is fine.
"""


def heartbeat(delivery_id: str, via: str, address: str, key: bytes, now: datetime) -> Delivery:
    """The delivery of one heartbeat of the mailbox `via`."""
    token = beat_token(key, delivery_id)
    fields = (
        ("From", mailbox(address, "commsd")),
        ("To", address),
        ("Subject", unstructured(SUBJECT, after=9)),
        ("Date", date_field(now)),
        ("Message-ID", f"<beat1.{token}@{address.rpartition('@')[2]}>"),
        (FIELD, token),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    )
    return Delivery(
        id=delivery_id,
        kind=DeliveryKind.HEARTBEAT,
        key=f"beat:{delivery_id}",
        via=via,
        recipient=address,
        payload=mail_bytes(fields, TEXT),
        created_at=now,
        due_at=now,
    )


def beat_in(message: Message, key: bytes) -> str | None:
    """The delivery by which this mail left, where it is a heartbeat of ours; None for all other mail."""
    marks = [value.strip() for value in message.all(FIELD)[:2]]
    if message.message_id and message.message_id.lower().startswith("beat1."):
        marks.append(message.message_id[6:].partition("@")[0])
    return next((beat for mark in marks if (beat := beat_of(key, mark))), None)


def returned(beat: str, mailbox_name: str, items: OpenItems) -> Change:
    """It came round, at this mailbox. A copy that another one gets, or that comes again, changes nothing."""
    owed = items.deliveries.get(beat)
    if owed is None or owed.kind is not DeliveryKind.HEARTBEAT or owed.via != mailbox_name or owed.reason == RETURNED:
        return Change(result="heartbeat")
    back = replace(owed, state=DeliveryState.SENT, reason=RETURNED, settled_at=items.now, payload=b"")
    return Change(deliveries=(back,), result="heartbeat")
