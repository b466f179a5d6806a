"""What a mail server made of a message: the word `submission` gives and `settle` decides by."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sent", "refused", "later", "unknown"]
Stage = Literal["connect", "login", "sender", "recipient", "data", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message.

    kind: "sent"; "refused", the same again is in vain; "later", certainly not taken; "unknown", it may have been taken.
    code: the server's, if it gave one. text: its words or ours, no addresses. stage: how far it came.
    "later" at stage "connect" or "login" speaks of the account and concerns every message.
    """

    kind: Kind
    code: int | None
    text: str
    stage: Stage
