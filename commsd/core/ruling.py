"""What the feed says of the rules: which version they came to, for whom, and since when. The rules are one thing."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The rules of this deployment as of one accepted version.

    id: always the same; revision and number: the version's. rules_version: as clocks name it.
    effective_from: may lie ahead; until then the former rules go on. withdraws: numbers of versions that waited for
    their time and will not come in force any more.
    """

    id: str
    revision: int
    created_at: datetime
    number: int
    rules_version: str
    effective_from: datetime
    applies: str
    policies: tuple[str, ...]
    calendars: tuple[str, ...]
    withdraws: tuple[int, ...] = ()
