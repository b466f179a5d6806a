"""A mail of our own people that answers a notice, or was sent from a link in one: what it asks for is done, once.

Pure. Such a mail is never a customer's writing: it opens no case, gets no acknowledgement, starts no clock. Machines
are not heard here: theirs stay ordinary mail, which nobody answers. What the words mean says `order`; what a word
does, `crm.actions`.
"""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from commsd.channels.mail.address import Mailbox, deliverable
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.mail_interaction import interaction_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.notice import About, as_mail, mark, newest_about
from commsd.channels.mail.order import Order, order_in
from commsd.channels.mail.suppression import SUPPRESSIONS, is_internal, speaker
from commsd.core import key
from commsd.core.agent import Agent
from commsd.core.case import CaseFile, CaseState, survivor
from commsd.core.change import Change, LogicalKey
from commsd.core.entry import Entry, Hand, Result, Said
from commsd.core.event import Event
from commsd.core.interaction import (
    Actor,
    CaseCause,
    Channel,
    Delivery,
    DeliveryKind,
    Direction,
    Interaction,
    Kind,
    Party,
    Role,
    Stored,
)
from commsd.core.link import LASTS, OF_A_CALL, Act, Link, link_of
from commsd.core.open_items import OpenItems, Terms
from commsd.crm import actions, call_actions, link_action
from commsd.errors import CommsdError, Refused
from commsd.sla.notice.notice import Notice, marked

MOST_TRIES = 3
"""So often in one talk we say that we did not understand: an autoresponder without any mark must come to an end."""

HELP = """\
Write one of these alone on the first line of your reply:

  done             the case is closed
  junk             it never was a case
  answered         the customer was answered elsewhere
  holding          the last answer only held the customer off
  claim            you take it
  reached          you spoke to the customer
  again 15:00      call again then; also "again tomorrow 9:30", "again 2026-12-01 09:00"
  voicemail, wrong number, declined
"""

_LINKED = re.compile(r"(?:\[[^\[\]]{1,30}\]\s*)*[a-z]+\s+\[([a-z2-7]+\.[a-z2-7]+)\]\s*", re.IGNORECASE)
"""The subject of a mail from a link, sent as it was; also behind the tag that a gateway puts before it."""

_TOKEN = re.compile(r"\[([a-z2-7]+\.[a-z2-7]+)\]", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A mail to be obeyed. link: it was sent from one. about: else what the notice it answers was about."""

    writer: Mailbox
    link: Link | None = None
    about: About | None = None

    @property
    def case_id(self) -> str | None:
        """The case it is about, None for several, or where only the callback is known."""
        if self.link:
            return None if self.link.act in OF_A_CALL else self.link.thing
        return self.about.case_id if self.about else None

    @property
    def callback_id(self) -> str | None:
        """The callback it is about."""
        if self.link:
            return self.link.thing if self.link.act in OF_A_CALL else None
        return self.about.callback_id if self.about else None


def heard_in(message: Message, desk: Desk) -> Heard | None:
    """What a person of ours asks for with this mail; None for all other mail, also where a token is forged."""
    heard = meant_in(message, desk)
    return heard if heard and is_ours(heard, desk) and not is_machine(message, desk) else None


def meant_in(message: Message, desk: Desk, *, passed_on: bool = False) -> Heard | None:
    """Which notice of ours a mail goes back to, whoever wrote it; None where it is none that we signed.

    passed_on: the token of a link counts wherever it stands in the subject, such as behind "Fwd:".
    """
    writer = speaker(message, desk.us)
    if writer is None or message.broken:
        return None
    linked = _LINKED.fullmatch(message.subject)
    tokens = _TOKEN.findall(message.subject) if passed_on else [linked[1]] if linked else []
    link = next((found for token in tokens if (found := link_of(desk.key, token))), None)
    about = newest_about(desk.key, message.references)
    return Heard(writer=writer, link=link, about=about[1] if about and not link else None) if link or about else None


def keys_of(heard: Heard) -> tuple[str, ...]:
    """What it is about."""
    return (
        *([key.of_case(heard.case_id)] if heard.case_id else ()),
        *([key.of_callback(heard.callback_id)] if heard.callback_id else ()),
    )


def replied(
    heard: Heard, message: Message, original: Stored | None, items: OpenItems, desk: Desk, terms: Terms
) -> Change:
    """The note in the case, and what was asked for done; or a notice back that says why not and what can be written."""
    hand = _hand(heard, desk)
    fact = note_of(heard, message, original, items, desk, hand)
    done, back = Change(), tuple[Delivery, ...]()
    try:
        done = _carried_out(heard, message, hand, items, desk, terms)
        result = _word(heard, message, desk)
        file = file_of(heard, items)
        if file and heard.case_id and file.case.id != heard.case_id:
            back = _back(heard, message, _done_elsewhere(heard, file), items, desk)
    except CommsdError as error:
        result = "not-understood" if isinstance(error, _NotUnderstood) else "refused"
        back = _back(heard, message, _refused(error), items, desk)
    fact = replace(fact, reason=f"reply:{result}")
    noted = Change(
        interactions=(fact,),
        events=(Event("interaction.recorded", fact, items.now, hand.by),),
        deliveries=back,
        keys=(LogicalKey(key=message.logical_key, interaction_id=fact.id),),
    )
    return replace(noted + done, result=fact.reason)


class _NotUnderstood(CommsdError):
    """The reply holds no order."""


def is_ours(heard: Heard, desk: Desk) -> bool:
    """Whoever got the notice, or belongs to the house. Without that it may be a customer to whom it was passed on."""
    writer, people = heard.writer, desk.firm.people
    if heard.about and mark(desk.key, writer.address.casefold()) == heard.about.recipient:
        return True
    routes = (address.casefold() for route in people.routes.values() for address in route.mail)
    at_home = writer.key in desk.us.addresses or is_internal(writer.domain, desk.us)
    return at_home or people.by_mail(writer.address) is not None or writer.address.casefold() in routes


def is_machine(message: Message, desk: Desk) -> bool:
    """Any mark of a machine will do, for of two reasons to be silent the other may come first."""
    return any(rule.automation != "none" and rule.holds(message, desk.us) for rule in SUPPRESSIONS)


def _carried_out(heard: Heard, message: Message, hand: Hand, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    if heard.link:
        if heard.link.until <= items.now:
            raise Refused("the link is over", remedy="use the one of a newer notice")
        return link_action.act_of(heard.link, hand, terms)(items)
    if heard.case_id is None:
        raise _NotUnderstood(
            "the notice is about several cases", remedy="answer the notice of one, or use the links beside it"
        )
    file = file_of(heard, items)
    if file is None:
        raise Refused("there is no such case any more", remedy="look for it with `commsd cases list`")
    order = _order(message, desk)
    if order is None:
        raise _NotUnderstood("the first line of your reply is nothing I know", remedy="nothing was changed")
    return _decided(order, heard.case_id, file, _callback_of(heard, order, file, items), hand, terms, items)(items)


def _order(message: Message, desk: Desk) -> Order | None:
    return order_in(message.text, message.received_at, desk.firm.zone)


def _word(heard: Heard, message: Message, desk: Desk) -> str:
    order = None if heard.link else _order(message, desk)
    return str(heard.link.act if heard.link else order.act if order else "nothing").replace("_", "-")


def _callback_of(heard: Heard, order: Order, file: CaseFile, items: OpenItems) -> str | None:
    """The callback the notice was about, else the only one the case owes. Refused where it may be one or another."""
    if heard.callback_id:
        return link_action.joined(items, heard.callback_id)
    owed = [c.id for c in items.callbacks if c.open and c.case_id == file.case.id]
    if len(owed) > 1 and (isinstance(order.act, Result) or order.act is Act.CLAIM):
        raise _NotUnderstood(
            f"the case owes {len(owed)} calls, and nothing says which you mean",
            remedy="say it of the one, such as: commsd callbacks result ID reached",
        )
    return owed[0] if len(owed) == 1 else None


def _decided(
    order: Order, said_of: str, file: CaseFile, callback_id: str | None, hand: Hand, terms: Terms, items: OpenItems
) -> actions.Decide:
    """said_of: the case the notice was about; file: the one that holds it now."""
    case_id = file.case.id
    if isinstance(order.act, Result):
        if file.case.state is CaseState.CLOSED:
            raise Refused("the case is closed already", remedy=f"open it again first: commsd cases reopen {case_id}")
        said = Said(result=order.act, note=order.note, due=order.due)
        if callback_id:
            return call_actions.callback_result(callback_id, said, hand, terms)
        talk = Entry(channel=Channel.PHONE, kind=Kind.CALL, direction=Direction.OUTBOUND, case_id=case_id, said=said)
        return actions.record_entry(talk, hand, terms)
    if order.act is Act.CLAIM and not callback_id:
        if hand.agent_id is None:
            raise Refused("somebody must claim it", remedy="write from the address of one of your agents")
        return actions.set_case(case_id, hand, terms, attrs={"owner": hand.agent_id})
    thing = callback_id if order.act is Act.CLAIM and callback_id else said_of
    return link_action.act_of(Link(act=order.act, thing=thing, agent="", until=items.now + LASTS), hand, terms)


def _hand(heard: Heard, desk: Desk) -> Hand:
    """The agent who writes, else the one whose the notice was."""
    agent = desk.firm.people.by_mail(heard.writer.address) or _named(heard, desk)
    return Hand(by=agent.id, agent_id=agent.id, agent=agent.name) if agent else Hand(by="reply")


def _named(heard: Heard, desk: Desk) -> Agent | None:
    agents = desk.firm.people.agents
    if heard.link:
        return agents.get(heard.link.agent)
    marked = heard.about.agent if heard.about else ""
    return next((agent for agent in agents.values() if marked and mark(desk.key, agent.id) == marked), None)


def file_of(heard: Heard, items: OpenItems) -> CaseFile | None:
    """The case it is about, or the one that this went into; None for several, or where it is there no more."""
    callback = items.callback(heard.callback_id) if heard.callback_id else None
    return survivor(heard.case_id or (callback.case_id if callback else ""), items.files)


def note_of(
    heard: Heard, message: Message, original: Stored | None, items: OpenItems, desk: Desk, hand: Hand
) -> Interaction:
    """The mail as a note in the case it is about."""
    file = file_of(heard, items)
    return replace(
        interaction_of(message, original, items, desk),
        kind=Kind.NOTE,
        direction=Direction.INTERNAL,
        actor=Actor.AGENT,
        outcome=None,
        case_id=file.case.id if file else None,
        case_cause=CaseCause.REFERENCE if file else None,
        contact_id=file.case.contact_id if file else None,
        agent_id=hand.agent_id,
        agent=hand.agent,
        parties=(Party(Role.AGENT, heard.writer.address, heard.writer.name or None),),
    )


class _Answer(NamedTuple):
    """What is said to who wrote."""

    subject: str
    text: str


def _refused(error: CommsdError) -> _Answer:
    remedy = f"{error.remedy[:1].upper()}{error.remedy[1:]}."
    return _Answer(f"Not done: {error.what}", f"Your reply was not carried out: {error.what}.\n{remedy}\n\n{HELP}")


def _done_elsewhere(heard: Heard, file: CaseFile) -> _Answer:
    went = f"Case {heard.case_id} of the notice has gone into another since, and it was done to that one."
    return _Answer(f"Done, but to another case: {file.case.subject or 'no subject'}", f"{went}\n")


def _back(heard: Heard, message: Message, said: _Answer, items: OpenItems, desk: Desk) -> tuple[Delivery, ...]:
    """One notice to who wrote, unless it would be too many of them or the mailbox cannot send."""
    tries = heard.about.tries if heard.about else 0
    recipient = deliverable(heard.writer.address)
    if tries >= MOST_TRIES or recipient is None or desk.mailbox.smtp is None:
        return ()
    file = file_of(heard, items)
    case_id = file.case.id if file else heard.case_id
    agent = desk.firm.people.by_mail(heard.writer.address)
    notice = Notice(
        key=f"notice:reply:{message.logical_key}"[:128],
        recipient=recipient,
        subject=f"{marked(desk.firm)}{said.subject}"[:200],
        text=f"{said.text}\nCase {case_id}\n" if case_id else said.text,
        at=items.now,
        case_id=case_id,
        callback_id=heard.callback_id,
        agent=agent.id if agent else None,
    )
    answers = (*message.references, *((message.message_id,) if message.message_id else ()))
    payload = as_mail(
        notice,
        sender=desk.mailbox.address,
        firm_name=desk.firm.name,
        key=desk.key,
        answers=answers,
        tries=tries + 1,
    )
    return (
        Delivery(
            id=items.new_id(),
            kind=DeliveryKind.NOTICE,
            key=notice.key,
            via=desk.mailbox.name,
            recipient=recipient,
            payload=payload,
            created_at=items.now,
            due_at=items.now,
            case_id=file.case.id if file else None,
        ),
    )
