"""Builders for decisions: a house's open items in memory, and the touches that change them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from commsd.core.callback import Callback
from commsd.core.case import CaseFile
from commsd.core.change import Change, change_of
from commsd.core.contact import Contact
from commsd.core.interaction import (
    CALL_SID,
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
from commsd.core.organisation import Organisation
from tests.house import TERMS

TUESDAY = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
JANE = "jane@example.org"
NUMBER = "+493023125099"


class Books:
    """What is open, as the store would keep it: `take` decides one interaction and keeps the change."""

    def __init__(self, now: datetime = TUESDAY, new_id: Callable[[], str] | None = None) -> None:
        self.now = now
        self.new_id = new_id or self._new_id
        self.contacts: dict[str, Contact] = {}
        self.organisations: dict[str, Organisation] = {}
        self.files: dict[str, CaseFile] = {}
        self.callbacks: dict[str, Callback] = {}
        self.known: dict[str, Interaction] = {}
        self._ids = count(1)

    def _new_id(self) -> str:
        return f"id-{next(self._ids):04}"

    @property
    def items(self) -> OpenItems:
        return OpenItems(
            now=self.now,
            new_id=self.new_id,
            contacts={identity: c for c in self.contacts.values() for identity in c.identities},
            people=self.contacts,
            organisations={mark: firm for firm in self.organisations.values() for mark in firm.marks},
            firms=self.organisations,
            files=self.files,
            callbacks=tuple(self.callbacks.values()),
            known=self.known,
        )

    def take(self, make: Callable[["Books"], Interaction], *, opens: bool = True) -> Change:
        change = change_of(make(self), self.items, TERMS, opens=opens)
        self.keep(change)
        return change

    def keep(self, change: Change) -> None:
        self.contacts |= {contact.id: contact for contact in change.contacts}
        self.callbacks |= {callback.id: callback for callback in change.callbacks}
        for case in change.cases:
            before = self.files.get(case.id, CaseFile(case=case))
            self.files[case.id] = replace(before, case=case)
        for clock in change.clocks:
            file = self.files[clock.case_id]
            kept = (*(known for known in file.clocks if known.id != clock.id), clock)
            self.files[clock.case_id] = replace(file, clocks=kept)
        for fact in change.interactions:
            if fact.case_id:
                file = self.files[fact.case_id]
                others = (known for known in file.interactions if known.id != fact.id)
                self.files[fact.case_id] = replace(file, interactions=(*others, fact))

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    @property
    def callback(self) -> Callback:
        (only,) = self.callbacks.values()
        return only


def mail_from(sender: str = JANE, subject: str = "Delivery", **more: object) -> Callable[[Books], Interaction]:
    def make(books: Books) -> Interaction:
        fact = _fact(books, Channel.EMAIL, Kind.MESSAGE, Direction.INBOUND, Actor.CUSTOMER, Outcome.REACHED)
        return replace(
            fact, mailbox="support", subject=subject, parties=(Party(Role.FROM, sender, "Jane"),), **given(more)
        )

    return make


def answer_to(recipient: str = JANE, subject: str = "Re: Delivery", **more: object) -> Callable[[Books], Interaction]:
    def make(books: Books) -> Interaction:
        fact = _fact(books, Channel.EMAIL, Kind.MESSAGE, Direction.OUTBOUND, Actor.AGENT, Outcome.REACHED)
        return replace(fact, mailbox="support", subject=subject, parties=(Party(Role.TO, recipient),), **given(more))

    return make


def call_from(
    number: str = NUMBER, outcome: Outcome = Outcome.MISSED, sid: str = "CA1", line: str = "hotline"
) -> Callable[[Books], Interaction]:
    def make(books: Books) -> Interaction:
        fact = _fact(books, Channel.PHONE, Kind.CALL, Direction.INBOUND, Actor.CUSTOMER, outcome)
        return replace(
            fact, line=line, parties=(Party(Role.CALLER, number),), external_ids=(ExternalId(CALL_SID, sid),)
        )

    return make


def result_of(callback: Callback, result: str, **detail: object) -> Callable[[Books], Interaction]:
    """What an agent says came of a callback."""
    outcome = {"voicemail": Outcome.LEFT_MESSAGE, "wrong_person": Outcome.NOT_REACHED}.get(result, Outcome.REACHED)
    kind = Kind.CALL if outcome is Outcome.REACHED else Kind.ATTEMPT

    def make(books: Books) -> Interaction:
        fact = _fact(books, Channel.PHONE, kind, Direction.OUTBOUND, Actor.AGENT, outcome)
        said = replace(Detail(callback_id=callback.id, result=result), **given(detail))
        return replace(fact, case_id=callback.case_id, agent_id="anna", detail=said)

    return make


def moved(case_id: str, kind: Kind, **detail: object) -> Callable[[Books], Interaction]:
    """What a person did to a case."""

    def make(books: Books) -> Interaction:
        fact = _fact(books, Channel.OTHER, kind, Direction.INTERNAL, Actor.AGENT, None)
        return replace(fact, case_id=case_id, detail=replace(Detail(), **given(detail)))

    return make


def words(change: Change) -> list[str]:
    """What the feed says of a change, in its order."""
    return [event.type for event in change.events]


def only(values: Iterable[CaseFile]) -> CaseFile:
    (one,) = values
    return one


def given(more: dict[str, object]) -> dict[str, Any]:
    """For `replace`, which the type checker would see called with anything."""
    return more


def _fact(
    books: Books, channel: Channel, kind: Kind, direction: Direction, actor: Actor, outcome: Outcome | None
) -> Interaction:
    return Interaction(
        id=books.new_id(),
        channel=channel,
        kind=kind,
        direction=direction,
        actor=actor,
        outcome=outcome,
        occurred_at=books.now,
        recorded_at=books.now,
    )
