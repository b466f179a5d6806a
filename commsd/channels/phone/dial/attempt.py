"""An attempt of ours as a fold over its webhooks and notes: order, repetition and loss make no difference. Pure.

Here: what is known of both legs, whether it is over, and how it went. What follows from that stands in settle.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from commsd.channels.phone.dial.step import OURS, RESULT_KEYS, Stage, Step, step_of
from commsd.core.open_items import WebhookEntry

TERMINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Statuses of a leg that is over: docs/voice/api/call-resource."""

MISSING = "missing"
"""Our word for a call that Twilio does not have (404); telephony.md R2: it failed."""

TAKEN_BACK = "TakenBack"
"""The field of our note that a call was ended because it waited too long in Twilio's queue."""

BILL = "Bill"
"""The field of our note that Twilio was asked what the call cost; PRICE: what it said, as `core.price.money`."""

PRICE = "Price"

MACHINES = frozenset({"machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax"})
"""Values of AnsweredBy that are no person: docs/voice/answering-machine-detection. Any other word tells nothing."""

AT_FAULT = frozenset({21211, 21217, 13224, 21214, 21215, 13227, 21202, 21216, 32224})
"""Twilio's codes for a number that cannot be rung, today or ever; telephony.md section 2, "REST errors"."""

GRACE = timedelta(seconds=20)
"""How long after our person's leg ended the customer's may still report."""


class Ended(StrEnum):
    """How an attempt ended. Of the first four the customer knows nothing, so they are no try."""

    NOT_PLACED = "not_placed"  # Twilio took no call
    NOT_ACCEPTED = "not_accepted"  # our person did not pick up, or press 1
    UNREACHABLE = "unreachable"  # the line to our person failed
    GIVEN_UP = "given_up"  # our person rang off before the customer answered
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    TECHNICAL = "technical"  # the line to the customer failed
    BRIDGED = "bridged"  # the two were joined: what came of it, a person says


class Order(StrEnum):
    """What became of our order of a call."""

    TAKEN = "taken"
    REFUSED = "refused"  # certainly not placed, and never will be
    LATER = "later"  # certainly not placed
    UNKNOWN = "unknown"  # perhaps placed: the answer was lost
    NONE = "none"  # Twilio's list has no such call
    AMBIGUOUS = "ambiguous"  # it has several


NEVER_PLACED = frozenset({Order.REFUSED, Order.LATER, Order.NONE})
"""With these there was no call, so it costs nothing."""

NOT_PLACED = NEVER_PLACED | {Order.AMBIGUOUS}
"""With these there is no call, or none that we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg. status: terminal before live, Twilio's REST word before a webhook's. conflict: these two differed."""

    sid: str | None = None
    status: str | None = None
    picked_up: bool = False
    ended_at: datetime | None = None
    seconds: int | None = None
    conflict: bool = False

    @property
    def over(self) -> bool:
        return self.status in TERMINAL or self.status == MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptState:
    """All that is known of an attempt. last_at: of the last webhook; asked: how often we asked since then.

    order, code: what Twilio said to our order. accepted_at: key 1. dialled: the customer's leg was handed out.
    reported: what the Dial's action said, None: it said nothing. digits: the key for the result. queued: how long
    Twilio let our order wait. taken_back: we ended it for that. fault: Twilio's code for what was
    wrong with the customer's leg. price: of both legs, as Twilio bills it. bills: how often we asked for it.
    machine: Twilio took who answered the customer's leg for one; a hint that proves and moves nothing.
    """

    order: Order | None = None
    code: int | None = None
    last_at: datetime | None = None
    asked: int = 0
    asked_at: datetime | None = None
    agent: Leg = Leg()
    customer: Leg = Leg()
    accepted_at: datetime | None = None
    dialled: bool = False
    reported: bool | None = None
    reported_status: str | None = None
    talk: timedelta | None = None
    digits: str | None = None
    queued: timedelta = timedelta()
    taken_back: bool = False
    fault: int | None = None
    price: str | None = None
    bills: int = 0
    machine: bool = False

    @property
    def bridged(self) -> bool:
        """Whether the customer's leg was joined to our person's: the Dial says it, else that it was picked up.

        The customer hears no whisper, so who picks up is joined at once.
        """
        if self.reported is not None:
            return self.reported
        return self.customer.picked_up

    @property
    def accepted(self) -> bool:
        """Whether our person agreed: by key, or as there is a leg to the customer, who is rung for nobody else."""
        return self.accepted_at is not None or self.customer.sid is not None

    @property
    def talked_out(self) -> bool:
        """Whether the customer's leg is over, while our person may still be on the line."""
        return self.reported is not None or self.reported_status is not None or self.customer.over

    @property
    def conflict(self) -> bool:
        """Whether Twilio's REST API and its webhooks told two different ends; telephony.md R5."""
        return self.agent.conflict or self.customer.conflict

    @property
    def placed(self) -> bool:
        """Whether we know that there is, or was, a call."""
        return self.agent.sid is not None


def fold(entries: Iterable[WebhookEntry], answered: Mapping[str, bytes]) -> AttemptState:
    """The attempt after these webhooks and notes, whatever their order. answered: the TwiML given, by step."""
    every = sorted(
        ((step, entry) for entry in entries if (step := step_of(entry.step))),
        key=lambda pair: (pair[1].received_at, str(pair[0]), sorted(pair[1].fields.items())),
    )
    known = [(step, entry) for step, entry in every if step.stage is not Stage.AMD]
    last_at = max((entry.received_at for step, entry in known if step.stage not in OURS), default=None)
    asked = [entry.received_at for step, entry in known if step.stage is Stage.ASKED]
    reports = [entry.fields for step, entry in known if step.stage is Stage.TALK]
    bridged = [word for fields in reports if (word := _true(fields.get("DialBridged"))) is not None]
    order, code = _order(known)
    customer = _customer(known)
    return AttemptState(
        order=order,
        code=code,
        last_at=last_at,
        asked=sum(1 for at in asked if last_at is None or at > last_at),
        asked_at=max(asked, default=None),
        agent=_agent(known),
        customer=customer,
        accepted_at=min((e.received_at for step, e in known if _accepts(step, e)), default=None),
        dialled=any(b"<Dial" in body for body in answered.values()),
        reported=any(bridged) if bridged else None,
        reported_status=next((fields["DialCallStatus"] for fields in reports if fields.get("DialCallStatus")), None),
        talk=_talk(reports, customer),
        digits=next((e.fields["Digits"] for step, e in known if _says_result(step, e)), None),
        queued=timedelta(milliseconds=max((_whole(e.fields.get("QueueTime")) or 0 for _, e in known), default=0)),
        taken_back=any(TAKEN_BACK in entry.fields for _, entry in known),
        fault=next((code for step, e in known if (code := _fault(step, e))), None),
        price=next((said for _, entry in known if (said := entry.fields.get(PRICE))), None),
        bills=sum(1 for _, entry in known if BILL in entry.fields),
        machine=_is_machine(every, customer.sid),
    )


Known = list[tuple[Step, WebhookEntry]]


def _order(known: Known) -> tuple[Order | None, int | None]:
    """A call that is there was taken, whatever the answer to our order seemed to be."""
    if any(entry.fields.get("CallSid") for _, entry in known):
        return Order.TAKEN, None
    notes = [entry.fields for step, entry in known if step.stage is Stage.CREATED]
    return (Order(notes[-1]["Order"]), _whole(notes[-1].get("ErrorCode"))) if notes else (None, None)


def _agent(known: Known) -> Leg:
    """Our person's leg: every webhook but the customer's leg's own names it by its CallSid."""
    own = [(step, entry.fields) for step, entry in known if step.stage is not Stage.LEG]
    told = [entry for step, entry in known if step.stage not in (*OURS, Stage.LEG)]
    asked = [fields for step, fields in own if step.stage is Stage.ASKED and fields.get("CallStatus")]
    return _leg(
        next((fields["CallSid"] for _, fields in own if fields.get("CallSid")), None),
        told,
        [(fields["CallStatus"], _whole(fields.get("CallSeconds"))) for fields in asked],
    )


def _customer(known: Known) -> Leg:
    told = [entry for step, entry in known if step.stage is Stage.LEG]
    asked = [e.fields for step, e in known if step.stage is Stage.ASKED and e.fields.get("ChildSid")]
    reports = [entry.fields for step, entry in known if step.stage is Stage.TALK]
    sids = (
        *(entry.fields.get("CallSid") for entry in told),
        *(fields.get("DialCallSid") for fields in reports),
        *(fields["ChildSid"] for fields in asked),
    )
    return _leg(
        next((sid for sid in sids if sid), None),
        told,
        [(fields["ChildStatus"], _whole(fields.get("ChildSeconds"))) for fields in asked],
    )


def _leg(sid: str | None, told: list[WebhookEntry], asked: list[tuple[str, int | None]]) -> Leg:
    """A leg by what webhooks told, in Twilio's own order, and by what its REST API said, in the order we asked."""
    in_order = sorted(told, key=lambda entry: _whole(entry.fields.get("SequenceNumber")) or 0)
    words = [status for entry in in_order if (status := entry.fields.get("CallStatus"))]
    ends = [entry for entry in in_order if entry.fields.get("CallStatus") in TERMINAL]
    last = ends[0].fields["CallStatus"] if ends else words[-1] if words else None
    rest = next((word for word, _ in asked if word in TERMINAL), asked[-1][0] if asked else None)
    status = last if rest is None or (ends and rest not in TERMINAL) else rest
    joined = status in ("in-progress", "completed") or (status not in TERMINAL and "in-progress" in words)
    seconds = [_whole(entry.fields.get("CallDuration")) for entry in ends] + [length for _, length in asked]
    return Leg(
        sid=sid,
        status=status,
        picked_up=joined,
        ended_at=min((_instant(entry) for entry in ends), default=None),
        seconds=next((each for each in seconds if each is not None), None),
        conflict=bool(ends) and rest in TERMINAL and rest != last,
    )


def ended(state: AttemptState, now: datetime) -> Ended | None:
    """How the attempt ended; None while it lives, or while the customer's leg may still report."""
    if state.order in NOT_PLACED:
        return Ended.UNREACHABLE if state.code in AT_FAULT else Ended.NOT_PLACED
    if state.talked_out:
        return Ended.BRIDGED if state.bridged else _in_vain(state)
    if not state.agent.over:
        return None
    if not state.accepted and state.taken_back:
        return Ended.NOT_PLACED  # from Twilio's queue: nobody's telephone rang
    if not state.accepted:
        return Ended.UNREACHABLE if state.agent.status in ("failed", MISSING) else Ended.NOT_ACCEPTED
    if state.dialled and now < waits_until(state):
        return None
    return Ended.BRIDGED if state.bridged else Ended.GIVEN_UP


def waits_until(state: AttemptState) -> datetime:
    """Until when the customer's leg may still report after our person's ended, by what we heard last."""
    heard = [at for at in (state.last_at, state.asked_at) if at is not None]
    return max(heard) + GRACE


def must_ask(state: AttemptState, now: datetime) -> bool:
    """Whether Twilio is to be asked before the verdict: nobody told what became of the customer's leg (R4)."""
    silent = state.agent.over and state.accepted and state.dialled and not state.talked_out
    return silent and state.asked == 0 and now >= waits_until(state)


def _in_vain(state: AttemptState) -> Ended:
    status = state.customer.status if state.customer.over else state.reported_status
    return _VAIN.get(status or "", Ended.GIVEN_UP)


_VAIN = {
    "busy": Ended.BUSY,
    "no-answer": Ended.NO_ANSWER,
    "failed": Ended.TECHNICAL,
    MISSING: Ended.TECHNICAL,
}


def _accepts(step: Step, entry: WebhookEntry) -> bool:
    return step.stage is Stage.KEY and entry.fields.get("Digits") == "1"


def _says_result(step: Step, entry: WebhookEntry) -> bool:
    return step.stage is Stage.RESULT and entry.fields.get("Digits", "") in RESULT_KEYS


def _is_machine(every: Known, customer_sid: str | None) -> bool:
    """Whether detection on the customer's leg said so, once and in whatever order; of any other leg it says nothing."""
    heard = (entry.fields for step, entry in every if step.stage in (Stage.AMD, Stage.LEG))
    return customer_sid is not None and any(
        fields.get("CallSid") == customer_sid and fields.get("AnsweredBy") in MACHINES for fields in heard
    )


def _fault(step: Step, entry: WebhookEntry) -> int | None:
    """What Twilio says was wrong with the customer's leg."""
    return _whole(entry.fields.get("ErrorCode")) if step.stage in (Stage.TALK, Stage.LEG) else None


def _talk(reports: list[Mapping[str, str]], customer: Leg) -> timedelta | None:
    told = next((length for fields in reports if (length := _whole(fields.get("DialCallDuration"))) is not None), None)
    seconds = customer.seconds if told is None else told
    return timedelta(seconds=seconds) if seconds is not None else None


def _true(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").lower())


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _instant(entry: WebhookEntry) -> datetime:
    """When it happened by Twilio's clock, where it says so (RFC 2822), else when it reached us."""
    try:
        stamp = parsedate_to_datetime(entry.fields["Timestamp"])
        return (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return entry.received_at
