"""What a link in a notice does, pressed or come back as a mail: to what it was made for, or to what that went into."""

from commsd.core.callback import CloseReason
from commsd.core.case import customer_speaks, survivor
from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.link import Act, Link
from commsd.core.open_items import OpenItems, Terms
from commsd.crm.actions import Decide, answered_elsewhere, close_case, holding_case, must
from commsd.crm.call_actions import claim_callback
from commsd.errors import Refused


def act_of(link: Link, hand: Hand, terms: Terms) -> Decide:
    """What a link does, pressed or come back as a mail; to the case that its own went into, if it did."""

    def decide(items: OpenItems) -> Change:
        if link.act is Act.CLAIM:
            return claim_callback(joined(items, link.thing), hand)(items)
        case_id = surviving(items, link.thing)
        must(
            link.act is Act.HOLDING or not _heard_since(link, items, case_id),
            "the customer has written or called since this notice was made",
            "read that first; then use a newer notice, or the board",
        )
        match link.act:
            case Act.ANSWERED:
                return answered_elsewhere(case_id, hand, terms)(items)
            case Act.HOLDING:
                return holding_case(case_id, hand, terms)(items)
            case Act.JUNK if case_id != link.thing:
                raise Refused(
                    f"the case went into {case_id}, which holds more than was junk here",
                    remedy="if all of it is junk, use a notice about that one",
                )
            case Act.DONE | Act.JUNK:
                return close_case(case_id, hand, terms, junk=link.act is Act.JUNK)(items)

    return decide


def _heard_since(link: Link, items: OpenItems, case_id: str) -> bool:
    """Whether there is something the notice did not know of, so that it would be done away with unread."""
    file = items.files.get(case_id)
    return file is not None and any(
        customer_speaks(fact) and fact.recorded_at > link.offered_at for fact in file.interactions
    )


def surviving(items: OpenItems, case_id: str) -> str:
    """The case of this id, or the one that it went into; the id itself where there is neither."""
    file = survivor(case_id, items.files)
    return file.case.id if file else case_id


def joined(items: OpenItems, callback_id: str) -> str:
    """The callback of this id, or the one that it joined."""
    callback = items.callback(callback_id)
    if callback is None or callback.close_reason is not CloseReason.MERGED:
        return callback_id
    others = (other.id for other in items.callbacks if other.open and set(callback.misses) <= set(other.misses))
    return next(others, callback_id)
