"""Duty: what time alone does to cases: clocks warned and breached at their true instants, rungs that came, rest.

A rung that came is marked in the clock and becomes a telling to each who is to be told, in one commit; `sla.dispatch`
makes notices of them. Each rung comes once; of several that nobody saw coming, such as while we were down, the last.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from commsd.core import key
from commsd.core.callback import State as Owed
from commsd.core.callback import passed_on, word_of
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.change import Change, change_of, recheck
from commsd.core.event import Event
from commsd.core.firm import Firm
from commsd.core.interaction import Actor, Channel, Delivery, Detail, Direction, Interaction, Kind
from commsd.core.ladder import MOVED, Rung, policy_calendar, timer_of, unseen, zone_of
from commsd.core.ledger import NOBODY
from commsd.core.open_items import OpenItems, Terms
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Roll
from commsd.sla.notice.telling import owed_telling
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.versions import recheck_early
from commsd.world import World

log = structlog.get_logger()

TICK = 1.0
LEASE = timedelta(seconds=30)
SET_ASIDE = timedelta(minutes=10)
"""A case that could not be looked at is left alone for so long, that the others get their turn."""


class Told(NamedTuple):
    """What a decision tells of itself. delays: how late each rung was, in seconds. nobody: clocks nobody is told of."""

    delays: tuple[float, ...]
    nobody: tuple[str, ...]


def _unheard(_seconds: float) -> None:
    """Nobody measures."""


class Escalation:
    """Speak up when a clock runs on."""

    name = "sla.escalation"

    def __init__(
        self,
        firm: Firm,
        post: Post,
        log: Log,
        claims: Claims,
        rules: Rules,
        world: World,
        measure: Callable[[float], None] = _unheard,
    ) -> None:
        """measure: is given the seconds by which each rung came late."""
        self._firm, self._post, self._measure = firm, post, measure
        self._log, self._claims, self._rules, self._world = log, claims, rules, world
        self._latest: datetime | None = None

    async def run(self) -> None:
        while True:
            if await self._claims.lease(self.name, LEASE):
                while await self.once():
                    pass
            await self._world.sleep(TICK)

    async def once(self) -> bool:
        """Take up every case with a clock that is due, a claim that lapsed or nothing left to do; says if any was."""
        now = self._world.now()
        await self._set_back(now)
        terms = self._rules.terms
        due = await self._claims.due_cases(now)
        silent = await self._claims.silent_cases(now)
        lapsed = await self._claims.lapsed_callbacks(now)
        told = partial(escalated, terms=terms, firm=self._firm, post=self._post)
        decisions = [
            *(
                self._log.submit((key.of_case(case),), partial(told, case), otherwise=partial(_aside, case))
                for case in due
            ),
            *(self._log.submit((key.of_case(case),), partial(_rested, case, terms=terms)) for case in silent),
            *(self._log.submit((key.of_callback(owed),), partial(_lapsed, owed)) for owed in lapsed),
        ]
        for decision in decisions:
            self._say((await decision).result)
        return bool(due or silent or lapsed)

    async def _set_back(self, now: datetime) -> None:
        """At the start, and when the host's clock was set back: what was found late too early is looked at again."""
        if self._latest is None or now < self._latest:
            await self._log.writer.write(lambda connection: recheck_early(connection, now))
        self._latest = now

    def _say(self, told: object) -> None:
        if not isinstance(told, Told):
            return
        for delay in told.delays:
            self._measure(delay)
        for clock in told.nobody:
            log.warning("ladder.reached_nobody", clock=clock)


def escalated(case_id: str, items: OpenItems, terms: Terms, firm: Firm, post: Post) -> Change:
    """What time changed in the case, and a telling for each rung that came and each who is to be told of it."""
    file = items.files.get(case_id)
    if file is None:
        return Change()
    change = recheck(file, items, terms)
    after = {record.id: record for record in (*file.clocks, *change.clocks)}
    climbed = [_climbed(record, file, items, terms, firm, post) for record in after.values()]
    return replace(
        change,
        clocks=tuple(each.record for each in climbed),  # all of them: their timers are over, whoever set them
        deliveries=tuple(telling for each in climbed for telling in each.tellings),
        result=Told(
            tuple(delay for each in climbed for delay in each.delays),
            tuple(each.record.id for each in climbed if each.rungs and not each.tellings),
        ),
    )


class _Climbed(NamedTuple):
    """A clock after the rungs that came."""

    record: ClockRecord
    rungs: tuple[Rung, ...] = ()
    tellings: tuple[Delivery, ...] = ()
    delays: tuple[float, ...] = ()


def _climbed(record: ClockRecord, file: CaseFile, items: OpenItems, terms: Terms, firm: Firm, post: Post) -> _Climbed:
    tz = zone_of(file)
    rungs, skipped = unseen(record, terms.versions, tz, items.now)
    if not rungs:
        return _Climbed(record)
    tellings = tuple(
        owed_telling(rung, record, to, items.now, items.new_id)
        for rung in rungs
        for to in _roll(rung, record, tz, items.now, terms, firm, post).called(rung.tell, file.case)
    )
    before = tuple(mark for mark in record.told if mark != NOBODY or not tellings)
    marks = (*before, *skipped, *(rung.key for rung in rungs), *(() if tellings or NOBODY in before else (NOBODY,)))
    after = replace(record, told=marks)
    after = replace(after, timer_at=timer_of(after, terms.versions, tz, items.now))
    known_at = _known_at(record, file, terms)
    delays = tuple((items.now - max(rung.at, known_at)).total_seconds() for rung in rungs)
    return _Climbed(after, rungs, tellings, delays)


def _roll(rung: Rung, record: ClockRecord, tz: str | None, now: datetime, terms: Terms, firm: Firm, post: Post) -> Roll:
    version = next((known for known in terms.versions if known.id == record.value.rules_version), None)
    return Roll(
        firm=firm,
        post=post,
        now=now,
        office=policy_calendar(record, terms.versions, tz),
        calendars=version.calendars if version else None,
        at_once=rung.page or rung.key == MOVED,
    )


def _known_at(record: ClockRecord, file: CaseFile, terms: Terms) -> datetime:
    """Since when the clock is as it is: before that nobody could have told of it."""
    since = (known.effective_from for known in terms.versions if known.id == record.value.rules_version)
    return max((record.created_at, *since, *(fact.recorded_at for fact in file.interactions[-1:])))


def _aside(case_id: str, items: OpenItems, _error: Exception) -> Change:
    """Its clocks are looked at later; until then the ledger says that nobody is told of them."""
    file = items.files.get(case_id)
    later = items.now + SET_ASIDE
    return Change(
        clocks=tuple(
            replace(record, timer_at=later, told=tuple(dict.fromkeys((*record.told, NOBODY))))
            for record in (file.clocks if file else ())
            if record.owed
        )
    )


def _lapsed(callback_id: str, items: OpenItems) -> Change:
    """A claim nobody made good of is given back, and counts as such; the dialler does the same where it comes first."""
    owed = items.callback(callback_id)
    if owed is None or owed.claimed_until is None or owed.claimed_until > items.now or owed.state is not Owed.CLAIMED:
        return Change()
    free = passed_on(owed, owed.owner, None, items.now)
    word = word_of(free, owed)
    return Change(callbacks=(free,), events=(Event(f"callback.{word}", free, items.now, "machine"),))


def _rested(case_id: str, items: OpenItems, terms: Terms) -> Change:
    """The case closed by itself: nothing is owed, and it has been silent long enough."""
    file = items.files.get(case_id)
    if file is None or file.case.closes_at is None or file.case.closes_at > items.now:
        return Change()
    fact = Interaction(
        id=items.new_id(),
        channel=Channel.OTHER,
        kind=Kind.CLOSE,
        direction=Direction.INTERNAL,
        actor=Actor.MACHINE,
        occurred_at=items.now,
        recorded_at=items.now,
        contact_id=file.case.contact_id,
        case_id=case_id,
        detail=Detail(reason="auto_close"),
    )
    return change_of(fact, items, terms)
