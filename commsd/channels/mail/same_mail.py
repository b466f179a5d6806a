"""Which mail known to us a mail is a copy of: through another mailbox, moved, restored. Pure. mail.md D2.

By its key for ever; and by what it says, for a gateway may rewrite the Message-ID of one copy, for ten minutes. What
the server knows it by is believed where the words agree: some servers give all mails the same.
"""

from datetime import timedelta

from commsd.channels.mail.message import Message
from commsd.core import key
from commsd.core.change import LogicalKey
from commsd.core.interaction import Interaction
from commsd.core.open_items import OpenItems

REWRITTEN_WITHIN = timedelta(minutes=10)
"""Two copies whose ids differ reach us this close together; the same words later are another mail."""


def keys_of(message: Message) -> tuple[str, ...]:
    """The keys under which a copy is known."""
    return tuple(
        key.of_logical(each) for each in dict.fromkeys((*_by_server(message), message.logical_key, *_said(message)))
    )


def known_copy(message: Message, items: OpenItems) -> Interaction | None:
    """What was recorded for the first copy, if this is not the first."""
    if same := items.known.get(key.of_logical(message.logical_key)):
        return same
    by_server = {known.id for each in _by_server(message) if (known := items.known.get(key.of_logical(each)))}
    for said in _said(message):
        known = items.known.get(key.of_logical(said))
        if known and (known.id in by_server or abs(message.received_at - known.occurred_at) <= REWRITTEN_WITHIN):
            return known
    return None


def recorded(message: Message, interaction_id: str) -> tuple[LogicalKey, ...]:
    """The keys by which later copies find it."""
    others = dict.fromkeys((*_by_server(message), *_said(message)))
    return (
        LogicalKey(key=message.logical_key, interaction_id=interaction_id),
        *(
            LogicalKey(key=each, interaction_id=interaction_id, lasting=False)
            for each in others
            if each != message.logical_key
        ),
    )


def _by_server(message: Message) -> tuple[str, ...]:
    return (message.server_key,) if message.server_key else ()


def _said(message: Message) -> tuple[str, ...]:
    """None where it has no words of its own: two scans in the same second are two mails."""
    return (message.content_key,) if message.message_id and message.date and message.text else ()
