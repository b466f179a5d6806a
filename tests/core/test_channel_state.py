"""When a channel counts as degraded and when as recovered: every cause both ways, and nothing that flaps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.channel_state import (
    STARTS_WITHIN,
    STEADY,
    STEADY_AT_MOST,
    Cause,
    Folder,
    Health,
    Login,
    Outgoing,
    Sight,
    Standing,
    after,
    causes,
    steady,
    turned,
)

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=2)
TEN = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def folder(read: timedelta | None = MINUTE, word: str = "watch") -> Folder:
    """A folder read that long ago; None: never, in the two days it is watched."""
    read_at = None if read is None else NOW - read
    return Folder(place=f"support/{word}", since=LONG_AGO, inbox=word == "watch", read_at=read_at)


WELL = Sight(channel="support", folders=(folder(), folder(word="sent")))


def found(sight: Sight, started_at: datetime = LONG_AGO) -> tuple[Cause, ...]:
    return causes(sight, NOW, TEN, started_at)


def test_a_mailbox_that_is_read_and_sends_has_nothing_wrong() -> None:
    assert found(WELL) == ()


@pytest.mark.parametrize(
    ("sight", "cause"),
    [
        (replace(WELL, folders=(folder(TEN), folder(word="sent"))), Cause.UNREAD),
        (replace(WELL, folders=(folder(None), folder(word="sent"))), Cause.UNREAD),
        (replace(WELL, folders=(replace(folder(), stopped_at=NOW - SECOND),)), Cause.STOPPED),
        (replace(WELL, folders=(replace(folder(), undecided_since=NOW - TEN),)), Cause.UNDECIDED),
        (replace(WELL, outgoing=Outgoing(oldest=NOW - TEN)), Cause.LATE),
        (replace(WELL, outgoing=Outgoing(oldest=NOW - TEN, people=3, left_since=True)), Cause.LATE),
        (replace(WELL, heartbeat=NOW - TEN), Cause.HEARTBEAT_LOST),
        (replace(WELL, login=Login(refused=True)), Cause.TOKEN_REFUSED),
        (replace(WELL, login=Login(ends_at=NOW + timedelta(days=3))), Cause.TOKEN_EXPIRING),
        (Sight(channel="hotline", kind="line", failing_since=NOW - TEN), Cause.FAILING),
    ],
    ids=lambda each: each.value if isinstance(each, Cause) else "",
)
def test_each_cause_is_seen(sight: Sight, cause: Cause) -> None:
    assert found(sight) == (cause, *([Cause.ANSWERS_UNSEEN] if cause is Cause.UNREAD else []))


@pytest.mark.parametrize(
    "sight",
    [
        replace(WELL, folders=(folder(TEN - SECOND), folder(word="sent"))),
        replace(WELL, folders=(replace(folder(), undecided_since=NOW - TEN + SECOND),)),
        replace(WELL, outgoing=Outgoing(oldest=NOW - TEN + SECOND)),
        replace(WELL, outgoing=Outgoing(oldest=NOW - timedelta(hours=1), people=2, left_since=True)),
        replace(WELL, heartbeat=NOW - TEN + SECOND),
        replace(WELL, login=Login(ends_at=NOW + timedelta(days=3, seconds=1))),
        replace(WELL, login=Login()),
        Sight(channel="hotline", kind="line"),
    ],
)
def test_what_may_still_be_so_is_no_cause(sight: Sight) -> None:
    assert found(sight) == ()


def test_a_dead_folder_of_answers_is_seen_though_the_inbox_works() -> None:
    assert found(replace(WELL, folders=(folder(), folder(TEN, "sent")))) == (Cause.ANSWERS_UNSEEN,)


def test_the_worst_cause_comes_first() -> None:
    everything = replace(
        WELL,
        folders=(replace(folder(None), stopped_at=NOW, undecided_since=LONG_AGO),),
        outgoing=Outgoing(oldest=LONG_AGO),
        login=Login(refused=True, ends_at=NOW),
        heartbeat=LONG_AGO,
        failing_since=LONG_AGO,
    )
    assert list(found(everything)) == list(Cause)


def test_what_stood_still_while_we_were_down_gets_two_minutes() -> None:
    down = replace(WELL, folders=(folder(timedelta(hours=8)),))
    assert found(down, started_at=NOW - STARTS_WITHIN + SECOND) == ()
    assert Cause.UNREAD in found(down, started_at=NOW - STARTS_WITHIN)


class Watched:
    """One channel under a clock that goes on in steps."""

    def __init__(self) -> None:
        self.now, self.words = NOW, list[str]()
        self.standing: Standing | None = None
        self._ids = count(1)

    def look(self, *found: Cause, after_: timedelta = timedelta()) -> str:
        """The state after so much more time, with these causes seen."""
        self.now += after_
        before = self.standing
        self.standing = after(before, WELL, found, self.now, lambda: f"id-{next(self._ids)}")
        if turned({before.key: before} if before else {}, (self.standing,)):
            self.words.append(self.standing.record.state.value)
        return self.standing.record.state.value


def test_a_channel_falls_once_and_rises_once() -> None:
    channel = Watched()
    channel.look()
    for _ in range(5):
        channel.look(Cause.UNREAD, after_=MINUTE)
    for _ in range(5):
        channel.look(after_=MINUTE)
    assert channel.words == ["degraded", "healthy"]
    assert channel.standing
    assert (channel.standing.record.revision, channel.standing.record.reason) == (3, None)


def test_a_channel_that_is_first_seen_broken_falls_at_once() -> None:
    channel = Watched()
    assert channel.look(Cause.STOPPED) == "degraded"
    assert channel.words == ["degraded"]


def test_another_cause_is_no_other_fall() -> None:
    channel = Watched()
    channel.look(Cause.UNREAD)
    channel.look(Cause.LATE, after_=MINUTE)
    assert channel.words == ["degraded"]
    assert channel.standing
    assert channel.standing.record.reason == "late"


def test_a_moment_of_health_is_no_recovery() -> None:
    channel = Watched()
    channel.look(Cause.UNREAD)
    channel.look(after_=MINUTE)
    channel.look(after_=STEADY - SECOND)
    channel.look(Cause.UNREAD, after_=SECOND)
    assert channel.look(after_=STEADY) == "degraded"
    assert channel.look(after_=STEADY) == "healthy"


def test_who_falls_again_within_the_hour_must_be_well_for_longer() -> None:
    channel = Watched()
    channel.look(Cause.UNREAD)
    channel.look(after_=SECOND)
    channel.look(after_=STEADY)
    channel.look(Cause.UNREAD, after_=timedelta(minutes=59))
    channel.look(after_=SECOND)
    assert channel.look(after_=4 * STEADY - SECOND) == "degraded"
    assert channel.look(after_=SECOND) == "healthy"
    channel.look(Cause.UNREAD, after_=timedelta(hours=1))
    channel.look(after_=SECOND)
    assert channel.look(after_=STEADY) == "healthy"


def test_the_longest_that_health_must_last_is_half_an_hour() -> None:
    assert [steady(relapses) for relapses in (0, 1, 2, 99)] == [STEADY, 4 * STEADY, STEADY_AT_MOST, STEADY_AT_MOST]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 1800)), max_size=120))
def test_whatever_is_seen_falls_and_recoveries_alternate_and_are_few(looks: list[tuple[bool, int]]) -> None:
    channel = Watched()
    channel.look()
    for broken, seconds in looks:
        channel.look(*([Cause.UNREAD] if broken else []), after_=timedelta(seconds=seconds))
    assert channel.words == (["degraded", "healthy"] * len(looks))[: len(channel.words)]
    hours = sum(seconds for _, seconds in looks) / 3600
    assert len(channel.words) <= 8 + 7 * hours
    assert channel.standing
    assert channel.standing.record.revision == 1 + len(channel.words)
    assert channel.standing.degraded == (channel.standing.record.state is Health.DEGRADED)
