"""What the page of one person says: who it is and how they want to be served, what is owed, what happened. Nothing is
read here.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from commsd.core.record import Json, instant, together
from commsd.store.person import Person
from commsd.store.query import Place, Row
from commsd.web import view
from commsd.web.view import Snapshot

WISHES: Mapping[str, str] = {
    "no_calls": "no calls but those asked for",
    "write_only": "answers in writing only",
    "call_only": "answers by telephone only",
    "brief": "short messages",
}


def values(found: Person, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """All that the page shows."""
    contact = _whole(found.contact)
    seen = Snapshot(
        now=now,
        due=found.clocks,
        calls=found.calls,
        recent=found.past.rows,
        cases={row.record["id"]: row for row in found.cases},
        contacts={contact["id"]: found.contact},
    )
    facts = [_whole(row) for row in found.past.rows]
    rows = [
        row | {"preview": fact["preview"] or ""} for row, fact in zip(view.log_rows(seen, zone), facts, strict=True)
    ]
    return {
        "now": instant(now),
        "who": _name(contact),
        "facts": list(_facts(contact, _whole(found.firm) if found.firm else None)),
        "due": view.due_rows(seen, zone),
        "calls": view.call_rows(seen, zone),
        "log": rows,
        "older": f"{instant(found.past.next[0])}~{found.past.next[1]}" if found.past.next else "",
    }


def place_of(text: str | None) -> Place | None:
    """Where a page of the past goes on; from the newest where that is not said, or not by us."""
    at, _, last = (text or "").partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, last) if moment.tzinfo is not None and last else None


def _facts(contact: Json, firm: Json | None) -> Iterator[tuple[str, str]]:
    """What is known, with its name; what is not known is left out."""
    known = [(each["kind"], each["value"]) for each in contact["identities"] or ()]
    yield "Mail", ", ".join(value for kind, value in known if kind == "email")
    yield "Telephone", ", ".join(view.spoken(value) for kind, value in known if kind == "phone")
    yield "Elsewhere", ", ".join(f"{kind} {value}" for kind, value in known if kind not in ("email", "phone"))
    yield "Firm", (firm["name"] or "without a name") if firm else ""
    yield "Tier", contact["tier"] or _of(firm, "tier")
    yield "Looked after by", contact["owner"] or _of(firm, "owner")
    yield "Language", contact["language"] or ""
    yield "Time zone", contact["timezone"] or ""
    yield "Wishes", ", ".join(_wishes(contact["wishes"] or {}))
    yield "Blocked", "makes no callbacks" if contact["blocked"] else ""


def _of(firm: Json | None, field: str) -> str:
    return f"{firm[field]}, as the firm" if firm and firm[field] else ""


def _wishes(wishes: Json) -> Iterator[str]:
    yield from (words for name, words in WISHES.items() if wishes.get(name))
    if wishes.get("hours"):
        yield f"to be rung {wishes['hours']}"


def _name(contact: Json) -> str:
    identities = contact["identities"] or []
    return contact["name"] or (view.spoken(identities[0]["value"]) if identities else "Somebody")


def _whole(row: Row) -> Json:
    return together(row.record, row.personal)
