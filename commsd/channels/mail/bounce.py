"""What a report that an acknowledgement of ours is lost changes besides itself. Pure. mail.md L3.

The server that took it is not always the one that knows the address: the word that a direct 5xx would have been comes
hours later, as a mail. Which mails are such reports, knows `suppression`.
"""

from collections.abc import Iterable
from dataclasses import replace

from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import Message
from commsd.channels.mail.suppression import refused_acks
from commsd.core import key
from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.interaction import Interaction, Kind, Outcome, Role
from commsd.core.open_items import OpenItems
from commsd.core.refusal import refusal_after

BOUNCED = "bounced"
"""The reason of an acknowledgement that a server took and another gave back."""

_LEFT = frozenset({Outcome.PENDING, Outcome.REACHED})


def lost_acks(message: Message, items: OpenItems, desk: Desk) -> tuple[Interaction, ...]:
    """Our acknowledgements that this mail reports as lost for good, each in its next revision, which says so."""
    named = (items.known.get(key.of_message_id(each)) for each in refused_acks(message, desk.us))
    return tuple(
        replace(
            ack,
            revision=ack.revision + 1,
            outcome=Outcome.FAILED,
            reason=BOUNCED,
            status_raw=_code(message),
            recorded_at=items.now,
        )
        for ack in named
        if ack and ack.kind is Kind.ACK and ack.outcome in _LEFT
    )


def without(lost: Iterable[Interaction], items: OpenItems) -> OpenItems:
    """What is open, where these told nobody anything: the clocks they stopped run on."""
    by_id = {ack.id: ack for ack in lost}
    if not by_id:
        return items
    files = {
        case_id: replace(file, interactions=tuple(by_id.get(each.id, each) for each in file.interactions))
        for case_id, file in items.files.items()
    }
    return replace(items, files=files)


def given_back(lost: Iterable[Interaction], report: Change, message: Message, items: OpenItems, desk: Desk) -> Change:
    """These as failed, where the report went into their case and so moved its clocks; none goes there for a while.

    report: what was decided of the report itself, with these not told.
    """
    file = items.files.get(report.interactions[0].case_id or "")
    there = {known.id for known in file.interactions} if file else set()
    failed = tuple(replace(ack, clocks=report.interactions[0].clocks) for ack in lost if ack.id in there)
    return Change(
        interactions=failed,
        events=tuple(Event("interaction.updated", ack, items.now, "machine") for ack in failed),
        refusals=tuple(
            refusal_after(address, desk.mailbox.name, ack.id, _code(message), items.now)
            for ack in lost
            if (address := ack.address(Role.TO))
        ),
    )


def _code(message: Message) -> str | None:
    return message.report.code if message.report else None
