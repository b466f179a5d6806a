"""Links for our people: one signed text that names an action, what it is done to, by whom, and until when.

The text proves itself; whether the action is still possible, the decision says. Notices write these links, `web.links`
answers them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from commsd.core.token import sign, verify

PURPOSE = "act"

LASTS = timedelta(days=30)
"""How long a link of a notice is good."""


class Act(StrEnum):
    """What a link does: close the case, close it as junk, say that the customer was answered elsewhere, say that the
    last answer only held the customer off; take the callback, say what came of it, let a held one go, give back
    one in hand."""

    DONE = "done"
    JUNK = "junk"
    ANSWERED = "answered"
    HOLDING = "holding"
    CLAIM = "claim"
    REACHED = "reached"
    AGAIN = "again"
    VOICEMAIL = "voicemail"
    WRONG = "wrong"
    DECLINED = "declined"
    RELEASE = "release"
    BACK = "back"


OF_A_CALL = frozenset(
    {Act.CLAIM, Act.REACHED, Act.AGAIN, Act.VOICEMAIL, Act.WRONG, Act.DECLINED, Act.RELEASE, Act.BACK}
)
"""What is done to a callback; the others are done to a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """thing: id of the case, or of the callback where the act is `OF_A_CALL`.

    agent: an agent's id, "" where it went to none. until: whole seconds.
    """

    act: Act
    thing: str
    agent: str
    until: datetime

    @property
    def offered_at(self) -> datetime:
        """When the notice was made that offers it, up to the second that `until` lost on its way."""
        return self.until - LASTS + timedelta(seconds=1)


def link_token(key: bytes, link: Link) -> str:
    """The last part of `/a/{token}`."""
    return sign(key, PURPOSE, f"{link.act}|{link.thing}|{int(link.until.timestamp())}|{link.agent}")


def link_of(key: bytes, token: str) -> Link | None:
    """The link behind a token; None for what this key did not sign, also where it has ended: that `until` tells."""
    payload = verify(key, PURPOSE, token)
    if payload is None:
        return None
    act, thing, until, agent = payload.split("|", 3)
    if act not in frozenset(Act):  # of another release
        return None
    return Link(act=Act(act), thing=thing, agent=agent, until=datetime.fromtimestamp(int(until), UTC))
