"""Requests as they come, read into values; every mistake is noted with its place, and told together."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import orjson

from commsd.core.contact import field_identity, identity_of
from commsd.core.entry import ENTERED, USUAL_KIND, Entry, Result, Said
from commsd.core.interaction import Channel, Direction, ExternalId, Kind, Outcome
from commsd.crm.fault import Invalid
from commsd.sla.rules.rulebook import PRIORITIES

E = TypeVar("E", bound=StrEnum)

LONGEST, LONGEST_TEXT = 998, 10_000
MOST_ITEMS = 200
"""Of one list in a request. All of them are decided on in one piece, while every other writer waits."""
NUL = "\0"
"""PostgreSQL keeps it in no text, so neither store takes it."""
YEARS = range(1900, 9000)
"""Times we take; beyond them a change of zone may leave the calendar."""


@dataclass(slots=True)
class Body:
    """A JSON object being read. Reading a key takes it; what is left at `end` is unknown."""

    data: dict[str, Any]
    above: str = ""
    mistakes: dict[str, str] = field(default_factory=dict)

    def text(self, key: str, longest: int = LONGEST) -> str | None:
        """A text that is not blank."""
        value = self.data.pop(key, None)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            self._wrong(key, "write a text in quotes")
            return None
        if len(value) > longest or NUL in value:
            self._wrong(key, f"write at most {longest} characters, none of them NUL")
            return None
        return value.strip() or None

    def yes(self, key: str) -> bool:
        """True or false; false where it is missing."""
        value = self.data.pop(key, False)
        if not isinstance(value, bool):
            self._wrong(key, "write true or false")
            return False
        return value

    def instant(self, key: str) -> datetime | None:
        """A time with its offset."""
        return self._checked(key, read_instant(self.text(key)))

    def word(self, key: str, kind: type[E]) -> E | None:
        """One word of an enumeration."""
        value = self.text(key)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            self._wrong(key, "write one of " + ", ".join(item.value for item in kind))
            return None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty where it is missing."""
        value = self._list(key)
        if not all(isinstance(item, str) and NUL not in item and len(item) <= LONGEST for item in value):
            self._wrong(key, f"write a list of texts of at most {LONGEST} characters, none of them NUL")
            return ()
        return tuple(item.strip() for item in value if item.strip())

    def part(self, key: str) -> "Body | None":
        """An object inside; its mistakes are this one's."""
        value = self.data.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong(key, "write an object")
            return None
        return Body(dict(value), f"{self.above}/{key}", self.mistakes)

    def parts(self, key: str) -> tuple["Body", ...]:
        """A list of objects."""
        value = self._list(key)
        if not all(isinstance(item, dict) for item in value):
            self._wrong(key, "write a list of objects")
            return ()
        return tuple(Body(dict(item), f"{self.above}/{key}/{place}", self.mistakes) for place, item in enumerate(value))

    def needed(self, key: str, value: Any, what: str) -> None:
        """Note that a value is missing, unless something is wrong with it already."""
        if value is None:
            self.mistakes.setdefault(f"{self.above}/{key}", what)

    def end(self) -> None:
        """Note what nobody asked for."""
        for key in self.data:
            self.mistakes.setdefault(f"{self.above}/{key}", "this field is unknown here: remove it")

    def sound(self) -> None:
        """Raises Invalid with every mistake."""
        self.end()
        if self.mistakes:
            raise Invalid(
                f"{len(self.mistakes)} of the fields cannot be used",
                remedy="mend what `errors` names and send it again; nothing was recorded",
                mistakes=self.mistakes,
            )

    def _checked(self, key: str, value: datetime | str | None) -> datetime | None:
        if isinstance(value, str):
            self._wrong(key, value)
            return None
        return value

    def _list(self, key: str) -> list[Any]:
        """A list of what may be decided about at once; empty where it is missing, and for nothing else: it may stand
        for all there is from now on.
        """
        value = self.data.pop(key, None)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            self._wrong(key, f"write a list of at most {MOST_ITEMS}")
            return []
        return value

    def _wrong(self, key: str, what: str) -> None:
        self.mistakes[f"{self.above}/{key}"] = what


def read_instant(text: str | None) -> datetime | str | None:
    """The time in a text, or in words what to write instead."""
    if text is None:
        return None
    try:
        value = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return 'write a time such as "2026-03-04T09:00:00Z"'
    if value.year not in YEARS:
        return f"write a year from {YEARS.start} to {YEARS.stop - 1}"
    return value if value.tzinfo else 'add the offset, such as "Z" or "+01:00"'


def read_json(content: bytes) -> Body:
    """The object in a request; an empty one counts as {}. Raises Invalid."""
    try:
        data = orjson.loads(content) if content.strip() else {}
    except orjson.JSONDecodeError as error:
        raise Invalid(f"this is no JSON: {error}", remedy="send a JSON object in UTF-8") from error
    if not isinstance(data, dict):
        raise Invalid("this is no JSON object", remedy="send an object: {…}")
    return Body(data)


def read_said(body: Body) -> Said:
    """What came of a talk: result, note, due, questions."""
    result = body.word("result", Result)
    body.needed("result", result, "say what came of it: " + ", ".join(Result))
    return Said(
        result=result or Result.REACHED,
        note=body.text("note", LONGEST_TEXT),
        due=body.instant("due"),
        questions=body.texts("questions"),
    )


def read_entry(body: Body) -> Entry:
    """A touch from outside. What it leaves out takes the usual value of its channel."""
    channel = body.word("channel", Channel)
    body.needed("channel", channel, "write one of " + ", ".join(Channel))
    kind = body.word("kind", Kind) or USUAL_KIND.get(channel or Channel.OTHER, Kind.MESSAGE)
    if kind not in ENTERED:
        body.mistakes["/kind"] = "an action on a case has a route of its own, such as POST /v1/cases/{id}/close"
    internal = kind in (Kind.NOTE, Kind.PROMISE)
    direction = body.word("direction", Direction) or (Direction.INTERNAL if internal else Direction.INBOUND)
    customer = body.part("customer") or Body({}, mistakes=body.mistakes)
    address, name = customer.text("address", 320), customer.text("name")
    customer.end()
    case_id = body.text("case_id")
    if address is not None and field_identity(address) is None:
        body.mistakes["/customer/address"] = (
            "write a mail address and nothing else, or a number with its country code: +4930…"
        )
    if address is None and case_id is None:
        body.mistakes.setdefault("/customer/address", "say whom it concerns, here or with `case_id`")
    promise = body.part("promise") or Body({}, mistakes=body.mistakes)
    entry = Entry(
        channel=channel or Channel.OTHER,
        kind=kind,
        direction=direction,
        outcome=body.word("outcome", Outcome),
        occurred_at=body.instant("occurred_at"),
        ended_at=body.instant("ended_at"),
        customer=_normal(address),
        customer_name=name,
        subject=body.text("subject"),
        text=body.text("text", LONGEST_TEXT),
        mailbox=body.text("mailbox", 64),
        line=body.text("line", 64),
        team=body.text("team", 64),
        case_id=case_id,
        in_reply_to=body.text("in_reply_to"),
        partial=body.yes("partial"),
        said=read_said(body) if "result" in body.data else None,
        promise_due=promise.instant("due_at"),
        promise_via=promise.text("via") or "any",
        language=body.text("language", 35),
        priority=body.text("priority", 16) or "normal",
        tags=body.texts("tags"),
        external_ids=tuple(_external(part) for part in body.parts("external_ids")),
    )
    promise.end()
    if entry.priority not in PRIORITIES:
        body.mistakes["/priority"] = "write one of " + ", ".join(PRIORITIES)
    if entry.occurred_at and entry.ended_at and entry.ended_at < entry.occurred_at:
        body.mistakes["/ended_at"] = "it ended before it began: write a time behind `occurred_at`"
    if entry.promise_via not in ("any", "call"):
        body.mistakes["/promise/via"] = "write any or call"
    return entry


def read_attrs(body: Body, known: Iterable[str]) -> dict[str, str]:
    """Those of the known keys that are given."""
    given = {key: body.text(key, 64) for key in known}
    return {key: value for key, value in given.items() if value}


def _normal(address: str | None) -> str | None:
    identity = identity_of(address)
    return identity.value if identity and identity.kind == "phone" else address


def _external(part: Body) -> ExternalId:
    system, value = part.text("system", 64), part.text("id", 255)
    part.needed("system", system, "name the other system")
    part.needed("id", value, "give the id it has there")
    part.end()
    return ExternalId(system or "", value or "")
