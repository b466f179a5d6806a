"""The rules in force: every version ever accepted, kept in the store with its calendars materialised.

A clock runs under the version of its start, so old verdicts never move; `terms` is all a decision needs of this. One
path brings a version in force, whoever asks: `plan`, then `accept`. Every process follows the store, so that what one
accepts all work by; a version takes effect a moment after it was accepted, when all have heard of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

import structlog

from commsd.core.calendar import Calendar, Window, lost_zone
from commsd.core.open_items import Terms
from commsd.core.policy import Version
from commsd.errors import NotFound, Refused
from commsd.store import versions
from commsd.store.log import Log
from commsd.store.versions import Acceptance, HandOver, Stored
from commsd.world import World

log = structlog.get_logger()

Applies = Literal["new", "running"]

SHORTEST = 4
"""Characters of an id that name a version."""

BEGINNING = timedelta(days=3650)
"""The first version is in force from long before it was accepted, so that a mail from yesterday has a clock too."""

POLL = 1.0
LEAD = timedelta(seconds=2)
"""From acceptance to effect where a daemon works: longer than it takes every node to look."""

AT_ONCE = LEAD + timedelta(seconds=1)
"""What takes effect within this was meant to take effect at once."""

SKEW = timedelta(minutes=1)
"""Clocks of hosts that share a store differ by less."""

ENOUGH = timedelta(days=365)
"""Holidays are listed at least this far ahead, or the same files are worth reading again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What accepting a candidate would do. version: as it would be accepted; None: it changes nothing.

    after: the highest number known. former: what would be in force at that moment without it. why: of nothing, in
    words. withdraws: those that wait and would not come in force any more.
    """

    version: Version | None
    after: int
    former: Stored | None = None
    why: str = ""
    withdraws: tuple[Stored, ...] = ()


class Rules:
    """The rule versions of this deployment and the terms decisions are made under."""

    def __init__(self, log: Log, auto_close: timedelta = timedelta(days=7)) -> None:
        self._log = log
        self._auto_close = auto_close
        self._terms = Terms(versions=(), auto_close=auto_close)
        self._mark: tuple[int, int] | None = None
        self.stored: tuple[Stored, ...] = ()

    @property
    def terms(self) -> Terms:
        """What decisions need of the rules: all versions that came in force or will, in that order."""
        return self._terms

    @property
    def standing(self) -> tuple[Stored, ...]:
        """Those not withdrawn, in the order in which they come in force."""
        kept = [each for each in self.stored if each.withdrawn_at is None]
        return tuple(sorted(kept, key=lambda each: (each.version.effective_from, each.number)))

    def in_force(self, at: datetime) -> Stored | None:
        """The version that governs what begins then; None before the first."""
        return next((each for each in reversed(self.standing) if each.version.effective_from <= at), None)

    def state(self, stored: Stored, now: datetime) -> str:
        """How a version stands: in force, former, waiting for its time, or withdrawn."""
        if stored.withdrawn_at is not None:
            return "withdrawn"
        if stored.version.effective_from > now:
            return "waiting"
        return "in force" if stored == self.in_force(now) else "former"

    async def load(self) -> None:
        """Read the accepted versions from the store."""
        self._mark, self.stored = await self._log.read(lambda c: (versions.mark(c), versions.all_versions(c)))
        in_order = tuple(each.version for each in self.standing)
        self._terms = Terms(versions=in_order, auto_close=self._auto_close)

    async def follow(self, now: datetime) -> bool:
        """Take over what others accepted since the last look; says whether there was anything.

        What this process decided meanwhile under the former rules is looked at again.
        """
        if await self._log.read(versions.mark) == self._mark:
            return False
        known = {each.number for each in self.stored}
        await self.load()
        starts = [each.version.effective_from for each in self.standing if each.number not in known]
        if known and starts and min(starts) < now:
            await self._log.writer.write(lambda connection: versions.recheck_since(connection, min(starts), now))
        return True

    async def lead(self, now: datetime) -> timedelta:
        """How long before a version takes effect it must be accepted, so that every daemon at work has heard of it.

        It takes effect at a whole second: a mail is dated no more exactly, and one that comes after is not before it.
        """
        if not await self.somebody_works(now):
            return timedelta()
        return LEAD + timedelta(microseconds=-now.microsecond % 1_000_000)

    async def somebody_works(self, now: datetime) -> bool:
        """Whether a daemon is at work on this store; it alone moves clocks that run."""
        return await self._log.read(lambda connection: versions.somebody_works(connection, now))

    async def still_to_move(self, now: datetime) -> int:
        """How many open clocks no daemon has looked at since rules took over those that run."""
        took_over = [
            each.version.effective_from
            for each in self.standing
            if each.version.applies == "running" and each.version.effective_from <= now
        ]
        if not took_over:
            return 0
        return await self._log.read(lambda connection: versions.not_looked_at(connection, max(took_over)))

    def plan(
        self,
        candidate: Version,
        now: datetime,
        start: datetime | None = None,
        applies: Applies = "new",
        *,
        anew: bool = False,
    ) -> Plan:
        """What accepting this candidate would do, by the versions as loaded. start: when it takes effect, else now.

        anew: the same files count as others where the holidays listed for them have changed, or would soon run out.
        Raises Refused for a time before the running version's.
        """
        after, running = self.stored[-1].number if self.stored else 0, self.in_force(now)
        if running is None:
            first = replace(candidate, effective_from=start or now - BEGINNING, applies=applies)
            return Plan(version=first, after=after)
        start = start or now
        if start < running.version.effective_from:
            raise Refused(
                "effective_from lies before the running version",
                remedy=f"name a time after {running.version.effective_from:%Y-%m-%dT%H:%M:%SZ}",
            )
        waiting = [each for each in self.standing if each.version.effective_from > now]
        for each in waiting:
            if each.version.effective_from == start and _same(each.version, candidate, applies):
                return Plan(version=None, after=after, former=each, why=f"version {each.number} waits for that time")
        overtaken = tuple(
            each
            for each in waiting
            if each.version.effective_from >= start or same_files(each.version, candidate)  # or it is put off
        )
        stays = (each for each in reversed(self.standing) if each not in overtaken)
        former = next(each for each in stays if each.version.effective_from <= start)
        if not overtaken and _same(former.version, candidate, applies, now if anew else None):
            return Plan(version=None, after=after, former=former, why=f"these are the rules of version {former.number}")
        version = replace(candidate, effective_from=start, applies=applies)
        return Plan(version=version, after=after, former=former, withdraws=overtaken)

    async def accept(
        self, plan: Plan, files: Mapping[str, str], now: datetime, by: str, to: HandOver | None = None
    ) -> Stored:
        """Bring a planned version in force. Raises TryAgain where another was accepted since it was planned.

        to: the folder its files go into next; until `handed_over` says that they arrived, `handover` finishes that.
        """
        if plan.version is None:
            raise Refused(f"nothing changes: {plan.why}", remedy="change the files first")
        withdraws = tuple(each.number for each in plan.withdraws)
        wanted = Acceptance(
            version=plan.version, files=files, after=plan.after, by=by, withdraws=withdraws, hand_over=to
        )
        new_id = self._log.world.new_id
        number = await self._log.writer.write(lambda connection: versions.accept(connection, wanted, now, new_id))
        await self.load()
        stored = next(each for each in self.stored if each.number == number)
        withdrawn = len(plan.withdraws)
        start = stored.version.effective_from
        log.info(
            "rules.changed",
            version=stored.version.id[:12],
            serial=number,
            rules=len(stored.version.rules),
            effective_from=start,
            withdrawn=withdrawn,
        )
        return stored

    async def bring_in(
        self,
        candidate: Version,
        files: Mapping[str, str],
        now: datetime,
        *,
        lead: timedelta = timedelta(),
        by: str = "machine",
    ) -> Stored | None:
        """Put a version in force from now on for new clocks; None where the last one accepted has the same rules.

        What `[service]` alone made, without files that could be applied again, is renewed before its holidays end.
        """
        await self.load()
        last, anew = self._last(), not files
        if last is not None and _same(last.version, candidate, "new", now if anew else None) and not _early(last, now):
            return None
        plan = self.plan(candidate, now, now + lead if last else None, anew=anew)
        return None if plan.version is None else await self.accept(plan, files, now, by)

    async def take_files(self, candidate: Version, files: Mapping[str, str], now: datetime, node: str) -> Stored | None:
        """What a daemon does with the files it has read: brings them in where they are others than it read last.

        Files that did not change since are old where another node, or `sla apply`, has brought in newer ones: the
        store is right then, or a restart would undo what was applied.
        """
        await self.load()
        seen = await self._log.read(lambda connection: versions.seen_files(connection, node))
        taken, last = None, self._last()
        if seen != candidate.source or last is None or same_files(last.version, candidate):
            taken = await self.bring_in(candidate, files, now, lead=await self.lead(now))
            await self.remember(node, candidate)
        return taken

    def _last(self) -> Stored | None:
        """The one accepted last, though it may wait."""
        return next((each for each in reversed(self.stored) if each.withdrawn_at is None), None)

    async def remember(self, node: str, candidate: Version) -> None:
        """These are the files this node has read last."""
        await self._log.writer.write(lambda c: versions.remember_files(c, node, candidate.source))

    async def hand_over(self) -> tuple[Stored, HandOver] | None:
        """The version whose files did not arrive in their folder yet, as far as anybody noted down."""
        found = await self._log.read(versions.hand_over)
        if found is None:
            return None
        number, to = found
        return next(((each, to) for each in self.stored if each.number == number), None)

    async def handed_over(self, to: HandOver) -> None:
        """The files have arrived in their folder, or need not any more."""
        await self._log.writer.write(lambda connection: versions.handed_over(connection, to.ready))

    def lost_zones(self, now: datetime) -> Mapping[str, str]:
        """Zones of the running version, by calendar, that the time zone database does not know any more.

        Such a calendar counts in its `fallback_tz`, else in UTC.
        """
        running = self.in_force(now)
        calendars = running.version.calendars.values() if running else ()
        return {calendar.name: lost for calendar in calendars if (lost := lost_zone(calendar))}

    def holidays_end(self, now: datetime) -> date | None:
        """The last day whose holidays the running version lists, where that comes soon."""
        running = self.in_force(now)
        until = running.version.holidays_until if running else None
        return until if until is not None and until - now.date() < ENOUGH else None


class Follow:
    """Duty: take over the rules that another process accepted."""

    name = "sla.rules"

    def __init__(self, rules: Rules, world: World) -> None:
        self._rules, self._world = rules, world

    async def run(self) -> None:
        while True:
            await self.once()
            await self._world.sleep(POLL)

    async def once(self) -> bool:
        if not await self._rules.follow(self._world.now()):
            return False
        last = self._rules.stored[-1]
        log.info("rules.followed", version=last.version.id[:12], serial=last.number)
        return True


def chosen(stored: Sequence[Stored], word: str) -> Stored:
    """The version of this number, or whose id begins so. Raises NotFound."""
    found = [each for each in stored if word == str(each.number)]
    if not found and len(word) >= SHORTEST:
        found = [each for each in stored if each.version.id.startswith(word.lower())]
    if not found:
        raise NotFound(f'there is no version "{word}"', remedy="list them: commsd sla versions")
    if len({each.version.id for each in found}) > 1:
        numbers = ", ".join(str(each.number) for each in found)
        raise NotFound(f'several versions begin with "{word}"', remedy=f"name one by its number: {numbers}")
    return found[-1]


def same_files(one: Version, other: Version) -> bool:
    """Whether both were made of files that say the same."""
    if one.source and other.source:
        return one.source == other.source
    return one.id == other.id


def _early(last: Stored, now: datetime) -> bool:
    """Whether it was accepted, for at once, while the host's clock ran ahead: else it would wait for that time."""
    at_once = last.version.effective_from - last.accepted_at <= AT_ONCE
    return at_once and last.version.effective_from > now and last.accepted_at > now + SKEW


def _same(former: Version, candidate: Version, applies: Applies, now: datetime | None = None) -> bool:
    """Whether the candidate would change nothing. now: also asks whether it lists the same holidays from now on."""
    if not same_files(former, candidate) or (applies == "running" and former.applies == "new"):
        return False
    return now is None or not _listed_anew(former, candidate, now.date())


def _listed_anew(former: Version, candidate: Version, today: date) -> bool:
    """Whether other days are listed for the time to come, or the former's come to an end soon."""
    if former.holidays_until is None or candidate.holidays_until is None:
        return False
    if former.holidays_until - today < ENOUGH and candidate.holidays_until > former.holidays_until:
        return True
    until = min(former.holidays_until, candidate.holidays_until)
    return any(
        _days(former.calendars[name], today, until) != _days(candidate.calendars[name], today, until)
        for name in former.calendars.keys() & candidate.calendars.keys()
    )


def _days(calendar: Calendar, first: date, last: date) -> Mapping[date, tuple[Window, ...]]:
    return {day: windows for day, windows in calendar.dates.items() if first <= day <= last}
