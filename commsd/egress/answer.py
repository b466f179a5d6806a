"""What came of one post. What it means is for who posted."""

from dataclasses import dataclass
from typing import Literal

Failure = Literal["unsafe", "unreachable", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one post. status: None where no answer came.

    failure: "unsafe", not tried; "unreachable", certainly not taken; "unknown", perhaps taken. said: in a few words,
    nothing of the address. retry_after: the header, as it came.
    """

    status: int | None = None
    failure: Failure | None = None
    said: str
    retry_after: str | None = None

    @property
    def taken(self) -> bool:
        """Whether it was accepted."""
        return self.status is not None and 200 <= self.status < 300
