"""The firm people belong to, and the marks by which it is known: a domain, a switchboard's number, a CRM's own id.

Its name is no mark, for two firms may have the same one; its normal form is made here and nowhere else.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from commsd.core.external_link import ExternalLink

DOMAIN = "domain"
NUMBER = "number"


class Mark(NamedTuple):
    """kind: "domain", "number" or the name of another system. value: in normal form."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """A firm. domains: IDNA, lower case. numbers: E.164, of the house and of nobody in it. owner: an agent's id.

    merged_into: the firm that has taken this one's marks and people, and speaks for it. deleted_at: since when it is
    none any more; nothing but its id is kept.
    """

    id: str
    revision: int = 1
    created_at: datetime
    name: str | None = None
    domains: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    owner: str | None = None
    tier: str | None = None
    external: tuple[Mark, ...] = ()
    links: tuple[ExternalLink, ...] = ()
    merged_into: str | None = None
    deleted_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether people may be of it: it went into no other one, and was not deleted."""
        return self.merged_into is None and self.deleted_at is None

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All it is known by."""
        domains = (Mark(DOMAIN, domain) for domain in self.domains)
        return (*domains, *(Mark(NUMBER, number) for number in self.numbers), *self.external)


@lru_cache(maxsize=4096)
def name_form(name: str) -> str:
    """The normal form of a firm's name: whoever writes it in other letters or spaces means the same firm."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
