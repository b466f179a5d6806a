"""Whether a channel does its work: what was seen of it -> causes for concern -> healthy or degraded, without flapping.

A channel is a mailbox or a line. Pure: what is seen is gathered by the watchman, what people are told is written in
`sla.notice.alarm`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

MAILBOX, LINE = "mailbox", "line"

STARTS_WITHIN = timedelta(minutes=2)
"""So long after a start nobody is alarmed by what stood still while we were down."""

STEADY = timedelta(minutes=2)
"""A channel has recovered when nothing was wrong for so long; four times as long with each relapse within the hour."""

STEADY_AT_MOST = timedelta(minutes=30)
RELAPSE = timedelta(hours=1)
TOKEN_AHEAD = timedelta(days=3)
"""A login that will end is told of so long before: in time over a weekend."""

SEVERAL = 3
"""So many people wait for mail: then it is not the fault of one of their servers."""


RETURNED = "returned"
"""The reason on the delivery of a heartbeat that came round."""


class Health(StrEnum):
    """What a channel is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"


class Cause(StrEnum):
    """Why a channel is degraded, the worst first. The word is the record's `reason`.

    stopped: a folder is left alone, for its UIDs do not hold. token-refused: the login by OAuth came to an end.
    unread: what customers write was not read for too long. undecided: a mail lies there that we do not take up.
    failing: a line says that it does not work. answers-unseen: as unread, of a folder of our own answers.
    late: what is to be sent waits. heartbeat-lost: a mail to ourselves did not come round. token-expiring: that login
    will end soon.
    """

    STOPPED = "stopped"
    TOKEN_REFUSED = "token-refused"
    UNREAD = "unread"
    UNDECIDED = "undecided"
    FAILING = "failing"
    ANSWERS_UNSEEN = "answers-unseen"
    LATE = "late"
    HEARTBEAT_LOST = "heartbeat-lost"
    TOKEN_EXPIRING = "token-expiring"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """The record of a channel, as events tell it. channel: the mailbox's or line's name. since: it is as it is.

    reason: a Cause, None while healthy. last_success_at: when all of it was last known to work.
    """

    id: str
    revision: int = 1
    created_at: datetime
    channel: str
    kind: str
    state: Health = Health.HEALTHY
    since: datetime
    reason: str | None = None
    last_success_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A channel's record with what is remembered of it so that nothing flaps and nobody is told twice.

    well_since: nothing is wrong any more since then, though it is not called healthy yet. relapses: within the hour.
    told: the state our people heard of last; told_at, times: when, and how often they heard of this one.
    """

    record: ChannelState
    well_since: datetime | None = None
    relapses: int = 0
    told: Health = Health.HEALTHY
    told_at: datetime | None = None
    times: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Name and kind."""
        return self.record.channel, self.record.kind

    @property
    def degraded(self) -> bool:
        """Whether it does not do its work."""
        return self.record.state is Health.DEGRADED


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """One watched folder. read_at: when it was last known to hold nothing undecided; None: never. since: watched.

    inbox: customers write there. failing_since: the first attempt in vain after the last that did not fail.
    """

    place: str
    since: datetime
    inbox: bool = True
    read_at: datetime | None = None
    stopped_at: datetime | None = None
    undecided_since: datetime | None = None
    failing_since: datetime | None = None

    @property
    def fails(self) -> bool:
        """Whether the last that is known of it is a failure."""
        return self.failing_since is not None and (self.read_at is None or self.read_at < self.failing_since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What waits to leave by a mailbox. oldest: since when; people: how many wait longer than they should.

    left_since: whether anything has left after the oldest began to wait.
    """

    oldest: datetime
    people: int = 1
    left_since: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login by OAuth. refused: the provider takes it no more. ends_at: when it will end by itself, if known."""

    refused: bool = False
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that is seen of one channel at an instant.

    heartbeat: when the oldest was made that is still on its way. failing_since: of a line.
    """

    channel: str
    kind: str = MAILBOX
    folders: tuple[Folder, ...] = ()
    outgoing: Outgoing | None = None
    login: Login | None = None
    heartbeat: datetime | None = None
    failing_since: datetime | None = None

    @property
    def read_at(self) -> datetime | None:
        """When all of it was last read through; None where that is not known of every folder."""
        times = [folder.read_at for folder in self.folders]
        known = [at for at in times if at is not None]
        return min(known) if known and len(known) == len(times) else None

    @property
    def fails(self) -> bool:
        """Whether a part of it failed and has not worked since."""
        return self.failing_since is not None or any(folder.fails for folder in self.folders)

    def unread_for(self, now: datetime) -> timedelta:
        """How long the longest unread folder was not read through."""
        return max((now - (folder.read_at or folder.since) for folder in self.folders), default=timedelta())


def causes(sight: Sight, now: datetime, unread_for: timedelta, started_at: datetime) -> tuple[Cause, ...]:
    """What is wrong, the worst first. started_at: of the process that looks, which was deaf before."""
    return tuple(cause for cause, holds in _asked(sight, now, unread_for, started_at) if holds)


def _asked(sight: Sight, now: datetime, unread_for: timedelta, started_at: datetime) -> Iterable[tuple[Cause, bool]]:
    def too_long(since: datetime | None) -> bool:
        return since is not None and now >= max(since + unread_for, started_at + STARTS_WITHIN)

    folders, login = sight.folders, sight.login or Login()
    yield Cause.STOPPED, any(folder.stopped_at for folder in folders)
    yield Cause.TOKEN_REFUSED, login.refused
    yield Cause.UNREAD, any(too_long(folder.read_at or folder.since) for folder in folders if folder.inbox)
    yield Cause.UNDECIDED, any(too_long(folder.undecided_since) for folder in folders)
    yield Cause.FAILING, too_long(sight.failing_since)
    yield Cause.ANSWERS_UNSEEN, any(too_long(folder.read_at or folder.since) for folder in folders)
    yield Cause.LATE, sight.outgoing is not None and too_long(sight.outgoing.oldest) and _stuck(sight.outgoing)
    yield Cause.HEARTBEAT_LOST, too_long(sight.heartbeat)
    yield Cause.TOKEN_EXPIRING, login.ends_at is not None and login.ends_at - now <= TOKEN_AHEAD


def _stuck(outgoing: Outgoing) -> bool:
    """One customer's server that says "later" is no fault of ours; it is told apart by what leaves meanwhile."""
    return not outgoing.left_since or outgoing.people >= SEVERAL


def after(
    before: Standing | None, sight: Sight, found: tuple[Cause, ...], now: datetime, new_id: Callable[[], str]
) -> Standing:
    """The channel after this look. It got a further revision exactly where it fell or rose.

    It rises when nothing was wrong for long enough and the last that is known of every part of it is a success.
    """
    standing = before or _first(sight, now, new_id)
    seen = sight.read_at or standing.record.last_success_at
    standing = replace(standing, record=replace(standing.record, last_success_at=seen))
    if found:
        return _found(standing, found, now)
    if not standing.degraded:
        return standing
    well_since = standing.well_since or now
    if now - well_since < steady(standing.relapses) or sight.fails:
        return replace(standing, well_since=well_since)
    return replace(standing, record=_turned(standing.record, Health.HEALTHY, None, now), well_since=None)


def steady(relapses: int) -> timedelta:
    """How long nothing may be wrong before it counts as recovered."""
    times: int = 4 ** min(relapses, 5)
    return min(STEADY * times, STEADY_AT_MOST)


def _first(sight: Sight, now: datetime, new_id: Callable[[], str]) -> Standing:
    record = ChannelState(id=new_id(), created_at=now, channel=sight.channel, kind=sight.kind, since=now)
    return Standing(record=record)


def _found(standing: Standing, found: tuple[Cause, ...], now: datetime) -> Standing:
    record, reason = standing.record, found[0].value
    if standing.degraded:
        return replace(standing, record=replace(record, reason=reason), well_since=None)
    relapsed = record.revision > 1 and now - record.since < RELAPSE
    return replace(
        standing,
        record=_turned(record, Health.DEGRADED, reason, now),
        well_since=None,
        relapses=standing.relapses + 1 if relapsed else 0,
    )


def _turned(record: ChannelState, state: Health, reason: str | None, now: datetime) -> ChannelState:
    return replace(record, revision=record.revision + 1, state=state, reason=reason, since=now)


def turned(before: Mapping[tuple[str, str], Standing], standings: Iterable[Standing]) -> tuple[Standing, ...]:
    """Those that fell or rose with this look."""
    return tuple(
        each
        for each in standings
        if each.record.revision > (before[each.key].record.revision if each.key in before else 1)
    )
