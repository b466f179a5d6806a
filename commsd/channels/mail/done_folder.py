"""A mail that lies in a `done` folder, because a person moved it there: its case is closed. Pure.

Only a person's mail closes: what a machine wrote, our acknowledgements and what we never saw change nothing. Moving it
back changes nothing either; `commsd cases reopen` does.
"""

from commsd.channels.mail import same_mail
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.same_mail import known_copy
from commsd.core import key
from commsd.core.case import CaseFile, CaseState, customer_speaks, survivor
from commsd.core.change import Change, change_of
from commsd.core.interaction import Actor, Automation, Detail, Direction, Interaction, Kind
from commsd.core.open_items import OpenItems, Terms

REASON = "done-folder"
"""Why the case is closed."""

LATER = "done-folder:later-writing"
"""The reason of the note that it was not, because the customer has written since."""


def keys_of(arrival: Arrival, _desk: Desk) -> tuple[str, ...]:
    """The mail itself, which names its case."""
    message = arrival.message
    own = (key.of_message_id(message.message_id),) if message.message_id else ()
    return (*same_mail.keys_of(message), *own)


def moved_there(arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """The case of the mail, closed; nothing where it has none, or is closed already."""
    message = arrival.message
    moved = known_copy(message, items) or items.known.get(key.of_message_id(message.message_id or ""))
    if moved is None or not _is_a_persons(moved):
        return Change()
    file = survivor(moved.case_id or "", items.files)
    if file is None or file.case.state is CaseState.CLOSED:
        return Change()
    later = _unread_then(moved, file)
    if later and any(fact.reason == LATER and fact.caused_by == moved.id for fact in file.interactions):
        return Change()
    act = _act(Kind.NOTE if later else Kind.CLOSE, LATER if later else None, moved, file, items, desk)
    return change_of(act, items, terms, by=act.agent_id or "machine")


def _is_a_persons(fact: Interaction) -> bool:
    human = fact.actor is not Actor.MACHINE and fact.automation is Automation.NONE
    return human and fact.kind is Kind.MESSAGE and fact.direction is not Direction.INTERNAL


def _unread_then(moved: Interaction, file: CaseFile) -> bool:
    """Whether the customer wrote or rang after that mail and nobody has answered since.

    It may lie unread in the inbox: whoever moved an older one did not mean it.
    """
    after = [fact for fact in file.interactions if fact.occurred_at > moved.occurred_at]
    last = max((fact.occurred_at for fact in after if customer_speaks(fact)), default=None)
    return last is not None and not any(_answers(fact) and fact.occurred_at > last for fact in after)


def _answers(fact: Interaction) -> bool:
    return fact.direction is Direction.OUTBOUND and fact.actor is Actor.AGENT and not fact.partial


def _act(
    kind: Kind, reason: str | None, moved: Interaction, file: CaseFile, items: OpenItems, desk: Desk
) -> Interaction:
    """What the person did by moving it. Whose hand it was no server tells, so the mailbox's person stands for it."""
    agent = desk.firm.people.agents.get(desk.mailbox.person or "")
    return Interaction(
        id=items.new_id(),
        channel=desk.mailbox.channel,
        kind=kind,
        direction=Direction.INTERNAL,
        actor=Actor.AGENT,
        reason=reason,
        occurred_at=items.now,
        recorded_at=items.now,
        case_id=file.case.id,
        contact_id=file.case.contact_id,
        caused_by=moved.id,
        mailbox=desk.mailbox.name,
        team=desk.mailbox.team,
        agent_id=agent.id if agent else None,
        agent=agent.name if agent else None,
        detail=Detail(reason=REASON) if kind is Kind.CLOSE else Detail(),
    )
