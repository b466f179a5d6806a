"""The morning digest as a text: what one of our people owes, the late first. Pure; who gets it, `sla.digest` says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from commsd.core.firm import Firm
from commsd.core.policy import ClockKind
from commsd.sla.notice.notice import OWED, Notice, in_words, local, marked

LISTED = 25
"""Lines of one part; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One clock that is owed. customer, subject: None where unknown. owner: whose it is, None for the reader's own."""

    clock: ClockKind
    due_at: datetime
    case_id: str
    customer: str | None = None
    subject: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What somebody owes this morning. late, today: the worst of them, in order; the numbers count all."""

    late: Sequence[Line] = ()
    today: Sequence[Line] = ()
    late_count: int = 0
    today_count: int = 0
    rest: int = 0

    @property
    def owed(self) -> int:
        """How many in all."""
        return self.late_count + self.today_count + self.rest


def digest(
    owed: Day, *, key: str, recipient: str, agent: str | None, name: str | None, firm: Firm, day: date, now: datetime
) -> Notice:
    """The mail of the day. name: of its reader, None for an address of the house."""
    counts = ((owed.late_count, "late"), (owed.today_count, "due today"), (owed.rest, "later or on hold"))
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    subject = f"{marked(firm)}{day:%A} {day.day} {day:%B}: {said}"
    text = "\n".join(_text(owed, said, name, firm, now)) + "\n"
    return Notice(key=key, recipient=recipient, subject=subject, text=text, at=now, agent=agent)


def _text(owed: Day, said: str, name: str | None, firm: Firm, now: datetime) -> Iterator[str]:
    start = f"{name}, this is owed" if name else "This is owed, and it is nobody's"
    yield f"{start}: {said}. Times are those of {firm.timezone}."
    for title, lines, count in (("Late", owed.late, owed.late_count), ("Due today", owed.today, owed.today_count)):
        if lines:
            yield from ("", f"{title}:")
            yield from (_line(line, firm, now) for line in lines)
        if count > len(lines):
            yield f"- and {count - len(lines)} more"
    yield ""
    yield "To see everything that is owed: commsd clocks. One of them: commsd explain and its case"


def _line(line: Line, firm: Firm, now: datetime) -> str:
    to = f" to {line.customer}" if line.customer else ""
    about = f" ({line.subject})" if line.subject else ""
    whose = f"; {line.owner} has it" if line.owner else ""
    late = f", {in_words(now - line.due_at)} ago" if line.due_at < now else ""
    return f"- {OWED[line.clock]}{to}{about}: {local(line.due_at, firm)}{late}{whose}. Case {line.case_id}"
