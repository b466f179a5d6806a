"""Whether an acknowledgement that is due is held back all the same: paused, refused before, or one of too many. Pure.

Where a person paused, it is owed and waits: `store.claims` hands none out meanwhile. Else there is none; the writing
stays a person's: it is recorded, its clocks run, and the ledger lists it as unanswered (mail.md L1 to L4).
"""

import hmac
from typing import NamedTuple

from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import Message
from commsd.core import key
from commsd.core.case import normal_subject
from commsd.core.change import Change
from commsd.core.open_items import OpenItems
from commsd.core.pause import MACHINE, Pause
from commsd.core.rate_limit import PAUSED, REFUSED_BEFORE, damped_by, inbox_of
from commsd.core.refusal import lifted

ACKS = "acks"


class Brake(NamedTuple):
    """reason: without the prefix `no-ack:`; None: nothing holds it back. change: what comes of looking."""

    reason: str | None
    change: Change = Change()


def keys_of(recipient: str | None, desk: Desk) -> tuple[str, ...]:
    """What holding back hangs on. Where nothing leaves the house, nothing can run away."""
    if recipient is None or desk.observe:
        return ()
    budget = key.of_budget(desk.leaves.name, desk.leaves.ack_budget)
    return (key.of_recipient(recipient), key.of_inbox(inbox_of(recipient)), budget)


def brake(message: Message, recipient: str, authenticated: str | None, items: OpenItems, desk: Desk) -> Brake:
    """What holds the acknowledgement to this recipient back. authenticated: what we know of who wrote."""
    if desk.observe:
        return Brake(None)
    name, now = desk.leaves.name, items.now
    vouched = authenticated == "pass"
    change = Change()
    if recipient in items.refused and vouched:
        change = Change(refusals=(lifted(recipient, name, now),))
    pauses = _pauses(items, desk)
    if any(pause.by == MACHINE for pause in pauses):
        return Brake(PAUSED, change)
    if recipient in items.refused and not vouched:
        return Brake(REFUSED_BEFORE)
    trusted = vouched or not desk.us.authserv_ids
    if word := damped_by(items.sent, name, subject_key(message, desk), now, vouched=trusted):
        return Brake(word, change)
    spent, budget = items.spent.get(name), desk.leaves.ack_budget
    if spent and spent.exceeds(budget) and pauses:
        return Brake(PAUSED, change)  # ours would take the place of theirs
    if spent and spent.exceeds(budget):
        why = f"{spent.count} acknowledgements within {budget.per}: as many as ack_budget allows"
        pause = Pause(what=ACKS, name=name, until=now + budget.per, why=why, by=MACHINE, made_at=now)
        return Brake(PAUSED, change + Change(pauses=(pause,)))
    return Brake(None, change)


def waits(items: OpenItems, desk: Desk) -> bool:
    """Whether an acknowledgement that is owed now stays until a pause ends."""
    return bool(_pauses(items, desk))


def _pauses(items: OpenItems, desk: Desk) -> tuple[Pause, ...]:
    names = (desk.leaves.name, desk.mailbox.name)
    return tuple(pause for pause in items.pauses if any(pause.stops(ACKS, name, items.now) for name in names))


def subject_key(message: Message, desk: Desk) -> str | None:
    """The subject without marks of reply and our own words, as a keyed hash; None for an empty one."""
    rest = message.subject
    while own := desk.texts.own_subject.match(rest):
        rest = rest[own.end() :]
    plain = normal_subject(rest)
    return hmac.digest(desk.key, f"subject\0{plain}".encode(), "sha256").hex() if plain else None
