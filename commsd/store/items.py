"""The working set of a batch of decisions: what was read for all their keys, shown to each, folded after each.

`open_items.load` fills it. Everything that a key names is found by an index here, for a batch has hundreds of each.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from commsd.core.belonging import marks_of
from commsd.core.callback import Callback
from commsd.core.case import Case, CaseFile, ClockRecord
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.interaction import CALL_SID, MESSAGE_ID, Delivery, DeliveryKind, Interaction
from commsd.core.key import PEOPLE, budget_of
from commsd.core.open_items import OpenItems, WebhookEntry
from commsd.core.opt_out import OptOut
from commsd.core.organisation import Mark, Organisation, name_form
from commsd.core.pause import Pause
from commsd.core.rate_limit import Spent, inbox_of
from commsd.core.refusal import Refusal
from commsd.store.rows import external_key

K = TypeVar("K")
Texts = dict[str, None]
"""Each once, in the order they came."""
Index = dict[K, Texts]
"""Ids by what names them. What moved on is still under its old name: who looks asks the thing itself."""

SYSTEMS = {"id": MESSAGE_ID, "call": CALL_SID}
"""Kinds of external ids, by how the keys begin that name them."""


def identities_named(named: Index[str]) -> list[Identity]:
    """The identities that keys name."""
    usual = [Identity(kind, value) for kind in PEOPLE for value in named[kind]]
    return usual + [Identity(*text.split(":", 1)) for text in named["person"]]


def marks_named(named: Index[str]) -> list[Mark]:
    """The marks that keys name, and those of which the addresses and numbers named may be."""
    own = [Mark(*text.split(":", 1)) for text in named["mark"]]
    return own + [mark for identity in identities_named(named) for mark in marks_of(identity)]


def by_kind(keys: Iterable[str]) -> Index[str]:
    """What the keys name, by how they begin; nothing under any other beginning."""
    named: Index[str] = defaultdict(dict)
    for key in keys:
        kind, _, value = key.partition(":")
        named[kind][value] = None
    return named


@dataclass(slots=True)
class Items:
    """The working set of one batch, by id, with the look-ups that keys need."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    contact_of: dict[Identity, str] = field(default_factory=dict)
    sharers: Index[Identity] = field(default_factory=lambda: defaultdict(dict))
    organisations: dict[str, Organisation] = field(default_factory=dict)
    organisation_of: dict[Mark, str] = field(default_factory=dict)
    organisations_called: Index[str] = field(default_factory=lambda: defaultdict(dict))
    interactions: dict[str, Interaction] = field(default_factory=dict)
    by_external: Index[str] = field(default_factory=lambda: defaultdict(dict))
    by_logical: dict[str, str] = field(default_factory=dict)
    in_case: Index[str] = field(default_factory=lambda: defaultdict(dict))
    cases: dict[str, Case] = field(default_factory=dict)
    cases_of: Index[str | None] = field(default_factory=lambda: defaultdict(dict))
    clocks: dict[str, dict[str, ClockRecord]] = field(default_factory=lambda: defaultdict(dict))
    callbacks: dict[str, Callback] = field(default_factory=dict)
    owed_to: Index[str | None] = field(default_factory=lambda: defaultdict(dict))
    owed_in: Index[str] = field(default_factory=lambda: defaultdict(dict))
    webhooks: dict[str, list[WebhookEntry]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    sent: dict[str, dict[str, Delivery]] = field(default_factory=lambda: defaultdict(dict))
    refusals: dict[str, Refusal] = field(default_factory=dict)
    opt_outs: dict[tuple[str, str], OptOut] = field(default_factory=dict)
    pauses: dict[tuple[str, str], Pause] = field(default_factory=dict)
    spent: dict[str, Spent] = field(default_factory=dict)
    requests: dict[str, str | None] = field(default_factory=dict)
    latest: datetime | None = None

    def fold(self, change: Change) -> None:
        """Take a decision's change in, so that the next decision sees it."""
        for contact in change.contacts:
            self.add_contact(contact)
        for organisation in change.organisations:
            self.add_organisation(organisation)
        for interaction in change.interactions:
            self.add_interaction(interaction)
        for case in change.cases:
            self.add_case(case)
        for clock in change.clocks:
            self.clocks[clock.case_id][clock.id] = clock
        for callback in change.callbacks:
            self.add_callback(callback)
        for delivery in change.deliveries:
            if delivery.kind is DeliveryKind.ACK and delivery.id not in self.deliveries:
                self._spend(delivery.via)
            self.deliveries[delivery.id] = delivery
            self.add_sent(delivery)
        for refusal in change.refusals:
            self.refusals[refusal.address] = refusal
        for opt_out in change.opt_outs:
            self.opt_outs[opt_out.number, opt_out.channel] = opt_out
        for pause in change.pauses:
            self.pauses[pause.what, pause.name] = pause
        for logical in change.keys:
            self.by_logical[logical.key] = logical.interaction_id
        for done in change.came_to:
            self.requests[done.request] = done.id
        for answer in change.answers:
            self.answers[answer.call_sid][answer.step] = answer.body

    def _spend(self, mailbox: str) -> None:
        if before := self.spent.get(mailbox):
            self.spent[mailbox] = replace(before, count=before.count + 1)

    def add_sent(self, owed: Delivery) -> None:
        if owed.kind is DeliveryKind.ACK:
            self.sent[inbox_of(owed.recipient)][owed.id] = replace(owed, payload=b"")

    def add_contact(self, contact: Contact) -> None:
        self.contacts[contact.id] = contact
        for identity in contact.identities:
            self.contact_of[identity] = contact.id
        for identity in contact.shared:
            self.sharers[identity][contact.id] = None

    def add_organisation(self, organisation: Organisation) -> None:
        self.organisations[organisation.id] = organisation
        for mark in organisation.marks:
            self.organisation_of[mark] = organisation.id
        if organisation.name:
            self.organisations_called[name_form(organisation.name)][organisation.id] = None

    def add_interaction(self, interaction: Interaction) -> None:
        self.interactions[interaction.id] = interaction
        if self.latest is None or interaction.recorded_at > self.latest:
            self.latest = interaction.recorded_at
        if interaction.case_id:
            self.in_case[interaction.case_id][interaction.id] = None
        for known in interaction.external_ids:
            self.by_external[external_key(known.system, known.id)][interaction.id] = None

    def add_case(self, case: Case) -> None:
        self.cases[case.id] = case
        self.cases_of[case.contact_id][case.id] = None

    def add_callback(self, callback: Callback) -> None:
        self.callbacks[callback.id] = callback
        self.owed_to[callback.number][callback.id] = None
        self.owed_in[callback.case_id][callback.id] = None

    def view(self, keys: Sequence[str], now: datetime, new_id: Callable[[], str]) -> OpenItems:
        """What a decision under these keys may look at."""
        named = by_kind(keys)
        facts = {key: found for key in keys if (found := self._interactions_of(key))}
        asked = {owed_id: self.deliveries[owed_id] for owed_id in named["delivery"] if owed_id in self.deliveries}
        contact_ids = self._people(named)
        case_ids = self._cases_named(named, facts, asked, contact_ids)
        owed_calls = self._calls_owed(named, case_ids)
        case_ids |= dict.fromkeys(callback.case_id for callback in owed_calls)
        case_ids |= dict.fromkeys(self._survivors(case_ids))
        files = {case_id: self._file(case_id) for case_id in case_ids if case_id in self.cases}
        contact_ids |= dict.fromkeys(file.case.contact_id for file in files.values() if file.case.contact_id)
        people = [self.contacts[contact_id] for contact_id in contact_ids if contact_id in self.contacts]
        firms = self._organisations(named, people)
        return OpenItems(
            now=now,
            new_id=new_id,
            contacts={identity: contact for contact in people for identity in contact.identities},
            people={contact.id: contact for contact in people},
            shared=self._shared(named),
            organisations={mark: firm for firm in firms.values() for mark in firm.marks},
            firms=firms,
            called={name: self._called(name) for name in named["called"]},
            files=files,
            callbacks=tuple(sorted(owed_calls, key=lambda callback: (callback.opened_at, callback.id))),
            known={key: found[-1] for key, found in facts.items()},
            alike={key: tuple(found) for key, found in facts.items() if len(found) > 1},
            webhooks=tuple(entry for call in named["call"] for entry in self.webhooks.get(call, ())),
            answered={step: body for call in named["call"] for step, body in self.answers.get(call, {}).items()},
            deliveries=asked,
            sent=self._sent_to(named["inbox"]),
            refused=frozenset(address for address in named["recipient"] if self._refuses(address, now)),
            opt_outs=tuple(o for o in self.opt_outs.values() if not o.lifted and o.number in named["phone"]),
            pauses=tuple(pause for pause in self.pauses.values() if pause.made_at < pause.until and now < pause.until),
            spent={name: self.spent[name] for name, _ in filter(None, map(budget_of, keys)) if name in self.spent},
            requests={each: self.requests[each] for each in named["request"] if each in self.requests},
        )

    def _people(self, named: Index[str]) -> Texts:
        found = dict.fromkeys(self.contact_of[each] for each in identities_named(named) if each in self.contact_of)
        return found | dict.fromkeys(contact_id for contact_id in named["contact"] if contact_id in self.contacts)

    def _shared(self, named: Index[str]) -> dict[Identity, tuple[Contact, ...]]:
        """Who shares the identities that keys name."""
        if not self.sharers:
            return {}
        found: dict[Identity, tuple[Contact, ...]] = {}
        for each in identities_named(named):
            holders = (self.contacts[known] for known in self.sharers.get(each, ()) if known in self.contacts)
            found[each] = tuple(known for known in holders if each in known.shared)
        return {each: holders for each, holders in found.items() if holders}

    def _organisations(self, named: Index[str], people: Iterable[Contact]) -> dict[str, Organisation]:
        if not self.organisations:
            return {}
        marked = (self.organisation_of.get(mark) for mark in marks_named(named))
        ids = dict.fromkeys([*named["organisation"], *marked, *(contact.organisation_id for contact in people)])
        return {each: firm for each in ids if each and (firm := self._speaker(each))}

    def _speaker(self, organisation_id: str) -> Organisation | None:
        """The firm, or the one it went into at last."""
        firm = self.organisations.get(organisation_id)
        while firm is not None and firm.merged_into in self.organisations:
            firm = self.organisations[firm.merged_into]
        return firm

    def _called(self, name: str) -> tuple[Organisation, ...]:
        """Those of this name by now; where none stands, those that speak for one of this name."""
        found = map(self.organisations.__getitem__, self.organisations_called.get(name, ()))
        same = [firm for firm in found if firm.name and name_form(firm.name) == name]
        speak = {firm.id: firm for each in same if (firm := self._speaker(each.id)) and firm.stands}
        return tuple(firm for firm in same if firm.stands) or tuple(speak.values())

    def _cases_named(
        self,
        named: Index[str],
        facts: dict[str, list[Interaction]],
        asked: dict[str, Delivery],
        contact_ids: Iterable[str],
    ) -> Texts:
        """The cases that keys name or lead to, nearest first, and those into which they went."""
        case_ids = dict.fromkeys(
            [
                *(fact.case_id for found in facts.values() for fact in found if fact.case_id),
                *(case_id for case_id in named["case"] if case_id in self.cases),
                *(owed.case_id for owed in asked.values() if owed.case_id),
                *(case_id for owed in asked.values() if (case_id := self._case_of(owed.interaction_id))),
                *(case_id for contact_id in contact_ids for case_id in self._cases_of(contact_id)),
            ]
        )
        return case_ids | dict.fromkeys(self._survivors(case_ids))

    def _cases_of(self, contact_id: str) -> Iterable[str]:
        return (found for found in self.cases_of.get(contact_id, ()) if self.cases[found].contact_id == contact_id)

    def _calls_owed(self, named: Index[str], case_ids: Texts) -> list[Callback]:
        """Those named, those to a number named, and those in one of these cases."""
        numbers = named["phone"]
        ids = dict.fromkeys(
            [
                *named["callback"],
                *(found for number in numbers for found in self.owed_to.get(number, ())),
                *(found for case_id in case_ids for found in self.owed_in.get(case_id, ())),
            ]
        )
        found = [self.callbacks[each] for each in ids if each in self.callbacks]
        return [c for c in found if c.id in named["callback"] or c.number in numbers or c.case_id in case_ids]

    def _sent_to(self, inboxes: Iterable[str]) -> tuple[Delivery, ...]:
        found = [owed for inbox in inboxes for owed in self.sent.get(inbox, {}).values()]
        return tuple(sorted(found, key=lambda owed: owed.created_at, reverse=True))

    def _refuses(self, address: str, now: datetime) -> bool:
        refusal = self.refusals.get(address.casefold())
        return refusal is not None and refusal.since < refusal.until and now < refusal.until

    def _case_of(self, interaction_id: str | None) -> str | None:
        known = self.interactions.get(interaction_id or "")
        return known.case_id if known else None

    def _survivors(self, case_ids: Iterable[str]) -> Iterable[str]:
        """Where merged cases went, to the last."""
        for case_id in case_ids:
            case = self.cases.get(case_id)
            while case is not None and case.merged_into is not None:
                yield case.merged_into
                case = self.cases.get(case.merged_into)

    def _interactions_of(self, key: str) -> list[Interaction]:
        kind, _, value = key.partition(":")
        if kind in SYSTEMS:
            return [self.interactions[found] for found in self.by_external.get(external_key(SYSTEMS[kind], value), ())]
        known = self.by_logical.get(value) if kind == "logical" else value if kind == "interaction" else None
        return [self.interactions[known]] if known in self.interactions else []

    def _file(self, case_id: str) -> CaseFile:
        inside = [self.interactions[found] for found in self.in_case.get(case_id, ()) if found in self.interactions]
        return CaseFile(
            case=self.cases[case_id],
            interactions=tuple(
                sorted((i for i in inside if i.case_id == case_id), key=lambda known: (known.recorded_at, known.id))
            ),
            clocks=tuple(self.clocks.get(case_id, {}).values()),
        )
