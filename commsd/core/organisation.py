"""The firm people belong to, and the marks by which it is known: a domain, a switchboard's number, a CRM's own id."""

from dataclasses import dataclass
from datetime import datetime
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
    """A firm. domains: IDNA, lower case. numbers: E.164, of the house and of nobody in it. owner: an agent's id."""

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

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All it is known by."""
        domains = (Mark(DOMAIN, domain) for domain in self.domains)
        return (*domains, *(Mark(NUMBER, number) for number in self.numbers), *self.external)
