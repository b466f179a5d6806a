"""What our people are told about clocks: subject and text. Pure; how it travels is the mail channel's business."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.core.case import CaseFile, ClockRecord
from commsd.core.firm import Firm
from commsd.core.interaction import Direction, Role
from commsd.core.ladder import MOVED
from commsd.core.policy import ClockKind
from commsd.sla.notice.offer import Offer

OWED = {
    ClockKind.ACK: "the acknowledgement",
    ClockKind.FIRST_RESPONSE: "the first answer",
    ClockKind.NEXT_RESPONSE: "the next answer",
    ClockKind.UPDATE: "news",
    ClockKind.CALLBACK: "the callback",
    ClockKind.PROMISE: "what was promised",
    ClockKind.RESOLUTION: "the solution",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A mail to one of our own people. key: makes it one for ever. Personal.

    case_id: None where it is about several. callback_id: the call that is owed. agent: whose it is, None for a route.
    """

    key: str
    recipient: str
    subject: str
    text: str
    at: datetime
    case_id: str | None = None
    callback_id: str | None = None
    agent: str | None = None


LISTED = 20
"""So many clocks are named in one notice, the worst of them; the others are counted."""

WITH_LINKS = 10
SHORT = 300
"""Characters of a text message."""

REPLY = "A reply of one word does it too: done, junk, answered, holding; after a call: reached, again 15:00."

_SEE_ALL = "To see them all: commsd clocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One clock of a notice. rung: the key of what came last. offers: what its reader can do with one click."""

    record: ClockRecord
    file: CaseFile
    rung: str
    callback_id: str | None = None
    offers: tuple[Offer, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether it tells of a due time that went past what the customer was told."""
        return self.rung == MOVED

    def is_late(self, now: datetime) -> bool:
        """Whether its due time has passed."""
        return self.record.value.due_at is not None and self.record.value.due_at < now


def about_clocks(
    entries: Sequence[Entry], *, key: str, recipient: str, agent: str | None, firm: Firm, now: datetime
) -> Notice:
    """One notice of all these clocks to one recipient. entries: at least one, the worst first."""
    only = len({entry.file.case.id for entry in entries}) == 1
    alone = len(entries) == 1
    subject = f"{_head(entries[0], now)}: {_what(entries[0])}" if alone else _counted(entries, now)
    return Notice(
        key=key,
        recipient=recipient,
        subject=f"{marked(firm)}{subject}"[:200],
        text="\n".join(_alone(entries[0], firm, now) if alone else _several(entries, firm, now)) + "\n",
        at=now,
        case_id=entries[0].file.case.id if only else None,
        callback_id=next((entry.callback_id for entry in entries if entry.callback_id), None) if only else None,
        agent=agent,
    )


def in_short(entries: Sequence[Entry], firm: Firm, now: datetime) -> str:
    """The same in at most 300 characters, for a text message."""
    worst = entries[0]
    count = "" if len(entries) == 1 else f"{_counts(entries, now)}. The worst: "
    link = next((offer.url for offer in worst.offers if offer.url.startswith("http")), "")
    said = f"{marked(firm)}{count}{_sentence(worst, firm, now)}"
    room = SHORT - len(link) - 1 if link else SHORT
    return f"{_cut(said, room)} {link}" if link and room > SHORT // 2 else _cut(said, SHORT)


def marked(firm: Firm) -> str:
    """What notices begin with while nothing reaches a customer."""
    return "[OBSERVE] " if firm.observe else ""


def who(file: CaseFile) -> str:
    """The customer of a case, as he called himself."""
    spoke = next((known for known in file.interactions if known.direction is Direction.INBOUND), None)
    if spoke is None:
        return "unknown"
    name, address = spoke.name(Role.FROM, Role.CALLER), spoke.customer
    return f"{name}, {address}" if name and address else (name or address or "number withheld")


def local(instant: datetime, firm: Firm) -> str:
    """An instant on the firm's clock: "Tuesday 10 March 14:17"."""
    there = instant.astimezone(firm.zone)
    return f"{there:%A} {there.day} {there:%B} {there:%H:%M}"


def in_words(span: timedelta) -> str:
    """How long, in its two largest units: "2 hours 5 minutes"."""
    minutes = int(abs(span).total_seconds()) // 60
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    said = [f"{amount} {unit}{'s' if amount > 1 else ''}" for amount, unit in parts if amount][:2]
    return " ".join(said) or "less than a minute"


def _head(entry: Entry, now: datetime) -> str:
    if entry.is_late(now):
        return "Overdue"
    return "Later than promised" if entry.moved else "Due soon"


def _what(entry: Entry) -> str:
    return f"{OWED[entry.record.value.clock]} ({entry.file.case.subject or who(entry.file)})"


def _counted(entries: Sequence[Entry], now: datetime) -> str:
    return f"{_counts(entries, now)}. First: {_what(entries[0])}"


def _counts(entries: Sequence[Entry], now: datetime) -> str:
    late = sum(entry.is_late(now) for entry in entries)
    moved = sum(entry.moved and not entry.is_late(now) for entry in entries)
    soon = len(entries) - late - moved
    parts = ((late, "overdue"), (moved, "later than promised"), (soon, "due soon"))
    return ", ".join(f"{count} {word}" for count, word in parts if count)


def _sentence(entry: Entry, firm: Firm, now: datetime) -> str:
    """What is owed to whom, and when: one sentence."""
    value = entry.record.value
    owed = OWED[value.clock]
    owed = f"{owed[0].upper()}{owed[1:]} to {who(entry.file)}"
    if value.due_at is None:
        return f"{owed} has no due time."
    due = value.due_at.astimezone(firm.zone)
    when = f"{due:%A} {due.day} {due:%B} at {due:%H:%M}"
    if value.due_at < now:
        return f"{owed} was due on {when}, {in_words(now - value.due_at)} ago."
    if entry.moved and entry.record.promised_at:
        return f"{owed} is now due on {when}, but the customer was told {local(entry.record.promised_at, firm)}."
    return f"{owed} is due on {when}, in {in_words(value.due_at - now)}."


def _alone(entry: Entry, firm: Firm, now: datetime) -> Iterator[str]:
    record, case = entry.record, entry.file.case
    yield _sentence(entry, firm, now)
    yield ""
    yield f"About:    {case.subject or 'no subject'}"
    yield f"Waiting:  since {local(record.value.started_at, firm)}"
    if record.promised_at:
        yield f"Promised: the customer was told {local(record.promised_at, firm)}"
    yield f"Times are those of {firm.timezone}."
    yield ""
    yield _advice(entry, now)
    if entry.offers:
        yield from ("", *_links(entry), "", REPLY)
    yield ""
    yield f"Case {case.id}. To see why it is due then: commsd explain {case.id}"


def _advice(entry: Entry, now: datetime) -> str:
    if entry.moved and not entry.is_late(now):
        return "Tell the customer the new time, or answer by the old one; commsd sees either."
    return "Answer from your mail program or ring the customer; commsd sees it and stops the clock."


def _several(entries: Sequence[Entry], firm: Firm, now: datetime) -> Iterator[str]:
    yield f"{_counts(entries, now)}. The worst come first. Times are those of {firm.timezone}."
    for number, entry in enumerate(entries[:LISTED], 1):
        case, record = entry.file.case, entry.record
        yield ""
        yield f"{number}. {_sentence(entry, firm, now)}"
        told = f"; told {local(record.promised_at, firm)}" if record.promised_at else ""
        yield f"   {case.subject or 'no subject'}; waiting since {local(record.value.started_at, firm)}{told}"
        if number <= WITH_LINKS:
            yield from (f"   {line}" for line in _links(entry))
        yield f"   Case {case.id}"
    yield ""
    if len(entries) > LISTED:
        yield f"And {len(entries) - LISTED} more."
    yield f"{_SEE_ALL}. To see why one is due then: commsd explain and its case"


def _links(entry: Entry) -> Iterable[str]:
    return (f"{offer.label}: {offer.url}" for offer in entry.offers)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
