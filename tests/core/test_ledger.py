"""The ledger: what is owed, and what must never be."""

from dataclasses import replace
from datetime import timedelta

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
