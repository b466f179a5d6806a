"""What every customer really got: out of the mail server, the telephone exchange and the store, for the table.

An acknowledgement counts where it arrived, not where it was decided; its language is that of its words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TypeVar

from sqlalchemy import Connection

from commsd.channels.mail.language import detect
from commsd.core.callback import Callback
from commsd.core.callback import State as Owing
from commsd.core.case import ClockRecord
from commsd.core.clock import State
from commsd.core.interaction import CALL_SID, MESSAGE_ID, Actor, Direction, Interaction, Kind, Outcome
from commsd.core.ledger import Debt, debts
from commsd.core.policy import ClockKind
from commsd.core.record import THING, thing_of, together
from commsd.demo.exchange import Call
from commsd.demo.people import COLLEAGUES
from commsd.demo.smtp import Accepted
from commsd.demo.table import Ack, Got, House, Late, Owed, Wanted
from commsd.sla.notice.notice import OWED
from commsd.store import query
from commsd.store.debts import books

T = TypeVar("T")

EVERYTHING = 1000
"""Rows of one list; a scene has far fewer."""

_LANGUAGES = ("en", "de", "da", "id")
_SHORT_PARAGRAPHS = 2
"""The message and the signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the store has: the log, the clocks, the callbacks, and the ledger's lines."""

    facts: tuple[Interaction, ...] = ()
    clocks: tuple[ClockRecord, ...] = ()
    callbacks: tuple[Callback, ...] = ()
    debts: tuple[Debt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was seen. accepted: by the mail server; calls: of the exchange; begun: when each key's story began."""

    books: Books
    accepted: Sequence[Accepted]
    calls: Sequence[Call]
    begun: Mapping[str, datetime] = field(default_factory=dict)


def read_books(connection: Connection, now: datetime) -> Books:
    """The store, read in one go."""
    return Books(
        facts=_all(Interaction, query.interactions(connection, query.Wanted(), limit=EVERYTHING, oldest_first=True)),
        clocks=_all(ClockRecord, query.clocks(connection, every=True, limit=EVERYTHING)),
        callbacks=_all(Callback, query.callbacks(connection, every=True, limit=EVERYTHING)),
        debts=debts(books(connection, now), now),
    )


def _all(kind: type[T], page: query.Page) -> tuple[T, ...]:
    assert kind in THING
    return tuple(thing_of(kind, together(row.record, row.personal)) for row in page.rows)


def got(wanted: Wanted, evidence: Evidence) -> Got:
    """What the customer of this row got so far."""
    return _by_mail(wanted, evidence) if wanted.by == "mail" else _by_phone(wanted, evidence)


def house(scenario: Sequence[Wanted], evidence: Evidence) -> House:
    """What is about nobody's row."""
    cases = {case_id for wanted in scenario for case_id in _cases(wanted, evidence)}
    late = [record for record in _late_clocks(evidence) if record.case_id not in cases]
    known = {id(mail) for wanted in scenario for mail in _mails_for(wanted, evidence)}
    return House(
        wrong=tuple(debt.what for debt in evidence.books.debts if debt.wrong),
        strays=tuple(_described(mail) for mail in evidence.accepted if id(mail) not in known),
        late_elsewhere=tuple(record.value.clock.value for record in late),
    )


def _by_mail(wanted: Wanted, evidence: Evidence) -> Got:
    fact = _letter(wanted, evidence)
    case_id = fact.case_id if fact else None
    return Got(
        acks=tuple(_ack(mail, wanted, fact, evidence) for mail in _acks(wanted, evidence)),
        silence=(fact.reason or "") if fact else "",
        answer=_answer(wanted, case_id, evidence),
        late=tuple(_late(record, evidence) for record in _late_clocks(evidence) if record.case_id == case_id),
        policy=_policy(case_id, ClockKind.FIRST_RESPONSE, evidence),
    )


def _ack(mail: Accepted, wanted: Wanted, letter: Interaction | None, evidence: Evidence) -> Ack:
    parsed = _parsed(mail)
    text = _text(parsed)
    sent = next((f for f in evidence.books.facts if letter and f.kind is Kind.ACK and f.caused_by == letter.id), None)
    return Ack(
        language=detect(text, _LANGUAGES) or str(parsed["Content-Language"]),
        short=len(text.strip().split("\n\n")) <= _SHORT_PARAGRAPHS,
        after=mail.at - evidence.begun.get(wanted.key, mail.at),
        promised=sent.promised_at if sent else None,
    )


def _answer(wanted: Wanted, case_id: str | None, evidence: Evidence) -> tuple[str, timedelta] | None:
    """Our person's answer to this very mail."""
    if case_id is None:
        return None
    mail_id = _answer_id(wanted.key)
    for fact in evidence.books.facts:
        ours = fact.direction is Direction.OUTBOUND and fact.actor is Actor.AGENT and fact.kind is Kind.MESSAGE
        if ours and fact.case_id == case_id and (fact.external(MESSAGE_ID) or "").startswith(mail_id):
            return fact.agent or "somebody", fact.occurred_at - evidence.begun.get(wanted.key, fact.occurred_at)
    return None


def _answer_id(key: str) -> str:
    return f"answer.{key.partition('@')[0]}@"


def _by_phone(wanted: Wanted, evidence: Evidence) -> Got:
    calls = [f for f in evidence.books.facts if _is_call(f) and f.customer == wanted.key]
    bridged = {call.sid for call in evidence.calls if call.bridged}
    reached = (fact for fact in calls if fact.outcome is Outcome.REACHED and fact.external(CALL_SID) in bridged)
    talked = next(reached, None)
    owed = [callback for callback in evidence.books.callbacks if callback.number == wanted.key]
    cases = _cases(wanted, evidence)
    heard = [said.language for call in evidence.calls if call.from_ == wanted.key for said in call.spoken]
    begun = evidence.begun.get(wanted.key)
    return Got(
        late=tuple(_late(record, evidence) for record in _late_clocks(evidence) if record.case_id in cases),
        misses=sum(1 for fact in calls if fact.outcome is Outcome.MISSED),
        callbacks=tuple(_owed(callback, begun or callback.created_at) for callback in owed),
        talk=(talked.agent or "somebody", talked.ring or timedelta(0)) if talked else None,
        spoken=heard[0].partition("-")[0] if heard else "",
        policy=_policy(next(iter(cases), None), ClockKind.CALLBACK, evidence),
    )


def _owed(callback: Callback, begun: datetime) -> Owed:
    return Owed(
        misses=len(callback.misses),
        due_at=callback.due_at,
        after=callback.created_at - begun,
        closed=callback.close_reason.value if callback.close_reason else "",
        closed_after=callback.closed_at - begun if callback.closed_at else None,
        held=(callback.held or "") if callback.state is Owing.HELD else "",
        machine=any(attempt.result == "voicemail" for attempt in callback.attempts),
    )


def _late(record: ClockRecord, evidence: Evidence) -> Late:
    due = record.value.due_at or record.value.started_at
    told = [(mail, _name(mail.recipient)) for mail in _notices(record, evidence)]
    return Late(
        clock=record.value.clock.value,
        after=due - record.value.started_at,
        told=tuple((name, mail.at - due) for mail, name in told),
    )


def _late_clocks(evidence: Evidence) -> Sequence[ClockRecord]:
    return [record for record in evidence.books.clocks if record.value.state is State.BREACHED]


def _notices(record: ClockRecord, evidence: Evidence) -> Iterable[Accepted]:
    """Mails to our own people that say this clock of this case is overdue."""
    for mail in evidence.accepted:
        if mail.recipient in {colleague.mail for colleague in COLLEAGUES}:
            parsed = _parsed(mail)
            overdue = str(parsed["Subject"]).startswith(f"Overdue: {OWED[record.value.clock]}")
            if overdue and record.case_id in _text(parsed):
                yield mail


def _acks(wanted: Wanted, evidence: Evidence) -> Iterable[Accepted]:
    return (mail for mail in evidence.accepted if str(_parsed(mail)["In-Reply-To"] or "").strip("<> ") == wanted.key)


def _mails_for(wanted: Wanted, evidence: Evidence) -> Iterable[Accepted]:
    """The mails that belong to this row, its customer's and the notices about its clocks."""
    cases = _cases(wanted, evidence)
    yield from _acks(wanted, evidence)
    for record in _late_clocks(evidence):
        if record.case_id in cases:
            yield from _notices(record, evidence)
    if wanted.by == "phone":
        yield from _told_of(cases, evidence)


def _told_of(cases: Sequence[str], evidence: Evidence) -> Iterable[Accepted]:
    """Mails to our own people about calls of these cases: one that is held, one whose result is asked for."""
    for mail in evidence.accepted:
        if mail.recipient in {colleague.mail for colleague in COLLEAGUES}:
            text = _text(_parsed(mail))
            if any(case_id in text for case_id in cases):
                yield mail


def told_of(number: str, recipient: str, accepted: Iterable[Accepted]) -> EmailMessage | None:
    """The notice by which this person of ours was told to ring this number."""
    for mail in accepted:
        if mail.recipient == recipient and f"tel:{number}" in _text(parsed := _parsed(mail)):
            return parsed
    return None


def _letter(wanted: Wanted, evidence: Evidence) -> Interaction | None:
    """The customer's mail as the log has it."""
    return next((f for f in evidence.books.facts if f.external(MESSAGE_ID) == wanted.key), None)


def _cases(wanted: Wanted, evidence: Evidence) -> Sequence[str]:
    if wanted.by == "mail":
        letter = _letter(wanted, evidence)
        return [letter.case_id] if letter and letter.case_id else []
    calls = (f for f in evidence.books.facts if _is_call(f) and f.customer == wanted.key)
    return list(dict.fromkeys(fact.case_id for fact in calls if fact.case_id))


def _policy(case_id: str | None, kind: ClockKind, evidence: Evidence) -> str:
    clocks = (record.value for record in evidence.books.clocks if record.case_id == case_id)
    return next((clock.policy for clock in clocks if clock.clock is kind), "")


def _is_call(fact: Interaction) -> bool:
    return fact.kind is Kind.CALL and fact.direction is Direction.INBOUND


def _parsed(mail: Accepted) -> EmailMessage:
    return message_from_bytes(mail.raw, _class=EmailMessage, policy=policy.default)


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return "\n".join(str(body.get_content()).splitlines()) if body else ""


def _described(mail: Accepted) -> str:
    return f"{_parsed(mail)['Subject']} (to {_name(mail.recipient)})"


def _name(address: str) -> str:
    return next((colleague.name for colleague in COLLEAGUES if colleague.mail == address), address)
