"""The hotline of a small firm in Berlin, as the tests of the telephone know it: people, line, webhooks, open items."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from commsd.channels.phone.line import Callbacks, Line, PhoneSettings, Twilio
from commsd.channels.phone.seen import House
from commsd.config.secret import SecretSource
from commsd.core.agent import Agent, People, Team
from commsd.core.callback import Callback
from commsd.core.case import Case, CaseFile, ClockRecord
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.firm import Firm
from commsd.core.interaction import CALL_SID, Interaction
from commsd.core.number import Number, parse_number
from commsd.core.open_items import OpenItems, WebhookEntry
from tests.house import TERMS

ACCOUNT = "AC" + "0" * 32
SID = "CA" + "1" * 32
LEG = "CA" + "2" * 32
HOTLINE, ANNA, BO, CUSTOMER = "+493023125010", "+493023125011", "+493023125012", "+493023125099"
LONDONER, DANE, JAKARTAN = "+442079460123", "+4532123456", "+622150851234"
PUBLIC = "https://calls.example.com"
TUESDAY = datetime(2026, 3, 10, 11, 30, tzinfo=UTC)  # 12:30 in Berlin, open
FRIDAY_EVENING = datetime(2026, 3, 6, 18, 40, tzinfo=UTC)  # 19:40 in Berlin, closed


def number(text: str) -> Number:
    found = parse_number(text)
    assert found
    return found


FIRM = Firm(
    name="Example & Sons <Ltd>",
    timezone="Europe/Berlin",
    country="DE-BE",
    people=People(
        agents={
            "anna": Agent(id="anna", name="Anna Berg", phone=ANNA, languages=("de", "en"), mail=("anna@example.com",)),
            "bo": Agent(id="bo", name="Bo Lind", phone=BO, languages=("da",)),
            "cai": Agent(id="cai", name="Cai Tan"),
        },
        teams={"service": Team(id="service", members=("anna", "bo", "cai"), lead="cai")},
    ),
)
LINE = Line(
    name="hotline",
    number=number(HOTLINE),
    team="service",
    languages=("en", "de", "da", "id"),
    calendar="office",
    rounds=(("anna",), ("service",)),
)
AT_ONCE = Callbacks(first_try_after=timedelta(0))
"""Nobody rests before a missed call is rung back, so that tests of all else need not wait."""

HOUSE = House(firm=FIRM, lines={"hotline": LINE}, base=PUBLIC, terms=TERMS)


def house(**changes: Any) -> House:
    """The house with another hotline."""
    return replace(HOUSE, lines={"hotline": replace(LINE, **changes)})


def settings(twilio: Twilio, **changes: Any) -> PhoneSettings:
    return PhoneSettings(twilio=twilio, lines={"hotline": replace(LINE, **changes)}, callbacks=AT_ONCE)


def twilio(secret: SecretSource, api_base_url: str = "http://127.0.0.1:9") -> Twilio:
    return Twilio(account_sid=ACCOUNT, auth_tokens=(secret,), public_url=PUBLIC, api_base_url=api_base_url)


def fields(status: str = "ringing", caller: str = CUSTOMER, **more: str) -> dict[str, str]:
    """A webhook of the caller's leg; geography left empty, as Twilio does."""
    return {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "CallSid": SID,
        "CallStatus": status,
        "Direction": "inbound",
        "From": caller,
        "To": HOTLINE,
        "FromCity": "",
        **more,
    }


def leg_fields(status: str, phone: str = ANNA, sid: str = LEG, **more: str) -> dict[str, str]:
    """A webhook of a leg to one of our people."""
    own = {"CallSid": sid, "ParentCallSid": SID, "Direction": "outbound-dial", "To": phone}
    return fields(status, **own, **more)


def dialled(
    bridged: bool | None, status: str = "completed", call_status: str = "in-progress", **more: str
) -> dict[str, str]:
    """What the action of a Dial says."""
    said = {} if bridged is None else {"DialBridged": str(bridged).lower()}
    return fields(call_status, DialCallStatus=status, DialCallSid=LEG, **said, **more)


class Told:
    """A call on paper: its webhooks in the order of arrival, with the seconds at which they came."""

    def __init__(self, start: datetime = TUESDAY) -> None:
        self.start = start
        self.entries: list[WebhookEntry] = []

    def told(self, step: str, said: Mapping[str, str], after: float = 0) -> "Told":
        at = self.start + timedelta(seconds=after)
        self.entries.append(
            WebhookEntry(
                id=len(self.entries) + 1, received_at=at, route=step.split("-")[0], step=step, fields=dict(said)
            )
        )
        return self


class Books:
    """What is open, as the store would have it: changes are folded in, a decision gets them as OpenItems."""

    def __init__(self, now: datetime = TUESDAY) -> None:
        self.now = now
        self._ids = count(1)
        self.interactions: dict[str, Interaction] = {}
        self.contacts: dict[str, Contact] = {}
        self.cases: dict[str, Case] = {}
        self.clocks: dict[str, ClockRecord] = {}
        self.callbacks: dict[str, Callback] = {}
        self.answered: dict[str, bytes] = {}
        self.events: list[str] = []
        self.timer: datetime | None = None

    def items(self, entries: Iterable[WebhookEntry] = (), sid: str = SID) -> OpenItems:
        known = {f"call:{sid}": i for i in self.interactions.values() if i.external(CALL_SID) == sid}
        people: dict[Identity, Contact] = {i: c for c in self.contacts.values() for i in c.identities}
        files = {
            case.id: CaseFile(
                case=case,
                interactions=tuple(i for i in self.interactions.values() if i.case_id == case.id),
                clocks=tuple(c for c in self.clocks.values() if c.case_id == case.id),
            )
            for case in self.cases.values()
        }
        return OpenItems(
            now=self.now,
            new_id=lambda: f"id-{next(self._ids):04}",
            contacts=people,
            people=self.contacts,
            files=files,
            callbacks=tuple(self.callbacks.values()),
            known=known,
            webhooks=tuple(entries),
            answered=dict(self.answered),
        )

    def take(self, change: Change) -> Change:
        self.interactions |= {thing.id: thing for thing in change.interactions}
        self.contacts |= {thing.id: thing for thing in change.contacts}
        self.cases |= {thing.id: thing for thing in change.cases}
        self.clocks |= {thing.id: thing for thing in change.clocks}
        self.callbacks |= {thing.id: thing for thing in change.callbacks}
        self.answered |= {answer.step: answer.body for answer in change.answers}
        self.events += [event.type for event in change.events]
        for timer in change.timers:
            self.timer = timer.at
        return change
