"""What happened and what we owe the outside: Interaction and Delivery, frozen, with the words of the public interface.

An interaction is one touch between a contact and us on one channel. It is never edited: what becomes known later is a
new revision of the same id. JSON forms live in `core.record`; what an interaction changes, in `core.change`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from commsd.core.fact import fact


class Channel(StrEnum):
    EMAIL = "email"
    LETTER = "letter"
    FAX = "fax"
    PHONE = "phone"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    WEB = "web"
    CHAT = "chat"
    IN_PERSON = "in_person"
    OTHER = "other"


class Kind(StrEnum):
    MESSAGE = "message"
    ACK = "ack"
    CALL = "call"
    VOICEMAIL = "voicemail"
    ATTEMPT = "attempt"
    NOTE = "note"
    MEETING = "meeting"
    PROMISE = "promise"
    HOLD = "hold"
    RELEASE = "release"
    CLOSE = "close"
    REOPEN = "reopen"
    SET = "set"
    VOID = "void"
    MERGE = "merge"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Actor(StrEnum):
    """Who spoke. Only an agent answers a customer."""

    CUSTOMER = "customer"
    AGENT = "agent"
    MACHINE = "machine"


class Outcome(StrEnum):
    PENDING = "pending"
    REACHED = "reached"
    MISSED = "missed"
    LEFT_MESSAGE = "left_message"
    NOT_REACHED = "not_reached"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPPRESSED = "suppressed"


class Automation(StrEnum):
    NONE = "none"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"
    BOT = "bot"


class CaseCause(StrEnum):
    """Why an interaction belongs to its case; interface.md section 7, asked in this order."""

    REFERENCE = "reference"
    CALLBACK = "callback"
    SUBJECT = "subject"
    RECENT = "recent"
    NEW = "new"


class ContactMatch(StrEnum):
    """How sure we are who it was; NONE also where this interaction made the contact."""

    EXACT = "exact"
    ALIAS = "alias"
    NONE = "none"
    AMBIGUOUS = "ambiguous"


class Role(StrEnum):
    FROM = "from"
    TO = "to"
    CC = "cc"
    REPLY_TO = "reply_to"
    CALLER = "caller"
    CALLEE = "callee"
    AGENT = "agent"


MESSAGE_ID = "rfc5322.message-id"
CALL_SID = "twilio.call-sid"

DECLINED = "declined_by_customer"
"""The reason of a missed call whose caller said that we need not ring: it owes none, and ends one that is owed."""

PUT_OFF = "time"
"""The order of a text by which a customer sets the time of the call he is owed: a promise follows on its clock."""


@dataclass(frozen=True, slots=True)
class Party:
    """One side of an interaction. address: RFC 5321 mailbox or E.164; name: as the other side wrote it. Personal."""

    role: Role
    address: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalId:
    """The id another system gave it: `rfc5322.message-id`, `twilio.call-sid`, a CRM's name."""

    system: str
    id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A kept original or attachment: sha256 in hex names the bytes."""

    sha256: str
    media_type: str
    size_bytes: int
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What somebody told the customer would happen by `due_at`; via: "any" or "call"."""

    id: str
    due_at: datetime
    via: str = "any"
    replaces: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What only some kinds carry.

    reason: of hold, close, void. attrs: of set. voids: id of the interaction that never happened.
    void_case: a close as junk. observed: taken in observe mode, starts no ack clock.
    callbacks: of a customer's call, the callbacks it opened, joined or closed.
    withdraws: of a close of a callback, the promises made with it, which nobody is to keep now.
    note: what an agent wrote down (personal). result: the agent's word for a talk, interface.md section 4.
    authenticated: what the receiving server said of the sender by DMARC, "pass" or "fail"; None: nothing we trust.
    order: what a customer's text told our machine, such as `stop`; it is obeyed, and no clock waits for an answer.
    asks_call: a writing that asks to be rung, on the number of its party `callee` if it has one. call_from: the line
    that call is to be made from. soon: it names no time, so the call is made by the promised one and not only then.
    """

    reason: str | None = None
    attrs: Mapping[str, str] = field(default_factory=dict)
    voids: str | None = None
    void_case: bool = False
    callback_id: str | None = None
    callbacks: tuple[str, ...] = ()
    merged_into: str | None = None
    promise: Promise | None = None
    keeps: tuple[str, ...] = ()
    withdraws: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    observed: bool = False
    result: str | None = None
    note: str | None = None
    authenticated: str | None = None
    asks_call: bool = False
    call_from: str | None = None
    soon: bool = False
    order: str | None = None


MACHINE_HEARD = "machine_heard"
"""Tag of a call of ours: the provider took who answered for a machine. A hint; what came of the call a person says."""


@fact
class Interaction:
    """One touch, as of one revision.

    occurred_at: inbound, when it reached us; outbound, when it left us. recorded_at: when committed. Aware UTC.
    promised_at: on an ack, the time the customer was told. reason: e.g. `no-ack:list`. original: the kept bytes.
    clocks: the case's clocks as records, as of this revision. erased_at: since when nothing personal is kept.
    """

    id: str
    revision: int = 1
    channel: Channel
    kind: Kind
    direction: Direction
    actor: Actor
    outcome: Outcome | None = None
    status_raw: str | None = None
    reason: str | None = None
    occurred_at: datetime
    ended_at: datetime | None = None
    recorded_at: datetime
    ring: timedelta | None = None
    talk: timedelta | None = None
    total: timedelta | None = None
    contact_id: str | None = None
    contact_match: ContactMatch = ContactMatch.NONE
    organisation_id: str | None = None
    case_id: str | None = None
    case_cause: CaseCause | None = None
    ambiguous: bool = False
    in_reply_to: str | None = None
    caused_by: str | None = None
    mailbox: str | None = None
    line: str | None = None
    team: str | None = None
    agent_id: str | None = None
    agent: str | None = None
    partial: bool = False
    promised_at: datetime | None = None
    parties: tuple[Party, ...] = ()
    subject: str | None = None
    preview: str | None = None
    original: Stored | None = None
    attachments: tuple[Stored, ...] = ()
    external_ids: tuple[ExternalId, ...] = ()
    automation: Automation = Automation.NONE
    language: str | None = None
    language_cause: str | None = None
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    detail: Detail = Detail()
    clocks: tuple[Mapping[str, object], ...] = ()
    erased_at: datetime | None = None

    def address(self, *roles: Role) -> str | None:
        """The address of the first party in one of these roles."""
        return next((party.address for party in self.parties if party.role in roles), None)

    def name(self, *roles: Role) -> str | None:
        """The name of the first party in one of these roles."""
        return next((party.name for party in self.parties if party.role in roles), None)

    def external(self, system: str) -> str | None:
        """Its id in that system."""
        return next((known.id for known in self.external_ids if known.system == system), None)

    @property
    def customer(self) -> str | None:
        """The customer's address or number: who wrote or rang to us, or to whom we did."""
        if self.direction is Direction.OUTBOUND:
            return self.address(Role.TO, Role.CALLEE)
        return self.address(Role.FROM, Role.CALLER)


class DeliveryKind(StrEnum):
    """telling: a rung of a ladder came, and waits to be put into a notice to one of our people.

    letter: an acknowledgement on paper, sent when a person posted it. heartbeat: a mail of ours to ourselves.
    """

    ACK = "ack"
    NOTICE = "notice"
    TELLING = "telling"
    LETTER = "letter"
    HEARTBEAT = "heartbeat"


class DeliveryState(StrEnum):
    """queued -> sending -> taken -> sent, or refused, failed (given up), unknown (perhaps sent: the word was lost).

    taken: the server has it, noted at once; sent: what follows from that is recorded too.
    cancelled: its cause went away while it waited. held: perhaps sent, and a person decides whether to send it again.
    """

    QUEUED = "queued"
    SENDING = "sending"
    TAKEN = "taken"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An effect owed to the outside, committed before it is tried.

    key: unique for ever, so that one cause never owes twice. payload: the finished bytes, fixed at the decision, so
    that a resend is identical. via: the mailbox whose server sends it. recipient is personal.
    attempts counts claims. due_at: not before; expires_at: not after, for what it says would no longer be true.
    copies: how often the bytes may have reached the server.
    subject_key: keyed hash of the answered subject without prefixes, to see the same one come round.
    """

    id: str
    kind: DeliveryKind
    key: str
    via: str
    recipient: str
    payload: bytes
    created_at: datetime
    due_at: datetime
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    interaction_id: str | None = None
    case_id: str | None = None
    reason: str | None = None
    status_raw: str | None = None
    settled_at: datetime | None = None
    expires_at: datetime | None = None
    copies: int = 0
    subject_key: str | None = None
