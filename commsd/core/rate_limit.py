"""How many acknowledgements an address may get, and a mailbox may give, in a while: brakes on loops. mail.md L1, L2.

Pure. What went out stands in the store, so that a restart forgets nothing; the several days of RFC 3834 section 2 are
for the responders of one person, and no rule here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.config.unit import Rate
from commsd.core.contact import mail_identity
from commsd.core.interaction import Delivery, DeliveryState

BUDGET = "budget"
SAME_SUBJECT = "same-subject"
REFUSED_BEFORE = "refused-before"
PAUSED = "paused"
DAMPING = frozenset(f"no-ack:{word}" for word in (BUDGET, SAME_SUBJECT, REFUSED_BEFORE, PAUSED))
"""Reasons for which a person got no acknowledgement, as they are recorded."""

PER_RECIPIENT = (
    Rate(3, timedelta(minutes=10)),
    Rate(10, timedelta(hours=1)),
    Rate(20, timedelta(hours=24)),
)
"""Of one mailbox to one address. None for a domain: customers share the large mail providers."""

ONE_SUBJECT = Rate(3, timedelta(hours=1))
"""To one address about one subject, whichever mailbox."""

ALARM_AT = 10
"""A mailbox that spent a tenth of its budget is told of."""

_NEVER_WENT = frozenset({DeliveryState.SUPPRESSED, DeliveryState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Spent:
    """Acknowledgements of one mailbox within the time of its budget, and since it was last released by a person."""

    count: int
    since: datetime

    def alarms(self, budget: Rate) -> bool:
        """Whether a tenth is spent."""
        return self.count * ALARM_AT >= budget.count

    def exceeds(self, budget: Rate) -> bool:
        """Whether the next one would be beyond it."""
        return self.count >= budget.count


def inbox_of(address: str) -> str:
    """What the acknowledgements to an address are counted under: its normal form without a `+tag`.

    Whoever writes as e+1@, e+2@ and E@ reads all the answers in one place.
    """
    identity = mail_identity(address)
    local, _, domain = (identity.value if identity else address.casefold()).rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def damped_by(
    sent: Iterable[Delivery], mailbox: str, subject_key: str | None, now: datetime, *, vouched: bool
) -> str | None:
    """Which brake holds the next acknowledgement to this address: "budget", "same-subject", or none.

    sent: those of the last 24 hours to its inbox. vouched: False where a server we trust does not vouch for the
    sender; then half of each number does (mail.md N19).
    """
    went = [owed for owed in sent if owed.state not in _NEVER_WENT]
    from_here = [owed.created_at for owed in went if owed.via == mailbox]
    if any(is_reached(_share(limit, vouched), from_here, now) for limit in PER_RECIPIENT):
        return BUDGET
    same = [owed.created_at for owed in went if subject_key is not None and owed.subject_key == subject_key]
    return SAME_SUBJECT if is_reached(_share(ONE_SUBJECT, vouched), same, now) else None


def is_reached(limit: Rate, at: Iterable[datetime], now: datetime) -> bool:
    """Whether the limit allows no further one now."""
    return sum(now - each < limit.per for each in at) >= limit.count


def _share(limit: Rate, vouched: bool) -> Rate:
    return limit if vouched else Rate((limit.count + 1) // 2, limit.per)
