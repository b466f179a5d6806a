"""What a decision may look at, and the rules it is made under. Pure values; `store.open_items` reads them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from commsd.core.callback import Callback
from commsd.core.case import CaseFile
from commsd.core.contact import Contact, Identity
from commsd.core.interaction import (
    Delivery,
    Interaction,
)
from commsd.core.opt_out import OptOut
from commsd.core.organisation import Mark, Organisation
from commsd.core.pause import Pause
from commsd.core.policy import Version
from commsd.core.rate_limit import Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The rules a decision is made under. versions: in order of effective_from."""

    versions: tuple[Version, ...]
    auto_close: timedelta = timedelta(days=7)

    def in_force(self, at: datetime) -> Version | None:
        """The version that governs what begins then; the last ones may not have come in force yet."""
        return next((known for known in reversed(self.versions) if known.effective_from <= at), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEntry:
    """One journalled webhook of a call, in the order of its arrival. fields: the form as signed, empty values kept."""

    id: int
    received_at: datetime
    route: str
    step: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItems:
    """All that a decision may look at, read under its keys.

    now: drawn by the writer, never before the last recorded_at it read. new_id: fresh UUIDv7s; a decision may run
    again, then with others. contacts by identity, people by id. organisations: those that keys name, those of the
    contacts, and those an address named is a number or in a domain of, by their marks; firms: the same by id, and for
    one that went into another, who speaks for it; called: those of the names that keys name, by their normal form.
    files: cases of those contacts and of what the keys refer to. callbacks: open, or closed within the last half hour.
    known: interactions by the text of their key. alike: all of them where a key has several, such as one answer to two
    customers, which is in the case of each.
    answered: TwiML already given, by step. sent: acks of the last 24 h to the inboxes that keys name, newest first,
    to count and not to write back, for their bytes are left out. refused: recipients with a refusal in force.
    opt_outs: of the numbers that keys name. pauses: those in force. spent: what the mailboxes whose budget a key names
    have spent of it. requests: what those that keys name came to, None: nothing yet; one that is missing no longer
    stands for anything.
    """

    now: datetime
    new_id: Callable[[], str]
    contacts: Mapping[Identity, Contact] = field(default_factory=dict)
    people: Mapping[str, Contact] = field(default_factory=dict)
    shared: Mapping[Identity, tuple[Contact, ...]] = field(default_factory=dict)
    organisations: Mapping[Mark, Organisation] = field(default_factory=dict)
    firms: Mapping[str, Organisation] = field(default_factory=dict)
    called: Mapping[str, tuple[Organisation, ...]] = field(default_factory=dict)
    files: Mapping[str, CaseFile] = field(default_factory=dict)
    callbacks: tuple[Callback, ...] = ()
    known: Mapping[str, Interaction] = field(default_factory=dict)
    alike: Mapping[str, tuple[Interaction, ...]] = field(default_factory=dict)
    webhooks: tuple[WebhookEntry, ...] = ()
    answered: Mapping[str, bytes] = field(default_factory=dict)
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)
    sent: tuple[Delivery, ...] = ()
    refused: frozenset[str] = frozenset()
    opt_outs: tuple[OptOut, ...] = ()
    pauses: tuple[Pause, ...] = ()
    spent: Mapping[str, Spent] = field(default_factory=dict)
    requests: Mapping[str, str | None] = field(default_factory=dict)

    def referred(self, contact_id: str | None = None) -> tuple[str, ...]:
        """The cases of the mails that the keys refer to, the nearest first; of one in several the contact's own."""
        found: dict[str, None] = {}
        for key, known in self.known.items():
            facts = self.alike.get(key, (known,)) if key.startswith("id:") else ()
            theirs = sorted(facts, key=lambda fact: contact_id is None or fact.contact_id != contact_id)
            found |= dict.fromkeys(fact.case_id for fact in theirs if fact.case_id)
        return tuple(found)

    def opted_out(self, number: str, channel: str) -> OptOut | None:
        """Why this number gets no texts on this channel; None where it may."""
        return next((each for each in self.opt_outs if (each.number, each.channel) == (number, channel)), None)

    def callback(self, callback_id: str) -> Callback | None:
        """The callback of this id."""
        return next((callback for callback in self.callbacks if callback.id == callback_id), None)
