"""Interactions without anybody's name: what is kept is listed here, all else is left out. Pure.

People, cases and interactions become tokens of a keyed hash. Within one export the same person has the same token, and
what belonged together still does; two exports have nothing in common, for nobody keeps the salt. Times stay as they
were: who knows when somebody rang can still find that call. Names of mailboxes, lines and teams stay, as configured.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from commsd.core.contact import identity_of
from commsd.core.record import Json
from commsd.crm.csv_form import COLUMNS

KEPT = (
    "revision",
    "channel",
    "kind",
    "direction",
    "actor",
    "outcome",
    "reason",
    "occurred_at",
    "ended_at",
    "recorded_at",
    "ring_ms",
    "talk_ms",
    "total_ms",
    "contact_match",
    "case_cause",
    "ambiguous",
    "mailbox",
    "line",
    "team",
    "partial",
    "promised_at",
    "automation",
    "language",
    "language_cause",
    "priority",
)
IDS: Mapping[str, str] = {
    "id": "interaction",
    "organisation_id": "organisation",
    "case_id": "case",
    "in_reply_to": "interaction",
    "caused_by": "interaction",
    "agent_id": "agent",
}
"""Field -> what its token is of."""

DETAIL = ("result", "observed", "asks_call")
CLOCK = (
    "clock",
    "n",
    "state",
    "started_at",
    "due_at",
    "warn_at",
    "promised_at",
    "stopped_at",
    "elapsed_ms",
    "waited_ms",
    "policy",
    "calendar",
)

COLUMN_NAMES = tuple(name for name in COLUMNS if name in {*KEPT, *IDS, "person", "result", "promise_due_at"})
"""The columns of a pseudonymised table."""

_WORD = re.compile(r"[\w.:+-]{1,64}")
TOKEN = 20


class Pseudonyms:
    """The tokens of one export. salt: random, forgotten with this. merged: who speaks for a merged contact."""

    def __init__(self, salt: bytes, merged: Mapping[str, str]) -> None:
        self._salt = salt
        self._merged = merged

    def token(self, kind: str, value: str) -> str:
        """The same for the same, and of no use to find it."""
        return hmac.new(self._salt, f"{kind}\n{value}".encode(), hashlib.sha256).hexdigest()[:TOKEN]

    def of(self, record: Json) -> Json:
        """The record of an interaction without anything that says who."""
        detail = record.get("detail") or {}
        promise = detail.get("promise")
        return {
            **{name: self._token(kind, record.get(name)) for name, kind in IDS.items()},
            "person": self._person(record),
            **{name: record.get(name) for name in KEPT},
            "reason": _word(record.get("reason")),
            "detail": {name: detail.get(name) for name in DETAIL}
            | {"promise": promise and {name: promise.get(name) for name in ("due_at", "via")}},
            "clocks": [{name: clock.get(name) for name in CLOCK} for clock in record.get("clocks") or ()],
        }

    def _person(self, record: Json) -> str | None:
        """By the contact; where nobody knows whose it is, by the address it came from."""
        if contact_id := record.get("contact_id"):
            return self.token("person", self._merged.get(contact_id, contact_id))
        address = COLUMNS["customer"](record)
        identity = identity_of(address) if address else None
        return self.token("person", f"{identity.kind}:{identity.value}" if identity else address) if address else None

    def _token(self, kind: str, value: str | None) -> str | None:
        return self.token(kind, value) if value else None


def _word(value: Any) -> str | None:
    """What is one of our words, and no sentence of somebody's."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
