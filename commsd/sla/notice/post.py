"""How notices leave the house, and who is told where nobody else is: handed by the daemon to the duties that tell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from commsd.core.link import Act
from commsd.sla.notice.notice import Notice
from commsd.sla.notice.offer import Offer

Offers = Callable[[str, str | None, str | None, datetime], tuple[Offer, ...]]
"""Case, callback, agent, now -> what the reader of a notice can do with one click."""


CallOffers = Callable[[str, tuple[Act, ...], str | None, datetime], tuple[Offer, ...]]
"""Callback, what may be offered, agent, now -> the same of an owed call."""


def no_call_offers(_callback: str, _acts: tuple[Act, ...], _agent: str | None, _now: datetime) -> tuple[Offer, ...]:
    """No offers."""
    return ()


def nothing(_case: str, _callback: str | None, _agent: str | None, _now: datetime) -> tuple[Offer, ...]:
    """No offers."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """How notices leave. via: the mailbox; None: there is none to send from. render: notice -> bytes of a mail.

    persons: who sits at a mailbox or line, by its name. alarms: names told where a ladder leads to nobody; fallback:
    addresses after them. offers: the links of a notice, call_offers: of one about an owed call. board: where our people
    find the page; None: not from outside.
    """

    via: str | None
    render: Callable[[Notice], bytes]
    persons: Mapping[str, str] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    offers: Offers = nothing
    call_offers: CallOffers = no_call_offers
    board: str | None = None

    def owner_of(self, owner: str | None, mailbox: str | None, line: str | None) -> str | None:
        """Whose a case is: its own owner, else the person of its mailbox or line."""
        return owner or self.persons.get(mailbox or "") or self.persons.get(line or "")
