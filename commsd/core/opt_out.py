"""Who wants no texts from us on a channel, or cannot be sent any. Pure; telephony.md M2, M3.

The call owed to them is another matter: nothing here touches it. Of somebody blocked who was erased, that they were.
"""

from dataclasses import dataclass
from datetime import datetime

BLOCKED = "blocked"
"""The channel under which a number stands that an erased person had who was blocked: whoever has it next is so too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """No texts to this number on this channel. number: E.164. since: aware UTC.

    word: what was said, `STOP`, or the provider's code where texts do not arrive there, `30006`. lifted: no longer.
    """

    number: str
    channel: str
    since: datetime
    word: str
    interaction_id: str | None = None
    lifted: bool = False
