"""/c/{token}: where a customer asks to be rung. GET shows one form, only POST acts, because scanners follow links.

Whoever holds the link sees the page, so it shows nothing of the customer: no name, no number, no subject.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd.channels.channel import Means
from commsd.channels.mail.asked_call import FARTHEST
from commsd.channels.mail.call_request import Asked, answered, ring_me
from commsd.channels.mail.dates import Reader
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.region import reads_our_clock, region_of
from commsd.channels.mail.texts import Wording
from commsd.core import key
from commsd.core.calendar import reached
from commsd.core.change import Change
from commsd.core.contact import Contact
from commsd.core.customer_link import CustomerLink, customer_link_of
from commsd.core.interaction import Interaction, Kind
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems
from commsd.core.owed_call import number_of
from commsd.core.record import thing_of, together
from commsd.core.screen import refusal
from commsd.store import query
from commsd.web.pages import page
from commsd.web.session import from_our_page

PAGE = "call_me.html"
LONGEST_FIELD = 64


class CustomerLinks:
    """The page, and what its button does. desks: of all mailboxes by name."""

    def __init__(self, desks: Mapping[str, Desk], means: Means) -> None:
        self._desks = desks
        self._means = means

    def routes(self) -> list[BaseRoute]:
        """GET and POST of /c/{token}."""
        return [Route("/c/{token}", self.show, methods=["GET"]), Route("/c/{token}", self.act, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """The form."""
        found = await self._found(request)
        if found is None:
            return self._over()
        known = await self._knows_number(*found)
        return self._form(*found, "intro" if known else "intro_number", known=known)

    async def act(self, request: Request) -> Response:
        """Ask for the call; what cannot be done is said beside the form."""
        found = await self._found(request)
        if found is None:
            return self._over()
        message, desk, contact = found
        known = await self._knows_number(*found)
        if not from_our_page(request):
            return self._form(*found, "other_site", known=known, status=403)
        fields = _fields(await request.body())
        typed = fields.get("number", "")
        region = region_of(contact, message.customer) or (desk.firm.country or "")[:2] or None
        number = parse_number(typed, region) if typed else None
        if typed and (number is None or refusal(number) or number.e164 in desk.firm.numbers):
            return self._form(*found, "bad_number", known=known, status=422, typed=typed)
        when = fields.get("when", "")
        at = self._time(when, desk, contact) if when else None
        if when and at is None:
            return self._form(*found, "bad_time", known=known, status=422, typed=typed)
        said = await self._ask(message, desk, number.e164 if number else None, at)
        if said is None:
            return self._over()
        if not said.number:
            return self._form(*found, "need_number", known=False)
        return self._done(said, *found)

    async def _found(self, request: Request) -> tuple[Interaction, Desk, Contact | None] | None:
        """The message the link was given in answer to, the desk it came to, and who wrote it."""
        link = customer_link_of(self._means.key, request.path_params["token"])
        if link is None or link.is_over(self._means.world.now()):
            return None
        return await self._read(link)

    async def _read(self, link: CustomerLink) -> tuple[Interaction, Desk, Contact | None] | None:
        row = await self._means.log.read(lambda connection: query.interaction(connection, link.message))
        if row is None:
            return None
        message = thing_of(Interaction, together(row.record, row.personal))
        desk = self._desks.get(message.mailbox or "")
        if desk is None or message.case_id is None:
            return None
        contact_id = message.contact_id
        known = (
            await self._means.log.read(lambda connection: query.contact(connection, contact_id)) if contact_id else None
        )
        return message, desk, thing_of(Contact, together(known.record, known.personal)) if known else None

    async def _knows_number(self, message: Interaction, _desk: Desk, contact: Contact | None) -> bool:
        """Whether we have a number to ring: the contact's, or that of a call which is owed in the case."""
        if number_of(contact) is not None:
            return True
        owed = await self._means.log.read(lambda connection: query.callbacks(connection, case=message.case_id))
        return any(together(row.record, row.personal)["number"] for row in owed.rows)

    async def _ask(self, message: Interaction, desk: Desk, number: str | None, at: datetime | None) -> Asked | None:
        means = self._means
        keys = (
            *await means.log.read(lambda connection: query.keys_of_interaction(connection, message.id)),
            *key.of_addresses(number),
        )
        change = await means.log.decide(keys, lambda i: ring_me(message, number, at, i, desk, means.rules.terms))
        said = change.result if isinstance(change.result, Asked) else None
        request = next((fact for fact in change.interactions if fact.kind is Kind.MESSAGE), None)
        if said and request:
            await means.log.decide(keys, _answer(message, request, said, means))
        return said

    def _form(
        self,
        message: Interaction,
        desk: Desk,
        contact: Contact | None,
        says: str,
        *,
        known: bool,
        status: int = 200,
        typed: str = "",
    ) -> Response:
        wording = _wording(desk, message.language)
        zone = desk.zone_of(contact.timezone if contact else None)
        values = {"city": _city(zone.key), "called": "", "days": FARTHEST.days}
        words = {name: text.format_map(values) for name, text in wording.page.items()}
        return page(
            PAGE,
            status,
            language=message.language or desk.firm.languages[0],
            firm=desk.firm.name,
            words=words,
            title=words["title"],
            says=words[says],
            form=True,
            known=known,
            typed=typed,
        )

    def _time(self, text: str, desk: Desk, contact: Contact | None) -> datetime | None:
        """The wanted time by the clock the form names; None for one past, far away, or no such time."""
        now = self._means.world.now()
        try:
            wall = datetime.fromisoformat(text)
        except ValueError:
            return None
        if wall.tzinfo is not None or abs(wall - now.replace(tzinfo=None)) > 2 * FARTHEST:
            return None
        zone = desk.zone_of(contact.timezone if contact else None)
        at = reached(zone, wall.replace(second=0, microsecond=0))
        return at if now < at < now + FARTHEST else None

    def _done(self, said: Asked, message: Interaction, desk: Desk, contact: Contact | None) -> Response:
        wording = _wording(desk, message.language)
        zone = desk.zone_of(contact.timezone if contact else None)
        now = self._means.world.now()
        region = region_of(contact, message.customer)
        sure = bool(contact and contact.timezone) or reads_our_clock(region, None, zone, said.at or said.by or now)
        reader = Reader(zone=zone, service_zone=desk.firm.zone, now=now, sure=sure)
        called = ""
        if said.at:
            called = wording.dates.received(said.at, None, reader)
        elif said.by:
            called = wording.dates.promised(said.by, reader)
        says = wording.page["done_time" if called else "done"].format(called=called)
        return self._said(desk, message.language, wording.page["done_title"], says)

    def _over(self) -> Response:
        desk = next(iter(self._desks.values()))
        wording = _wording(desk, desk.firm.languages[0])
        return self._said(desk, None, wording.page["over_title"], wording.page["over"], status=404)

    def _said(self, desk: Desk, language: str | None, title: str, says: str, *, status: int = 200) -> Response:
        return page(
            PAGE,
            status,
            language=language or desk.firm.languages[0],
            firm=desk.firm.name,
            words={},
            title=title,
            says=says,
            form=False,
            known=True,
            typed="",
        )


def _answer(message: Interaction, request: Interaction, said: Asked, means: Means) -> Callable[[OpenItems], Change]:
    def answer(items: OpenItems) -> Change:
        return answered(message, request, said, items, means.rules.terms)

    return answer


def _wording(desk: Desk, language: str | None) -> Wording:
    spoken = language or desk.firm.languages[0]
    return desk.texts.of(spoken, desk.firm.address_as.get(spoken))


def _fields(body: bytes) -> dict[str, str]:
    """The form's fields, the first of each, trimmed and cut."""
    try:
        found = parse_qs(body.decode(), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0].strip()[:LONGEST_FIELD] for name, values in found.items()}


def _city(zone_key: str) -> str:
    return zone_key.rpartition("/")[2].replace("_", " ")
