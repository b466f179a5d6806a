"""What people enter and do to cases, from the API, the command line, a link or the board: pure decisions.

Each gives the function for `log.decide`; the keys it is taken under come from `store.query`. What cannot be done is
refused with what to do instead. Owed calls and talks are in `call_actions`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from commsd.core.case import CaseFile, CaseState, customer_speaks
from commsd.core.change import Change, change_of
from commsd.core.entry import Entry, Hand, manual_interaction
from commsd.core.interaction import (
    Actor,
    Channel,
    Detail,
    Direction,
    Interaction,
    Kind,
    Outcome,
)
from commsd.core.open_items import OpenItems, Terms
from commsd.errors import NotFound, Refused

Decide = Callable[[OpenItems], Change]

SETTABLE = frozenset({"priority", "owner", "team"})
ELSEWHERE = "answered elsewhere"
"""The note on an answer that went a way we do not see."""

PRIORITIES = ("low", "normal", "high", "urgent")


def record_entry(entry: Entry, hand: Hand, terms: Terms) -> Decide:
    """A touch from outside goes to the log."""
    return lambda items: change_of(manual_interaction(entry, hand, items, terms), items, terms, by=hand.by)


def close_case(case_id: str, hand: Hand, terms: Terms, *, junk: bool = False, note: str | None = None) -> Decide:
    """The case ends. junk: it never was one, and its clocks are void."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.OPEN, "the case is closed already", "nothing to do")
        return act(Kind.CLOSE, file, hand, items, terms, Detail(void_case=junk, note=note))

    return decide


def reopen_case(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """A closed case goes on."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.CLOSED, "the case is open", "nothing to do")
        return act(Kind.REOPEN, file, hand, items, terms, Detail())

    return decide


def hold_case(case_id: str, hand: Hand, terms: Terms, *, reason: str = "customer") -> Decide:
    """The case waits. reason: "customer" ends by itself when the customer speaks."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.OPEN, "a closed case cannot wait", "reopen it first")
        must(not file.case.on_hold, "the case is on hold already", "release it first to give another reason")
        return act(Kind.HOLD, file, hand, items, terms, Detail(reason=reason))

    return decide


def release_case(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """The case waits no longer."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.on_hold, "the case is not on hold", "nothing to do")
        return act(Kind.RELEASE, file, hand, items, terms, Detail())

    return decide


def set_case(case_id: str, hand: Hand, terms: Terms, *, attrs: Mapping[str, str]) -> Decide:
    """Priority, owner or team from now on; assigning is setting owner or team."""
    unknown = sorted(set(attrs) - SETTABLE)
    must(not unknown, f"a case has no {', '.join(unknown)} to set", f"set one of {', '.join(sorted(SETTABLE))}")
    must(bool(attrs), "nothing to set", f"name one of {', '.join(sorted(SETTABLE))}")
    priority = attrs.get("priority", "normal")
    must(priority in PRIORITIES, f"'{priority}' is no priority", f"choose from {', '.join(PRIORITIES)}")

    def decide(items: OpenItems) -> Change:
        return act(Kind.SET, file_of(items, case_id), hand, items, terms, Detail(attrs=dict(attrs)))

    return decide


def answered_elsewhere(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """The customer has an answer by a way that we do not see. Once for each writing: said again, it is refused."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.OPEN, "the case is closed already", "nothing to do")
        must(not _said_answered(file), "it is recorded already that the customer was answered", "nothing to do")
        fact = Interaction(
            id=items.new_id(),
            channel=Channel.OTHER,
            kind=Kind.MESSAGE,
            direction=Direction.OUTBOUND,
            actor=Actor.AGENT,
            outcome=Outcome.REACHED,
            occurred_at=items.now,
            recorded_at=items.now,
            case_id=case_id,
            contact_id=file.case.contact_id,
            team=file.case.team,
            agent_id=hand.agent_id,
            agent=hand.agent,
            detail=Detail(note=ELSEWHERE),
        )
        return change_of(fact, items, terms, by=hand.by)

    return decide


def holding_case(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """The newest answer in the case did not answer yet: it stops `ack` and `update` only, the others run on."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        sent = max(filter(_is_answer, file.interactions), key=_order, default=None)
        if sent is None:
            raise Refused("the case has no answer that could be a holding one", remedy="answer the customer first")
        return _partly(sent, hand, items, terms)

    return decide


def partial_answer(interaction_id: str, hand: Hand, terms: Terms) -> Decide:
    """An answer of ours did not answer yet: the interaction's next revision."""

    def decide(items: OpenItems) -> Change:
        known = items.known.get(f"interaction:{interaction_id}")
        if known is None:
            raise NotFound(f"no interaction {interaction_id}", remedy="list them: commsd log tail")
        must(_is_answer(known), "only a message of ours to a customer can be partial", "look at it: commsd log show")
        return _partly(known, hand, items, terms)

    return decide


def _is_answer(known: Interaction) -> bool:
    ours = known.direction is Direction.OUTBOUND and known.actor is Actor.AGENT
    return ours and known.kind is Kind.MESSAGE and known.outcome is not Outcome.FAILED


def _said_answered(file: CaseFile) -> bool:
    """Whether that was said, and the customer has not come back since."""
    said = [_order(known) for known in file.interactions if _is_answer(known) and known.detail.note == ELSEWHERE]
    return bool(said) and not any(customer_speaks(known) and _order(known) > max(said) for known in file.interactions)


def _order(known: Interaction) -> tuple[datetime, str]:
    return known.occurred_at, known.id


def _partly(sent: Interaction, hand: Hand, items: OpenItems, terms: Terms) -> Change:
    must(not sent.partial, "the last answer counts as a holding one already", "nothing to do")
    fact = replace(sent, revision=sent.revision + 1, recorded_at=items.now, partial=True)
    return change_of(fact, items, terms, by=hand.by)


def act(kind: Kind, file: CaseFile, hand: Hand, items: OpenItems, terms: Terms, detail: Detail) -> Change:
    """What people do to a case, which is an interaction like any other."""
    return change_of(internal(kind, file, hand, items, detail), items, terms, by=hand.by)


def internal(kind: Kind, file: CaseFile, hand: Hand, items: OpenItems, detail: Detail) -> Interaction:
    """The interaction behind what one of us does to a case."""
    return Interaction(
        id=items.new_id(),
        channel=Channel.OTHER,
        kind=kind,
        direction=Direction.INTERNAL,
        actor=Actor.AGENT,
        occurred_at=items.now,
        recorded_at=items.now,
        case_id=file.case.id,
        contact_id=file.case.contact_id,
        agent_id=hand.agent_id,
        agent=hand.agent,
        detail=detail,
    )


def file_of(items: OpenItems, case_id: str) -> CaseFile:
    """The case with all inside it. Raises NotFound; Refused where it went into another."""
    if case_id not in items.files:
        raise NotFound(f"no case {case_id}", remedy="list them: commsd cases list, or GET /v1/cases")
    file = items.files[case_id]
    went = file.case.merged_into
    must(went is None, f"the case went into {went}", "do it to that one")
    return file


def must(holds: bool, what: str, remedy: str) -> None:
    """Raises Refused where it does not hold."""
    if not holds:
        raise Refused(what, remedy=remedy)
