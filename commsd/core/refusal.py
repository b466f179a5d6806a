"""An address that refused an acknowledgement, and until when none goes there. Pure. mail.md L3."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """address: casefolded, personal. since, until: aware UTC; equal where it is lifted.

    interaction_id: the acknowledgement that was refused. code: what the server or the report said, e.g. "550 5.1.1".
    """

    address: str
    mailbox: str
    since: datetime
    until: datetime
    interaction_id: str | None = None
    code: str | None = None


LASTS = timedelta(days=60)


def refusal_after(address: str, mailbox: str, interaction_id: str | None, code: str | None, now: datetime) -> Refusal:
    """What an acknowledgement refused for good leaves behind: none goes to that address for sixty days.

    For words that were about the recipient or the message; one about our own account says nothing of them.
    """
    said = code[:64] if code else None
    return Refusal(
        address=address.casefold(),
        mailbox=mailbox,
        since=now,
        until=now + LASTS,
        interaction_id=interaction_id,
        code=said,
    )


def lifted(address: str, mailbox: str, now: datetime) -> Refusal:
    """No refusal any more: whoever holds the address wrote, and the server vouches for it."""
    return Refusal(address=address.casefold(), mailbox=mailbox, since=now, until=now)
