"""What our own people are told of letters and faxes: one whose sender nobody can read, and pages that wait. Pure."""

from collections.abc import Callable, Sequence
from datetime import datetime

from commsd.channels.mail.account import Mailbox
from commsd.core.firm import Firm
from commsd.core.interaction import Channel, Delivery, DeliveryKind, Interaction
from commsd.core.open_items import OpenItems
from commsd.sla.notice.notice import Notice, local, marked
from commsd.sla.notice.post import Post

LISTED = 20
Write = Callable[[str, str | None, datetime], Notice]
"""Address, agent, now -> the notice to them."""


def unread(fact: Interaction, mailbox: Mailbox, firm: Firm) -> Write:
    """A fax or letter came of which nothing tells who sent it."""
    word = "fax" if mailbox.channel is Channel.FAX else "letter"

    def write(address: str, agent: str | None, now: datetime) -> Notice:
        return Notice(
            key=f"unread:{fact.id}:{address}"[:128],
            recipient=address,
            subject=f"{marked(firm)}A {word} in {mailbox.name}, and nothing says who sent it",
            text=(
                f"On {local(fact.occurred_at, firm)} a machine brought a mail to {mailbox.name} that no pattern fits. "
                f"If it is a {word}, look into it and answer whoever sent it: nobody has been told that it came.\n\n"
                f"To have such mails read from now on, describe them by `senders` in [mailbox.{mailbox.name}].\n"
                f"If it is none, reply to this mail with one word: junk.\n\n"
                f"Case {fact.case_id}. To see it: commsd log show {fact.id}\n"
            ),
            at=now,
            case_id=fact.case_id,
            agent=agent,
        )

    return write


def waiting(letters: Sequence[Delivery], folder: str, firm: Firm) -> Write:
    """Pages are ready to be printed and posted. letters: at least one, the first due first."""

    def write(address: str, agent: str | None, now: datetime) -> Notice:
        one = len(letters) == 1
        count = "An acknowledgement waits" if one else f"{len(letters)} acknowledgements wait"
        lines = [f"{count} to be printed and posted, because no mail address is known.", ""]
        for letter in letters[:LISTED]:
            to = f"To {letter.recipient}" if letter.recipient else "To somebody whose name and address are not known"
            lines += [f"{to}, by {local(letter.due_at, firm)}", f"   commsd letters posted {letter.id}"]
        if len(letters) > LISTED:
            lines.append(f"And {len(letters) - LISTED} more: commsd letters list")
        lines += ["", f"They lie in {folder}. Print each, post it, then run the line below it."]
        return Notice(
            key=f"letters:{letters[0].id}:{address}"[:128],
            recipient=address,
            subject=f"{marked(firm)}To be posted: {'a letter' if one else f'{len(letters)} letters'}",
            text="\n".join(lines) + "\n",
            at=now,
            case_id=letters[0].case_id if one else None,
            agent=agent,
        )

    return write


def notices(
    write: Write, mailbox: Mailbox | None, firm: Firm, post: Post | None, items: OpenItems
) -> tuple[Delivery, ...]:
    """The notice to each who is to know of it, as deliveries; none where no mailbox can send."""
    if post is None or post.via is None:
        return ()
    said = (write(address, agent, items.now) for address, agent in whom(mailbox, firm, post, items.now))
    return tuple(
        Delivery(
            id=items.new_id(),
            kind=DeliveryKind.NOTICE,
            key=notice.key,
            via=post.via,
            recipient=notice.recipient,
            payload=post.render(notice),
            created_at=items.now,
            due_at=items.now,
            case_id=notice.case_id,
        )
        for notice in said
    )


def whom(mailbox: Mailbox | None, firm: Firm, post: Post, now: datetime) -> tuple[tuple[str, str | None], ...]:
    """The mailbox's person or deputy, else its team, else who is alarmed, else the house: addresses, with agents."""
    people, day = firm.people, firm.day(now)
    for names in ((mailbox.person,), (mailbox.team,)) if mailbox else ():
        if found := people.mail_of(tuple(name for name in names if name), day):
            break
    else:
        found = people.mail_of(post.alarms, day) or post.fallback
    agents = ((address, people.by_mail(address)) for address in found)
    return tuple((address, agent.id if agent else None) for address, agent in agents)
