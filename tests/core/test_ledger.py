"""The ledger: what is owed, and what must never be."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from commsd.core.ledger import NOBODY, Books, DebtKind, OwedAck, OwedCall, OwedClock, debts
from tests.core.items import TUESDAY

NONE = Books(acks={})
LONG_AGO = TUESDAY - timedelta(hours=1)
ACK = OwedAck(id="d1", state="queued", due_at=TUESDAY, claimed_until=None)
CLOCK = OwedClock(id="k1", case_id="c1", clock="first_response", due_at=LONG_AGO, told=("breached",))


def test_a_house_without_debts_has_an_empty_ledger() -> None:
    assert debts(NONE, TUESDAY) == ()


@pytest.mark.parametrize(
    ("books", "kind"),
    [
        (replace(NONE, undecided=("m1",)), DebtKind.UNDECIDED),
        (replace(NONE, acks={"m1": 2}), DebtKind.TWO_ACKS),
        (replace(NONE, owed_acks=(replace(ACK, due_at=LONG_AGO),)), DebtKind.ACK_STUCK),
        (replace(NONE, owed_acks=(replace(ACK, state="failed"),)), DebtKind.ACK_STUCK),
        (
            replace(NONE, owed_acks=(replace(ACK, state="sending", due_at=LONG_AGO, claimed_until=LONG_AGO),)),
            DebtKind.ACK_STUCK,
        ),
        (replace(NONE, without_callback=("i1",)), DebtKind.NO_CALLBACK),
        (replace(NONE, clocks=(replace(CLOCK, told=()),)), DebtKind.UNTOLD),
        (replace(NONE, clocks=(replace(CLOCK, told=("breached", NOBODY)),)), DebtKind.UNTOLD),
    ],
)
def test_what_must_never_be_is_wrong(books: Books, kind: DebtKind) -> None:
    (debt,) = debts(books, TUESDAY)
    assert (debt.kind, debt.wrong) == (kind, True)


@pytest.mark.parametrize(
    ("books", "kind"),
    [
        (replace(NONE, acks={"m1": 1}), None),
        (replace(NONE, owed_acks=(replace(ACK, due_at=TUESDAY + timedelta(minutes=5)),)), DebtKind.ACK_WAITING),
        (
            replace(NONE, owed_acks=(replace(ACK, state="sending", due_at=LONG_AGO, claimed_until=TUESDAY),)),
            DebtKind.ACK_WAITING,
        ),
        (replace(NONE, clocks=(CLOCK,)), DebtKind.OVERDUE),
        (replace(NONE, clocks=(replace(CLOCK, due_at=TUESDAY + timedelta(hours=1), told=()),)), DebtKind.DUE),
        (replace(NONE, calls=(OwedCall(id="b1", state="waiting", due_at=LONG_AGO),)), DebtKind.CALLBACK),
    ],
)
def test_what_is_owed_and_under_way_is_listed_and_not_wrong(books: Books, kind: DebtKind | None) -> None:
    assert [(debt.kind, debt.wrong) for debt in debts(books, TUESDAY)] == ([(kind, False)] if kind else [])


def test_what_is_wrong_comes_first() -> None:
    books = replace(NONE, clocks=(CLOCK,), undecided=("m1",))
    assert [debt.kind for debt in debts(books, TUESDAY)] == [DebtKind.UNDECIDED, DebtKind.OVERDUE]


CALL = OwedCall(id="b1", state="waiting", due_at=None, case_id="c1", misses=("m1", "m2"))
CALL_CLOCK = replace(CLOCK, id="k2", clock="callback", opened_by="m1")


@pytest.mark.parametrize(
    ("due_at", "told", "line"),
    [
        (TUESDAY + timedelta(hours=1), (), (DebtKind.CALLBACK, "a callback, waiting")),
        (LONG_AGO, ("due",), (DebtKind.OVERDUE, "a callback, waiting, late")),
        (LONG_AGO, (), (DebtKind.UNTOLD, "a callback, waiting, late and nobody was told")),
    ],
)
def test_a_callback_and_its_clock_are_one_debt_and_as_wrong_as_the_clock(
    due_at: datetime, told: tuple[str, ...], line: tuple[DebtKind, str]
) -> None:
    books = replace(NONE, calls=(CALL,), clocks=(replace(CALL_CLOCK, due_at=due_at, told=told),))
    (debt,) = debts(books, TUESDAY)
    assert ((debt.kind, debt.what), debt.id, debt.due_at) == (line, "b1", due_at)


def test_of_two_callbacks_of_a_case_each_has_the_clock_that_its_own_missed_call_began() -> None:
    other = replace(CALL, id="b2", misses=("m3",))
    books = replace(NONE, calls=(other, CALL), clocks=(CALL_CLOCK, replace(CALL_CLOCK, id="k3", opened_by="m3")))
    assert sorted((debt.id, debt.kind) for debt in debts(books, TUESDAY)) == [
        ("b1", DebtKind.OVERDUE),
        ("b2", DebtKind.OVERDUE),
    ]


def test_a_clock_of_a_callback_nobody_keeps_stands_by_itself() -> None:
    books = replace(NONE, calls=(replace(CALL, case_id="c2"),), clocks=(CALL_CLOCK,))
    assert sorted(debt.id for debt in debts(books, TUESDAY)) == ["b1", "k2"]


MOVED_CLOCK = replace(
    CLOCK, due_at=TUESDAY + timedelta(hours=2), promised_at=TUESDAY + timedelta(hours=1), moved_at=LONG_AGO, told=()
)


@pytest.mark.parametrize(
    ("clock", "wrong"),
    [
        (replace(MOVED_CLOCK, told=("moved",)), False),
        (replace(MOVED_CLOCK, told=("moved", NOBODY)), True),
        (MOVED_CLOCK, True),
        (replace(MOVED_CLOCK, moved_at=TUESDAY), False),
    ],
    ids=["told", "told to nobody", "not told", "moved just now"],
)
def test_due_later_than_the_customer_was_told_is_a_debt_and_wrong_where_no_owner_knows(
    clock: OwedClock, wrong: bool
) -> None:
    found = {debt.kind: debt for debt in debts(replace(NONE, clocks=(clock,)), TUESDAY)}
    moved = DebtKind.MOVED_UNTOLD if wrong else DebtKind.MOVED
    assert found.keys() == {DebtKind.DUE, moved}
    assert (found[moved].wrong, found[moved].promised_at) == (wrong, clock.promised_at)


@pytest.mark.parametrize(
    ("told", "timer_at", "kind"),
    [
        (("75%",), LONG_AGO, DebtKind.UNTOLD),
        (("75%", "due"), None, DebtKind.OVERDUE),
        (("due:skipped_late",), None, DebtKind.OVERDUE),
        (("75%", "+1h/2"), None, DebtKind.OVERDUE),
        (("75%",), TUESDAY + timedelta(hours=1), DebtKind.OVERDUE),
    ],
    ids=["a warning is not enough", "the rung at due", "entered late", "a repeat", "the ladder begins later"],
)
def test_whether_somebody_knows_of_a_late_clock_its_ladder_says(
    told: tuple[str, ...], timer_at: datetime | None, kind: DebtKind
) -> None:
    (debt,) = debts(replace(NONE, clocks=(replace(CLOCK, told=told, timer_at=timer_at),)), TUESDAY)
    assert debt.kind is kind
