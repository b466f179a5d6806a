"""A case's clocks against what was recorded of them: corrections, moved promises, timers; to the log's precision."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from commsd.core.case import Case, CaseFile, ClockRecord
from commsd.core.clock import State
from commsd.core.event import Event
from commsd.core.interaction import Actor, Channel, Detail, Direction, Interaction, Kind, Outcome
from commsd.core.policy import Version
from commsd.core.recompute import clocks_after
from commsd.core.record import record as record_of
from commsd.core.record import thing_of
from tests.core.items import TUESDAY
from tests.house import TERMS

H = timedelta(hours=1)
US = timedelta(microseconds=123)
IDS = (f"clock-{number}" for number in count(1))


def fact(id: str, at: datetime, **more: Any) -> Interaction:
    """A customer's mail unless it says else."""
    mail = Interaction(
        id=id, channel=Channel.EMAIL, kind=Kind.MESSAGE, direction=Direction.INBOUND, actor=Actor.CUSTOMER,
        outcome=Outcome.REACHED, mailbox="support", occurred_at=at, recorded_at=at, case_id="c",
    )  # fmt: skip
    return replace(mail, **more)


def answer(id: str, at: datetime, **more: Any) -> Interaction:
    return fact(id, at, direction=Direction.OUTBOUND, actor=Actor.AGENT, **more)


class House:
    """One case as the store keeps it, with all that was said of its clocks."""

    def __init__(self, versions: tuple[Version, ...] = TERMS.versions) -> None:
        self.versions = versions
        case = Case(id="c", created_at=TUESDAY, contact_id=None, opened_at=TUESDAY, active_at=TUESDAY)
        self.file = CaseFile(case=case)

    def take(self, now: datetime, *facts: Interaction) -> tuple[Event, ...]:
        together = sorted((*self.file.interactions, *facts), key=lambda known: (known.recorded_at, known.id))
        self.file = replace(self.file, interactions=tuple(together))
        clocks, events = clocks_after(self.file, self.versions, now, lambda: next(IDS), "machine")
        self.file = replace(self.file, clocks=tuple(_stored(record) for record in clocks.all))
        return events

    def clock(self, kind: str) -> ClockRecord:
        (found,) = (record for record in self.file.clocks if record.value.clock == kind)
        return found

    def told(self, kind: str, promised_at: datetime) -> None:
        """The customer was told this time for that clock."""
        kept = (replace(r, promised_at=promised_at) if r.value.clock == kind else r for r in self.file.clocks)
        self.file = replace(self.file, clocks=tuple(kept))


def _stored(record: ClockRecord) -> ClockRecord:
    return thing_of(ClockRecord, record_of(record))


def words(events: tuple[Event, ...]) -> list[str]:
    return [event.type for event in events]


def longer(at: datetime) -> tuple[Version, ...]:
    """Six hours for a first answer from then on, also for clocks that run."""
    former = TERMS.versions[0]
    policy = former.policies["standard"]
    targets = {kind: replace(each, duration=each.duration and 1.5 * each.duration)
               for kind, each in policy.targets.items()}  # fmt: skip
    changed = replace(policy, targets=targets)
    return (
        former,
        replace(former, id="longer", effective_from=at, applies="running", policies={"standard": changed}),
    )


def test_an_answer_that_comes_to_light_late_corrects_the_breach_and_is_named() -> None:
    house = House()
    house.take(TUESDAY, fact("m1", TUESDAY))
    house.take(TUESDAY + 5 * H)
    assert house.clock("first_response").value.state is State.BREACHED
    found = replace(answer("a1", TUESDAY + 2 * H), recorded_at=TUESDAY + 6 * H)
    events = house.take(TUESDAY + 6 * H, found)
    record = house.clock("first_response")
    assert "clock.corrected" in words(events)
    assert (record.value.state, record.corrected_from, record.corrected_by) == (State.MET, State.BREACHED, "a1")
    corrected = next(e for e in events if e.type == "clock.corrected" and e.thing.value.clock == "first_response")
    assert corrected.thing.corrected_by == "a1"


def test_an_earlier_answer_that_comes_to_light_corrects_when_it_was_met() -> None:
    house = House()
    house.take(TUESDAY, fact("m1", TUESDAY))
    house.take(TUESDAY + 3 * H, answer("a2", TUESDAY + 3 * H))
    before = house.clock("first_response")
    events = house.take(TUESDAY + 6 * H, replace(answer("a1", TUESDAY + H), recorded_at=TUESDAY + 6 * H))
    after = house.clock("first_response")
    assert "clock.corrected" in words(events)
    assert (before.value.stopped_at, after.value.stopped_at) == (TUESDAY + 3 * H, TUESDAY + H)
    assert after.corrected_from is State.MET


def test_a_void_names_what_took_the_clock_back() -> None:
    house = House()
    house.take(TUESDAY, fact("m1", TUESDAY))
    undo = fact("v1", TUESDAY + H, kind=Kind.VOID, direction=Direction.INTERNAL, actor=Actor.AGENT, outcome=None,
                detail=Detail(voids="m1"))  # fmt: skip
    house.take(TUESDAY + H, undo)
    record = house.clock("first_response")
    assert (record.value.state, record.value.reason, record.corrected_by) == (State.CANCELLED, "void", "v1")
    assert record.timer_at is None


def test_nothing_is_said_twice_of_instants_finer_than_the_log() -> None:
    """Rules that came in force between two milliseconds set a due time that the log cannot hold."""
    start = TUESDAY + 5 * H + US
    house = House(longer(start))
    house.versions = (house.versions[0], replace(house.versions[1], policies=TERMS.versions[0].policies))
    house.take(TUESDAY + US, fact("m1", TUESDAY + US))
    house.take(TUESDAY + 3 * H + 7 * US, fact("m2", TUESDAY + 3 * H + 7 * US))
    house.take(start + US)
    for minutes in range(1, 5):
        assert house.take(start + minutes * timedelta(minutes=1)) == ()
    revisions = [record.revision for record in house.file.clocks]
    house.take(start + 2 * H)
    assert [record.revision for record in house.file.clocks] == revisions


def test_due_later_than_told_is_kept_until_one_of_us_has_written() -> None:
    house = House(longer(TUESDAY + H))
    house.take(TUESDAY, fact("m1", TUESDAY))
    house.told("first_response", TUESDAY + 4 * H)
    house.take(TUESDAY + 2 * H)
    assert house.clock("first_response").moved_at == TUESDAY + 2 * H
    house.take(TUESDAY + 3 * H, fact("m2", TUESDAY + 3 * H))
    assert house.clock("first_response").moved_at == TUESDAY + 2 * H, "the customer's own writing changes nothing"
    house.take(TUESDAY + 3.5 * H, answer("a1", TUESDAY + 3.5 * H, partial=True))
    assert house.clock("first_response").moved_at is None
    house.take(TUESDAY + 3.7 * H)
    assert house.clock("first_response").moved_at is None, "they know by now"


def test_due_later_but_not_later_than_told_is_nothing() -> None:
    house = House(longer(TUESDAY + H))
    house.take(TUESDAY, fact("m1", TUESDAY))
    house.told("first_response", TUESDAY + 30 * H)
    house.take(TUESDAY + 2 * H)
    assert house.clock("first_response").moved_at is None


def test_answered_it_is_moved_no_more() -> None:
    house = House(longer(TUESDAY + H))
    house.take(TUESDAY, fact("m1", TUESDAY))
    house.told("first_response", TUESDAY + 4 * H)
    house.take(TUESDAY + 2 * H)
    house.take(TUESDAY + 3 * H, answer("a1", TUESDAY + 3 * H))
    record = house.clock("first_response")
    assert (record.moved_at, record.timer_at) == (None, None)


@pytest.mark.parametrize(
    ("minutes", "mailbox", "told"),
    [(20, None, ("due:skipped_late",)), (15, None, ()), (20, "support", ())],
    ids=["by hand, late", "by hand, in time", "from a mailbox"],
)
def test_what_was_entered_by_hand_more_than_a_quarter_of_an_hour_late_is_history(
    minutes: int, mailbox: str | None, told: tuple[str, ...]
) -> None:
    house = House()
    now = TUESDAY + 5 * H
    house.take(now, replace(fact("m1", now - minutes * timedelta(minutes=1), mailbox=mailbox), recorded_at=now))
    assert house.clock("ack").told == told
