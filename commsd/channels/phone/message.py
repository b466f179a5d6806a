"""A customer's text + OpenItems -> Change: the interaction, what it orders, and the text that answers it. Pure.

SMS and WhatsApp alike. What it orders is read in `message_words`, what an answer says in `message_texts`, how it
leaves is settled in `text_settle`. telephony.md M1, M2.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commsd.channels.phone.line import Line
from commsd.channels.phone.message_texts import Tongue
from commsd.channels.phone.message_words import Order, Told, told
from commsd.channels.phone.promise import promised, zone_of
from commsd.channels.phone.seen import House
from commsd.channels.phone.text_owed import (
    LAST,
    LONGEST,
    MESSAGE_SID,
    WHATSAPP,
    Owing,
    address,
    items_after,
    owed_text,
    with_reason,
)
from commsd.channels.phone.text_wishes import is_brief, is_unwanted, owed_to, rung_back, wants_calls_alone
from commsd.channels.phone.twiml import language_for
from commsd.config.unit import Rate
from commsd.core import key
from commsd.core.belonging import whose
from commsd.core.calendar import next_opening
from commsd.core.call_promise import promises_of
from commsd.core.callback import Callback, CloseReason
from commsd.core.case import ANSWERING, CaseFile, ClockRecord
from commsd.core.change import Change, LogicalKey, Original, change_of, with_promise
from commsd.core.clock import State as ClockState
from commsd.core.contact import Contact
from commsd.core.entry import callback_clock
from commsd.core.event import Event
from commsd.core.interaction import (
    Actor,
    Automation,
    Channel,
    DeliveryState,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Promise,
    Role,
    Stored,
)
from commsd.core.number import Number, parse_number
from commsd.core.open_items import OpenItems
from commsd.core.opt_out import BLOCKED, OptOut
from commsd.core.promise import calendar_of, counted_in
from commsd.core.promise import told as told_time
from commsd.core.rate_limit import BUDGET, inbox_of, is_reached
from commsd.core.screen import screened

MEDIA_TYPE = "text/plain; charset=utf-8"
STEP = "message"
OBSERVED = "no-ack:observe"

PER_NUMBER = (Rate(3, timedelta(minutes=10)), Rate(6, timedelta(hours=24)))
"""Texts of ours to one number: two machines that answer each other stop here."""

AGAIN = timedelta(hours=24)
"""So long one acknowledgement serves all that a customer texts in one case."""

FARTHEST = timedelta(days=60)
"""How far ahead a time can be agreed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What Twilio told of an incoming message. sender: E.164, a short code or a name; to: E.164."""

    sid: str
    channel: Channel
    sender: str
    to: str
    body: str
    name: str | None = None
    opt_out_type: str | None = None
    media: bool = False


def call_sid(sid: str) -> str:
    """Under what the webhooks of a message stand in the journal."""
    return f"message:{sid}"


def text_of(fields: Mapping[str, str]) -> Text:
    """The text in a webhook's form."""
    sender, to = fields.get("From", ""), fields.get("To", "")
    return Text(
        sid=fields.get("MessageSid", ""),
        channel=Channel.WHATSAPP if sender.startswith(WHATSAPP) else Channel.SMS,
        sender=sender.removeprefix(WHATSAPP),
        to=to.removeprefix(WHATSAPP),
        body=fields.get("Body", ""),
        name=fields.get("ProfileName") or None,
        opt_out_type=fields.get("OptOutType") or None,
        media=fields.get("NumMedia", "0") not in ("", "0"),
    )


def keys_of(fields: Mapping[str, str]) -> tuple[str, ...]:
    """All a text hangs on: whether we had it, who sent it, what they are owed and were sent."""
    text = text_of(fields)
    return (
        key.of_call(call_sid(text.sid)),
        key.of_logical(call_sid(text.sid)),
        *key.of_addresses(text.sender),
        key.of_inbox(inbox_of(address(text.sender, text.channel))),
    )


def taken_in(sid: str, items: OpenItems, house: House, regions: frozenset[str]) -> Change:
    """Everything this text changes; taken in twice, it is taken in once. regions: to where we write."""
    entries = [entry for entry in items.webhooks if entry.step == STEP]
    consumed = Change(consumed=tuple(entry.id for entry in entries))
    if not entries or items.known.get(key.of_logical(call_sid(sid))):
        return consumed
    read = Read(text_of(entries[0].fields), items, house, regions)
    fact = replace(read.fact(), occurred_at=min(entries[0].received_at, items.now))
    noted = Change(keys=(LogicalKey(key=call_sid(sid), interaction_id=fact.id),), originals=(read.original,))
    return read.taken(fact) + noted + consumed


class Read:
    """A text in one decision. owed: the callback it can be about; told: what it orders."""

    def __init__(self, text: Text, items: OpenItems, house: House, regions: frozenset[str]) -> None:
        self.text, self.items, self.house, self.regions = text, items, house, regions
        self.number = parse_number(text.sender)
        self.line = house.line_of(text.to)
        self.contact, _ = whose(text.sender, items)
        self.owed = owed_to(self.number, self.line.name if self.line else None, items)
        body = text.body.encode()
        self.original = Original(sha256=hashlib.sha256(body).hexdigest(), media_type=MEDIA_TYPE, content=body)
        self.language, self.cause = _language(self.contact, self.number, self.line, house)
        self.zone = zone_of(self.contact, self.number, house.firm.zone, items.now)
        self.machine = self.number is None or text.sender in house.firm.lines or text.sender == text.to
        self.colleague = None if self.machine else house.colleague(self.number)
        self.told = None if self.machine or self.colleague else self._told()

    def _told(self) -> Told | None:
        owed = self.owed is not None
        return told(self.text.body, self.text.opt_out_type, owed=owed, now=self.items.now, zone=self.zone)

    def fact(self) -> Interaction:
        """The text as an interaction, its case still open."""
        text, line, now = self.text, self.line, self.items.now
        return Interaction(
            id=self.items.new_id(),
            channel=text.channel,
            kind=Kind.MESSAGE,
            direction=Direction.INBOUND,
            actor=Actor.AGENT if self.colleague else Actor.CUSTOMER,
            outcome=Outcome.REACHED,
            occurred_at=now,
            recorded_at=now,
            line=line.name if line else None,
            team=line.team if line else None,
            agent_id=self.colleague.id if self.colleague else None,
            agent=self.colleague.name if self.colleague else None,
            parties=(Party(Role.FROM, text.sender, text.name), Party(Role.TO, text.to)),
            preview=" ".join(text.body.split())[:LONGEST] or None,
            original=Stored(self.original.sha256, MEDIA_TYPE, len(self.original.content)),
            external_ids=(ExternalId(MESSAGE_SID, text.sid),),
            automation=Automation.BOT if self.machine else Automation.NONE,
            language=self.language,
            language_cause=self.cause,
            tags=("media",) if text.media else (),
            detail=Detail(
                observed=line.observe if line else self.house.firm.observe,
                order=self.told.order.value if self.told else None,
            ),
        )

    def taken(self, fact: Interaction) -> Change:
        """The change, by what the text is."""
        if self.machine:
            reason = "no-ack:not-a-number" if self.number is None else "no-ack:own-number"
            return self._recorded(replace(fact, reason=reason))
        if self.colleague:
            return self._recorded(replace(fact, reason="no-ack:colleague"))
        if self.told is None:
            return self._letter(fact)
        if self.told.order in (Order.STOP, Order.START, Order.HELP):
            return self._opted(fact, self.told)
        owed = self.owed
        if owed is None:
            raise AssertionError("only of an owed call a text can be an order")
        if self.told.order is Order.TIME:
            return self._timed(fact, owed)
        if self.told.order is Order.DECLINE:
            return self._declined(fact, owed)
        return self._recorded(replace(fact, reason="no-ack:keep"))

    def _recorded(self, fact: Interaction) -> Change:
        return change_of(fact, self.items, self.house.terms, opens=False)

    def _letter(self, fact: Interaction) -> Change:
        """For a person to read and answer; of an owed call it tells the purpose."""
        if self.line and wants_calls_alone(self.contact):
            return self._to_be_rung(fact, self.line)
        change = self._with_purpose(change_of(fact, self.items, self.house.terms))
        reason = self._silent() or self._answered_already(change.interactions[0])
        if reason:
            return with_reason(change, reason)
        change, promised_at = self._promised(change)
        return self.answered(change, self._tongue.received(promised_at), promised_at)

    def _to_be_rung(self, fact: Interaction, line: Line) -> Change:
        """Who wants calls alone is rung about what he writes, and told so."""
        change = self._with_purpose(rung_back(fact, line.name, self.text.sender, self.items, self.house.terms))
        if reason := self._silent() or self._answered_already(change.interactions[0]):
            return with_reason(change, reason)
        owed = next((each for each in change.callbacks if each.open), None)
        due = promised(owed, change, self.items, self.house) if owed else None
        at = due.at if due else None
        return self.answered(change, self._tongue.rung(at, opens=due is not None and due.opens), at)

    def _opted(self, fact: Interaction, said: Told) -> Change:
        """No more texts on this channel, or texts again. What is owed, stays owed: about that we ask, once."""
        number, channel = self.text.sender, self.text.channel.value
        before = self.items.opted_out(number, channel)
        change = self._recorded(replace(fact, reason=f"no-ack:{said.order.value}"))
        if said.order is Order.HELP:
            return change
        opt = OptOut(
            number=number,
            channel=channel,
            since=self.items.now,
            word=said.word,
            interaction_id=fact.id,
            lifted=said.order is Order.START,
        )
        change += Change(opt_outs=(opt,))
        if said.order is Order.START or before is not None or self.owed is None or self._silent():
            return change
        change = with_reason(change, None)
        if is_unwanted(self.owed, self.contact, self.items):
            return self.answered(change, self._tongue.stopped_noted(), None, last=True)
        due = promised(self.owed, Change(), self.items, self.house)
        words = self._tongue.stopped(due.at if due else None, opens=due is not None and due.opens)
        return self.answered(change, words, None, last=True)

    def _timed(self, fact: Interaction, owed: Callback) -> Change:
        """The call is owed at the time asked for, or as soon as we are open after it."""
        at = self._agreed()
        if at is None:
            return self._letter(replace(fact, detail=replace(fact.detail, order=None)))
        file = self.items.files.get(owed.case_id)
        former = promises_of(owed, self.items.callbacks, file)
        promise = Promise(id=self.items.new_id(), due_at=at, via="call", replaces=former[-1] if former else None)
        detail = replace(fact.detail, asks_call=True, call_from=owed.line, callbacks=(owed.id,), promise=promise)
        parties = (*fact.parties, Party(Role.CALLEE, owed.number or self.text.sender))
        change = self._recorded(replace(fact, detail=detail, case_id=owed.case_id, parties=parties))
        reason = self._silent()
        return with_reason(change, reason) if reason else self.answered(change, self._tongue.agreed(at), at)

    def _agreed(self) -> datetime | None:
        at = self.told.at if self.told else None
        if at is None or at - self.items.now > FARTHEST:
            return None
        file = self.items.files.get(self.owed.case_id) if self.owed else None
        clock = callback_clock(file, self.items.now, self.house.terms)
        calendar = counted_in(clock, self.house.terms.versions) if clock else None
        return (next_opening(calendar, at) or at) if calendar else at

    def _declined(self, fact: Interaction, owed: Callback) -> Change:
        """The customer wants no call any more, and says so himself: telephony.md Q3."""
        change = self._recorded(replace(fact, reason="no-ack:declined", case_id=owed.case_id))
        after = items_after(self.items, change)
        closing = Interaction(
            id=self.items.new_id(),
            channel=fact.channel,
            kind=Kind.CLOSE,
            direction=Direction.INTERNAL,
            actor=Actor.CUSTOMER,
            occurred_at=self.items.now,
            recorded_at=self.items.now,
            contact_id=owed.contact_id,
            case_id=owed.case_id,
            caused_by=fact.id,
            line=fact.line,
            detail=Detail(
                callback_id=owed.id,
                reason=CloseReason.DECLINED_BY_CUSTOMER.value,
                withdraws=promises_of(owed, after.callbacks, after.files.get(owed.case_id)),
            ),
        )
        return change + change_of(closing, after, self.house.terms)

    def _with_purpose(self, change: Change) -> Change:
        """The owed call, with what it is about in the customer's words."""
        words = " ".join(self.text.body.split())[:LONGEST]
        callback = next((c for c in change.callbacks if not self.owed or c.id == self.owed.id), self.owed)
        if callback is None or not callback.open or not words or words in (callback.purpose or ""):
            return change
        purpose = f"{callback.purpose} / {words}" if callback.purpose else words
        known = any(each.id == callback.id for each in change.callbacks)
        moved = replace(callback, revision=callback.revision + (0 if known else 1), purpose=purpose[: 2 * LONGEST])
        if known:
            return replace(
                change,
                callbacks=tuple(moved if each.id == moved.id else each for each in change.callbacks),
                events=tuple(replace(e, thing=moved) if e.thing is callback else e for e in change.events),
            )
        event = Event("callback.updated", moved, self.items.now, "machine")
        return change + Change(callbacks=(moved,), events=(event,))

    def _silent(self) -> str | None:
        """Why no machine of ours writes back to this number; None where it may."""
        number, channel = self.number, self.text.channel
        if self.line is None:
            return "no-ack:unknown-line"
        if not self.line.sms_ack:
            return "no-ack:sms-off"
        if (self.contact and self.contact.blocked) or self.items.opted_out(self.text.sender, BLOCKED):
            return "no-ack:blocked"
        if number is None or screened(number, self.regions):
            return "no-ack:region"
        if self.items.opted_out(self.text.sender, channel.value):
            return "no-ack:opted-out"
        sent = [owed.created_at for owed in self.items.sent if owed.state is not DeliveryState.SUPPRESSED]
        return f"no-ack:{BUDGET}" if any(is_reached(limit, sent, self.items.now) for limit in PER_NUMBER) else None

    def _answered_already(self, fact: Interaction) -> str | None:
        file = self.items.files.get(fact.case_id or "")
        acks = (
            known
            for known in (file.interactions if file else ())
            if known.kind is Kind.ACK and known.channel is fact.channel and known.address(Role.TO) == self.text.sender
        )
        recent = any(self.items.now - ack.recorded_at < AGAIN for ack in acks if ack.outcome in _GOING)
        return "no-ack:in-conversation" if recent else None

    def _promised(self, change: Change) -> tuple[Change, datetime | None]:
        """The time the customer is told, kept on its clock: that of the answer, or the one that runs already."""
        file = self.items.files.get(change.interactions[0].case_id or "")
        clock = change.clock(*ANSWERING) or _running(file)
        if clock is None or clock.value.due_at is None:
            return change, None
        at = clock.promised_at or told_time(clock.value.due_at, calendar_of(clock, self.house.terms.versions))
        if at <= self.items.now:
            return change, None
        return (with_promise(change, clock, at) if clock in change.clocks else change), at

    @property
    def _tongue(self) -> Tongue:
        firm = self.house.firm
        return Tongue(
            firm=firm.name,
            language=self.language.partition("-")[0],
            address_as=firm.address_as,
            zone=self.zone,
            ours=firm.zone,
            brief=is_brief(self.contact),
        )

    def answered(self, change: Change, text: str, by: datetime | None, *, last: bool = False) -> Change:
        """The change with a text that answers. by: the time it tells. last: the one that follows a STOP."""
        fact = next(f for f in change.interactions if f.external(MESSAGE_SID) == self.text.sid)
        observed = self.line is not None and self.line.observe
        owing = Owing(
            channel=self.text.channel,
            to=self.text.sender,
            from_=self.text.to,
            text=text,
            by=by,
            key=f"{LAST if last else 'ack:'}{call_sid(self.text.sid)}",
            reason=OBSERVED if observed else None,
        )
        made = owed_text(fact, owing, self.items)
        return with_reason(change, OBSERVED if observed else None) + made


_GOING = frozenset({Outcome.PENDING, Outcome.REACHED})


def _running(file: CaseFile | None) -> ClockRecord | None:
    records = [r for r in (file.clocks if file else ()) if r.value.clock in ANSWERING]
    running = (record for record in records if record.value.state is ClockState.RUNNING)
    return max(running, key=lambda record: record.value.started_at, default=None)


def _language(contact: Contact | None, number: Number | None, line: Line | None, house: House) -> tuple[str, str]:
    languages = line.languages if line else house.firm.languages
    region = number.region if number else None
    return language_for(contact.language if contact else None, region, languages, default=house.firm.languages[0])
