"""A mail as an interaction, before anything is decided about it. Pure.

What a decision knows better (who really spoke, in which case, for which reason) it puts in place of what stands here.
"""

from collections.abc import Iterator

from commsd.channels.mail.address import Mailbox
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.language import language_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.suppression import Verdict, speaker
from commsd.core.contact import Contact, identity_of
from commsd.core.fact import replace
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    Automation,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
    Stored,
)
from commsd.core.open_items import OpenItems

MOST_IN_A_ROLE = 50
"""So many people of To, Cc or Reply-To are kept."""


def interaction_of(message: Message, original: Stored | None, items: OpenItems, desk: Desk) -> Interaction:
    """What the log keeps of any mail, as a customer's message that reached us; without its people."""
    return Interaction(
        id=items.new_id(),
        channel=desk.mailbox.channel,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.REACHED,
        occurred_at=min(message.received_at, items.now),
        recorded_at=items.now,
        mailbox=desk.mailbox.name,
        team=desk.mailbox.team,
        subject=message.subject[:998],
        preview=message.preview[:280],
        original=original,
        attachments=tuple(Stored("", each.media_type, each.size or 0, each.name) for each in message.attachments),
        external_ids=(ExternalId(MESSAGE_ID, message.message_id),) if message.message_id else (),
    )


def writing_of(
    message: Message, original: Stored | None, items: OpenItems, desk: Desk, verdict: Verdict
) -> Interaction:
    """The same with who wrote it to whom, in which language, and whether a machine did, as the verdict says."""
    writer = speaker(message, desk.us)
    contact = contact_of(writer.address if writer else None, items)
    language, cause = language_of(message, contact.language if contact else None, desk.firm.languages)
    return replace(
        interaction_of(message, original, items, desk),
        actor=Actor.CUSTOMER if verdict.automation == "none" else Actor.MACHINE,
        parties=tuple(_parties(message, writer)),
        automation=Automation(verdict.automation),
        language=language,
        language_cause=cause,
    )


def _parties(message: Message, writer: Mailbox | None) -> Iterator[Party]:
    if writer and writer.address:
        yield Party(Role.FROM, writer.address, writer.name or None)
    for role, people in ((Role.REPLY_TO, message.reply_to), (Role.TO, message.to), (Role.CC, message.cc)):
        for person in people[:MOST_IN_A_ROLE]:
            yield Party(role, person.address, person.name or None)


def contact_of(address: str | None, items: OpenItems) -> Contact | None:
    """Whom we know by this address."""
    identity = identity_of(address)
    return items.contacts.get(identity) if identity else None
