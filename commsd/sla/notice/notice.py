"""What our people are told about clocks: subject and text. Pure; how it travels is the mail channel's business."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import wrap

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
WIDE = 70
"""Characters of one line of what the customer said."""

SHORT = 300
"""Characters of a text message."""

REPLY = "A reply of one word does it too: done, junk, answered, holding; after a call: reached, again 15:00."
REPLY_TO_CALL = "A reply of one word does it too: claim; after the call: reached, again 15:00, voicemail, wrong number."

_SEE_ALL = "To see them all: commsd clocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One clock of a notice. rung: the key of what came last. offers: what its reader can do with one click.

    owner: the agent whose the case is.
    """

    record: ClockRecord
    file: CaseFile
    rung: str
    callback_id: str | None = None
    owner: str | None = None
    offers: tuple[Offer, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether it tells of a due time that went past what the customer was told."""
        return self.rung == MOVED

    def is_late(self, now: datetime) -> bool:
        """Whether its due time has passed."""
        return self.record.value.due_at is not None and self.record.value.due_at < now


def about_clocks(
    entries: Sequence[Entry],
    *,
    key: str,
    recipient: str,
    agent: str | None,
    firm: Firm,
    now: datetime,
    more: int = 0,
    board: str | None = None,
) -> Notice:
    """One notice of all these clocks to one recipient. entries: at least one, the worst first.

    more: how many wait to be told after these. board: the address of the page where all that is owed stands.
    """
    only = len({entry.file.case.id for entry in entries}) == 1
    alone = len(entries) == 1 and not more
    subject = f"{_head(entries[0], now)}: {_what(entries[0])}" if alone else _counted(entries, now, more)
    return Notice(
        key=key,
        recipient=recipient,
        subject=f"{marked(firm)}{subject}"[:200],
        text="\n".join(_alone(entries[0], firm, now) if alone else _several(entries, firm, now, more))
        + (f"\nAll that is owed: {board}\n" if board else "\n"),
        at=now,
        case_id=entries[0].file.case.id if only else None,
        callback_id=next((entry.callback_id for entry in entries if entry.callback_id), None) if only else None,
        agent=agent,
    )


def in_short(entries: Sequence[Entry], firm: Firm, now: datetime, more: int = 0) -> str:
    """The same in at most 300 characters, for a text message."""
    worst = entries[0]
    count = "" if len(entries) == 1 and not more else f"{_counts(entries, now, more)}. The worst: "
    link = next((offer.url for offer in worst.offers if offer.url.startswith("http")), "")
    said = f"{marked(firm)}{count}{_sentence(worst, firm, now)}"
    room = SHORT - len(link) - 1 if link else SHORT
    return f"{_cut(said, room)} {link}" if link and room > SHORT // 2 else _cut(said, SHORT)


def marked(firm: Firm) -> str:
    """What notices begin with while nothing reaches a customer."""
    return "[OBSERVE] " if firm.observe else ""


def who(file: CaseFile, opened_by: str | None = None) -> str:
    """The customer of a case, as he called himself. opened_by: the interaction in which he did, if it is one of his."""
    inbound = [known for known in file.interactions if known.direction is Direction.INBOUND]
    spoke = next((known for known in inbound if known.id == opened_by), next(iter(inbound), None))
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
    value, file = entry.record.value, entry.file
    called = value.clock is ClockKind.CALLBACK
    return f"{OWED[value.clock]} ({who(file, value.opened_by) if called else file.case.subject or who(file)})"


def _counted(entries: Sequence[Entry], now: datetime, more: int) -> str:
    return f"{_counts(entries, now, more)}. First: {_what(entries[0])}"


def _counts(entries: Sequence[Entry], now: datetime, more: int) -> str:
    late = sum(entry.is_late(now) for entry in entries)
    moved = sum(entry.moved and not entry.is_late(now) for entry in entries)
    soon = len(entries) - late - moved
    parts = ((late, "overdue"), (moved, "later than promised"), (soon, "due soon"), (more, "more to come"))
    return ", ".join(f"{count} {word}" for count, word in parts if count)


def _sentence(entry: Entry, firm: Firm, now: datetime) -> str:
    """What is owed to whom, and when: one sentence."""
    value = entry.record.value
    owed = OWED[value.clock]
    owed = f"{owed[0].upper()}{owed[1:]} to {who(entry.file, value.opened_by)}"
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
    yield f"About:    {_about(entry)}"
    yield f"Waiting:  since {local(record.value.started_at, firm)}"
    yield f"Whose:    {_whose(entry, firm)}"
    if record.promised_at:
        yield f"Promised: the customer was told {local(record.promised_at, firm)}"
    yield from (f"{'          ' if number else 'Said:     '}{line}" for number, line in enumerate(_words(entry, 2)))
    yield f"Times are those of {firm.timezone}."
    yield ""
    yield _advice(entry, now)
    if entry.offers:
        yield from ("", *_links(entry), "", REPLY_TO_CALL if _is_call(entry) else REPLY)
    yield ""
    yield f"Case {case.id}. To see why it is due then: commsd explain {case.id}"


def _whose(entry: Entry, firm: Firm) -> str:
    owner, team = firm.people.agents.get(entry.owner or ""), entry.file.case.team
    name = owner.name if owner else "nobody's so far"
    return f"{name}, team {team}" if team else name


def _about(entry: Entry) -> str:
    case = entry.file.case
    called = f"a missed call on {case.line}" if case.line else "a missed call"
    return case.subject or (called if _is_call(entry) else "no subject")


def _words(entry: Entry, lines: int) -> Sequence[str]:
    """The first lines of what the customer wrote when this began, or last; none where nothing of it is kept."""
    spoke = [known for known in entry.file.interactions if known.direction is Direction.INBOUND and known.preview]
    opened_by = entry.record.value.opened_by
    said = next((known.preview for known in spoke if known.id == opened_by), spoke[-1].preview if spoke else None)
    return wrap(" ".join((said or "").split()), WIDE, max_lines=lines, placeholder=" …")


def _is_call(entry: Entry) -> bool:
    return entry.record.value.clock is ClockKind.CALLBACK


def _advice(entry: Entry, now: datetime) -> str:
    if entry.moved and not entry.is_late(now):
        return "Tell the customer the new time, or answer by the old one; commsd sees either."
    if _is_call(entry):
        return "Say that you call back now, so that nobody else does; then ring, and say what came of it."
    return "Answer from your mail program or ring the customer; commsd sees it and stops the clock."


def _several(entries: Sequence[Entry], firm: Firm, now: datetime, more: int) -> Iterator[str]:
    yield f"{_counts(entries, now, more)}. The worst come first. Times are those of {firm.timezone}."
    for number, entry in enumerate(entries[:LISTED], 1):
        case, record = entry.file.case, entry.record
        yield ""
        yield f"{number}. {_sentence(entry, firm, now)}"
        told = f"; told {local(record.promised_at, firm)}" if record.promised_at else ""
        yield f"   {_about(entry)}; waiting since {local(record.value.started_at, firm)}{told}"
        yield f"   Whose: {_whose(entry, firm)}"
        if number <= WITH_LINKS:
            yield from (f"   Said: {line}" for line in _words(entry, 1))
            yield from (f"   {line}" for line in _links(entry))
        yield f"   Case {case.id}"
    yield ""
    if len(entries) > LISTED:
        yield f"And {len(entries) - LISTED} more."
    if more:
        yield f"And {more} more are waiting; you are told of them in further notices."
    yield f"{_SEE_ALL}. To see why one is due then: commsd explain and its case"


def _links(entry: Entry) -> Iterable[str]:
    return (f"{offer.label}: {offer.url}" for offer in entry.offers)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
