"""Duty: the morning digest, once a working day: each of our people at work is told what is owed by them.

A lead also gets what their team owes, everybody of a team what in it is nobody's own; what is nobody's at all goes to
the house. Whoever owes nothing gets no mail. After a restart it is still sent, up to four hours late. One that quoted
somebody who is erased before it went is made anew, without them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from commsd.core.calendar import in_zone, open_intervals, reached
from commsd.core.change import Change, Fence
from commsd.core.erasure import DIGESTS, LONGEST_KEY
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.core.policy import ClockKind, Version
from commsd.errors import LeaseLost
from commsd.sla.notice.morning import LISTED, Day, Line, digest
from commsd.sla.notice.post import Post
from commsd.sla.notice.telling import TELLINGS
from commsd.sla.rules.in_force import Rules
from commsd.store import query, tellings
from commsd.store.claims import Claims
from commsd.store.debts import AT_ONCE
from commsd.store.log import Log
from commsd.store.tellings import OwedNow
from commsd.world import World

log = structlog.get_logger()

TICK = 20.0
LEASE = timedelta(seconds=60)
LATEST = timedelta(hours=4)
A_PAGE = 5000


class Reader(NamedTuple):
    """Who gets a digest. agent: None for an address of the house."""

    address: str
    agent: str | None


class Digest:
    """Say each working morning what is owed to whom."""

    name = "sla.digest"

    def __init__(self, firm: Firm, post: Post, at: time, log: Log, claims: Claims, rules: Rules, world: World) -> None:
        """at: on the firm's own clock."""
        self._firm, self._post, self._at = firm, post, at
        self._log, self._claims, self._rules, self._world = log, claims, rules, world
        self._closed: date | None = None
        self._anew: set[str] = set()

    async def run(self) -> None:
        while True:
            await self.once()
            await self._world.sleep(TICK)

    async def once(self) -> bool:
        """Send the digest if its time has come and it was not sent yet; says whether anybody got one."""
        now = self._world.now()
        day = self._firm.day(now)
        begins = reached(self._firm.zone, datetime.combine(day, self._at))
        if self._closed == day or not begins <= now < begins + LATEST:
            return False
        if self._post.via is None or not works_on(day, self._firm, self._rules.terms.versions, now):
            self._closed = day
            return False
        made = await self._log.read(lambda connection: tellings.is_made(connection, _mark(day)))
        anew = await self._log.read(partial(tellings.to_make_anew, keys=self._keys(day))) if made else None
        if anew is not None and self._anew.issuperset(anew.values()):
            return False
        fence = await self._claims.lease(self.name, LEASE)
        return fence is not None and await self._send(day, now, fence, anew)

    def _keys(self, day: date) -> Sequence[str]:
        """Of all digests that may be made on a day."""
        people = self._firm.people
        house = people.mail_of(self._post.alarms, day) or self._post.fallback
        readers = (
            *(Reader(a.mail[0], a.id) for a in people.agents.values() if a.mail),
            *(Reader(a, None) for a in house),
        )
        return [_key(day, each) for each in readers]

    async def _send(self, day: date, now: datetime, fence: Fence, anew: Mapping[str, str] | None) -> bool:
        """anew: the digests of this day to make once more, and no others; None where all are to be made."""
        shares = shared(await self._owed(), self._firm, self._post, day)
        if anew is not None:
            wanted = {each for each, former in anew.items() if former not in self._anew}
            shares = {to: owed for to, owed in shares.items() if _key(day, to) in wanted}
        cases = {each.case_id for owed in shares.values() for each in listed(owed, self._firm, now)}
        about = await self._about(sorted(cases))
        days = {to: self._day(to, owed, about, now) for to, owed in shares.items()}
        try:
            sending = partial(sent, days, firm=self._firm, post=self._post, day=day, fence=fence, first=anew is None)
            await self._log.decide((), sending)
        except LeaseLost:
            return False
        self._anew |= set((anew or {}).values())
        log.info("digest.made", deliveries=len(days))
        return bool(days)

    async def _owed(self) -> list[OwedNow]:
        """Everything that is owed, read page by page so that nobody waits for it."""
        found: list[OwedNow] = []
        after = ""
        while page := await self._log.read(partial(tellings.owed_now, after=after, limit=A_PAGE)):
            found += page
            after = page[-1].id
        return found

    async def _about(self, case_ids: Sequence[str]) -> Mapping[str, tuple[str | None, str | None]]:
        """Customer and subject of these cases."""
        found: dict[str, tuple[str | None, str | None]] = {}
        for start in range(0, len(case_ids), AT_ONCE):
            part = case_ids[start : start + AT_ONCE]
            cases = await self._log.read(partial(query.cases_of, case_ids=part))
            wanted = [row.record["contact_id"] for row in cases.values() if row.record["contact_id"]]
            people = await self._log.read(partial(query.contacts_of, contact_ids=wanted))
            for case_id, row in cases.items():
                person = people.get(row.record["contact_id"] or "")
                found[case_id] = (person.personal.get("/name") if person else None, row.personal.get("/subject"))
        return found

    def _day(
        self, to: Reader, owed: Sequence[OwedNow], about: Mapping[str, tuple[str | None, str | None]], now: datetime
    ) -> Day:
        late, today, rest = _parts(owed, self._firm, now)
        return Day(
            late=[self._line(each, to, about) for each in late[:LISTED]],
            today=[self._line(each, to, about) for each in today[:LISTED]],
            late_count=len(late),
            today_count=len(today),
            rest=rest,
        )

    def _line(self, owed: OwedNow, to: Reader, about: Mapping[str, tuple[str | None, str | None]]) -> Line:
        customer, subject = about.get(owed.case_id, (None, None))
        owner = self._firm.people.agents.get(self._post.owner_of(owed.owner, owed.mailbox, owed.line) or "")
        assert owed.due_at is not None
        return Line(
            clock=ClockKind(owed.clock),
            due_at=owed.due_at,
            case_id=owed.case_id,
            customer=customer,
            subject=subject,
            owner=owner.name if owner and owner.id != to.agent else None,
        )


def works_on(day: date, firm: Firm, versions: Sequence[Version], now: datetime) -> bool:
    """Whether the firm is open at any time of that day: by the calendar of the last rule's policy."""
    version = next((known for known in reversed(versions) if known.effective_from <= now), None)
    names = [rule.policy for rule in reversed(version.rules) if rule.policy] if version else []
    if version is None or not names:
        return day.weekday() < 5
    policy = version.policies[names[0]]
    begins, ends = (reached(firm.zone, datetime.combine(each, time())) for each in (day, day + timedelta(days=1)))
    return bool(open_intervals(in_zone(version.calendars[policy.calendar], None), begins, ends))


def shared(owed: Iterable[OwedNow], firm: Firm, post: Post, day: date) -> dict[Reader, list[OwedNow]]:
    """What each reads: their own, what nobody in their team owns, and a lead the whole team's. Nobody who is away."""
    people = firm.people
    shares: defaultdict[Reader, list[OwedNow]] = defaultdict(list)
    alarmed = people.mail_of(post.alarms, day) or post.fallback
    for each in owed:
        owner = people.present(post.owner_of(each.owner, each.mailbox, each.line), day)
        team = people.teams.get(each.team or "")
        lead = people.present(team.lead, day) if team else None
        readers = [owner] if owner else list(people.members(each.team, day))
        found = dict.fromkeys(Reader(a.mail[0], a.id) for a in (*readers, lead) if a and a.mail)
        for reader in found or (Reader(address, None) for address in alarmed):
            shares[reader].append(each)
    return dict(shares)


def listed(owed: Sequence[OwedNow], firm: Firm, now: datetime) -> Sequence[OwedNow]:
    """Those that are named one by one."""
    late, today, _ = _parts(owed, firm, now)
    return [*late[:LISTED], *today[:LISTED]]


def _parts(owed: Sequence[OwedNow], firm: Firm, now: datetime) -> tuple[list[OwedNow], list[OwedNow], int]:
    """Late, due today, and how many more; each in order of its due time."""
    timed = sorted(((each.due_at, each.id, each) for each in owed if each.due_at is not None), key=lambda row: row[:2])
    late = [each for due, _, each in timed if due < now]
    today = [each for due, _, each in timed if due >= now and firm.day(due) == firm.day(now)]
    return late, today, len(owed) - len(late) - len(today)


def sent(
    days: Mapping[Reader, Day], items: OpenItems, *, firm: Firm, post: Post, day: date, fence: Fence, first: bool
) -> Change:
    """A notice to each, and the first time the mark by which the day is over, in one commit."""
    done = Delivery(
        id=items.new_id(),
        kind=DeliveryKind.TELLING,
        key=_mark(day),
        via=TELLINGS,
        recipient="",
        payload=b"",
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.SENT,
        settled_at=items.now,
    )
    notices = (_notice(to, owed, items, firm, post, day) for to, owed in days.items() if owed.owed)
    return Change(deliveries=(*((done,) if first else ()), *notices), fence=fence)


def _notice(to: Reader, owed: Day, items: OpenItems, firm: Firm, post: Post, day: date) -> Delivery:
    agent = firm.people.agents.get(to.agent or "")
    notice = digest(
        owed,
        key=_key(day, to),
        recipient=to.address,
        agent=to.agent,
        name=agent.name if agent else None,
        firm=firm,
        day=day,
        now=items.now,
    )
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=notice.key,
        via=post.via or "",
        recipient=to.address,
        payload=post.render(notice),
        created_at=items.now,
        due_at=items.now,
    )


def _mark(day: date) -> str:
    return f"{DIGESTS}{day.isoformat()}"


def _key(day: date, to: Reader) -> str:
    return f"{_mark(day)}:{to.agent or to.address}"[:LONGEST_KEY]
