"""Whose desk a mail to several of our mailboxes is taken to: that of the first it was written to. Pure. mail.md D2.

Whichever mailbox is looked at first, its record, its clocks and its one acknowledgement are those of that desk.
"""

from collections.abc import Iterable

from commsd.channels.mail.account import Mailbox, MailboxRole
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import Message
from commsd.core.contact import mail_identity
from commsd.core.interaction import Channel


def desk_for(message: Message, desk: Desk) -> Desk:
    """The desk of the first of our addresses in To, then Cc, that acknowledges; else the one that found it."""
    if desk.mailbox.channel is not Channel.EMAIL or desk.mailbox.role is not MailboxRole.INBOX:
        return desk
    for address in (person.address for person in (*message.to, *message.cc)):
        identity = mail_identity(address)
        found = desk.others.get(identity.value) if identity else None
        if found is not None:
            return found
    return desk


def by_address(desks: Iterable[Desk]) -> dict[str, Desk]:
    """The desks that acknowledge mail, by each of their addresses."""
    writing = [desk for desk in desks if _acknowledges(desk.mailbox) and not desk.observe]
    return {address: desk for desk in writing for address in desk.mailbox.addresses}


def _acknowledges(mailbox: Mailbox) -> bool:
    return mailbox.role is MailboxRole.INBOX and mailbox.channel is Channel.EMAIL and mailbox.smtp is not None
