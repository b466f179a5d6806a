"""One matter with one contact over all channels: why an interaction belongs to it, and how it opens, closes and rests.

interface.md section 7. Its clocks are recomputed in `core.recompute`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from commsd.core.callback import Callback
from commsd.core.clock import Clock
from commsd.core.clock import State as ClockState
from commsd.core.contact import Contact, phone_identity
from commsd.core.fact import fact, replace
from commsd.core.interaction import Actor, Automation, CaseCause, Channel, Direction, Interaction, Kind, Outcome
from commsd.core.late_miss import case_of_talk
from commsd.core.organisation import Organisation
from commsd.core.policy import ClockKind

FRESH = timedelta(days=14)
"""How long a closed or silent case is still found by subject or by recency."""

ANSWERING = frozenset({ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE})
"""Clocks that a person's answer stops."""

SPOKEN = frozenset({Channel.PHONE, Channel.SMS, Channel.WHATSAPP, Channel.IN_PERSON})
"""Channels without a subject, where the contact's only active case is meant."""


class CaseState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@fact
class Case:
    """A matter as of one revision.

    attrs: what the rules match of the case as it was opened (team, tier, priority, organisation, owner, tz); later
    values are `set` interactions. active_at: its last interaction. closes_at: when it closes by itself, if ever.
    merged_into: the case that holds what was said in this one; core/merge.py.
    """

    id: str
    revision: int = 1
    created_at: datetime
    contact_id: str | None
    state: CaseState = CaseState.OPEN
    subject: str | None = None
    priority: str = "normal"
    owner: str | None = None
    team: str | None = None
    mailbox: str | None = None
    line: str | None = None
    opened_at: datetime
    closed_at: datetime | None = None
    close_reason: str | None = None
    related_to: str | None = None
    merged_into: str | None = None
    on_hold: bool = False
    attrs: Mapping[str, str] = field(default_factory=dict)
    active_at: datetime
    closes_at: datetime | None = None
    erased_at: datetime | None = None


@fact
class ClockRecord:
    """A clock of a case as last recorded. promised_at: what the customer was told.

    warned_at: set once the warning was recorded. told: the rungs that are over, by their keys in `core.ladder`.
    timer_at: when the case must be looked at next. moved_at: when the due time went past what the customer was told,
    and no agent has written since. corrected_by, corrected_from: the interaction that last changed a verdict already
    published, and the state before.
    """

    id: str
    revision: int = 1
    created_at: datetime
    case_id: str
    value: Clock
    promised_at: datetime | None = None
    warned_at: datetime | None = None
    told: tuple[str, ...] = ()
    timer_at: datetime | None = None
    moved_at: datetime | None = None
    corrected_by: str | None = None
    corrected_from: ClockState | None = None

    @property
    def owed(self) -> bool:
        """Whether somebody still has to act: running, paused, or late and not yet stopped."""
        return self.value.state is not ClockState.CANCELLED and self.value.stopped_at is None


@fact
class CaseFile:
    """A case with all that a decision about it needs. interactions: current revisions by (recorded_at, id)."""

    case: Case
    interactions: tuple[Interaction, ...] = ()
    clocks: tuple[ClockRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Where an interaction belongs. case None: nowhere yet (cause NEW) or nowhere at all (cause None).

    related_to: the closed case a new one continues. ambiguous: several would fit, the newest was taken; or a mail of
    ours to somebody who waits for an answer opens a case of its own, because nothing says what it answers.
    """

    case: Case | None
    cause: CaseCause | None
    ambiguous: bool = False
    related_to: str | None = None


def link(
    fact: Interaction,
    *,
    referred: Iterable[str],
    files: Mapping[str, CaseFile],
    callbacks: Iterable[Callback],
    now: datetime,
) -> Link:
    """The first that holds: reference, callback, subject, recent, new. Machine mail joins by reference only.

    A missed call that is judged late joins the talk that followed it, as that would have joined its callback.
    referred: case ids of the interactions this one refers to, nearest first. files: cases of the contact and those
    referred to. callbacks: to the customer's number, open ones and those just closed.
    """
    referred_to = (found.case for case_id in referred if (found := survivor(case_id, files)))
    by_reference = next((case for case in referred_to if case.erased_at is None), None)
    if by_reference:
        return Link(by_reference, CaseCause.REFERENCE)
    if fact.automation is not Automation.NONE:
        return Link(None, None)
    owed = [c for c in callbacks if c.open and c.case_id in files]
    if owed:
        number = phone_identity(fact.customer or "")
        owed = [c for c in owed if number and c.number == number.value]
    if callback := next((c for c in owed if c.line == fact.line), next(iter(owed), None)):
        return Link(files[callback.case_id].case, CaseCause.CALLBACK)
    facts = (known for file in files.values() for known in file.interactions)
    if spoken := survivor(case_of_talk(fact, facts, callbacks) or "", files):
        return Link(spoken.case, CaseCause.CALLBACK)
    theirs = ((file.case, survivor(file.case.id, files)) for file in files.values() if _same_contact(file.case, fact))
    return _by_contact(fact, [(case, lives) for case, lives in theirs if lives], now)


def survivor(case_id: str, files: Mapping[str, CaseFile]) -> CaseFile | None:
    """The case of this id, or the one it went into; None where that is not among the files."""
    file = files.get(case_id)
    while file is not None and file.case.merged_into is not None:
        file = files.get(file.case.merged_into)
    return file


def _same_contact(case: Case, fact: Interaction) -> bool:
    return case.contact_id is not None and case.contact_id == fact.contact_id


def _by_contact(fact: Interaction, files: list[tuple[Case, CaseFile]], now: datetime) -> Link:
    """files: each case with the file of what holds it now, which is another's for a case that was merged."""
    newest_first = sorted(files, key=lambda pair: (pair[1].case.active_at, pair[1].case.id), reverse=True)
    subject = normal_subject(fact.subject)
    same = {lives.case.id: lives for case, lives in newest_first if subject and normal_subject(case.subject) == subject}
    likely = _likeliest(fact, [lives for lives in same.values() if _is_fresh(lives.case, now)])
    if likely:
        return Link(likely[0].case, CaseCause.SUBJECT, ambiguous=len(likely) > 1)
    if fact.channel in SPOKEN:
        active = list(
            {lives.case.id: lives.case for _, lives in newest_first if now - lives.case.active_at < FRESH}.values()
        )
        if active:
            return Link(active[0], CaseCause.RECENT, ambiguous=len(active) > 1)
    waits = fact.direction is Direction.OUTBOUND and any(owes_an_answer(lives) for _, lives in files)
    related_to = next(iter(same), None)
    return Link(None, CaseCause.NEW, ambiguous=waits, related_to=related_to)


def _is_fresh(case: Case, now: datetime) -> bool:
    return case.closed_at is None or now - case.closed_at < FRESH


def _likeliest(fact: Interaction, files: list[CaseFile]) -> list[CaseFile]:
    """Of cases with one subject those that are open; for what we write, those where the customer waits for it."""
    waiting = [file for file in files if owes_an_answer(file)] if fact.direction is Direction.OUTBOUND else []
    return waiting or [file for file in files if file.case.state is CaseState.OPEN] or files


def owes_an_answer(file: CaseFile) -> bool:
    """Whether the customer waits for a person's answer there."""
    return any(record.owed and record.value.clock in ANSWERING for record in file.clocks)


_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|antw|sv|vs|fw|fwd|wg|vb|tr|rif|bls|ref)(?:\[\d+\])?\s*:|\[[^\]]{1,30}\])\s*", re.IGNORECASE
)


def normal_subject(subject: str | None) -> str:
    """The subject without reply and forward marks, tags in brackets, case and runs of white space; "" when empty."""
    text = " ".join((subject or "").split())
    while (shorter := _PREFIX.sub("", text)) != text:
        text = shorter
    return text.casefold()


def opened_by(
    fact: Interaction,
    contact: Contact | None,
    now: datetime,
    case_id: str,
    related_to: str | None,
    firm: Organisation | None = None,
) -> Case:
    """The case this interaction opens. What the rules match of it is fixed here, in `attrs`. firm: the customer's."""
    owner = (contact.owner if contact else None) or (firm.owner if firm else None)
    attrs = {
        "team": fact.team,
        "tier": (contact.tier if contact else None) or (firm.tier if firm else None),
        "priority": fact.priority,
        "organisation": firm.id if firm else contact.organisation_id if contact else None,
        "owner": owner,
        "tz": contact.timezone if contact else None,
    }
    return Case(
        id=case_id,
        created_at=now,
        contact_id=fact.contact_id,
        subject=fact.subject,
        priority=fact.priority,
        owner=owner,
        team=fact.team,
        mailbox=fact.mailbox,
        line=fact.line,
        opened_at=min(fact.occurred_at, now),
        related_to=related_to,
        attrs={key: value for key, value in attrs.items() if value},
        active_at=now,
    )


def customer_speaks(fact: Interaction) -> bool:
    """A message of the customer's own, or a talk he began; sla/README.md section 5."""
    if fact.direction is not Direction.INBOUND or fact.automation is not Automation.NONE or fact.actor is Actor.AGENT:
        return False
    if fact.detail.order:
        return False
    return fact.kind is Kind.MESSAGE or (
        fact.kind in (Kind.CALL, Kind.MEETING) and fact.outcome in (Outcome.REACHED, Outcome.MISSED)
    )


def moved_by(fact: Interaction, file: CaseFile, now: datetime) -> tuple[Case, str | None]:
    """The case after this interaction, and the word of what happened to it ("closed"), if anything did."""
    case = file.case
    closed = case.state is CaseState.CLOSED
    if fact.kind is Kind.CLOSE and fact.detail.callback_id is None and not closed:
        reason = "junk" if fact.detail.void_case else (fact.detail.reason or "closed")
        return replace(_next(case), state=CaseState.CLOSED, closed_at=now, close_reason=reason, on_hold=False), "closed"
    if closed and (fact.kind is Kind.REOPEN or customer_speaks(fact)):
        reopened = replace(_next(case), state=CaseState.OPEN, closed_at=None, close_reason=None, active_at=now)
        return reopened, "reopened"
    if fact.kind is Kind.HOLD and not closed:
        return replace(_next(case), on_hold=True), "held"
    if case.on_hold and (fact.kind is Kind.RELEASE or (customer_speaks(fact) and _waits_for_customer(file))):
        return replace(_next(case), on_hold=False, active_at=now), "released"
    if fact.kind is Kind.SET:
        return _set(_next(case), fact.detail.attrs), "updated"
    if fact.actor is Actor.MACHINE or fact.direction is Direction.INTERNAL:
        return case, None
    return replace(case, active_at=now), None


def _next(case: Case) -> Case:
    return replace(case, revision=case.revision + 1)


def _waits_for_customer(file: CaseFile) -> bool:
    holds = [known.detail.reason for known in file.interactions if known.kind is Kind.HOLD]
    return bool(holds) and holds[-1] == "customer"


def _set(case: Case, attrs: Mapping[str, str]) -> Case:
    return replace(
        case,
        priority=attrs.get("priority", case.priority),
        owner=attrs.get("owner", case.owner),
        team=attrs.get("team", case.team),
    )


def closing_at(case: Case, clocks: Iterable[ClockRecord], owes_a_call: bool, auto_close: timedelta) -> datetime | None:
    """When the case closes by itself: this long after its last interaction, once nothing is owed.

    `update` counts as nothing owed; interface.md section 7.
    """
    if case.state is CaseState.CLOSED or owes_a_call:
        return None
    owed = any(record.owed for record in clocks if record.value.clock is not ClockKind.UPDATE)
    return None if owed else case.active_at + auto_close
