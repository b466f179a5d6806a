"""Builders: a case lived through in memory under rules of one's own, and what `explain` says of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from commsd.cli.why_record import case_record
from commsd.cli.why_text import UNNAMED, FreeDays, case_lines
from commsd.config.read import Findings, parse
from commsd.core.agent import Absence, Agent, People, Route, Team
from commsd.core.change import Change, Fence, change_of
from commsd.core.explain import CaseWhy, why
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState, Interaction
from commsd.core.ladder import policy_calendar, zone_of
from commsd.core.open_items import Terms
from commsd.core.policy import Version
from commsd.core.record import Json
from commsd.sla.notice.dispatch import To, gathered
from commsd.sla.notice.escalation import escalated
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Way
from commsd.sla.notice.summons import House, Summons, summons
from commsd.sla.rules.rulebook import Named, read_version
from tests.core.items import Books, only

BERLIN = ZoneInfo("Europe/Berlin")

RULES = """
[calendar.office]
tz = "Europe/Berlin"
hours = { mon-fri = ["09:00-12:00", "13:00-17:00"] }
dates = { 2026-03-11 = "closed" }
[calendar.theirs]
tz = "customer"
fallback_tz = "Europe/Berlin"
hours = "mon-fri 09:00-17:00"
[ladder.standard]
steps = [
    { at = "75%", tell = ["owner"] },
    { at = "due", tell = ["team", "lead"] },
    { at = "+1h", tell = ["duty"], page = true, repeat = "1h", times = 2 },
]
[policy.standard]
calendar = "office"
ack = "15m"
first_response = { target = "4h", warn = "75%" }
next_response = "2h"
callback = "2h"
promise = { warn = "15m" }
ladder = "standard"
[policy.vip]
based_on = "standard"
first_response = "30m"
[policy.abroad]
based_on = "standard"
first_response = { target = "2h", calendar = "theirs" }
[policy.slow]
based_on = "standard"
first_response = "2bd"
resolution = { target = "16h", pause_on = ["customer"] }
[[rule]]
match = { tier = "gold" }
policy = "vip"
[[rule]]
match = { keywords = "invoice*", channel = "email" }
policy = "slow"
[[rule]]
match = { organisation = "acme" }
policy = "abroad"
[[rule]]
match = { channel = "fax" }
policy = "off"
[[rule]]
policy = "standard"
"""

PEOPLE = People(
    agents={
        "anna": Agent(
            id="anna",
            name="Anna Berg",
            mail=("anna@example.com",),
            deputy="bo",
            away=(Absence(date(2026, 3, 12), date(2026, 3, 13)),),
        ),
        "bo": Agent(id="bo", name="Bo Lund", mail=("bo@example.com",)),
        "cai": Agent(id="cai", name="Cai Hartono", mail=("cai@example.com",)),
    },
    teams={"service": Team(id="service", members=("anna", "bo"), lead="cai")},
    routes={"duty": Route(id="duty", mail=("duty@example.com",))},
)


def rules(text: str = RULES, **more: Any) -> Version:
    """A version of these rules, in force for long."""
    findings = Findings()
    begin = datetime(2026, 1, 1, tzinfo=BERLIN)
    version = read_version([parse(text, "a.toml", findings)], Named(PEOPLE, lines=("hotline",)), begin)
    assert [str(error) for error in findings.errors] == []
    return replace(version, **more)


def at(text: str) -> datetime:
    """ "10 09:30": a day of March 2026 and a time in Berlin."""
    day, _, clock = text.partition(" ")
    return datetime.fromisoformat(f"2026-03-{day} {clock}").replace(tzinfo=BERLIN).astimezone(ZoneInfo("UTC"))


@dataclass
class Life(Books):
    """One case: `take` what happens, `climb` when a rung may have come, then look at `lines`."""

    versions: tuple[Version, ...] = field(default_factory=lambda: (rules(),))
    tellings: list[Delivery] = field(default_factory=list)
    notices: dict[str, Delivery] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Books.__init__(self)
        self.post = Post(via="support", render=lambda _notice: b"", persons={"support": "anna"})
        self.firm = Firm(name="Example Ltd", timezone="Europe/Berlin", people=PEOPLE)

    @property
    def terms(self) -> Terms:
        return Terms(versions=self.versions)

    def take(self, make: Callable[[Books], Interaction], *, opens: bool = True) -> Change:
        change = change_of(make(self), self.items, self.terms, opens=opens)
        self.keep(change)
        return change

    def then(self, when: str, make: Callable[[Books], Interaction]) -> "Life":
        """It happens at this time."""
        self.now = at(when)
        self.take(make)
        return self

    def climb(self, when: str) -> "Life":
        """The escalation looks at the case."""
        self.now = at(when)
        change = escalated(only(self.files.values()).case.id, self.items, self.terms, self.firm, self.post)
        self.keep(change)
        self.tellings.extend(change.deliveries)
        return self

    def hand_out(self, when: str) -> "Life":
        """All that waits goes into notices, which are sent."""
        self.now = at(when)
        waiting = [each for each in self.tellings if each.state is DeliveryState.QUEUED]
        for recipient in dict.fromkeys(each.recipient for each in waiting):
            ids = [each.id for each in waiting if each.recipient == recipient]
            items = replace(self.items, deliveries={each.id: each for each in waiting})
            fence = Fence(resource="sla.dispatch", owner="node", number=1)
            change = gathered(ids, To(Way.MAIL, recipient, None), items, firm=self.firm, post=self.post, fence=fence)
            after = {each.id: each for each in change.deliveries if each.kind is DeliveryKind.TELLING}
            self.tellings = [after.get(each.id, each) for each in self.tellings]
            for notice in change.deliveries:
                if notice.kind is DeliveryKind.NOTICE:
                    self.notices |= dict.fromkeys(after, replace(notice, state=DeliveryState.SENT))
        return self

    def why(self, when: str) -> CaseWhy:
        """Why, as of this time."""
        self.now = at(when)
        return why(only(self.files.values()), self.versions, self.now)

    def told(self, found: CaseWhy) -> dict[str, tuple[Summons, ...]]:
        """Who is told, by the clock's id."""
        return {
            each.record.id: summons(
                each.rungs,
                each.record,
                found.file.case,
                self.tellings,
                House(
                    firm=self.firm,
                    post=self.post,
                    now=self.now,
                    office=policy_calendar(each.record, self.versions, zone_of(found.file)),
                    calendars=self.versions[-1].calendars,
                    notices=self.notices,
                ),
            )
            for each in found.clocks
        }

    def lines(self, when: str, names: FreeDays = UNNAMED) -> list[str]:
        """What a person reads."""
        found = self.why(when)
        return list(case_lines(found, self.told(found), self.now, BERLIN, names))

    def record(self, when: str) -> Json:
        """What a program reads."""
        found = self.why(when)
        return case_record(found, self.told(found), self.lines(when))

    def about(self, clock: str, when: str, names: FreeDays = UNNAMED) -> list[str]:
        """The lines about one clock, bare. names: of free days."""
        lines = self.lines(when, names)
        start = next(place for place, line in enumerate(lines) if line.startswith(f"  {clock}: "))
        end = next((place for place in range(start + 1, len(lines)) if not lines[place].startswith("    ")), len(lines))
        return [line.strip() for line in lines[start:end]]
