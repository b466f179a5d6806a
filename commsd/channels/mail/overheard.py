"""A mail that answers a notice, or holds a link of one, from an address that belongs to nobody here.

Only our people see notices: so it is a colleague's private address, or somebody to whom a notice was passed on. No
order in it is obeyed and it gets no acknowledgement; it is kept as a note in the notice's case, and who got the notice
is told. Whoever is a customer of ours stays one. Pure; what our own people may say is `reply`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from commsd.channels.mail.address import deliverable
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import Message
from commsd.channels.mail.notice import as_mail, mark
from commsd.channels.mail.reply import MOST_TRIES, Heard, file_of, is_machine, is_ours, meant_in, note_of
from commsd.core.agent import Agent
from commsd.core.case import CaseFile
from commsd.core.change import Change, LogicalKey
from commsd.core.contact import identity_of
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.interaction import Delivery, DeliveryKind, Party, Role, Stored
from commsd.core.open_items import OpenItems
from commsd.sla.notice.notice import Notice, marked

UNKNOWN = "reply:unknown-sender"
"""The reason on the note."""

SHOWN = 12
"""Lines of the mail that are shown to who is told."""

LINE = 300


def overheard_in(message: Message, desk: Desk) -> Heard | None:
    """Which notice such a mail goes back to; None for all other mail, also where an id or a token is forged."""
    heard = meant_in(message, desk, passed_on=True)
    return None if heard is None or is_ours(heard, desk) or is_machine(message, desk) else heard


def is_customer(heard: Heard, items: OpenItems) -> bool:
    """Whether the writer is a customer we know, whose mail is an ordinary one."""
    identity = identity_of(heard.writer.address)
    return identity is not None and identity in items.contacts


def overheard(heard: Heard, message: Message, original: Stored | None, items: OpenItems, desk: Desk) -> Change:
    """The note, and a notice to who is to know of it."""
    writer = Party(Role.FROM, heard.writer.address, heard.writer.name or None)
    fact = note_of(heard, message, original, items, desk, Hand(by="machine"))
    fact = replace(fact, reason=UNKNOWN, parties=(writer,))
    return Change(
        interactions=(fact,),
        events=(Event("interaction.recorded", fact, items.now, "machine"),),
        deliveries=tuple(_notices(heard, message, items, desk)),
        keys=(LogicalKey(key=message.logical_key, interaction_id=fact.id),),
        result=UNKNOWN,
    )


def _notices(heard: Heard, message: Message, items: OpenItems, desk: Desk) -> Iterator[Delivery]:
    """One to each who is told; after a few in one talk none, for an autoresponder may answer them."""
    tries = heard.about.tries if heard.about else 0
    if tries >= MOST_TRIES or desk.mailbox.smtp is None:
        return
    file = file_of(heard, items)
    for number, (address, agent) in enumerate(_to_tell(heard, file, items.now, desk)):
        notice = Notice(
            key=f"notice:heard:{number}:{message.logical_key}"[:128],
            recipient=address,
            subject=f"{marked(desk.firm)}From an address we do not know: {message.subject}"[:200],
            text="\n".join(_text(heard, file, message)) + "\n",
            at=items.now,
            case_id=file.case.id if file else None,
            callback_id=heard.callback_id,
            agent=agent,
        )
        yield Delivery(
            id=items.new_id(),
            kind=DeliveryKind.NOTICE,
            key=notice.key,
            via=desk.mailbox.name,
            recipient=address,
            payload=as_mail(
                notice, sender=desk.mailbox.address, firm_name=desk.firm.name, key=desk.key, tries=tries + 1
            ),
            created_at=items.now,
            due_at=items.now,
            case_id=notice.case_id,
        )


def _to_tell(heard: Heard, file: CaseFile | None, now: datetime, desk: Desk) -> tuple[tuple[str, str | None], ...]:
    """Who got the notice; else whose the case is; else their team; else the house. Address and agent of each."""
    people, day = desk.firm.people, desk.firm.day(now)
    case = file.case if file else None
    team = people.teams.get((case.team if case else None) or desk.mailbox.team or "")
    got = heard.about.recipient if heard.about else ""
    told = next((address for address in people.addresses if mark(desk.key, address.casefold()) == got), None)
    reader = people.by_mail(told) if told else people.agents.get(heard.link.agent) if heard.link else None
    if told and reader is None:
        return ((told, None),)
    owner = (case.owner if case else None) or desk.mailbox.person
    for agents in (
        (people.present(reader.id, day) if reader else None,),
        (people.present(owner, day),),
        people.members(team.id if team else None, day),
        (people.present(team.lead, day) if team else None,),
    ):
        if found := tuple(_addresses(agents, heard.writer.address)):
            return found
    return ((desk.mailbox.address, None),)


def _addresses(agents: Iterable[Agent | None], writer: str) -> Iterator[tuple[str, str | None]]:
    for agent in agents:
        address = deliverable(agent.mail[0]) if agent and agent.mail else None
        if agent and address and address.casefold() != writer.casefold():
            yield address, agent.id


def _text(heard: Heard, file: CaseFile | None, message: Message) -> Iterator[str]:
    did = "sent a link of a notice from commsd" if heard.link else "answered a notice from commsd"
    name, address = heard.writer.name, heard.writer.address
    yield f"{f'{name}, {address},' if name else address} {did}. The address belongs to nobody here."
    yield "Nothing was changed, no clock runs for this mail, and nobody was answered."
    yield ""
    lines = [line.rstrip() for line in message.text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(">")]
    yield from (f"> {line[:LINE]}" for line in lines[:SHOWN])
    if not lines:
        yield "There was nothing in it but what it answered."
    yield ""
    yield "Was it a colleague? Add the address to `mail` of their [agent.NAME]; then commsd obeys it."
    yield "Was it a customer? Answer them from your mail program: nobody else was told of it."
    yield ""
    if file:
        yield f"It is kept as a note in case {file.case.id}. To see it: commsd cases show {file.case.id}"
    else:
        yield "It is kept, in no case, for the notice was about several. To see it: commsd log tail"
