"""What another system calls one of our records: its own ids, which come back with the record wherever it goes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLink:
    """rel: what it is there, such as "contact" or "deal". system: as its connector is named, such as "hubspot"."""

    rel: str
    system: str
    type: str | None = None
    id: str
    url: str | None = None
