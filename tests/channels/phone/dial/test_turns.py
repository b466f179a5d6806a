"""Owed calls and callers stand in one order: who is kept for whom, and that neither side starves. telephony.md Q5."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.phone.call_state import CallState
from commsd.channels.phone.dial.line_state import awaited
from commsd.channels.phone.legs import Legs
from commsd.channels.phone.turns import EVERY, HOLDS, Turn, Turns, left_for, turns_of
from commsd.core.callback import Callback, CloseReason, State
from commsd.core.change import Change
from commsd.core.open_items import OpenItems
from commsd.demo.exchange import Call, Caller, Person
from commsd.store.callbacks import owed_to
from tests.channels.phone.dial.conftest import Desk
from tests.channels.phone.hotline import (
    ANNA,
    BO,
    CUSTOMER,
    DANE,
    FIRM,
    HOTLINE,
    HOUSE,
    LINE,
    LONDONER,
    TUESDAY,
    Books,
    house,
)
from tests.channels.phone.on_paper import Line

MINUTE = timedelta(minutes=1)
PEOPLE = ("anna", "bo", "cai")
PHONES = {"anna": ANNA, "bo": BO, "cai": "+493023125013"}


def owed(name: str = "1", opened: float = -10, due: float = 110, number: str = DANE) -> Callback:
    """A call missed so many minutes from noon, due so many from noon."""
    return Callback(
        id=f"0195a1b2-0000-7000-8000-{name:0>12}",
        created_at=TUESDAY + opened * MINUTE,
        line="hotline",
        number=number,
        contact_id=None,
        case_id=f"case-{name}",
        state=State.WAITING,
        due_at=TUESDAY + due * MINUTE,
        opened_at=TUESDAY + opened * MINUTE,
        misses=("miss", "again"),
        look_at=TUESDAY + opened * MINUTE,
    )


def turns(*waiting: Callback, able: Sequence[str] = PEOPLE) -> Mapping[str, Turn]:
    return turns_of([(each, able) for each in waiting], PEOPLE, TUESDAY, {})


def firm(since: datetime) -> Turn:
    return Turn(since, firm=since)


def test_each_owed_call_keeps_one_and_callers_keep_one_whatever_is_owed() -> None:
    assert turns(owed()).keys() == {"anna"}
    assert turns(*(owed(str(n)) for n in range(9))).keys() == {"anna", "bo"}


def test_who_alone_can_make_a_call_is_kept_for_the_first_that_waits_for_him() -> None:
    kept = turns(owed("1", opened=-20), owed("2", opened=-30), able=("bo",))
    assert kept == {"bo": Turn(TUESDAY - 20 * MINUTE)}


@pytest.mark.parametrize(
    ("due", "ago", "kept"), [(-1, None, True), (1, None, False), (-1, EVERY, True), (-1, EVERY - MINUTE, False)]
)
def test_the_last_of_a_line_is_kept_for_an_overdue_call_but_only_so_often(
    due: float, ago: timedelta | None, kept: bool
) -> None:
    begun = {"anna": TUESDAY - ago} if ago else {}
    found = turns_of([(owed(due=due), ("anna",))], {"anna"}, TUESDAY, begun)
    assert found == ({"anna": firm(TUESDAY - 10 * MINUTE)} if kept else {})


def test_one_whom_the_line_does_not_ring_takes_no_turn_from_those_it_rings() -> None:
    """An overdue call waits for its owner, who is in no round; behind it one for the line's only telephone."""
    waiting = [(owed("1", -20, -5), ("cai",)), (owed("2", -10, -1), ("anna",))]
    found = turns_of(waiting, {"anna"}, TUESDAY, {"cai": TUESDAY - MINUTE})
    assert found["anna"] == firm(TUESDAY - 10 * MINUTE)
    first = turns_of(waiting, {"anna"}, TUESDAY, {})
    assert first == {"cai": firm(TUESDAY - 20 * MINUTE), "anna": firm(TUESDAY - 10 * MINUTE)}


def test_who_is_rung_elsewhere_is_kept_from_there_but_only_so_often_and_one_at_a_time() -> None:
    waiting = [(owed("1", -20, -5), ("bo",)), (owed("2", -10, -1), ("cai",))]
    assert [turn.firm is not None for turn in turns_of(waiting, {"anna"}, TUESDAY, {}).values()] == [True, False]
    assert not any(turn.firm for turn in turns_of(waiting, {"anna"}, TUESDAY, {"cai": TUESDAY - MINUTE}).values())


def test_a_call_that_is_not_overdue_takes_no_turn_from_one_that_is() -> None:
    waiting = [(owed("1", -20, 60), ("bo",)), (owed("2", -10, -1), ("anna",))]
    found = turns_of(waiting, {"anna", "bo"}, TUESDAY, {})
    assert found == {"bo": Turn(TUESDAY - 20 * MINUTE), "anna": firm(TUESDAY - 10 * MINUTE)}


ROUNDS = ((1, (ANNA,)), (2, (ANNA, BO)))


def test_a_caller_leaves_an_earlier_call_its_telephone_and_not_a_later_one() -> None:
    kept = {ANNA: Turn(TUESDAY)}
    assert left_for(TUESDAY + MINUTE, ROUNDS, (), kept) == [(2, (BO,))]
    assert left_for(TUESDAY, ROUNDS, (), kept) == list(ROUNDS)


def test_what_is_only_waited_for_is_rung_before_a_busy_tone_is_heard_and_what_is_kept_firmly_never() -> None:
    later = TUESDAY + MINUTE
    assert left_for(later, ROUNDS, {BO}, {ANNA: Turn(TUESDAY)}) == [(1, (ANNA,)), (2, (ANNA,))]
    assert left_for(later, ROUNDS, {BO}, {ANNA: firm(TUESDAY)}) == [(2, (BO,))]
    assert left_for(later, ROUNDS, (), dict.fromkeys((ANNA, BO), firm(TUESDAY))) == []


def test_one_kept_for_two_calls_comes_back_for_who_rang_before_the_one_that_keeps_him_firmly() -> None:
    kept = {ANNA: Turn(TUESDAY, firm=TUESDAY + 2 * MINUTE)}
    only = ((1, (ANNA,)),)
    assert left_for(TUESDAY + MINUTE, only, (), kept) == list(only)
    assert left_for(TUESDAY + 2 * MINUTE, only, (), kept) == list(only)
    assert left_for(TUESDAY + 3 * MINUTE, only, (), kept) == []


@given(
    st.lists(st.tuples(st.integers(-300, 0), st.integers(-120, 120)), max_size=8),
    st.integers(-300, 5),
    st.integers(1, 3),
    st.sets(st.sampled_from(PEOPLE), max_size=3),
)
def test_nobody_is_kept_from_a_caller_by_a_call_whose_clock_began_later(
    calls: list[tuple[int, int]], rang: int, size: int, busy: set[str]
) -> None:
    people, since = PEOPLE[:size], TUESDAY + rang * MINUTE
    waiting = [(owed(str(n), opened, due), people) for n, (opened, due) in enumerate(calls)]
    found = turns_of(waiting, people, TUESDAY, {})
    rounds = ((1, tuple(PHONES[name] for name in people)),)
    left = {
        phone
        for _, phones in left_for(since, rounds, {PHONES[n] for n in busy}, {PHONES[n]: t for n, t in found.items()})
        for phone in phones
    }
    earlier = sum(1 for opened, _ in calls if opened < rang)
    overdue = any(due <= 0 for opened, due in calls if opened < rang)
    assert len({PHONES[name] for name in people if name not in busy} - left) <= earlier
    assert left or (size == 1 and overdue), "a caller finds nobody for an overdue call of a single telephone alone"


@given(st.integers(1, 3), st.integers(1, 6), st.integers(2, 4))
def test_with_callers_and_owed_calls_without_end_neither_starves(size: int, backlog: int, talk: int) -> None:
    """Each minute somebody rings, more than can be answered; a talk takes minutes; whose turn it is, is served."""
    people = PEOPLE[:size]
    line = [owed(str(n), opened=n - 60, due=-1) for n in range(backlog)]
    free_at = dict.fromkeys(people, 0)
    begun: dict[str, datetime] = {}
    served: list[int] = []
    for minute in range(240):
        now = TUESDAY + minute * MINUTE
        kept = turns_of([(each, people) for each in line], people, now, begun)
        free = [name for name in people if free_at[name] <= minute]
        phones = {PHONES[name]: turn for name, turn in kept.items()}
        rung = left_for(now, ((1, tuple(map(PHONES.__getitem__, people))),), (), phones)
        theirs = [name for name in free if any(PHONES[name] in found for _, found in rung)]
        for name in theirs:  # another caller waits for each of them
            served.append(minute)
            free_at[name] = minute + talk
        if line and (left := [name for name in free if name not in theirs]):
            free_at[left[0]], begun[left[0]] = minute + talk, now
            line.pop(0)
    assert not line, "an owed call waits for ever"
    assert max(after - before for before, after in zip([0, *served], [*served, 240], strict=True)) <= 3 * talk


@given(
    st.integers(1, 2),
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.booleans()), max_size=5),
    st.sampled_from(PEOPLE),
    st.integers(2, 4),
    st.integers(1, 4),
)
def test_an_overdue_call_for_somebody_callers_ring_is_served_whoever_the_calls_before_it_wait_for(
    size: int, before: list[tuple[str, bool]], whose: str, talk: int, every: int
) -> None:
    """Callers without end, and every few minutes one more old call for Cai, whom no round of the line has."""
    rung = PEOPLE[:size]
    line = [(owed(str(n), n - 90, -1 if late else 600), (name,)) for n, (name, late) in enumerate(before)]
    last = owed("99", -60, -1)
    line.append((last, (whose if whose in rung else rung[0],)))
    free_at, begun = dict.fromkeys(PEOPLE, 0), dict[str, datetime]()
    limit = (len(before) + 1) * (int(EVERY / MINUTE) + talk + 1)
    for minute in range(limit):
        now = TUESDAY + minute * MINUTE
        if minute % every == 0:
            line.insert(0, (owed(str(100 + minute), -120, -1), ("cai",)))
        kept = turns_of(line, rung, now, begun)
        phones = {PHONES[name]: turn for name, turn in kept.items()}
        found = left_for(now, ((1, tuple(PHONES[name] for name in rung)),), (), phones)
        for name in rung:
            if free_at[name] <= minute and any(PHONES[name] in each for _, each in found):
                free_at[name] = minute + talk
        for waits in tuple(line):
            (name,) = waits[1]
            if free_at[name] <= minute:
                free_at[name], begun[name] = minute + talk, now
                line.remove(waits)
        if all(each is not last for each, _ in line):
            return
    pytest.fail(f"an overdue call waits longer than {limit} minutes for somebody whom callers ring")


def test_who_is_owed_a_call_and_rings_again_keeps_the_place_of_that() -> None:
    books = Books()
    books.callbacks = {"own": owed(opened=-30, number=CUSTOMER)}
    kept = replace(HOUSE, turns={ANNA: Turn(TUESDAY - 20 * MINUTE)})
    assert _rung(Line(kept)) == [BO]
    assert _rung(Line(kept, books=books)) == [ANNA]


def test_a_caller_to_whom_nobody_is_left_is_promised_a_call_at_once_and_owed_it() -> None:
    line = Line(replace(house(rounds=(("anna",),)), turns={ANNA: firm(TUESDAY - MINUTE)}))
    heard = line.asks("voice")
    assert heard.root.find("Dial") is None
    assert "ruft Sie" in heard.says or "rufen Sie" in heard.says
    line.over()
    assert line.callback.open


def test_the_dialler_too_lets_who_rings_again_keep_that_place() -> None:
    call = CallState(sid="CA1", caller=CUSTOMER, called=HOTLINE, first_at=TUESDAY, last_at=TUESDAY)
    before = TUESDAY - 30 * MINUTE
    waits = awaited([call], [LINE], FIRM.people, TUESDAY.date(), {CUSTOMER: before, LONDONER: before - MINUTE})
    assert set(waits.values()) == {before}


def _rung(line: Line) -> list[str | None]:
    dial = line.asks("voice").root.find("Dial")
    assert dial is not None
    return [noun.text for noun in dial]


async def _commits(desk: Desk, *changed: Callback) -> None:
    await desk.phone.means.log.decide((), lambda _: Change(callbacks=changed))


async def _rings(desk: Desk, from_: str, hangs_up_after: float | None = None) -> Call:
    caller = Caller(hangs_up_after=hangs_up_after)
    return await desk.phone.exchange.ring(from_=from_, to=HOTLINE, caller=caller)


async def test_a_later_caller_leaves_anna_to_the_call_that_waits_for_her(desk: Desk) -> None:
    """She talks, and a call of her own is owed; who rings meanwhile is put to Bo, and hers is made when she is free."""
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, talks_for=60)
    desk.phone.exchange.people[BO] = Person(answers_after=None)
    first = await _talks(desk)
    await _commits(desk, replace(owed(number=CUSTOMER), owner="anna"))
    await desk.at_once()
    later = await _rings(desk, LONDONER)
    await desk.phone.passes(12)
    desk.phone.clockwork.held = True
    assert desk.orders() == []
    assert [leg.to for leg in desk.phone.exchange.children(later)] == [BO]
    desk.phone.clockwork.held = False
    await desk.phone.exchange.ended(first)
    await desk.phone.settled()
    await desk.at_once()
    assert [call.to for call in desk.orders()] == [ANNA]


async def _talks(desk: Desk) -> Call:
    """A caller whom Anna has taken; time stands."""
    call = await _rings(desk, DANE)
    await desk.phone.passes(20)
    desk.phone.clockwork.held = True
    return call


async def test_what_nobody_repeats_keeps_no_telephone(desk: Desk) -> None:
    """The dialler stopped: its last word is stale, and callers ring everybody."""
    now = desk.phone.clockwork.now
    said = Turns(line="hotline", until=now + HOLDS, of={"anna": Turn(now - MINUTE)})
    await desk.phone.means.log.decide((), lambda _: Change(result=said))
    assert await _first_rung(desk, LONDONER) == BO
    await desk.phone.passes(HOLDS.total_seconds())
    assert await _first_rung(desk, DANE) == ANNA


async def _first_rung(desk: Desk, from_: str) -> str:
    call = await _rings(desk, from_, hangs_up_after=15.0)
    await desk.phone.exchange.ended(call)
    return desk.phone.exchange.children(call)[0].to


class Ear:
    """What the dialler says of turns."""

    def __init__(self, desk: Desk) -> None:
        self.heard: list[Turns] = []
        desk.phone.means.log.listen(self.hear)

    def hear(self, change: Change) -> None:
        if isinstance(change.result, Turns):
            self.heard.append(change.result)

    @property
    def firmly(self) -> Mapping[str, bool]:
        """Who is kept, and whether firmly, by the last word."""
        return {name: turn.firm is not None for name, turn in self.heard[-1].of.items()}


async def test_after_a_call_of_ours_callers_are_left_the_last_of_us_whatever_is_overdue(desk: Desk) -> None:
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, talks_for=60)
    ear, first = Ear(desk), await _talks(desk)
    await _commits(desk, replace(owed("1", due=-5, number=CUSTOMER), owner="anna"))
    await desk.at_once()
    assert ear.firmly == {"anna": True}
    desk.phone.clockwork.held = False
    await desk.phone.exchange.ended(first)
    await desk.phone.settled()
    await desk.at_once()
    assert [call.to for call in desk.orders()] == [ANNA]
    await _commits(desk, replace(owed("2", due=-5, number=LONDONER), owner="anna"))
    await desk.at_once()
    assert ear.firmly == {"anna": False}


async def test_the_dialler_takes_back_its_word_once_nothing_waits(desk: Desk) -> None:
    ear = Ear(desk)
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, talks_for=60)
    first = await _talks(desk)
    hers = replace(owed(number=CUSTOMER), owner="anna")
    await _commits(desk, hers)
    for _ in range(2):
        await desk.dialler.once()
    await _commits(desk, replace(hers, revision=2, look_at=desk.phone.clockwork.now + 60 * MINUTE))
    for _ in range(2):
        await desk.dialler.once()
    desk.phone.clockwork.held = False
    assert [set(said.of) for said in ear.heard] == [{"anna"}, set()]
    await desk.phone.exchange.ended(first)


def _saying(said: Turns, _: OpenItems) -> Change:
    return Change(result=said)


async def test_of_two_lines_that_wait_for_one_of_us_the_earlier_call_counts(desk: Desk) -> None:
    log, now = desk.phone.means.log, desk.phone.clockwork.now
    legs = Legs(log)
    for line, minutes in (("hotline", 5), ("sales", 9), ("service", 7)):
        said = Turns(line=line, until=now + HOLDS, of={"anna": Turn(now - minutes * MINUTE), "cai": Turn(now)})
        await log.decide((), partial(_saying, said))
    assert legs.turns(FIRM.people, now) == {ANNA: Turn(now - 9 * MINUTE)}
    assert legs.turns(FIRM.people, now + HOLDS) == {}


async def test_of_two_lines_that_wait_for_one_of_us_the_one_that_keeps_him_firmly_still_does(desk: Desk) -> None:
    log, now = desk.phone.means.log, desk.phone.clockwork.now
    legs, overdue = Legs(log), now - 5 * MINUTE
    for line, turn in (("hotline", firm(overdue)), ("sales", Turn(now - 9 * MINUTE)), ("service", firm(now))):
        said = Turns(line=line, until=now + HOLDS, of={"anna": turn})
        await log.decide((), partial(_saying, said))
    assert legs.turns(FIRM.people, now) == {ANNA: Turn(now - 9 * MINUTE, firm=overdue)}


async def test_the_place_of_a_number_is_that_of_its_oldest_call_still_owed(desk: Desk) -> None:
    older, other = owed("2", opened=-30), owed("3", opened=-50, number=LONDONER)
    done = replace(owed("4", opened=-90), state=State.CLOSED, close_reason=CloseReason.REACHED, closed_at=TUESDAY)
    await _commits(desk, replace(owed("1"), line="sales"), older, other, done)
    places = await desk.phone.means.log.read(lambda connection: owed_to(connection, {DANE, CUSTOMER}))
    assert places == {DANE: older.opened_at}
