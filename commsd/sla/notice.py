"""What our people are told about a clock: subject and text. Pure; how it travels is the mail channel's business."""

from dataclasses import dataclass
from datetime import datetime

from commsd.core.case import CaseFile, ClockRecord
from commsd.core.firm import Firm
from commsd.core.interaction import Direction, Interaction, Role
from commsd.core.policy import ClockKind

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
    """A mail to one of our own people. key: makes it one for ever. Personal."""

    key: str
    recipient: str
    subject: str
    text: str
    case_id: str
    at: datetime


def about_clock(record: ClockRecord, step: str, file: CaseFile, recipient: str, firm: Firm, now: datetime) -> Notice:
    """The notice of one step ("warned" or "breached") of a clock to one person."""
    value, case = record.value, file.case
    due = value.due_at.astimezone(firm.zone) if value.due_at else None
    when = f"{due:%A} {due.day} {due:%B} at {due:%H:%M}" if due else "no time set"
    owed = OWED[value.clock]
    late = step == "breached"
    head = "Overdue" if late else "Due soon"
    lines = [
        f"{owed[0].upper()}{owed[1:]} {'was' if late else 'is'} due on {when} ({firm.timezone}).",
        "",
        f"From:     {_who(file)}",
        f"About:    {case.subject or 'no subject'}",
        f"Waiting:  since {_local(value.started_at, firm)}",
    ]
    if record.promised_at:
        lines.append(f"Promised: the customer was told {_local(record.promised_at, firm)}")
    lines += [
        "",
        "Answer from your mail program or ring the customer; commsd sees it and stops the clock.",
        f"Case {case.id}. To see why this is due then: commsd explain {case.id}",
    ]
    mark = "[OBSERVE] " if firm.observe else ""
    return Notice(
        key=f"notice:{record.id}:{step}:{recipient}"[:128],
        recipient=recipient,
        subject=f"{mark}{head}: {owed} ({case.subject or _who(file)})"[:200],
        text="\n".join(lines) + "\n",
        case_id=case.id,
        at=now,
    )


def _who(file: CaseFile) -> str:
    spoke = next((known for known in file.interactions if known.direction is Direction.INBOUND), None)
    if spoke is None:
        return "unknown"
    name, address = _name(spoke), spoke.customer
    return f"{name}, {address}" if name and address else (name or address or "number withheld")


def _name(spoke: Interaction) -> str | None:
    return spoke.name(Role.FROM, Role.CALLER)


def _local(instant: datetime, firm: Firm) -> str:
    local = instant.astimezone(firm.zone)
    return f"{local:%A} {local.day} {local:%B} {local:%H:%M}"
