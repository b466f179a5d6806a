"""An attempt in one decision: its webhooks folded, with what the house and the open items say of it. Pure.

What follows from it stands in settle.py, what our person hears in scene.py.
"""

from datetime import datetime, timedelta

from commsd.channels.phone.dial.attempt import AttemptState, Order, ended, fold, waits_until
from commsd.channels.phone.dial.call_order import RING, CallOrder
from commsd.channels.phone.dial.scene import Errand, whole_document
from commsd.channels.phone.dial.step import journal_name
from commsd.channels.phone.dial.twiml import RING as CUSTOMER_RING
from commsd.channels.phone.line import Callbacks, Line
from commsd.channels.phone.seen import CONFLICT, House
from commsd.core import key
from commsd.core.agent import Agent
from commsd.core.callback import Attempt, Callback, State
from commsd.core.fact import replace
from commsd.core.interaction import (
    CALL_SID,
    MACHINE_HEARD,
    Actor,
    Channel,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems

SEARCH_AFTER = timedelta(seconds=20)
"""So long after an order whose answer we do not have, Twilio's list is looked through: longer than its deadline."""

SEARCH_FOR = timedelta(minutes=2)
"""A call that is not in Twilio's list after this time was never placed. telephony.md R3."""

QUEUED = timedelta(seconds=30)
"""An order that waits longer in Twilio's queue is taken back. telephony.md P6."""

SLACK = timedelta(seconds=30)
"""How long after the last thing that should have told us something we ask. telephony.md R2."""

AGAIN = (timedelta(minutes=1), timedelta(minutes=5))
"""When we ask again while it is under way."""


def keys_of(callback_id: str, attempt_id: str) -> tuple[str, ...]:
    """All that a webhook of an attempt names. The attempt's interaction has the attempt's id."""
    return key.of_callback(callback_id), key.of_interaction(attempt_id), key.of_call(journal_name(attempt_id))


class Placed:
    """An attempt in one decision: its webhooks folded, with what the house and the open items say of it."""

    def __init__(self, callback: Callback, attempt: Attempt, house: House, rules: Callbacks, items: OpenItems) -> None:
        self.callback, self.attempt, self.house, self.rules, self.items = callback, attempt, house, rules, items
        self.state: AttemptState = fold(items.webhooks, items.answered)
        self.known = items.known.get(key.of_interaction(attempt.id or ""))
        self.line = house.lines.get(callback.line or "")

    @property
    def live(self) -> bool:
        """Whether the callback still waits for what becomes of this attempt."""
        last = self.callback.live
        return self.callback.open and last is not None and last.id == self.attempt.id

    @property
    def agent(self) -> Agent | None:
        """Whom we ring."""
        return self.house.firm.people.agents.get(self.attempt.by or "")

    @property
    def errand(self) -> Errand | None:
        """What our person is rung for; None where the line is configured no more."""
        if self.line is None:
            return None
        known = {contact.id: contact for contact in self.items.contacts.values()}
        contact = known.get(self.callback.contact_id or "")
        return Errand(
            firm=self.house.firm,
            line=self.line,
            base=self.house.base or None,
            connect_url=self.house.connect_url,
            callback=self.callback,
            attempt_id=self.attempt.id or "",
            agent=self.agent,
            customer=contact.name if contact else None,
            wanted=self.live and self.callback.state in (State.DIALLING, State.TALKING),
            other_number=self._is_other_number(),
        )

    def _is_other_number(self) -> bool:
        """Whether who rang us showed another number than the one that is rung."""
        file = self.items.files.get(self.callback.case_id)
        misses = [fact for fact in file.interactions if fact.id in self.callback.misses] if file else []
        callers = {caller for miss in misses if (caller := miss.address(Role.CALLER))}
        return bool(callers) and self.callback.number not in callers

    def order(self) -> CallOrder | None:
        """The order of its call; None where line, or our person's number, is configured no more."""
        errand, agent = self.errand, self.agent
        if errand is None or agent is None or agent.phone is None:
            return None
        return order_of(errand, agent, self.attempt.at, self.items.now)

    def fact(self, outcome: Outcome) -> Interaction:
        """The attempt as an interaction, as of now."""
        state, now = self.state, self.items.now
        base = self.known or pending(self.callback, self.attempt, self.line, self.agent, self.items)
        sid = state.agent.sid or self.attempt.call_sid
        how = ended(state, now)
        return replace(
            base,
            revision=base.revision + 1,
            recorded_at=now,
            outcome=outcome,
            status_raw=state.customer.status or state.reported_status or state.agent.status,
            reason=how.value if how and outcome is not Outcome.REACHED else None,
            tags=self._tags(base),
            ended_at=state.agent.ended_at or state.customer.ended_at or now,
            talk=state.talk if state.bridged else None,
            external_ids=(ExternalId(CALL_SID, sid),) if sid else (),
        )

    def hinted(self) -> Interaction | None:
        """The attempt as it was told of, with a hint that only came after; None where there is nothing to add."""
        known = self.known
        if known is None or known.outcome is Outcome.PENDING or known.erased_at is not None:
            return None
        if not self.state.machine or MACHINE_HEARD in known.tags:
            return None
        tags = (*known.tags, MACHINE_HEARD)
        return replace(known, revision=known.revision + 1, recorded_at=self.items.now, tags=tags)

    def _tags(self, base: Interaction) -> tuple[str, ...]:
        seen = (*([CONFLICT] if self.state.conflict else []), *([MACHINE_HEARD] if self.state.machine else []))
        return (*base.tags, *(tag for tag in seen if tag not in base.tags))


def order_of(errand: Errand, agent: Agent, at: datetime, now: datetime) -> CallOrder:
    """The order of a call to one of our people; with its whole document where Twilio cannot reach us."""
    voice = errand.voice
    return CallOrder(
        callback_id=errand.callback.id,
        attempt_id=errand.attempt_id,
        agent=agent.id,
        line=errand.line.name,
        to=agent.phone or "",
        from_=errand.line.number.e164,
        at=at,
        url=voice.url,
        document=None if voice.url else whole_document(errand, now),
    )


def pending(
    callback: Callback, attempt: Attempt, line: Line | None, agent: Agent | None, items: OpenItems
) -> Interaction:
    """The interaction of an attempt that is under way: durable, and shown to nobody."""
    parties = [Party(Role.CALLEE, callback.number)] if callback.number else []
    if agent and agent.phone:
        parties.append(Party(Role.AGENT, agent.phone, agent.name))
    return Interaction(
        id=attempt.id or "",
        revision=0,
        channel=Channel.PHONE,
        kind=Kind.CALL,
        direction=Direction.OUTBOUND,
        actor=Actor.AGENT,
        outcome=Outcome.PENDING,
        occurred_at=attempt.at,
        recorded_at=items.now,
        contact_id=callback.contact_id,
        case_id=callback.case_id,
        line=callback.line,
        team=line.team if line else None,
        agent_id=attempt.by,
        agent=agent.name if agent else None,
        parties=tuple(parties),
        detail=Detail(callback_id=callback.id),
    )


def looks_at(state: AttemptState, at: datetime) -> datetime:
    """When Twilio is asked how the attempt stands, if nothing is heard before. at: when it was begun."""
    if state.order in (None, Order.UNKNOWN):
        return at + SEARCH_AFTER
    if state.asked:
        return (state.asked_at or at) + AGAIN[min(state.asked, len(AGAIN)) - 1]
    if state.agent.over:
        return waits_until(state)
    if state.last_at is None:
        return at + QUEUED + timedelta(seconds=5)
    ring = timedelta(seconds=RING) if state.accepted_at is None else CUSTOMER_RING
    return state.last_at + ring + SLACK


def with_sids(placed: Placed) -> Attempt:
    state, attempt = placed.state, placed.attempt
    return replace(
        attempt,
        call_sid=state.agent.sid or attempt.call_sid,
        customer_sid=state.customer.sid or attempt.customer_sid,
    )
